"""Measuring a run: every task of the protocol with every instrument.

Each output is made once, seen once by each network, and dropped. Two things are kept on
disk: the statistics of the real side, for every run that has the same pictures, and the
results of each task, so that an interrupted evaluation goes on.
"""

import functools
import json
import pathlib
import sys
import zipfile
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from tfstargan import images
from tfstargan.data.overlap import overlap
from tfstargan.data.stream import open_images
from tfstargan.errors import UserError
from tfstargan.files import cache_dir, safe_names, shortened
from tfstargan.metrics import factors, fid, report
from tfstargan.metrics import probe as probes
from tfstargan.metrics.digests import digest, key_of, weights_digest
from tfstargan.metrics.instruments import (
    DEFAULT_METRICS,
    MEANING,
    Inception,
    Instruments,
    open_instruments,
)
from tfstargan.metrics.protocol import (
    FULL,
    OUTPUTS,
    QUICK,
    Extent,
    Outputs,
    Task,
    chosen,
    pairs,
    tasks,
)
from tfstargan.metrics.report import Row, Section
from tfstargan.progress import Bar
from tfstargan.runs.run import Run, iteration_of
from tfstargan.translation.translator import Translator

FEWEST = 8  # real pictures of a domain, for features' statistics to have a meaning
REALS = 64  # pictures read at once


def evaluate_run(
    run: Run,
    checkpoint: int | str | None = None,
    metrics: Sequence[str] = (),
    *,
    probe: bool = False,
    quick: bool = False,
    data_dir: str = "",
    skip_broken: bool = False,
    keep_images: bool = False,
    batch_size: int = 8,
    backbone_dir: str = "",
    download: bool = True,
) -> dict[str, Any]:
    """Measure a run, and write the report into RUN/evaluation.

    Args:
        run: the run.
        checkpoint: its iteration, or "best"; by default the newest.
        metrics: of METRICS; empty: the authors', unless `probe` is wanted.
        probe: whether to read the factors of drawn animals, exactly.
        quick: whether to use few images: minutes, not the protocol.
        data_dir: images to use; empty: those of the run.
        skip_broken: whether to skip images that can't be read, as `Config` has it.
        keep_images: whether to keep the translations, in RUN/evaluation/images.
        batch_size: images at once.
        backbone_dir: folder of the networks that measure; empty: the user's cache.
        download: whether networks that are missing are downloaded.

    Returns:
        The report; `report.text` makes a table of it.

    Raises:
        UserError: if the run, its data or a network is missing or unfit.
    """
    iteration = iteration_of(run.checkpoint(checkpoint))
    metrics = metrics or (() if probe else DEFAULT_METRICS)
    reader = probes.of_run(run.config) if probe else None
    folder = backbone_dir or run.config.backbone_dir
    instruments = open_instruments(metrics, folder, download, batch_size)
    extent = QUICK if quick else FULL
    evaluation = Evaluation(
        run,
        instruments,
        extent,
        data_dir,
        batch_size,
        keep_images,
        skip_broken=skip_broken,
    )
    translator = Translator.of_run(run, iteration)
    results = evaluation.measure(translator, iteration) if metrics else {}
    if reader:
        results |= factors.sections(factors.translation_scores(translator, reader))
    return evaluation.report(translator, iteration, results)


