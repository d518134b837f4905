"""Translating any number of images, on any number of machines, with Apache Beam.

The pipeline lists the images, translates those whose translation does not exist yet,
and reports the images that can't be read. Files are read and written by Beam's file
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
from tqdm import tqdm

from tfstargan import images
from tfstargan.errors import UserError
from tfstargan.files import PARTIAL, shortened
from tfstargan.runs.run import CHECKPOINT, newest_run
from tfstargan.translation.ahead import ahead, batched
from tfstargan.translation.styles import NamedStyle
from tfstargan.translation.translator import Translator

REPORT = "report.json"
BATCH = 32  # files translated together
OUTCOMES = ("translated", "there already", "bad")


class Outcome(NamedTuple):
    """What became of an image."""

    kind: str  # of OUTCOMES
    file: str
    reason: str = ""


class Todo(NamedTuple):
    """An image to translate."""

    file: str
    x: np.ndarray  # [H, W, 3]
    styles: list[NamedStyle]  # those without a translation


class Places(NamedTuple):
    """Where a corpus comes from and goes to.

    Folders are absolute paths, buckets addresses, both without a slash at the end.
    """

    run_dir: str
    source: str
    out: str
    files: list[str] | None  # of a local source; None: Beam lists them


class Translate(beam.DoFn):
    """Translates lists of files into every style; loads the model once a process.

    Args:
        where: the run, which every machine must be able to read; the sources; and the
            folder for the translations, laid out as the source.
        iteration: of the checkpoint; None for the newest.
        styles: to translate into, each with its name.
    """

    def __init__(
        self, where: Places, iteration: int | str | None, styles: list[NamedStyle]
    ):
        self.run_dir, self.source, self.out, files = where
        self.total = None if files is None else len(files)  # for the bar
        self.iteration = iteration
        self.styles = styles
        self.model = shared.Shared()
        self.progress = shared.Shared()

    def setup(self) -> None:
        """Load the model, or take that of another thread."""
        self.translator = self.model.acquire(lambda: load(self.run_dir, self.iteration))
        self.bar = self.progress.acquire(
            lambda: tqdm(total=self.total, desc="this process", unit="image")
        )

    def process(self, files: list[str]) -> Iterator[Outcome]:
        """Yield what became of every file."""
        todo = []
        for found in ahead(self._open, files):
            if isinstance(found, Todo):
                todo.append(found)
            else:
                self.bar.update()
                yield found
        for _ in ahead(lambda result: write(*result), self._translations(todo)):
            pass
        for one in todo:
            self.bar.update()
            yield Outcome("translated", one.file)

    def _open(self, file: str) -> Todo | Outcome:
        """The image in a file, or why it is not to be translated."""
        styles = [s for s in self.styles if not FileSystems.exists(self._to(file, s))]
        if not styles:
            return Outcome("there already", file)
        try:
            return Todo(file, self.translator.prepare(read(file)), styles)
        except (UserError, OSError, BeamIOError) as error:
            return Outcome("bad", file, str(error))

    def _translations(self, todo: list[Todo]) -> Iterator[tuple[np.ndarray, str]]:
        """Yield uint8 images and the files to write."""
        alike: dict[tuple[str, ...], list[Todo]] = {}
        for one in todo:
            alike.setdefault(tuple(s.name for s in one.styles), []).append(one)
        for some in alike.values():
            x, styles = np.stack([one.x for one in some]), some[0].styles
            every_fake = self.translator.in_styles(x, [s.code for s in styles])
            for style, fakes in zip(styles, every_fake, strict=True):
                for one, fake in zip(some, images.to_uint8(fakes), strict=True):
                    yield fake, self._to(one.file, style)

    def _to(self, file: str, style: NamedStyle) -> str:
        """The file of a translation."""
        # With its suffix: a.jpg and a.png may lie side by side.
        folder, _, name = file.removeprefix(self.source).rpartition("/")
        return f"{self.out}{folder}/{shortened(f'{name}-to-{style.name}.png')}"


def places(run_dir: str, source: str, out: str) -> Places:
    """The places that the flags name; a local source is listed.

    A folder of this machine is walked as by every command, links and all.

    Raises:
        UserError: if `out` lies in `source`, or there is no run.
    """
    run, source_, out_ = map(_absolute, (run_dir or str(newest_run()), source, out))
    if f"{out_}/".startswith(f"{source_}/"):
        raise UserError(f"--out={out}: lies in --source={source}; name another folder")
    if "://" in source_ or not pathlib.Path(source_).is_dir():
        return Places(run, source_, out_, None)
    found = images.walk(pathlib.Path(source_))
    if "://" not in out_:
        images.require_outside(out_, found, f"--source={source}")
    if told := found.told():
        print(f"{source_}: {told}", file=sys.stderr)
    return Places(run, source_, out_, [str(file) for file in found.files])


def _absolute(path: str) -> str:
    return path.rstrip("/") if "://" in path else str(pathlib.Path(path).resolve())


def load(run_dir: str, iteration: int | str | None = None) -> Translator:
    """The translator of a run in a folder or, copied, in a bucket."""
    if "://" not in run_dir:
        return Translator.load(run_dir, iteration)
    if not str(iteration or 0).isdecimal():
        raise UserError(f"--checkpoint={iteration}: in a bucket, give its number")
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
    """The image in a file, RGB and upright.

    Raises:
        UserError: if it can't be read.
    """
    with FileSystems.open(file, compression_type="uncompressed") as stream:
        return images.decode(io.BytesIO(stream.read()), file)


def write(pixels: np.ndarray, target: str) -> None:
    """Write an image atomically."""
    folder = target.rpartition("/")[0]
    partial = f"{folder}/{PARTIAL}{uuid.uuid4().hex}"
    make_folder(folder)
    with FileSystems.create(partial) as stream:
        Image.fromarray(pixels).save(stream, "PNG")
    FileSystems.rename([partial], [target])


def make_folder(path: str) -> None:
    """Make a folder unless it exists; a bucket has none."""
    if not FileSystems.get_filesystem(path).has_dirs() or FileSystems.exists(path):
        return
    try:
        FileSystems.mkdirs(path)
    except OSError:
        if not FileSystems.exists(path):  # or another worker was faster
            raise


def is_wanted(file: str, source: str) -> bool:
    """Whether a file's name says that it is an image, and none above it is hidden."""
    parts = file.removeprefix(source).strip("/").split("/")
    return images.is_image(file) and all(map(images.is_ours, parts))


