"""The commands as a user runs them: what they write, and what bad input gets."""

import json
import pathlib
import shutil

import pytest
from commands import command, refusal
from PIL import Image

SMALL = (
    "--img_size=32",
    "--channel_base=128",
    "--channel_max=8",
    "--hidden_dim=8",
    "--batch_size=2",
    "--iterations=2",
)
FOLDER = ("tfstargan.train", "--dataset=folder", "--data_dir=data", "--run_dir=run")


@pytest.fixture
def data(tmp_path: pathlib.Path) -> pathlib.Path:
    """Return a folder that holds data/, two domains with two pictures each."""
    for split in ("train", "val"):
        for domain in ("cat", "dog"):
            folder = tmp_path / "data" / split / domain
            folder.mkdir(parents=True)
            for i in range(2):
                Image.new("RGB", (40, 30), (99, 9 * i, 0)).save(folder / f"{i}.jpg")
    return tmp_path


def test_a_missing_folder_is_named(tmp_path):
    line = refusal(*FOLDER, cwd=tmp_path)
    assert "--data_dir=data" in line
    assert "train/DOMAIN/*.jpg" in line


def test_no_folder_at_all_says_what_to_name(tmp_path):
    line = refusal("tfstargan.train", "--run_dir=run", cwd=tmp_path)
    assert "--data_dir: name the folder" in line


def test_an_empty_domain_is_named(data):
    for file in (data / "data/train/dog").iterdir():
        file.unlink()
    assert "data/train/dog: no images" in refusal(*FOLDER, cwd=data)


def test_one_domain_is_too_few(data):
    shutil.rmtree(data / "data/train/dog")
    line = refusal(*FOLDER, cwd=data)
    assert "data/train" in line
    assert "at least two" in line


def test_a_file_that_is_no_picture_is_named(data):
    (data / "data/train/cat/1.jpg").write_text("not a picture")
    line = refusal(*FOLDER, cwd=data)
    assert "data/train/cat/1.jpg: not a readable image; remove or replace" in line


def test_an_unknown_flag_is_named(tmp_path):
    line = refusal("tfstargan.train", "--iteration=3", cwd=tmp_path)
    assert "Unknown command line flag 'iteration'" in line


def test_a_word_that_is_no_flag_is_named(tmp_path):
    assert "'celeba'" in refusal("tfstargan.train", "celeba", cwd=tmp_path)


def test_faces_without_the_landmark_network_say_where_it_is(data):
    line = refusal(*FOLDER, *SMALL, "--w_hpf=1", cwd=data)
    assert "wing.ckpt" in line
    assert "github.com/clovaai/stargan-v2" in line
    assert "--w_hpf=0" in line
    line = refusal(*FOLDER, *SMALL, "--w_hpf=1", "--wing_weights=no.ckpt", cwd=data)
    assert "--wing_weights=no.ckpt: no such file" in line


def test_an_import_of_a_file_that_is_missing_names_it(tmp_path):
    arguments = ("--weights=nets_ema.ckpt", "--run_dir=run")
    line = refusal("tfstargan.import_reference", *arguments, cwd=tmp_path)
    assert "nets_ema.ckpt: no such file" in line


def test_a_folder_without_a_run_is_named(tmp_path):
    modules = (
        "tfstargan.translate",
        "tfstargan.samples",
        "export.tflite",
        "export.web",
        "export.android",
    )
    for module in modules:
        arguments = ["--run_dir=nowhere"]
        if module == "tfstargan.translate":
            Image.new("RGB", (40, 30)).save(tmp_path / "a.png")
            arguments += ["--source=a.png", "--domain=cat", "--seed=1"]
        line = refusal(module, *arguments, cwd=tmp_path)
        assert "--run_dir=nowhere: no run there" in line


def test_without_any_run_the_default_says_so(tmp_path):
    assert "no run under" in refusal("export.tflite", cwd=tmp_path)


def test_a_run_without_a_checkpoint_is_named(tmp_path, run_dir):
    (tmp_path / "run").mkdir()
    shutil.copy(run_dir / "config.json", tmp_path / "run")
    for module in ("tfstargan.samples", "export.tflite", "export.savedmodel"):
        line = refusal(module, "--run_dir=run", cwd=tmp_path)
        assert "run: no checkpoint in this run yet; train first" in line


def test_a_damaged_checkpoint_is_named(tmp_path, run_dir):
    shutil.copytree(run_dir, tmp_path / "run")
    newest = max((tmp_path / "run" / "checkpoints").glob("*.h5"))
    newest.write_bytes(newest.read_bytes()[:5000])
    line = refusal("export.tflite", "--run_dir=run", cwd=tmp_path)
    assert str(newest.relative_to(tmp_path)) in line