class Evaluation:
    """Measures a run's translations.

    Args:
        run: the run.
        instruments: what to measure with.
        extent: how many pictures to use.
        data_dir: other pictures than those of the run; empty: these.
        batch_size: sources translated at once.
        keep_images: whether to keep the translations, in RUN/evaluation/images.
        cache: folder for the statistics of the real side; by default the user's.
        skip_broken: whether to skip images that can't be read, as the run's settings
            have it.

    Raises:
        UserError: if the pictures are missing or too few.
    """

    def __init__(
        self,
        run: Run,
        instruments: Instruments,
        extent: Extent = FULL,
        data_dir: str = "",
        batch_size: int = 8,
        keep_images: bool = False,
        cache: pathlib.Path | None = None,
        skip_broken: bool = False,
    ):
        self.run = run
        self.config = run.config.reading(data_dir, skip_broken)
        self.instruments = instruments
        self.extent = extent
        self.batch_size = batch_size
        self.keep_images = keep_images
        self.cache = cache or cache_dir() / "statistics"
        self.training = open_images(self.config, "train")
        self.validation = open_images(self.config, "val")
        for k, domain in enumerate(self.training.domains):
            if instruments.inceptions and self.training.count(k) < FEWEST:
                raise UserError(
                    f"domain {domain}: {self.training.count(k)} training pictures are "
                    f"too few for FID (fewer than {FEWEST}); --metrics=lpips does "
                    "without"
                )
        self._real: dict[str, tuple[str, fid.FeatureSet]] = {}

    @property
    def quick(self) -> bool:
        """Whether this is less than the protocol."""
        return self.extent != FULL

    def name(self, iteration: int) -> str:
        """Return the name of an iteration's files."""
        return f"iteration-{iteration:07d}" + ("-quick" if self.quick else "")

    def report(
        self, translator: Translator, iteration: int, results: dict[str, Section]
    ) -> dict[str, Any]:
        """Write results to RUN/evaluation/iteration-....json and .txt.

        What a report of the same weights and pictures has besides is kept.

        Returns:
            What is in the JSON.
        """
        meanings = MEANING | factors.MEANING
        names = [*self.instruments.files, *results]
        content = self.header(translator, iteration) | {
            "networks": self.instruments.files,
            "meaning": {name: meanings[name] for name in names if name in meanings},
            "results": results,
        }
        path = self.run.evaluation_dir / f"{self.name(iteration)}.json"
        return report.write(content, path)

    def header(self, translator: Translator, iteration: int) -> dict[str, Any]:
        """Return what a report says of itself."""
        notes = list(self.instruments.notes)
        if self.quick:
            notes.append(
                f"quick, not the protocol: at most {self.extent.sources} sources and "
                f"{self.extent.reals} real pictures a domain; FID of few is too high"
            )
        if copies := overlap(self.training, self.validation):
            notes.append(copies)
        elif self.training.content(0, 0) == self.validation.content(0, 0):
            notes.append("no val/ folder: pictures trained on were translated")
        return {
            "run": str(self.run.path),
            "iteration": iteration,
            "weights": weights_digest(translator),
            "data": self.config.data_dir or self.config.dataset,
            "quick": self.quick,
            "outputs_per_source": OUTPUTS,
            "notes": notes,
        }

    def measure(self, translator: Translator, iteration: int) -> dict[str, Section]:
        """Return the results by guide, pair of domains and measure.

        Results that are kept from before, of the same weights and settings, are taken
        as they are.
        """
        parts = self.run.evaluation_dir / "parts" / self._key(translator)
        outputs = Outputs(translator, self.validation, self.extent, self.batch_size)
        every_task = tasks(len(translator.domains))
        total = sum(map(self._outputs_of, every_task))
        sections: dict[str, Section] = {}
        names = pairs(translator.domains)
        with Bar(total=total, unit="output", dynamic_ncols=True) as bar:
            for task in every_task:
                pair = names[task[1:]]
                bar.set_description(f"{task.guide}, {pair}")
                # By labels: names may differ by what a file's name does not keep.
                file = parts / f"{task.guide}-{task.source}-{task.target}.json"
                part = json.loads(file.read_text()) if file.exists() else None
                if part is None or (self.keep_images and not part["images"]):
                    folder = self._images_dir(task, iteration)
                    row = self._measure_task(task, outputs, folder, bar)
                    part = {"row": row, "images": self.keep_images}
                    report.write_json(file, part)
                else:  # not counted as work, for the time left
                    bar.total -= self._outputs_of(task)
                sections.setdefault(task.guide, {})[pair] = part["row"]
        return {name: report.with_mean(rows) for name, rows in sections.items()}

    def _outputs_of(self, task: Task) -> int:
        count = self.validation.count(task.source)
        return OUTPUTS * len(chosen(count, self.extent.sources))

    def _images_dir(self, task: Task, iteration: int) -> pathlib.Path:
        folder = self.run.evaluation_dir / "images" / self.name(iteration)
        every = pairs(self.training.domains)
        names = safe_names(pair.replace(" to ", "-to-") for pair in every.values())
        own = dict(zip(every, names, strict=True))[task[1:]]
        return folder / task.guide / shortened(own)

    def _measure_task(
        self, task: Task, outputs: Outputs, folder: pathlib.Path, bar: Bar
    ) -> Row:
        """Return what all instruments say of a task's outputs."""
        total = self._outputs_of(task)
        reals = [self._real_side(x, task.target) for x in self.instruments.inceptions]
        fakes = [fid.FeatureSet(total) for _ in self.instruments.inceptions]
        distances: list[float] = []
        done = 0
        for groups in outputs.of(task):  # [n, OUTPUTS, H, W, 3]
            if self.instruments.lpips is not None:
                distances.extend(self.instruments.lpips(groups))
            levels = images.to_uint8(groups)
            pictures = [Image.fromarray(x) for group in levels for x in group]
            for one, seen in zip(self.instruments.inceptions, fakes, strict=True):
                seen.add(one.see(pictures, self.config.img_size))
            if self.keep_images:
                save_groups(levels, folder, first=done)
            done += len(groups)
            bar.update(len(pictures))
        row: Row = {}
        for one, real, fake in zip(
            self.instruments.inceptions, reals, fakes, strict=True
        ):
            row |= compare(one.name, real, fake)
        if distances:
            row["lpips"] = float(np.mean(distances))
        return row

    def _real_side(self, one: Inception, domain: int) -> fid.FeatureSet:
        """Return the statistics of a domain's training pictures, cached on disk."""
        about = [one.name, one.file, self.config.img_size, fid.KEPT]
        key = key_of([*about, self._digests["train"][domain]])
        if self._real.get(one.name, ("",))[0] != key:
            path = self.cache / f"{key}.npz"
            found = _load_statistics(path)
            if found is None:
                found = self._see_reals(one, domain)
                try:
                    found.save(path)
                except OSError as error:  # computed again the next time
                    print(f"warning: {path}: not kept ({error})", file=sys.stderr)
            self._real[one.name] = key, found
        return self._real[one.name][1]

    def _see_reals(self, one: Inception, domain: int) -> fid.FeatureSet:
        indices = chosen(self.training.count(domain), self.extent.reals)
        seen = fid.FeatureSet(len(indices))
        name = f"real {self.training.domains[domain]}, {one.name}"
        with Bar(total=len(indices), desc=name, unit="picture", leave=False) as bar:
            for start in range(0, len(indices), REALS):
                some = indices[start : start + REALS]
                pictures = [self.training.image(domain, i) for i in some]
                seen.add(one.see(pictures, self.config.img_size))
                bar.update(len(some))
        return seen

    @functools.cached_property
    def _digests(self) -> dict[str, list[str]]:
        """A hash of each domain's pictures."""
        limits = {"train": self.extent.reals, "val": None}
        sets = {"train": self.training, "val": self.validation}
        return {
            split: [
                digest(image_set, k, chosen(image_set.count(k), limits[split]))
                for k in range(len(image_set.domains))
            ]
            for split, image_set in sets.items()
        }

    def _key(self, translator: Translator) -> str:
        """Return a name for everything that the results depend on."""
        files = self.instruments.files
        about = [files, self.extent, OUTPUTS, self.config.seed, self.config.img_size]
        return key_of([*about, self._digests, weights_digest(translator)])


def compare(name: str, real: fid.FeatureSet, fake: fid.FeatureSet) -> Row:
    """Return what features say: FID, KID, precision and recall, by their columns."""
    ending = name.removeprefix("fid")
    kid, deviation = fid.kernel_distance(real.features, fake.features)
    precision, recall = fid.precision_recall(real.features, fake.features)
    return {
        name: fid.frechet_distance(real, fake),
        f"kid{ending}": kid,
        f"kid_deviation{ending}": deviation,
        f"precision{ending}": precision,
        f"recall{ending}": recall,
    }


def save_groups(groups: np.ndarray, folder: pathlib.Path, first: int) -> None:
    """Write uint8 [n, M, H, W, 3] as SOURCE_OUTPUT.png, sources from `first`."""
    for i, group in enumerate(groups, start=first):
        for j, picture in enumerate(group):
            images.save(picture, folder / f"{i:05d}_{j:02d}.png")


def _load_statistics(path: pathlib.Path) -> fid.FeatureSet | None:
    """Return what is cached; None if nothing is, or it is damaged."""
    try:
        return fid.FeatureSet.load(path)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
