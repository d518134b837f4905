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
from tfstargan.translation.translator import Translator

GUIDES = ("latent", "reference")
OUTPUTS = 10  # translations of one source into one domain


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
        self.encode = tf.function(translator.encode)
        self.decode = tf.function(translator.decode)

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
        for start in range(0, len(sources), self.batch_size):
            some = sources[start : start + self.batch_size]
            x = self.pictures(task.source, some)
            encoded = self.encode(x)  # the same for all outputs of a source
            s = styles[start : start + self.batch_size]
            fakes = [self.decode(encoded, s[:, j]).numpy() for j in range(OUTPUTS)]
            yield np.stack(fakes, axis=1)

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
            encoded = [  # each reference once, a few pictures in memory
                self.translator.encode_styles(
                    self.pictures(task.target, range(i, min(i + 64, number))), target
                )
                for i in range(0, number, 64)
            ]
            turns = [rng.permutation(number) for _ in range(-(-needed // number))]
            styles = np.concatenate(encoded)[np.concatenate(turns)[:needed]]
        return styles.reshape(count, OUTPUTS, -1)

    def pictures(self, domain: int, indices: Any) -> np.ndarray:
        """Validation images, [n, H, W, 3] in [-1, 1]."""
        size = self.translator.config.img_size

        def read(index: int) -> np.ndarray:
            return squeeze(self.validation.image(domain, index), size)

        return in_threads(read, indices)
