"""Real photographs through the whole path; skipped where there are none."""

import pathlib
import subprocess
import sys

import pytest
from PIL import Image

ROOT = pathlib.Path(__file__).parents[1]
PHOTOGRAPHS = ROOT.parent / "shared" / "data" / "afhq_mini"


@pytest.mark.slow
@pytest.mark.skipif(
    not PHOTOGRAPHS.is_dir(), reason="no photographs beside the project"
)
def test_photographs_train_translate_and_export(tmp_path):
    def command(*arguments: object) -> str:
        result = subprocess.run(
            [sys.executable, "-m", *map(str, arguments)],
            cwd=ROOT,
            capture_output=True,
            text=True,
        )
        assert result.returncode == 0, result.stderr
        return result.stdout

    run = f"--run_dir={tmp_path / 'run'}"
    command(
        "tfstargan.train",
        "--flagfile=configs/afhq.flags",
        f"--data_dir={PHOTOGRAPHS}",
        run,
        "--iterations=2",
        "--channel_base=1024",
        "--channel_max=32",
        "--batch_size=2",
    )
    source = PHOTOGRAPHS / "val" / "cat"
    reference = PHOTOGRAPHS / "val" / "dog" / "pixabay_dog_000321.jpg"
    written = command(
        "tfstargan.translate", run, f"--source={source}", f"--reference={reference}"
    ).split()
    assert len(written) == 5
    for file in written:
        with Image.open(file) as picture:
            assert picture.size == (256, 256)
    assert "translate" in command("export.tflite", run)
    assert (tmp_path / "run" / "export" / "stargan.tflite").stat().st_size > 100_000