def listed(pipeline: beam.Pipeline, where: Places) -> beam.PCollection:
    """Lists of the names of a source's images, BATCH in each."""
    if where.files is not None:
        # In lists from the start: some runners drop a batch that is not full.
        return pipeline | beam.Create([*batched(where.files, BATCH)])
    return (
        pipeline
        | fileio.MatchFiles(f"{where.source}/**")
        | beam.Map(lambda file: file.path)
        | beam.Filter(is_wanted, where.source)
        | beam.BatchElements(min_batch_size=BATCH, max_batch_size=BATCH)
    )


def check_source(where: Places) -> None:
    """Raise a UserError if there is no file to translate."""
    source = where.source
    if where.files:  # Beam would take brackets in a folder's name for a pattern
        return
    try:
        found = FileSystems.match([f"{source}/**"], limits=[1])[0].metadata_list
    except (BeamIOError, ValueError) as error:
        raise UserError(f"--source={source}: can't be listed ({error})") from error
    if not found:
        raise UserError(f"--source={source}: no such folder, or nothing in it")


def translate(work: Translate, where: Places, beam_options: list[str]) -> dict:
    """Run the pipeline; return the report that it leaves in the output folder.

    Args:
        work: what to do with every file.
        where: of the source and the translations.
        beam_options: for Beam, such as "--runner=DataflowRunner".
    """
    with beam.Pipeline(options=PipelineOptions(beam_options)) as pipeline:
        outcomes = listed(pipeline, where) | beam.Reshuffle() | beam.ParDo(work)
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
        counts | beam.Map(write_report, beam.pvalue.AsSingleton(bad), where.out)
    with FileSystems.open(f"{where.out}/{REPORT}") as stream:
        return json.load(stream)


def write_report(counts: dict[str, int], bad: list[Outcome], out: str) -> None:
    """Write the number of images of each outcome, and every bad one with its reason."""
    lines = [{"file": outcome.file, "reason": outcome.reason} for outcome in bad]
    report = {kind: counts.get(kind, 0) for kind in OUTCOMES} | {
        "bad pictures": sorted(lines, key=lambda line: line["file"])
    }
    make_folder(out)
    with FileSystems.create(f"{out}/{REPORT}") as stream:
        stream.write((json.dumps(report, indent=1) + "\n").encode())
