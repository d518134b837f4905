"""Translating a corpus with Apache Beam's DirectRunner."""

import importlib.util
import json
import pathlib
import shutil

import numpy as np
import pytest
from commands import process, refusal
from PIL import Image

from tfstargan import images
from tfstargan.errors import UserError
from tfstargan.translation.styles import NamedStyle
from tfstargan.translation.translator import Translator

HAS_BEAM = importlib.util.find_spec("apache_beam") is not None
needs_beam = pytest.mark.skipif(not HAS_BEAM, reason="Apache Beam is not installed")


@pytest.fixture
def corpus(tmp_path: pathlib.Path) -> pathlib.Path:
    """A folder with photos/: eleven images, one of them broken, and a note."""
    rng = np.random.default_rng(0)
    for i in range(10):
        folder = tmp_path / "photos" / ("deep/er" if i % 2 else ".")
        folder.mkdir(parents=True, exist_ok=True)
        noise = rng.integers(0, 256, (40 + i, 50, 3), np.uint8)
        suffix = "JPG" if i < 2 else "png"
        Image.fromarray(noise).save(folder / f"{i}.{suffix}")
    (tmp_path / "photos" / "broken.jpg").write_text("not a picture")
    (tmp_path / "photos" / "notes.txt").write_text("not a picture, either")
    return tmp_path


def translate(run_dir: pathlib.Path, cwd: pathlib.Path, *more: str):
    return process(
        "tfstargan.translate_corpus",
        f"--run_dir={run_dir}",
        "--source=photos",
        "--out=out",
        "--domain=cat",
        "--seed=3",
        *more,
        cwd=cwd,
    )


@needs_beam
@pytest.mark.slow
@pytest.mark.process
def test_a_corpus_is_translated_as_single_images_are_and_resumes(run_dir, corpus):
    result = translate(run_dir, corpus)
    assert result.returncode == 0, result.stderr
    assert "10 translated, 0 there already, 1 bad" in result.stdout
    assert "photos/broken.jpg: not a readable image" in result.stdout
    report = json.loads((corpus / "out" / "report.json").read_text())
    (bad,) = report["bad pictures"]
    assert bad["file"] == str(corpus / "photos" / "broken.jpg")
    written = sorted(p for p in (corpus / "out").rglob("*") if p.is_file())
    assert len(written) == 11  # and nothing partial
    translator = Translator.load(str(run_dir))
    style = translator.random_style("cat", 3)
    for name in ("0.JPG", "deep/er/3.png"):
        source = translator.read(corpus / "photos" / name)
        expected = images.to_uint8(translator.apply_styles(source[None], style)[0])
        with Image.open(corpus / "out" / f"{name}-to-cat-seed3.png") as image:
            apart = np.abs(np.asarray(image).astype(int) - expected)
        assert apart.max() <= 1  # translated in a batch

    lost = corpus / "out" / "2.png-to-cat-seed3.png"
    lost.unlink()
    kept = corpus / "out" / "4.png-to-cat-seed3.png"
    before = kept.stat().st_mtime_ns
    again = translate(run_dir, corpus, "--beam=direct_num_workers=1")
    assert "1 translated, 9 there already, 1 bad" in again.stdout, again.stderr
    assert lost.exists()
    assert kept.stat().st_mtime_ns == before


@needs_beam
def test_what_is_wrong_gets_one_line(run_dir, corpus):
    run, seed = f"--run_dir={run_dir}", ("--domain=cat", "--seed=1")
    module = "tfstargan.translate_corpus"
    line = refusal(module, run, "--source=x", "--out=y", *seed, cwd=corpus)
    assert "--source=" in line
    assert "no such folder" in line
    inside = ("--source=photos", "--out=photos/out")
    assert "lies in --source" in refusal(module, run, *inside, *seed, cwd=corpus)
    places = ("--source=photos", "--out=out")
    assert "give --seed" in refusal(module, run, *places, cwd=corpus)
    line = refusal(module, run, *places, "--domain=dragon", "--seed=1", cwd=corpus)
    assert "this run has bear, cat, rabbit" in line


@needs_beam
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # Beam's own
def test_run_images_and_translations_may_be_in_a_bucket(run_dir, corpus):
    from apache_beam.io.filesystem import FileMetadata
    from apache_beam.io.localfilesystem import LocalFileSystem

    from tfstargan.translation.corpus import (
        Translate,
        check_source,
        load,
        places,
        translate,
    )

    class Bucket(LocalFileSystem):
        """A folder that passes for a bucket; Beam finds it by its scheme."""

        @classmethod
        def scheme(cls):
            return "bucket"

        def _local(self, path):
            return path.replace("bucket://b", str(corpus))

        def _list(self, folder):
            for file in super()._list(self._local(folder)):
                path = file.path.replace(str(corpus), "bucket://b")
                yield FileMetadata(path, file.size_in_bytes, 0)

        def split(self, path):
            head, _, tail = path.rpartition("/")
            return head, tail

        def _path_open(self, path, *rest):
            return super()._path_open(self._local(path), *rest)

        def create(self, path, *rest, **options):  # makes the folder of its file
            return super().create(self._local(path), *rest, **options)

        def exists(self, path):
            return super().exists(self._local(path))

        def mkdirs(self, path):
            return super().mkdirs(self._local(path))

        def rename(self, old, new):
            return super().rename(*([self._local(p) for p in ps] for ps in (old, new)))

    (corpus / "photos").rename(corpus / "photos [1]")
    local = places(str(run_dir), str(corpus / "photos [1]"), str(corpus / "out"))
    check_source(local)  # as a pattern, it names "photos 1"
    (corpus / "photos [1]").rename(corpus / "photos")
    shutil.copytree(run_dir, corpus / "run")
    translator = load("bucket://b/run")
    style = NamedStyle("a", translator.random_style("cat", 1))
    check_source(places(str(run_dir), "bucket://b/photos", "bucket://b/out"))
    with pytest.raises(UserError, match="no such folder"):
        check_source(places(str(run_dir), "bucket://b/nothing", "bucket://b/out"))
    where = places("bucket://b/run", "bucket://b/photos", "bucket://b/out")
    report = translate(Translate(where, None, [style]), where, [])
    assert (report["translated"], report["bad"]) == (10, 1)
    assert (corpus / "out/deep/er/3.png-to-a.png").exists()
    assert report["bad pictures"][0]["file"] == "bucket://b/photos/broken.jpg"


@pytest.mark.skipif(HAS_BEAM, reason="Apache Beam is installed")
def test_without_beam_a_line_says_what_to_install(run_dir, corpus):
    arguments = ("--source=photos", "--out=out", "--domain=cat", "--seed=1")
    line = refusal("tfstargan.translate_corpus", *arguments, cwd=corpus)
    assert "pip install 'tfstargan[beam]'" in line
