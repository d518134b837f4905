"""Real photographs through the whole path; skipped where there are none."""

import pathlib

import numpy as np
import pytest
import pytorch_writer
from commands import command
from parity import GOLDENS, Case, formula
from PIL import Image

from tfstargan import images
from tfstargan.data.image_set import squeeze
from tfstargan.networks.build import AVERAGED
from tfstargan.reference import pytorch_file

ROOT = pathlib.Path(__file__).parents[1]
PHOTOGRAPHS = ROOT.parent / "shared" / "data"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not PHOTOGRAPHS.is_dir(), reason="no photographs beside the project"
    ),
]


def printed(*arguments: object) -> str:
    """Run a module and return what it printed."""
    result = command(*arguments, cwd=ROOT)
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_animals_train_translate_and_export(tmp_path):
    animals = PHOTOGRAPHS / "afhq_mini"
    run = f"--run_dir={tmp_path / 'run'}"
    printed(
        "tfstargan.train",
        "--flagfile=configs/afhq.flags",
        f"--data_dir={animals}",
        run,
        "--iterations=2",
        "--channel_base=1024",
        "--channel_max=32",
        "--batch_size=2",
    )
    source = animals / "val" / "cat"
    reference = animals / "val" / "dog" / "pixabay_dog_000321.jpg"
    out = tmp_path / "run" / "translations"
    told = printed(
        "tfstargan.translate", run, f"--source={source}", f"--reference={reference}"
    )
    assert told == f"5 images in {out}\n"
    written = list(out.iterdir())
    assert len(written) == 5
    for file in written:
        with Image.open(file) as picture:
            assert picture.size == (256, 256)
    assert "translate" in printed("export.tflite", run)
    assert (
        tmp_path / "run" / "export" / "float32" / "stargan.tflite"
    ).stat().st_size > 100_000


def test_a_draft_of_a_large_photograph_is_within_its_promise():
    for file in images.find(PHOTOGRAPHS / "celeba_hq_mini").files:
        whole, draft = (images.read(file, least) for least in (0, 512))
        assert (whole.size, draft.size) == ((1024, 1024), (512, 512))
        a, b = (np.asarray(squeeze(image, 256), float) for image in (whole, draft))
        assert np.mean((a - b) ** 2) < 255**2 / 10**4.5  # 45 dB


def test_faces_train_with_masks_into_grids_and_a_video(tmp_path):
    shapes = Case(GOLDENS / "hpf.json").shapes["fan"]
    wing = tmp_path / "wing.ckpt"  # random, but in the authors' format and size
    pytorch_file.save(wing, {"state_dict": formula.weights("fan", shapes)})
    run = tmp_path / "run"
    printed(
        "tfstargan.train",
        "--flagfile=configs/celeba.flags",
        f"--data_dir={PHOTOGRAPHS / 'celeba_hq_mini'}",
        f"--wing_weights={wing}",
        f"--run_dir={run}",
        "--iterations=1",
        "--channel_base=256",
        "--channel_max=16",
        "--batch_size=2",
    )
    told = printed("tfstargan.samples", f"--run_dir={run}", "--animation=mp4")
    names = ["references.png", "cycles.png", "latents-psi1.png"]
    names += ["references.mp4", "latents.mp4"]
    assert told == f"{run / 'samples'}: {', '.join(names)}\n"
    sizes = [(run / "samples" / name).stat().st_size for name in names]
    assert min(sizes) > 10_000


@pytest.mark.parametrize("file_format", ["zip", "stream"])
def test_imported_weights_translate_a_photograph_as_the_golden_networks(
    file_format, tmp_path
):
    case = Case(GOLDENS / "small.json")
    parts = {name: formula.weights(name, case.shapes[name]) for name in AVERAGED}
    checkpoint = tmp_path / "100000_nets_ema.ckpt"
    pytorch_writer.write(checkpoint, parts, file_format)
    run = f"--run_dir={tmp_path / 'run'}"
    printed(
        "tfstargan.import_reference",
        f"--weights={checkpoint}",
        "--domains=cat,dog,wild",
        run,
    )
    source = next((PHOTOGRAPHS / "afhq_mini" / "val" / "cat").iterdir())
    reference = next((PHOTOGRAPHS / "afhq_mini" / "val" / "dog").iterdir())
    out = tmp_path / "fake.png"
    printed(
        "tfstargan.translate",
        run,
        f"--source={source}",
        f"--reference={reference}",
        f"--out={out}",
    )
    # the networks that parity.py holds to the recorded values
    networks = case.networks(AVERAGED)
    x_src, x_ref = (
        images.to_float(images.square(images.read(file), 64))[None]
        for file in (source, reference)
    )
    style = networks["style_encoder"](x_ref, np.array([1]))
    expected = images.to_uint8(np.asarray(networks["generator"](x_src, style)))[0]
    difference = np.abs(np.asarray(Image.open(out), int) - expected)
    assert difference.max() <= 1
    assert expected.std() > 5  # and not a blank picture
