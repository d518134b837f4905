"""Evaluation of a run: every task of the protocol with every instrument.

Each output is computed once, passed once through each network that measures, and not
kept. Two things are cached on disk: the statistics of the real side, for all runs on
the same images, and the results of each task, from which an evaluation resumes.
"""

import functools
import json
import pathlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from tfstargan import images
from tfstargan.data.overlap import overlap, stands_in
from tfstargan.data.stream import open_images
from tfstargan.errors import UserError
from tfstargan.files import safe_names, shortened
from tfstargan.metrics import factors, fid, paired, report
from tfstargan.metrics import probe as probes
from tfstargan.metrics.backbones import NotThereError
from tfstargan.metrics.digests import digest, key_of, weights_digest
from tfstargan.metrics.instruments import (
    MEANING,
    Instruments,
    open_default,
    open_instruments,
)
from tfstargan.metrics.learned import open_learned
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
from tfstargan.metrics.real_side import RealSide
from tfstargan.metrics.report import Row, Section
from tfstargan.progress import Bar
from tfstargan.runs.run import Run, iteration_of
from tfstargan.translation.translator import Translator

FEWEST = 8  # training images of a domain, for FID


def evaluate_run(
    run: Run,
    checkpoint: int | str | None = None,
    metrics: Sequence[str] = (),
    *,
    probe: bool = False,
    pairs: bool = False,
    quick: bool = False,
    data_dir: str = "",
    skip_broken: bool = False,
    keep_images: bool = False,
    batch_size: int = 8,
    backbone_dir: str = "",
    download: bool = True,
) -> dict[str, Any]:
    """Measure a run, and write the report to RUN/evaluation.

    Args:
        run: the run.
        checkpoint: its iteration, or "best"; by default the newest.
        metrics: of METRICS; empty: the authors', unless `probe` or `pairs` is wanted.
        probe: whether to read the factors of drawn animals, exactly.
        pairs: whether to compare with the true counterparts, where images are paired by
            name.
        quick: whether to use few images: minutes, not the protocol.
        data_dir: images to use; empty: those of the run.
        skip_broken: whether to skip images that can't be read, as in `Config`.
        keep_images: whether to keep the translations, in RUN/evaluation/images.
        batch_size: images at once.
        backbone_dir: folder of the networks that measure; empty: the user's cache.
        download: whether to download missing networks.

    Returns:
        The report; `report.text` formats it as tables.

    Raises:
        UserError: if the run, its data or a network is missing or unfit.
    """
    iteration = iteration_of(run.checkpoint(checkpoint))
    reader = probes.of_run(run.config, quick) if probe else None
    folder = backbone_dir or run.config.backbone_dir
    if metrics or probe or pairs:
        instruments = open_instruments(metrics, folder, download, batch_size)
    else:
        instruments = open_default(folder, download, batch_size)
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
    results = evaluation.measure(translator, iteration) if instruments.files else {}
    if pairs:
        results |= evaluation.measure_pairs(translator, folder)
    if reader:
        animals = factors.QUICK_SOURCES if quick else factors.SOURCES
        scores = factors.translation_scores(translator, reader, animals)
        results |= factors.sections(scores)
    return evaluation.report(translator, iteration, results)


