"""Translating any number of images, on any number of machines, with Apache Beam.

The pipeline lists the images, translates those whose translation does not exist yet,
and reports what was wrong with the others. Files are read and written by Beam's file
systems: folders and buckets (gs://, s3://) alike.
"""

import io
import json
import pathlib
import sys
import tempfile
import uuid
from collections.abc import Iterator
from typing import NamedTuple

import apache_beam as beam
import numpy as np
from apache_beam.io import fileio
from apache_beam.io.filesystem import BeamIOError
from apache_beam.io.filesystems import FileSystems
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.utils import shared
from PIL import Image

from tfstargan import images
from tfstargan.errors import UserError
from tfstargan.files import PARTIAL, shortened
from tfstargan.runs.run import CHECKPOINT, newest_run
from tfstargan.translation.styles import NamedStyle
from tfstargan.translation.translator import CHUNK, Translator

REPORT = "report.json"
OUTCOMES = ("translated", "there already", "bad")


class Outcome(NamedTuple):
    """What became of a picture."""

    kind: str  # of OUTCOMES
    file: str
    reason: str = ""


class Translate(beam.DoFn):
    """Translates lists of files into every style; loads the model once a process.

    Args:
        run_dir: the trained run, which every machine must be able to read.
        iteration: of the checkpoint; None for the newest.
        styles: to translate into, each with its name.
        source: the folder of the files.
        out: the folder for the translations, laid out as the source.
    """

    def __init__(
        self,
        run_dir: str,
        iteration: int | str | None,
        styles: list[NamedStyle],
        source: str,
        out: str,
    ):
        self.run_dir = run_dir
        self.iteration = iteration
        self.styles = styles
        self.source = source
        self.out = out
        self.model = shared.Shared()

    def setup(self) -> None:
        """Load the model, or take that of another thread."""
        self.translator = self.model.acquire(lambda: load(self.run_dir, self.iteration))

    def process(self, files: list[str]) -> Iterator[Outcome]:
        """Yield what became of every file."""
        todo = []
        for file in files:
            missing = [style for style in self.styles if not self._exists(file, style)]
            if not missing:
                yield Outcome("there already", file)
                continue
            try:
                todo.append((file, self.translator.prepare(read(file)), missing))
            except (UserError, OSError, BeamIOError) as error:
                yield Outcome("bad", file, str(error))
        for style in self.styles:
            wanted = [(file, x) for file, x, missing in todo if style in missing]
            if wanted:
                sources = np.stack([x for _, x in wanted])
                fakes = self.translator.apply_styles(sources, style.code)
                for (file, _), fake in zip(wanted, fakes, strict=True):
                    write(images.to_uint8(fake), self._target(file, style))
        yield from (Outcome("translated", file) for file, *_ in todo)

    def _target(self, file: str, style: NamedStyle) -> str:
        # With its suffix: a.jpg and a.png may lie side by side.
        folder, _, name = file.removeprefix(self.source).rpartition("/")
        return f"{self.out}{folder}/{shortened(f'{name}-to-{style.name}.png')}"

    def _exists(self, file: str, style: NamedStyle) -> bool:
        return FileSystems.exists(self._target(file, style))


def places(run_dir: str, source: str, out: str) -> tuple[str, str, str]:
    """Absolute paths of folders, or addresses of buckets, without a slash at the end.

    Raises:
        UserError: if `out` lies in `source`, or there is no run.
    """
    run, source_, out_ = map(_absolute, (run_dir or str(newest_run()), source, out))
    if f"{out_}/".startswith(f"{source_}/"):
        raise UserError(f"--out={out}: lies in --source={source}; name another folder")
    if _is_folder(source_) and "://" not in out_:
        found = images.walk(pathlib.Path(source_))
        images.require_outside(out_, found, f"--source={source}")
    return run, source_, out_


def _is_folder(source: str) -> bool:
    return "://" not in source and pathlib.Path(source).is_dir()


def _absolute(path: str) -> str:
    return path.rstrip("/") if "://" in path else str(pathlib.Path(path).resolve())


