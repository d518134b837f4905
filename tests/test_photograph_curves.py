"""The curves of trainings on photographs."""

from PIL import Image

from benchmarks.photograph_curves import draw


def test_runs_are_named_by_all_but_their_seed(tmp_path):
    values = {"distance": 0.2, "species": 0.9, "variety": 0.8, "cycle": 0.2}
    values["cpu_minutes"] = float("nan")
    found = {"real": {"floor": 0.0, "ceiling": 0.3, "species": 1.0}}
    for name in ("photos64-batches-of-8-seed0", "photos64-seed0", "photos64-seed1"):
        found[name] = {"500": values, "1000": values}
    draw(found, tmp_path / "curves.png")
    with Image.open(tmp_path / "curves.png") as figure:
        assert figure.width > figure.height