class Evaluation:
    """An evaluation of a run's translations.

    Args:
        run: the run.
        instruments: networks that measure.
        extent: how many images to use.
        data_dir: images to use; empty: those of the run.
        batch_size: sources translated at once.
        keep_images: whether to keep the translations, in RUN/evaluation/images.
        cache: folder for the statistics of the real side; by default the user's.
        skip_broken: whether to skip images that can't be read, as in `Config`.

    Raises:
        UserError: if the images are missing or too few.
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
        self.notes = list(instruments.notes)
        self.extent = extent
        self.batch_size = batch_size
        self.keep_images = keep_images
        self.training = open_images(self.config, "train")
        self.validation = open_images(self.config, "val")
        with_fid = any(x.name.startswith("fid") for x in instruments.inceptions)
        for k, domain in enumerate(self.training.domains):
            if with_fid and self.training.count(k) < FEWEST:
                raise UserError(
                    f"domain {domain}: {self.training.count(k)} training images are "
                    f"too few for FID (fewer than {FEWEST}); use --metrics=lpips"
                )
        self.real_side = RealSide(
            self.training, extent.reals, self.config.img_size, cache
        )

    @property
    def quick(self) -> bool:
        """Whether fewer images are used than the protocol has."""
        return self.extent != FULL

    def name(self, iteration: int) -> str:
        """The name of an iteration's files."""
        return f"iteration-{iteration:07d}" + ("-quick" if self.quick else "")

    def report(
        self, translator: Translator, iteration: int, results: dict[str, Section]
    ) -> dict[str, Any]:
        """Write results to RUN/evaluation/iteration-....json and .txt.

        Other results in an existing report of the same weights and images are kept.

        Returns:
            The content of the JSON file.
        """
        meanings = MEANING | factors.MEANING | paired.MEANING
        names = [*self.instruments.files, *results]
        content = self.header(translator, iteration) | {
            "networks": self.instruments.files,
            "meaning": {name: meanings[name] for name in names if name in meanings},
            "results": results,
        }
        path = self.run.evaluation_dir / f"{self.name(iteration)}.json"
        return report.write(content, path)

    def header(self, translator: Translator, iteration: int) -> dict[str, Any]:
        """The report's fields that identify it, and its notes."""
        notes = list(self.notes)
        if self.quick:
            notes.append(
                f"quick, not the protocol: at most {self.extent.sources} sources and "
                f"{self.extent.reals} real images per domain; FID of few is too high"
            )
        if copies := overlap(self.training, self.validation):
            notes.append(copies)
        elif stands_in(self.training, self.validation):
            notes.append("no val/ folder: training images were translated")
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
        """The results by guide, pair of domains and measure.

        Cached results of the same weights and settings are not computed again.
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
                # By labels: different names of domains may be one name of a file.
                file = parts / f"{task.guide}-{task.source}-{task.target}.json"
                part = json.loads(file.read_text()) if file.exists() else None
                if part is None or (self.keep_images and not part["images"]):
                    folder = self._images_dir(task, iteration)
                    row = self._measure_task(task, outputs, folder, bar)
                    part = {"row": row, "images": self.keep_images}
                    report.write_json(file, part)
                else:  # no work, which the time left would count on
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
        """The measures of a task's outputs by every instrument."""
        total = self._outputs_of(task)
        inceptions, target = self.instruments.inceptions, task.target
        reals = [self.real_side.statistics(one, target) for one in inceptions]
        fakes = [fid.FeatureSet(total) for _ in inceptions]
        distances: list[float] = []
        done = 0
        for groups in outputs.of(task):  # [n, OUTPUTS, H, W, 3]
            if self.instruments.lpips is not None:
                distances.extend(self.instruments.lpips(groups))
            levels = images.to_uint8(groups)
            shown = [Image.fromarray(x) for group in levels for x in group]
            for one, seen in zip(inceptions, fakes, strict=True):
                seen.add(one.see(shown, self.config.img_size))
            if self.keep_images:
                save_groups(levels, folder, first=done)
            done += len(groups)
            bar.update(len(shown))
        row: Row = {}
        for one, real, fake in zip(inceptions, reals, fakes, strict=True):
            row |= compare(one.name, real, fake)
        if distances:
            row["lpips"] = float(np.mean(distances))
        return row

    def measure_pairs(
        self, translator: Translator, backbone_dir: str = ""
    ) -> dict[str, Section]:
        """The results of `paired.measure`; a missing learned distance is noted."""
        learned = None
        try:
            learned = open_learned(backbone_dir, self.batch_size)
        except NotThereError as error:
            note = f"pairs have no learned distance: {error.as_flags}"
            self.notes.append(note)
        limit = self.extent.sources
        key = self._key_of_pairs(translator, learned.name if learned else "")
        parts = self.run.evaluation_dir / "parts" / key
        return paired.measure(translator, self.validation, learned, limit, parts)

    @functools.cached_property
    def _validation_digests(self) -> list[str]:
        """A hash of each domain's validation images."""
        return [
            digest(self.validation, k, chosen(self.validation.count(k), None))
            for k in range(len(self.validation.domains))
        ]

    def _key(self, translator: Translator) -> str:
        """A hash of everything that the results depend on."""
        files = self.instruments.files
        about = [files, self.extent, OUTPUTS, self.config.seed, self.config.img_size]
        digests = {"train": self.real_side.digests, "val": self._validation_digests}
        return key_of([*about, digests, weights_digest(translator)])

    def _key_of_pairs(self, translator: Translator, learned: str) -> str:
        """A hash of everything that `paired.measure` depends on."""
        about = [learned, self.extent.sources, self.config.seed, self.config.img_size]
        pairing = paired.paired(self.validation)
        of_images = [self._validation_digests, pairing]
        return key_of(["pairs", *about, of_images, weights_digest(translator)])


def compare(name: str, real: fid.FeatureSet, fake: fid.FeatureSet) -> Row:
    """The measures of two sets of features: {column: value}.

    FID, KID, precision and recall for Inception's; KID alone, over all pairs, where the
    metric is one.
    """
    if name.startswith("kid"):
        return {name: fid.squared_discrepancy(real.features, fake.features)}
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
        for j, image in enumerate(group):
            images.save(image, folder / f"{i:05d}_{j:02d}.png")
