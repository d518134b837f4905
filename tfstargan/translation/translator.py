"""Translate pictures with a trained run: `Translator.load(run_dir).translate(...)`.

A style code comes from a latent (mapping network) or from a reference picture (style
encoder); the generator brings it into a source picture. All three are the averaged
copies (arXiv:1912.01865, appendix: "exponential moving averages").
"""

import pathlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Self

import keras
import numpy as np
from PIL import Image

from tfstargan import images
from tfstargan.config import Config
from tfstargan.errors import UserError
from tfstargan.networks.build import build_networks, translating
from tfstargan.networks.masks import masks_of
from tfstargan.runs.run import Run

CHUNK = 8  # images computed at once, so that memory does not grow with their number
MEAN_STYLE_LATENTS = 10_000  # as in the authors' evaluation


class Translator:
    """The three networks that translate, and the names of their domains.

    Arrays are images [N, H, W, 3] float32 in [-1, 1] of the run's `img_size`, style
    codes [N, style_dim] float32, and domains as names.

    Args:
        config: the run's settings.
        networks: the averaged networks and, if w_hpf > 0, `fan`, by their names.
    """

    def __init__(self, config: Config, networks: dict[str, keras.Model]):
        self.config = config
        self.networks = networks

    @classmethod
    def load(cls, run_dir: str = "", iteration: int | str | None = None) -> Self:
        """Return the translator of a run.

        Args:
            run_dir: empty for the newest run under runs/.
            iteration: of the checkpoint, or "best"; by default the newest.

        Raises:
            UserError: if there is no such run or checkpoint.
        """
        return cls.of_run(Run.open(run_dir), iteration)

    @classmethod
    def of_run(cls, run: Run, iteration: int | str | None = None) -> Self:
        """Return the translator of a run that is open already."""
        networks = build_networks(run.config, translating(run.config))
        run.load_averages(networks, iteration)
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
        if domain not in self.domains:
            raise UserError(
                f"--domain={domain}: this run has {', '.join(self.domains)}"
            )
        return self.domains.index(domain)

    def prepare(self, picture: Image.Image) -> np.ndarray:
        """Return a picture of any size as an image [H, W, 3] in [-1, 1]."""
        return images.to_float(images.square(picture, self.config.img_size))

    def read(self, path: pathlib.Path) -> np.ndarray:
        """Return a picture file as an image; raise a UserError if it is none."""
        return self.prepare(images.read(path))

    def map_latents(self, latents: np.ndarray, domain: str) -> np.ndarray:
        """Return the style codes of latents [N, latent_dim] in a domain."""
        label = self.label(domain)
        network = self.networks["mapping_network"]
        return _in_chunks(lambda z: network(z, _labels(z, label)), latents)

    def encode_styles(self, references: np.ndarray, domain: str) -> np.ndarray:
        """Return the style codes of pictures of a domain."""
        label = self.label(domain)
        network = self.networks["style_encoder"]
        return _in_chunks(lambda x: network(x, _labels(x, label)), references)

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
        """Return the mean of 10,000 latents' style codes in a domain, [style_dim]."""
        rng = np.random.default_rng(self.config.seed)
        size = (MEAN_STYLE_LATENTS, self.config.latent_dim)
        label = self.label(domain)
        z = rng.standard_normal(size, np.float32)
        return self.networks["mapping_network"](z, _labels(z, label)).numpy().mean(0)

    def translate(self, sources: np.ndarray, styles: np.ndarray) -> np.ndarray:
        """Return every source in its style; one style serves them all.

        Args:
            sources: [N, H, W, 3] in [-1, 1].
            styles: [N, style_dim] or [1, style_dim].

        Returns:
            [N, H, W, 3], about [-1, 1].
        """
        styles = np.broadcast_to(styles, (len(sources), styles.shape[-1]))
        return _in_chunks(self.generate, sources, styles)

    def in_styles(
        self, sources: np.ndarray, styles: Iterable[np.ndarray]
    ) -> Iterator[np.ndarray]:
        """Yield what `translate` returns of each of many styles.

        What of the generator does not see the style, and faces' masks, are computed
        once for all: nearly half of the time.

        Args:
            sources: [N, H, W, 3] in [-1, 1].
            styles: each [N, style_dim], or one for all sources: [1, style_dim].
        """
        starts = range(0, len(sources), CHUNK)
        encoded = [self.encode(sources[i : i + CHUNK]) for i in starts]
        for style in styles:
            each = np.broadcast_to(style, (len(sources), style.shape[-1]))
            parts = zip(starts, encoded, strict=True)
            yield np.concatenate(
                [self.decode(part, each[i : i + CHUNK]).numpy() for i, part in parts]
            )

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


def _labels(batch: np.ndarray, label: int) -> np.ndarray:
    return np.full(len(batch), label, np.int32)


def _in_chunks(network: Callable[..., Any], *arrays: np.ndarray) -> np.ndarray:
    def parts() -> Iterator[np.ndarray]:
        for start in range(0, len(arrays[0]), CHUNK):
            yield network(*(a[start : start + CHUNK] for a in arrays)).numpy()

    return np.concatenate(list(parts()))
