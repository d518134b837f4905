"""The authors' protocol: which translations are measured.

Every ordered pair of different domains, latent- and reference-guided; every validation
image of the source domain in ten styles (arXiv:1912.01865, section 3 and appendix).
Styles depend on the seed and the pair alone, so each pair can be measured by itself,
and runs are compared on the same latents and references.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from PIL import Image

from tfstargan import images
from tfstargan.data.image_set import ImageSet
from tfstargan.translation.ahead import ahead, batched
from tfstargan.translation.translator import Translator

GUIDES = ("latent", "reference")
OUTPUTS = 10  # translations of one source into one domain
REFERENCES = 64  # read at once


class Extent(NamedTuple):
    """Numbers of images used of each domain, evenly spread; None: all."""

    sources: int | None = None
    reals: int | None = None


FULL = Extent()
QUICK = Extent(sources=16, reals=256)  # minutes instead of hours; not the protocol


class Task(NamedTuple):
    """One measurement: a guide and an ordered pair of domains, as labels."""

    guide: str
    source: int
    target: int


def tasks(domains: int) -> list[Task]:
    """Every task, grouped by target."""
    return [
        Task(guide, source, target)
        for target, guide, source in itertools.product(
            range(domains), GUIDES, range(domains)
        )
        if source != target
    ]


def pairs(domains: Sequence[str]) -> dict[tuple[int, int], str]:
    """The name of each ordered pair of domains: "cat to dog".

    Domains that contain " to " are quoted if two pairs would have the same name.
    """
    every = list(itertools.permutations(range(len(domains)), 2))
    names = [f"{domains[a]} to {domains[b]}" for a, b in every]
    if len(set(names)) < len(names):
        names = [f"{domains[a]!r} to {domains[b]!r}" for a, b in every]
    return dict(zip(every, names, strict=True))


def chosen(count: int, limit: int | None) -> list[int]:
    """The indices of at most `limit` of `count` images, evenly spread."""
    used = count if limit is None else min(count, limit)
    return [i * count // used for i in range(used)]


def in_batches(function: Callable, size: int) -> Callable[..., np.ndarray]:
    """A compiled function of any number of examples, which takes `size` at once.

    It is compiled without XLA, which takes a tenth more time for these networks on a
    CPU.
    """
    compiled = tf.function(function)

    def run(*arrays: np.ndarray) -> np.ndarray:
        starts = range(0, len(arrays[0]), size)
        parts = [compiled(*(a[i : i + size] for a in arrays)) for i in starts]
        return np.concatenate([part.numpy() for part in parts])

    return run


def in_threads(function: Callable, items: Any) -> np.ndarray:
    """The stacked results; Pillow decodes and resizes on all cores."""
    with ThreadPoolExecutor() as pool:
        return np.stack(list(pool.map(function, items)))


def squeeze(image: Image.Image, size: int) -> np.ndarray:
    """An image, squeezed as for training, [size, size, 3] in [-1, 1]."""
    return images.to_float(image.resize((size, size), Image.Resampling.BILINEAR))


class Outputs:
    """The translations of a run's validation images.

    Args:
        translator: of the run.
        validation: the images.
        extent: how many of them are sources.
        batch_size: sources translated at once.
    """

    def __init__(
        self,
        translator: Translator,
        validation: ImageSet,
        extent: Extent = FULL,
        batch_size: int = 8,
    ):
        self.translator = translator
        self.validation = validation
        self.extent = extent
        self.batch_size = batch_size
        self._reference_codes: dict[int, dict[int, np.ndarray]] = {}

    def sources(self, task: Task) -> list[int]:
        """The indices of a task's sources."""
        count = self.validation.count(task.source)
        return chosen(count, self.extent.sources)

    def of(self, task: Task) -> Iterator[np.ndarray]:
        """Yield the translations of a few sources at a time.

        Yields:
            [n, OUTPUTS, H, W, 3] float32, about [-1, 1].
        """
        sources = self.sources(task)
        styles = self.styles(task, len(sources))
        size = self.batch_size
        batch = max(size, self.translator.batch)
        starts = range(0, len(sources), size)

        def read(start: int) -> np.ndarray:
            return self.read(task.source, sources[start : start + size])

        for start, x in zip(starts, ahead(read, starts, most=2), strict=True):
            s = styles[start : start + size]
            turns = (s[:, j] for j in range(OUTPUTS))
            yield np.stack([*self.translator.in_styles(x, turns, batch)], axis=1)

    def styles(self, task: Task, count: int) -> np.ndarray:
        """The style codes of every output, [count, OUTPUTS, style_dim].

        Each has a latent of its own. References are images of the target domain in
        random order; each is used once before one is used again.
        """
        config, target = self.translator.config, self.translator.domains[task.target]
        guide = GUIDES.index(task.guide)
        rng = np.random.default_rng((config.seed, guide, task.source, task.target))
        needed = count * OUTPUTS
        if task.guide == "latent":
            latents = rng.standard_normal((needed, config.latent_dim), np.float32)
            styles = self.translator.map_latents(latents, target)
        else:
            number = self.validation.count(task.target)
            turns = [rng.permutation(number) for _ in range(-(-needed // number))]
            styles = self._of_references(task.target, np.concatenate(turns)[:needed])
        return styles.reshape(count, OUTPUTS, -1)

    def _of_references(self, domain: int, indices: np.ndarray) -> np.ndarray:
        """Style codes of validation images; each image is encoded once."""
        codes = self._reference_codes.setdefault(domain, {})
        new = [*batched(sorted({*indices.tolist()} - codes.keys()), REFERENCES)]
        batches = ahead(lambda some: self.read(domain, some), new, most=2)
        for some, x in zip(new, batches, strict=True):
            found = self.translator.encode_styles(x, self.translator.domains[domain])
            codes |= zip(some, found, strict=True)
        return np.stack([codes[i] for i in indices.tolist()])

    def read(self, domain: int, indices: Any) -> np.ndarray:
        """Validation images, [n, H, W, 3] in [-1, 1]."""
        size = self.translator.config.img_size

        def read(index: int) -> np.ndarray:
            return squeeze(self.validation.image(domain, index), size)

        return in_threads(read, indices)