def translate(*arguments: object, cwd: pathlib.Path) -> str:
    return refusal("tfstargan.translate", *arguments, cwd=cwd)


def test_translate_says_what_is_missing_or_wrong(data, run_dir):
    run = f"--run_dir={run_dir}"
    source = "--source=data/val/cat/0.jpg"
    before = sorted(run_dir.rglob("*"))
    line = translate(run, source, "--domain=dragon", "--seed=1", cwd=data)
    assert "--domain=dragon: this run has bear, cat, rabbit" in line
    line = translate(run, source, "--domain=cat", cwd=data)
    assert "--seed" in line
    assert "--reference" in line
    reference = "--reference=data/val/dog/0.jpg"
    line = translate(run, source, reference, "--domain=cat", "--psi=0.5", cwd=data)
    assert "--psi" in line
    line = translate(run, "--source=x.jpg", "--domain=cat", "--seed=1", cwd=data)
    assert "x.jpg: no such file" in line
    line = translate(run, source, "--reference=data/val/dog/0.jpg", cwd=data)
    assert "data/val/dog/0.jpg: of which domain" in line
    (data / "data/val/cat/bad.png").write_text("not a picture")
    line = translate(run, "--source=data/val", "--domain=cat", "--seed=1", cwd=data)
    assert "data/val/cat/bad.png: not a readable image" in line
    assert sorted(run_dir.rglob("*")) == before


@pytest.mark.slow
def test_a_dry_run_says_what_would_be_trained_and_writes_nothing(data):
    result = command(*FOLDER, *SMALL, "--dry_run", cwd=data)
    assert result.returncode == 0, result.stderr
    settings, rest = result.stdout.split("\n}\n")
    assert json.loads(settings + "}")["domains"] == ["cat", "dog"]
    assert "CPU" in rest
    assert "generator" in rest
    assert "one iteration: " in rest
    assert "2 iterations: about 0:0" in rest
    assert not (data / "run").exists()


@pytest.mark.slow
def test_own_folders_train_translate_and_export(data):
    """The main job, each step by its command; later ones find the newest run."""
    result = command(*FOLDER[:3], "--run_dir=runs/mine", *SMALL, cwd=data)
    assert result.returncode == 0, result.stderr
    run = data / "runs" / "mine"
    settings = json.loads((run / "config.json").read_text())
    assert settings["img_size"] == 32
    assert settings["domains"] == ["cat", "dog"]
    assert "tensorflow" in json.loads((run / "run.json").read_text())["versions"]
    assert list((run / "logs").iterdir())
    assert len(list((run / "samples").glob("iteration-0000002-*.png"))) == 3

    result = command(
        "tfstargan.translate",
        "--source=data/val/cat",
        "--reference=data/val/dog/1.jpg",
        cwd=data,
    )
    assert result.returncode == 0, result.stderr
    assert "Using the newest run, runs/mine" in result.stderr
    assert result.stdout == "2 images in runs/mine/translations\n"
    written = sorted((run / "translations").rglob("*.png"))
    assert [p.name for p in written] == [f"{i}-to-dog-like-1.png" for i in range(2)]
    with Image.open(written[0]) as picture:
        assert picture.size == (32, 32)

    result = command("export.tflite", cwd=data)
    assert result.returncode == 0, result.stderr
    for name in ("float32/stargan.tflite", "float32/stargan.json", "report.png"):
        assert (run / "export" / name).stat().st_size > 1000
    found = json.loads((run / "export" / "report.json").read_text())
    times = [v for n, v in found["variants"]["float32"].items() if "ms_" in n]
    assert len(times) == 4
    assert min(times) > 0

    changed = command(
        *FOLDER[:3], "--run_dir=runs/mine", *SMALL, "--style_dim=9", cwd=data
    )
    assert changed.returncode == 2
    assert "style_dim: 64 there, 9 now" in changed.stderr

    again = command(*FOLDER[:3], "--run_dir=runs/mine", *SMALL, cwd=data)
    assert "already trained for 2 iterations; to continue" in again.stderr


def test_drawn_animals_are_written_with_their_factors(tmp_path):
    result = command(
        "tfstargan.draw",
        "--out=critters",
        "--img_size=40",
        "--per_domain=2",
        cwd=tmp_path,
    )
    assert result.returncode == 0, result.stderr
    factors = json.loads((tmp_path / "critters/train/factors.json").read_text())
    assert len(factors) == 6
    assert factors["cat/0001.png"]["species"] == 1
    with Image.open(tmp_path / "critters/train/cat/0001.png") as picture:
        assert picture.size == (40, 40)
    line = refusal("tfstargan.draw", "--out=critters", cwd=tmp_path)
    assert "--out=critters" in line
