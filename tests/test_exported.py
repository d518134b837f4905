"""`translate --model`: an exported model in LiteRT, and commands without TensorFlow."""

import os
import pathlib
import shutil
import subprocess
import sys

import numpy as np
import pytest
from commands import ROOT, command, refusal
from PIL import Image

from tfstargan.errors import UserError
from tfstargan.exported import runtime
from tfstargan.translation.exported import ExportedTranslator
from tfstargan.translation.translator import Translator

OLD = pathlib.Path(__file__).parent / "compatibility" / "0.1.0" / "run"
MODEL = OLD / "export" / "float32"


@pytest.fixture(scope="module")
def model() -> ExportedTranslator:
    return ExportedTranslator.load(MODEL)


@pytest.fixture
def photos(tmp_path) -> pathlib.Path:
    """A folder with photos/: three images, and styles/cat/ with one."""
    rng = np.random.default_rng(0)
    for name in (
        "photos/a.png",
        "photos/b.jpg",
        "photos/deep/a.png",
        "styles/cat/s.png",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (40, 50, 3), np.uint8)).save(path)
    return tmp_path


def test_it_gives_what_the_exported_endpoints_give(model):
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (3, 32, 32, 3)).astype(np.float32)
    endpoints = runtime.load(MODEL)
    label = np.array([model.label("cat")], np.int32)
    styles = model.encode_styles(x, "cat")
    fakes = model.apply_styles(x, styles)
    for image, style, fake in zip(x, styles, fakes, strict=True):
        expected = endpoints["encode_style"](x_ref=image[None], y=label)["s"]
        np.testing.assert_array_equal(style, expected[0])
        expected = endpoints["translate"](x_src=image[None], s=style[None])["x_fake"]
        np.testing.assert_array_equal(fake, expected[0])


def test_a_seed_and_psi_give_the_image_that_the_run_gives(model):
    keras = Translator.load(OLD, checkpoint=2)
    source = Image.fromarray(np.arange(3 * 40 * 48).reshape(40, 48, 3).astype(np.uint8))
    for psi in (1.0, 0.5):
        found, expected = (
            np.asarray(t.translate(source, "cat", seed=3, psi=psi), int)
            for t in (model, keras)
        )
        assert abs(found - expected).max() <= 1


def test_a_folder_is_translated_without_a_run(photos):
    arguments = (f"--model={MODEL}", "--source=photos", "--reference=styles")
    result = command("tfstargan.translate", *arguments, "--out=out", cwd=photos)
    assert result.returncode == 0, result.stderr
    assert "3 images in out" in result.stdout
    written = sorted(
        str(p.relative_to(photos)) for p in (photos / "out").rglob("*.png")
    )
    assert written == [
        "out/a-to-cat-like-s.png",
        "out/b-to-cat-like-s.png",
        "out/deep/a-to-cat-like-s.png",
    ]


def test_what_is_no_model_is_refused_in_one_line(photos):
    shutil.copytree(MODEL, photos / "damaged")
    (photos / "damaged" / "stargan.tflite").write_bytes(b"short")
    (photos / "empty").mkdir()
    for folder, reason in {
        "nowhere": "no such folder",
        "empty": r"no exported model \(stargan.json\) in it",
        "damaged": "stargan.tflite: differs from its SHA-256",
        OLD: r"not a model; name one of .*export/float16, .*export/float32",
        OLD / "export" / "savedmodel": r"not \.tflite; name a folder that",
    }.items():
        with pytest.raises(UserError, match=reason):
            ExportedTranslator.load(photos / folder)


def test_flags_that_do_not_fit_a_model_are_refused(photos):
    def line(*more: str) -> str:
        first = ("tfstargan.translate", "--source=photos", f"--model={MODEL}")
        return refusal(*first, *more, cwd=photos)

    seed = ("--domain=cat", "--seed=1")
    assert "--domain=dragon: this run has" in line("--domain=dragon", "--seed=1")
    assert "x.png: no such file" in line("--reference=x.png", "--domain=cat")
    assert "which domain is this reference" in line("--reference=photos/a.png")
    assert "not together with --run_dir" in line(*seed, "--run_dir=r")
    assert "not together with --run_dir or --checkpoint" in line(
        *seed, "--checkpoint=2"
    )
    assert "lies in --source" in line(*seed, "--out=photos/out")


TRANSLATE = f"translate --model={MODEL} --source=photos/a.png --out=a.png --domain=cat"


@pytest.mark.process
@pytest.mark.parametrize(
    "line",
    [
        f"{TRANSLATE} --seed=1",
        "check --data_dir=data",
        "draw --out=drawn --img_size=32 --per_domain=1",
        "train --help",
        "--version",
    ],
    ids=lambda line: line.split()[0],
)
def test_what_needs_no_tensorflow_does_not_import_it(photos, line):
    for split in ("train", "val"):
        for domain in ("cat", "dog"):
            shutil.copytree(photos / "photos", photos / "data" / split / domain)
    code = f"""if True:
        import sys
        from tfstargan.__main__ import main
        sys.argv = ["tfstargan", *{line.split()!r}]
        try:
            main()
        finally:
            assert not {{"tensorflow", "keras"}} & set(sys.modules)
    """
    (photos / "main.py").write_text(code)
    result = subprocess.run(
        [sys.executable, "main.py"],
        cwd=photos,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert "INFO" not in result.stderr  # of LiteRT
