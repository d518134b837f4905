"""Translating any number of images, on any number of machines, with Apache Beam.

The pipeline lists the images, translates those whose translation does not exist yet,
and reports the images that can't be read. Files are read and written by Beam's file
systems: folders and buckets (gs://, s3://) alike.

Batches are made before the pipeline distributes them, and the report is made of one
group: Beam's runner on Dask drops what `finish_bundle` emits, as `BatchElements` does,
and computes the pipeline a second time for a side input.
"""

import dataclasses
import json
import pathlib
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import apache_beam as beam
import numpy as np
from apache_beam.io.filesystem import BeamIOError
from apache_beam.io.filesystems import FileSystems
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.utils import shared

from tfstargan import images
from tfstargan.errors import UserError
from tfstargan.files import shortened
from tfstargan.progress import Bar
from tfstargan.runs.run import newest_run
from tfstargan.translation.ahead import ahead, batched
from tfstargan.translation.storage import is_wanted, load, make_folder, read, write
from tfstargan.translation.styles import NamedStyle
from tfstargan.translation.translator import Translator

REPORT = "report.json"
BATCH = 128  # files of a list; reading and writing overlap with the work within it
DEAD = "Channel closed prematurely"  # what DirectRunner says of a process that ended
OUTCOMES = ("translated", "there already", "bad")


@dataclasses.dataclass
class Outcome:
    """What became of a list of files."""

    translated: int = 0
    there: int = 0  # already
    bad: list[tuple[str, str]] = dataclasses.field(default_factory=list)  # with reason


@dataclasses.dataclass(frozen=True)
class Held:
    """What a process keeps for all its lists of files."""

    translator: Translator
    bar: Bar


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
        # One for both: Beam keeps alive only the last that a process asked for.
        self.shared = shared.Shared()

    def setup(self) -> None:
        """Load the model and make the bar, or take those of another thread."""
        held = self.shared.acquire(self._hold)
        self.translator, self.bar = held.translator, held.bar

    def _hold(self) -> Held:
        bar = Bar(total=self.total, desc="this process", unit="image")
        return Held(load(self.run_dir, self.iteration), bar)

    def process(self, files: list[str]) -> Iterator[Outcome]:
        """Translate a list of files, read and written in threads; yield the outcome."""
        outcome = Outcome()
        todo = self._todo(files, outcome)
        for _ in ahead(lambda result: write(*result), self._translations(todo)):
            pass
        yield outcome

    def _todo(self, files: list[str], outcome: Outcome) -> Iterator[Todo]:
        """Yield the images to translate; count all files in `outcome`."""
        for found in ahead(self._open, files):
            if isinstance(found, Todo):
                outcome.translated += 1
                yield found
                continue
            self.bar.update()
            if found is None:
                outcome.there += 1
            else:
                outcome.bad.append(found)

    def _open(self, file: str) -> Todo | tuple[str, str] | None:
        """The image in a file; why it can't be read; None if there is nothing to do."""
        styles = [s for s in self.styles if not FileSystems.exists(self._to(file, s))]
        if not styles:
            return None
        try:
            return Todo(file, self.translator.prepare(read(file)), styles)
        except (UserError, OSError, BeamIOError) as error:
            return file, str(error)

    def _translations(self, todo: Iterable[Todo]) -> Iterator[tuple[np.ndarray, str]]:
        """Yield uint8 images and the files to write."""
        for some in batched(todo, self.translator.batch):
            alike: dict[tuple[str, ...], list[Todo]] = {}
            for one in some:
                alike.setdefault(tuple(s.name for s in one.styles), []).append(one)
            for group in alike.values():
                yield from self._translated(group)
            self.bar.update(len(some))

    def _translated(self, group: Sequence[Todo]) -> Iterator[tuple[np.ndarray, str]]:
        """Yield uint8 images of files with the same styles, and the files to write."""
        x, styles = np.stack([one.x for one in group]), group[0].styles
        every_fake = self.translator.in_styles(x, [s.code for s in styles])
        for style, fakes in zip(styles, every_fake, strict=True):
            for one, fake in zip(group, images.to_uint8(fakes), strict=True):
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


def listed(pipeline: beam.Pipeline, where: Places) -> beam.PCollection:
    """Lists of the names of a source's images, BATCH in each; at least one list."""
    if where.files is not None:
        return pipeline | beam.Create(in_lists(where.files))
    return pipeline | beam.Create([where.source]) | beam.FlatMap(listed_by_beam)


def listed_by_beam(source: str) -> list[list[str]]:
    """Lists of the names of the images below an address."""
    found = FileSystems.match([f"{source}/**"])[0].metadata_list
    return in_lists([file.path for file in found if is_wanted(file.path, source)])


def in_lists(files: Sequence[str]) -> list[list[str]]:
    """Files in lists of BATCH; without any, an empty list, which is reported, too."""
    return [*batched(files, BATCH)] or [[]]


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
    try:
        pipeline = beam.Pipeline(options=PipelineOptions(beam_options))
    except (ValueError, ImportError, AttributeError) as error:
        line = str(error).splitlines()[0]
        raise UserError(f"--beam: {' '.join(beam_options)}: {line}") from None
    try:
        with pipeline:
            add_steps(work, where, pipeline)
    except RuntimeError as error:
        if DEAD not in str(error):
            raise
        raise UserError(
            "a worker process ended; run the same command again to resume"
        ) from None
    with FileSystems.open(f"{where.out}/{REPORT}") as stream:
        return json.load(stream)


def add_steps(work: Translate, where: Places, pipeline: beam.Pipeline) -> None:
    """Add all steps to a pipeline."""
    (
        listed(pipeline, where)
        | beam.Reshuffle()
        | beam.ParDo(work)
        | beam.Map(lambda outcome: (where.out, outcome))
        | beam.GroupByKey()
        | beam.MapTuple(write_report)
    )


def write_report(out: str, outcomes: Iterable[Outcome]) -> None:
    """Write the number of images of each outcome, and every bad one with its reason."""
    translated = there = 0
    bad = []
    for outcome in outcomes:
        translated += outcome.translated
        there += outcome.there
        bad += [{"file": file, "reason": reason} for file, reason in outcome.bad]
    counts = zip(OUTCOMES, (translated, there, len(bad)), strict=True)
    report = dict(counts) | {"bad pictures": sorted(bad, key=lambda one: one["file"])}
    make_folder(out)
    with FileSystems.create(f"{out}/{REPORT}") as stream:
        stream.write((json.dumps(report, indent=1) + "\n").encode())
