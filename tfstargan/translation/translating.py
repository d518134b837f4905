"""What every translator does, whatever computes its networks.

A style code comes from a latent (mapping network) or from a reference image (style
encoder); the generator brings it into a source. All three are the averaged networks
(arXiv:1912.01865, appendix: "exponential moving averages"). This module imports no
TensorFlow.
"""

import abc
import os
import pathlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol

import numpy as np
from PIL import Image

from tfstargan import images
from tfstargan.errors import UserError
from tfstargan.files import composed
from tfstargan.translation.ahead import ahead, batched

# An image: a file, or RGB as PIL has it, or an array [H, W, 3], either uint8 from 0 to
# 255 or float in [-1, 1].
Source = str | os.PathLike | Image.Image | np.ndarray


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
        domain = composed(domain)
        if domain not in self.domains:
            raise UserError(
                f"--domain={domain}: this run has {', '.join(self.domains)}"
            )
        return self.domains.index(domain)

    def translate(
        self,
        source: Source | Sequence[Source],
        domain: str,
        *,
        seed: int | None = None,
        seeds: Sequence[int] | None = None,
        reference: Source | Sequence[Source] | None = None,
        psi: float = 1.0,
    ) -> Any:
        """Translate images into a domain, in the style of seeds or references.

        Args:
            source: an image, or several: a list, or an array [N, H, W, 3]. Of any size;
                the largest centred square is taken and resized to `img_size`.
            domain: name of the target domain.
            seed: of a random style.
            seeds: of several random styles.
            reference: an image of the target domain that gives the style, or several.
            psi: scales random styles, see `random_style`.

        Returns:
            A `PIL.Image.Image`. A list of them for several sources, or several styles;
            for both `images[source][style]`.

        Raises:
            UserError: if the domain is unknown, or an image can't be read.
            ValueError: unless one of `seed`, `seeds` and `reference` is given, or if an
                array is no image.
        """
        if sum(given is not None for given in (seed, seeds, reference)) != 1:
            raise ValueError("give one of seed, seeds and reference")
        if reference is not None:
            references, one_style = _listed(reference)
            x_ref = np.stack([*ahead(self.read, references)])
            codes = self.encode_styles(x_ref, domain)
        else:
            one_style = seeds is None
            each = [seed or 0] if seeds is None else seeds
            codes = np.concatenate([self.random_style(domain, s, psi) for s in each])
        sources, one_source = _listed(source)
        rows = []
        for some in batched(ahead(self.read, sources), self.batch):
            fakes = [*self.in_styles(np.stack(some), codes[:, None])]
            rows += [[_image(fake[i]) for fake in fakes] for i in range(len(some))]
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
        if isinstance(source, np.ndarray):
            return self._read_array(source)
        if isinstance(source, Image.Image):
            return self.prepare(images.to_rgb(source.copy()))
        return self.prepare(images.read(pathlib.Path(source)))

    def _read_array(self, array: np.ndarray) -> np.ndarray:
        levels = array.dtype == np.uint8
        if array.ndim != 3 or array.shape[-1] != 3:
            raise ValueError(f"an image must be [H, W, 3], got {list(array.shape)}")
        if not levels:
            if not np.issubdtype(array.dtype, np.floating):
                raise ValueError(f"an image must be uint8 or float, got {array.dtype}")
            if not np.abs(array).max(initial=0) <= 1 + 1e-3:  # nan is not
                raise ValueError(
                    "a float image must be in [-1, 1]; use uint8 for 0..255"
                )
        side = self.config.img_size
        if not levels and array.shape[:2] == (side, side):
            return np.asarray(array, np.float32)
        pixels = array if levels else images.to_uint8(array)
        return self.prepare(Image.fromarray(pixels))

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


def _listed(source: Any) -> tuple[Sequence[Source], bool]:
    """One or several images as a list, and whether it was one."""
    if isinstance(source, np.ndarray):
        return (list(source), False) if source.ndim == 4 else ([source], True)
    if isinstance(source, str | os.PathLike | Image.Image):
        return [source], True
    return list(source), False


def _image(x: np.ndarray) -> Image.Image:
    return Image.fromarray(images.to_uint8(x))
