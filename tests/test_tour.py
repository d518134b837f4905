"""The notebook docs/tour.ipynb runs, and is stored with results alone."""

import json
import os
import shutil
import sysconfig

import pytest
from commands import ROOT, process

pytestmark = pytest.mark.all

NOTEBOOK = ROOT / "docs" / "tour.ipynb"


@pytest.mark.slow  # about 170 s of processor time
def test_the_notebook_runs(tmp_path, monkeypatch):
    pytest.importorskip("nbmake")
    scripts = sysconfig.get_path("scripts")  # where `tfstargan` is
    monkeypatch.setenv("PATH", f"{scripts}{os.pathsep}{os.environ['PATH']}")
    shutil.copy(NOTEBOOK, tmp_path)
    flags = "--nbmake", "--nbmake-timeout=1200"  # seconds of a cell, on a busy machine
    done = process("pytest", *flags, NOTEBOOK.name, cwd=tmp_path)
    assert done.returncode == 0, done.stdout


def test_the_notebook_has_images_and_no_progress_bars_or_paths():
    text = NOTEBOOK.read_text("utf-8")
    outputs = [
        output
        for cell in json.loads(text)["cells"]
        for output in cell.get("outputs", [])
    ]
    kinds = {kind for output in outputs for kind in output.get("data", {})}
    assert kinds == {"image/jpeg", "text/plain"}
    assert {output.get("name") for output in outputs} <= {"stdout", None}
    assert "/tmp/" not in text
