"""Translating images with a trained run: `Translator.load(run_dir).translate(...)`.

A style code comes from a latent (mapping network) or from a reference image (style
encoder); the generator brings it into a source. All three are the averaged networks
(arXiv:1912.01865, appendix: "exponential moving averages").
"""

import os
import pathlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Self

import keras
import numpy as np
from PIL import Image

from tfstargan import images
from tfstargan.config import Config
from tfstargan.errors import UserError
from tfstargan.files import composed
from tfstargan.networks.build import build_networks, translating
from tfstargan.networks.masks import masks_of
from tfstargan.runs.run import Run, open_run

CHUNK = 8  # images computed at once, so that memory does not grow with their number
MEAN_STYLE_LATENTS = 10_000  # as in the authors' evaluation
LATENTS_AT_ONCE = 250  # in every domain: a layer of 150 domains takes 77 MB


# An image: a file, or RGB as PIL has it, or an array [H, W, 3], either uint8 from 0 to
# 255 or float in [-1, 1].
Source = str | os.PathLike | Image.Image | np.ndarray


class Translator:
    """The three networks that translate, and the names of their domains.

    `translate` takes and gives images. The other methods work on arrays: images
    [N, H, W, 3] of the run's `img_size`, float32 in [-1, 1] or uint8 from 0 to 255,
    style codes [N, style_dim] float32, and domains by name.

    Args:
        config: the run's settings.
        networks: the averaged networks and, if w_hpf > 0, `fan`, by their names.
    """

    def __init__(self, config: Config, networks: dict[str, keras.Model]):
        self.config = config
        self.networks = networks
        self._mean_styles: dict[str, np.ndarray] = {}

    @classmethod
    def load(
        cls, run_dir: str | os.PathLike = "", checkpoint: int | str | None = None
    ) -> Self:
        """The translator of a run.

        Args:
            run_dir: its folder; empty for the newest run under runs/.
            checkpoint: its iteration, or "best"; by default the newest.

        Raises:
            UserError: if there is no such run or checkpoint.
        """
        return cls.of_run(open_run(run_dir), checkpoint)

    @classmethod
    def of_run(cls, run: Run, checkpoint: int | str | None = None) -> Self:
        """The translator of a run that is open already."""
        networks = build_networks(run.config, translating(run.config))
        run.load_averages(networks, checkpoint)
        return cls(run.config, networks)

    @property
    def domains(self) -> tuple[str, ...]:
        """The names of the domains, in the order of their labels."""
        return self.config.domains

    def label(self, domain: str) -> int:
        """Return a domain's label.

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
            codes = self.encode_styles(np.stack(self._arrays(references)), domain)
        else:
            one_style = seeds is None
            each = [seed or 0] if seeds is None else seeds
            codes = np.concatenate([self.random_style(domain, s, psi) for s in each])
        sources, one_source = _listed(source)
        rows = []
        for start in range(0, len(sources), CHUNK):
            some = np.stack(self._arrays(sources[start : start + CHUNK]))
            fakes = [*self.in_styles(some, codes[:, None])]
            rows += [[_picture(fake[i]) for fake in fakes] for i in range(len(some))]
        result = [row[0] for row in rows] if one_style else rows
        return result[0] if one_source else result

    def prepare(self, picture: Image.Image) -> np.ndarray:
        """An image of any size as float32 [img_size, img_size, 3] in [-1, 1]."""
        return images.to_float(images.square(picture, self.config.img_size))

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

    def _arrays(self, sources: Sequence[Source]) -> list[np.ndarray]:
        return [self.read(source) for source in sources]

    def map_latents(self, latents: np.ndarray, domain: str) -> np.ndarray:
        """Return the style codes of latents [N, latent_dim] in a domain."""
        label = self.label(domain)
        network = self.networks["mapping_network"]
        return _in_chunks(lambda z: network(z, _labels(z, label)), latents)

    def encode_styles(self, references: np.ndarray, domain: str) -> np.ndarray:
        """Return the style codes of pictures of a domain."""
        label = self.label(domain)
        network = self.networks["style_encoder"]
        x = _as_float(references)
        return _in_chunks(lambda x: network(x, _labels(x, label)), x)

    def random_style(self, domain: str, seed: int, psi: float = 1.0) -> np.ndarray:
        """Return one style code [1, style_dim]: that of a seed's latent.

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

    def mean_style(self, domain: str) -> np.ndarray:
        """The mean of 10,000 latents' style codes in a domain, [style_dim].

        The means of all domains are computed together, once.
        """
        if not self._mean_styles:
            self._mean_styles = dict(zip(self.domains, self._means(), strict=True))
        return self._mean_styles[self.domains[self.label(domain)]]

    def _means(self) -> np.ndarray:
        """The mean styles of all domains, [K, style_dim]."""
        config = self.config
        rng = np.random.default_rng(config.seed)
        z = rng.standard_normal((MEAN_STYLE_LATENTS, config.latent_dim), np.float32)
        total = np.zeros((len(config.domains), config.style_dim))
        for start in range(0, len(z), LATENTS_AT_ONCE):
            part = z[start : start + LATENTS_AT_ONCE]
            styles = self.networks["mapping_network"].all_domains(part)
            total += styles.numpy().sum(0, np.float64)
        return (total / len(z)).astype(np.float32)

    def apply_styles(self, sources: np.ndarray, styles: np.ndarray) -> np.ndarray:
        """Every source in its style; one style serves them all.

        Args:
            sources: [N, H, W, 3], float in [-1, 1] or uint8.
            styles: [N, style_dim] or [1, style_dim].

        Returns:
            [N, H, W, 3]; uint8 for uint8, else float32, about [-1, 1].
        """
        styles = np.broadcast_to(styles, (len(sources), styles.shape[-1]))
        fakes = _in_chunks(self.generate, _as_float(sources), styles)
        return _like(fakes, sources)

    def in_styles(
        self, sources: np.ndarray, styles: Iterable[np.ndarray]
    ) -> Iterator[np.ndarray]:
        """Yield what `apply_styles` returns of each of many styles.

        What of the generator does not see the style, and faces' masks, are computed
        once for all: nearly half of the time.

        Args:
            sources: [N, H, W, 3], float in [-1, 1] or uint8.
            styles: each [N, style_dim], or one for all sources: [1, style_dim].
        """
        starts = range(0, len(sources), CHUNK)
        x = _as_float(sources)
        encoded = [self.encode(x[i : i + CHUNK]) for i in starts]
        for style in styles:
            each = np.broadcast_to(style, (len(sources), style.shape[-1]))
            parts = zip(starts, encoded, strict=True)
            fakes = [
                self.decode(part, each[i : i + CHUNK]).numpy() for i, part in parts
            ]
            yield _like(np.concatenate(fakes), sources)

    def generate(self, x: Any, s: Any) -> Any:
        """Return images in their styles, tensor for tensor."""
        return self.networks["generator"](x, s, self._masks(x))

    def encode(self, x: Any) -> Any:
        """Return what `decode` needs of images, whatever the style: nested tensors."""
        return self.networks["generator"].encode_features(x), self._masks(x)

    def decode(self, encoded: Any, s: Any) -> Any:
        """Return encoded images in their styles, as `generate` does."""
        features, masks = encoded
        return self.networks["generator"].decode_features(features, s, masks)

    def _masks(self, x: Any) -> Any:
        fan = self.networks.get("fan")
        return None if fan is None else masks_of(fan, x)


def _listed(source: Any) -> tuple[Sequence[Source], bool]:
    """One or several images as a list, and whether it was one."""
    if isinstance(source, np.ndarray):
        return (list(source), False) if source.ndim == 4 else ([source], True)
    if isinstance(source, str | os.PathLike | Image.Image):
        return [source], True
    return list(source), False


def _picture(x: np.ndarray) -> Image.Image:
    return Image.fromarray(images.to_uint8(x))


def _as_float(x: np.ndarray) -> np.ndarray:
    return images.to_float(x) if x.dtype == np.uint8 else x


def _like(fakes: np.ndarray, sources: np.ndarray) -> np.ndarray:
    return images.to_uint8(fakes) if sources.dtype == np.uint8 else fakes


def _labels(batch: np.ndarray, label: int) -> np.ndarray:
    return np.full(len(batch), label, np.int32)


def _in_chunks(network: Callable[..., Any], *arrays: np.ndarray) -> np.ndarray:
    def parts() -> Iterator[np.ndarray]:
        for start in range(0, len(arrays[0]), CHUNK):
            yield network(*(a[start : start + CHUNK] for a in arrays)).numpy()

    return np.concatenate(list(parts()))
