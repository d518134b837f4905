"""What every translator does, whatever computes its networks.

A style code comes from a latent (mapping network) or from a reference image (style
encoder); the generator brings it into a source. All three are the averaged networks
(arXiv:1912.01865, appendix: "exponential moving averages"). This module imports no
TensorFlow.
"""

import abc
import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol

import numpy as np
from PIL import Image

from tfstargan import images
from tfstargan.config import label_of
from tfstargan.errors import UserError
from tfstargan.images import fitting
from tfstargan.images.fitting import MULTIPLE, Fit, Size
from tfstargan.translation.ahead import ahead
from tfstargan.translation.fit_options import CROP, FitOptions
from tfstargan.translation.sources import (
    Placed,
    Source,
    finished,
    in_batches,
    listed,
    placed,
)

NARROWEST = 8  # pixels of an image on the canvas of "pad"


class Sizes(Protocol):
    """What a translator has to know of its networks: a `Config` or a `Contract`."""

    @property
    def img_size(self) -> int:
        """Height and width of an image."""

    @property
    def latent_dim(self) -> int:
        """Length of a latent."""

    @property
    def domains(self) -> tuple[str, ...]:
        """Names of the domains, in the order of their labels."""


class Translating(abc.ABC):
    """Base class of translators.

    `translate` takes and gives images. The other methods work on arrays: images
    [N, H, W, 3] of the run's `img_size`, float32 in [-1, 1] or uint8 from 0 to 255,
    style codes [N, style_dim] float32, and domains by name.
    """

    config: Any  # has `Sizes`

    @property
    @abc.abstractmethod
    def batch(self) -> int:
        """Number of images computed at once."""

    def batch_of(self, shape: tuple[int, ...]) -> int:
        """Number of images [H, W, 3] computed at once."""
        return self.batch

    @abc.abstractmethod
    def map_latents(self, latents: np.ndarray, domain: str) -> np.ndarray:
        """Style codes of latents [N, latent_dim] in a domain."""

    @abc.abstractmethod
    def encode_styles(self, references: np.ndarray, domain: str) -> np.ndarray:
        """Style codes of images of a domain."""

    @abc.abstractmethod
    def mean_style(self, domain: str) -> np.ndarray:
        """The mean of 10,000 latents' style codes in a domain, [style_dim]."""

    @abc.abstractmethod
    def in_styles(
        self, sources: np.ndarray, styles: Iterable[np.ndarray]
    ) -> Iterator[np.ndarray]:
        """Yield what `apply_styles` returns of each of many styles.

        Args:
            sources: [N, H, W, 3], float in [-1, 1] or uint8.
            styles: each [N, style_dim], or one for all sources: [1, style_dim].
        """

    @property
    def domains(self) -> tuple[str, ...]:
        """The names of the domains, in the order of their labels."""
        return self.config.domains

    def label(self, domain: str) -> int:
        """The label of a domain.

        Raises:
            UserError: if the run has no such domain.
        """
        return label_of(domain, self.domains)

    def translate(
        self,
        source: Source | Sequence[Source],
        domain: str,
        *,
        seed: int | None = None,
        seeds: Sequence[int] | None = None,
        reference: Source | Sequence[Source] | None = None,
        psi: float = 1.0,
        fit: str = "crop",
        size: int | None = None,
        paste: bool = False,
    ) -> Any:
        """Translate images into a domain, in the style of seeds or references.

        Args:
            source: an image, or several: a list, or an array [N, H, W, 3]. Of any size.
            domain: name of the target domain.
            seed: of a random style.
            seeds: of several random styles.
            reference: an image of the target domain that gives the style, or several.
                Of each, the largest centred square is used.
            psi: scales random styles, see `random_style`.
            fit: which part of a source is translated: "crop" is the largest centred
                square, resized to `img_size`; "pad" the whole image, its longer side
                resized to `img_size`; "whole" the whole image, its shorter side resized
                to `size`.
            size: of "whole", in pixels; by default `img_size`.
            paste: whether to put the translation back into the source, at the source's
                size; of a face that `tfstargan align` cut, into its photograph.

        Returns:
            A `PIL.Image.Image`. A list of them for several sources, or several styles;
            for both `images[source][style]`.

        Raises:
            UserError: if the domain is unknown, an image can't be read, or it can't be
                translated in this way.
            ValueError: unless one of `seed`, `seeds` and `reference` is given, or if an
                array is no image.
        """
        if sum(given is not None for given in (seed, seeds, reference)) != 1:
            raise ValueError("give one of seed, seeds and reference")
        if reference is not None:
            references, one_style = listed(reference)
            x_ref = np.stack([*ahead(self.read, references)])
            codes = self.encode_styles(x_ref, domain)
        else:
            one_style = seeds is None
            each = [seed or 0] if seeds is None else seeds
            codes = np.concatenate([self.random_style(domain, s, psi) for s in each])
        how = FitOptions(fit=fit, size=size, paste=paste)
        sources, one_source = listed(source)
        rows = []
        found = ahead(lambda one: self.place(one, how), sources, how.at_once)
        pairs = zip(found, sources, strict=True)
        for x, some in in_batches(pairs, self.batch_of):
            fakes = [*map(images.to_uint8, self.in_styles(x, codes[:, None]))]
            rows += [
                [finished(fake[i], at.fit, one, how) for fake in fakes]
                for i, (at, one) in enumerate(some)
            ]
        result = [row[0] for row in rows] if one_style else rows
        return result[0] if one_source else result

    def prepare(self, image: Image.Image) -> np.ndarray:
        """An image of any size as float32 [img_size, img_size, 3] in [-1, 1]."""
        return images.to_float(images.square(image, self.config.img_size))

    def read(self, source: Source) -> np.ndarray:
        """What `prepare` gives of a file, a `PIL.Image.Image` or an array.

        A float array of the run's size is taken as it is; one of another size is
        rounded to 8 bits first.

        Raises:
            UserError: if a file can't be read.
            ValueError: if an array is no image.
        """
        return self.place(source).x

    def place(self, source: Source, how: FitOptions = CROP) -> Placed:
        """A source on the canvas that is translated, and its place there.

        Args:
            source: a file, a `PIL.Image.Image` or an array.
            how: the rule for its place.

        Raises:
            UserError: if a file can't be read, or the image does not fit.
            ValueError: if an array is no image.
        """
        name = source if isinstance(source, str | os.PathLike) else "the image"
        return placed(source, lambda size: self.fit_of(size, how, str(name)))

    def fit_of(self, size: Size, how: FitOptions = CROP, name: str = "image") -> Fit:
        """The place of an image on the canvas that is translated.

        Args:
            size: of the image, (width, height).
            how: the rule.
            name: of the image, for messages.

        Raises:
            UserError: if these networks can't translate it so.
        """
        multiple = self.multiple() if how.fit == "whole" else MULTIPLE
        side = how.size or self.config.img_size
        found = fitting.fit(how.fit, size, side, multiple)
        if how.fit == "pad" and min(found.scaled) < NARROWEST:
            raise UserError(
                f"--fit=pad: of {name}, {size[0]} x {size[1]} pixels, only "
                f"{found.scaled[0]} x {found.scaled[1]} would be left; use --fit=crop"
            )
        return found

    def multiple(self) -> int:
        """The number of which the sides of images must be multiples.

        Raises:
            UserError: if all images must be squares of the run's size.
        """
        raise UserError(
            "--fit=whole: an exported model translates images of one size; use "
            "--fit=pad, or --run_dir in place of --model"
        )

    def random_style(self, domain: str, seed: int, psi: float = 1.0) -> np.ndarray:
        """The style code [1, style_dim] of a seed's latent.

        Args:
            domain: its name.
            seed: not negative.
            psi: 1 for the style itself, 0 for the domain's mean style, in between for
                something more usual: `mean + psi * (s - mean)`.
        """
        rng = np.random.default_rng(seed)
        latent = rng.standard_normal((1, self.config.latent_dim), np.float32)
        style = self.map_latents(latent, domain)
        if psi == 1.0:
            return style
        mean = self.mean_style(domain)
        return mean + psi * (style - mean)

    def apply_styles(self, sources: np.ndarray, styles: np.ndarray) -> np.ndarray:
        """Every source in its style; one style serves them all.

        Args:
            sources: [N, H, W, 3], float in [-1, 1] or uint8.
            styles: [N, style_dim] or [1, style_dim].

        Returns:
            [N, H, W, 3]; uint8 for uint8, else float32, about [-1, 1].
        """
        return next(iter(self.in_styles(sources, [styles])))


def as_float(x: np.ndarray) -> np.ndarray:
    """Images as float in [-1, 1]."""
    return images.to_float(x) if x.dtype == np.uint8 else x


def like(fakes: np.ndarray, sources: np.ndarray) -> np.ndarray:
    """Translations in the type of their sources."""
    return images.to_uint8(fakes) if sources.dtype == np.uint8 else fakes