def load(run_dir: str, iteration: int | str | None = None) -> Translator:
    """Return the translator of a run in a folder or, copied, in a bucket."""
    if "://" not in run_dir:
        return Translator.load(run_dir, iteration)
    if not str(iteration or 0).isdecimal():
        raise UserError(f"--checkpoint={iteration}: of a bucket, only by its number")
    name = "*.weights.h5" if iteration is None else CHECKPOINT.format(int(iteration))
    found = FileSystems.match([f"{run_dir}/checkpoints/{name}"])[0].metadata_list
    if not found:
        raise UserError(f"--run_dir={run_dir}: no checkpoint {name} in it")
    newest = max(file.path for file in found)
    with tempfile.TemporaryDirectory() as folder:
        copy = pathlib.Path(folder)
        (copy / "checkpoints").mkdir()
        for file in (f"{run_dir}/config.json", newest):
            target = copy / file.removeprefix(f"{run_dir}/")
            with FileSystems.open(file) as stream:
                target.write_bytes(stream.read())
        return Translator.load(str(copy))


def read(file: str) -> Image.Image:
    """Return a picture, RGB and upright; raise a UserError if it is none."""
    with FileSystems.open(file, compression_type="uncompressed") as stream:
        return images.decode(io.BytesIO(stream.read()), file)


def write(pixels: np.ndarray, target: str) -> None:
    """Write a picture, whole or not at all."""
    folder = target.rpartition("/")[0]
    partial = f"{folder}/{PARTIAL}{uuid.uuid4().hex}"
    make_folder(folder)
    with FileSystems.create(partial) as stream:
        Image.fromarray(pixels).save(stream, "PNG")
    FileSystems.rename([partial], [target])


def make_folder(path: str) -> None:
    """Make a folder unless it is there; a bucket has none."""
    if not FileSystems.get_filesystem(path).has_dirs() or FileSystems.exists(path):
        return
    try:
        FileSystems.mkdirs(path)
    except OSError:
        if not FileSystems.exists(path):  # or another worker was faster
            raise


def is_picture(file: str, source: str) -> bool:
    """Whether a file's name says that it is an image, and none above it is hidden."""
    parts = file.removeprefix(source).strip("/").split("/")
    return images.is_image(file) and all(map(images.is_ours, parts))


def listed(pipeline: beam.Pipeline, source: str) -> beam.PCollection:
    """The names of a source's images.

    A folder of this machine is walked as by every command, links and all; a bucket is
    listed by Beam.
    """
    if _is_folder(source):
        found = images.walk(pathlib.Path(source))
        return pipeline | beam.Create([str(file) for file in found.files])
    return (
        pipeline
        | fileio.MatchFiles(f"{source}/**")
        | beam.Map(lambda file: file.path)
        | beam.Filter(is_picture, source)
    )


def check_source(source: str) -> None:
    """Say what of a folder is skipped; raise a UserError if there is no file in it."""
    if _is_folder(source):  # of brackets in its name Beam would make a pattern
        if told := images.find(pathlib.Path(source)).told():
            print(f"{source}: {told}", file=sys.stderr)
        return
    try:
        found = FileSystems.match([f"{source}/**"], limits=[1])[0].metadata_list
    except (BeamIOError, ValueError) as error:
        raise UserError(f"--source={source}: can't be listed ({error})") from error
    if not found:
        raise UserError(f"--source={source}: no such folder, or nothing in it")


def translate(work: Translate, beam_options: list[str]) -> dict:
    """Run the pipeline; return the report that it leaves in the output folder.

    Args:
        work: what to do with every file.
        beam_options: for Beam, such as "--runner=DataflowRunner".
    """
    with beam.Pipeline(options=PipelineOptions(beam_options)) as pipeline:
        outcomes = (
            listed(pipeline, work.source)
            | beam.Reshuffle()
            | beam.BatchElements(max_batch_size=CHUNK)
            | beam.ParDo(work)
        )
        counts = (
            outcomes
            | beam.Map(lambda outcome: outcome.kind)
            | beam.combiners.Count.PerElement()
            | "as a dict" >> beam.combiners.ToDict()
        )
        bad = (
            outcomes
            | beam.Filter(lambda outcome: outcome.kind == "bad")
            | "as a list" >> beam.combiners.ToList()
        )
        counts | beam.Map(write_report, beam.pvalue.AsSingleton(bad), work.out)
    with FileSystems.open(f"{work.out}/{REPORT}") as stream:
        return json.load(stream)


def write_report(counts: dict[str, int], bad: list[Outcome], out: str) -> None:
    """Write what became of the pictures: counts, and every bad one with its reason."""
    lines = [{"file": outcome.file, "reason": outcome.reason} for outcome in bad]
    report = {kind: counts.get(kind, 0) for kind in OUTCOMES} | {
        "bad pictures": sorted(lines, key=lambda line: line["file"])
    }
    make_folder(out)
    with FileSystems.create(f"{out}/{REPORT}") as stream:
        stream.write((json.dumps(report, indent=1) + "\n").encode())
