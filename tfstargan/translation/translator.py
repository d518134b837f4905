"""Translating images with a trained run: `Translator.load(run_dir).translate(...)`."""

import os
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Self

import numpy as np

from tfstargan.backend import tf
from tfstargan.config import Config
from tfstargan.errors import UserError
from tfstargan.images.fitting import MULTIPLE, Fit, Size
from tfstargan.networks.build import build_networks, translating
from tfstargan.networks.generator import BOTTLENECK_SIDE
from tfstargan.networks.masks import masks_of
from tfstargan.progress import waiting
from tfstargan.runs.run import Run, open_run
from tfstargan.translation import memory
from tfstargan.translation.ahead import batched
from tfstargan.translation.compiled import Compiled
from tfstargan.translation.fit_options import CROP, FitOptions
from tfstargan.translation.translating import Translating, as_float, like

# A batch holds about as many numbers at any size: a feature map of side r has
# `channel_base / r` channels. Larger batches of small images are no faster.
BATCH_SIDE = 2048  # largest feature maps of a batch, side by side
LARGEST_BATCH = 32
MEAN_STYLE_LATENTS = 10_000  # as in the authors' evaluation
LATENTS_AT_ONCE = 250  # in every domain: a layer of 150 domains takes 77 MB


class Translator(Translating):
    """The three networks that translate, and the names of their domains.

    `translate` takes and gives images. The other methods work on arrays: images
    [N, H, W, 3] of the run's `img_size` (`in_styles` and `apply_styles` also of sides
    that are multiples of `multiple()`), float32 in [-1, 1] or uint8 from 0 to 255,
    style codes [N, style_dim] float32, and domains by name.

    Args:
        config: the run's settings.
        networks: the averaged networks and, if w_hpf > 0, `fan`, by their names.
    """

    graphs = True  # whether the networks are functions of tensors

    def __init__(self, config: Config, networks: dict[str, Any]):
        self.config = config
        self.networks = networks
        self._mean_styles: dict[str, np.ndarray] = {}
        self._compiled: dict[str, Callable[..., Any]] = {}

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
        with waiting("loading the networks"):
            networks = build_networks(run.config, translating(run.config))
            run.load_averages(networks, checkpoint)
        return cls(run.config, networks)

    @property
    def batch(self) -> int:
        """Number of images computed at once."""
        return max(1, min(LARGEST_BATCH, BATCH_SIDE // self.config.largest_map))

    def map_latents(self, latents: np.ndarray, domain: str) -> np.ndarray:
        """Style codes of latents [N, latent_dim] in a domain."""
        return self._styles("mapping_network", latents, domain)

    def encode_styles(self, references: np.ndarray, domain: str) -> np.ndarray:
        """Style codes of images of a domain."""
        return self._styles("style_encoder", as_float(references), domain)

    def _styles(self, name: str, inputs: np.ndarray, domain: str) -> np.ndarray:
        labels = np.full(len(inputs), self.label(domain), np.int32)
        network = self._often(name, self.networks[name])
        parts = [
            network(inputs[i : i + self.batch], labels[i : i + self.batch]).numpy()
            for i in range(0, len(inputs), self.batch)
        ]
        return np.concatenate(parts)

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

    def in_styles(
        self,
        sources: np.ndarray,
        styles: Iterable[np.ndarray],
        batch: int | None = None,
    ) -> Iterator[np.ndarray]:
        """Yield what `apply_styles` returns of each of many styles.

        What of the generator does not see the style, and faces' masks, are computed
        once for all styles: nearly half of the time. Few sources are computed in
        several styles at once.

        Args:
            sources: [N, H, W, 3], float in [-1, 1] or uint8.
            styles: each [N, style_dim], or one for all sources: [1, style_dim].
            batch: number of images computed at once; by default `batch_of`.
        """
        batch, count = batch or self.batch_of(sources.shape[1:]), len(sources)
        x = as_float(sources)
        encode = self._often("encode", self.encode)
        encoded = [encode(x[i : i + batch]) for i in range(0, count, batch)]
        for some in batched(styles, max(1, batch // count)):
            codes = [np.broadcast_to(s, (count, s.shape[-1])) for s in some]
            parts = encoded if len(some) == 1 else [_copies(encoded[0], len(some))]
            fakes = self._decoded(parts, np.concatenate(codes), batch)
            yield from (like(fake, sources) for fake in np.split(fakes, len(some)))

    def batch_of(self, shape: tuple[int, ...]) -> int:
        """Number of images [H, W, 3] computed at once; fewer of larger ones."""
        larger = shape[0] * shape[1] / self.config.img_size**2
        return max(1, int(self.batch / max(1, larger)))

    def fit_of(self, size: Size, how: FitOptions = CROP, name: str = "image") -> Fit:
        """The place of an image on the canvas that is translated; see `Translating`."""
        found = super().fit_of(size, how, name)
        memory.require(self.config, found, name)
        return found

    def multiple(self) -> int:
        """The number of which the sides of images must be multiples.

        Raises:
            UserError: if the generator has masks of faces, which are squares.
        """
        if self.config.w_hpf:
            raise UserError(
                "--fit=whole: this run has masks of faces (w_hpf), which are squares; "
                "use --fit=crop or pad"
            )
        return max(MULTIPLE, self.config.img_size // BOTTLENECK_SIDE)

    def _decoded(self, parts: list, codes: np.ndarray, batch: int) -> np.ndarray:
        """Encoded batches in their styles, [N, H, W, 3]."""
        decode = self._often("decode", self.decode)
        fakes = [decode(x, codes[batch * i :][:batch]) for i, x in enumerate(parts)]
        return np.concatenate([fake.numpy() for fake in fakes])

    def generate(self, x: Any, s: Any) -> Any:
        """Images in their styles, tensor for tensor."""
        return self.networks["generator"](x, s, self._masks(x))

    def encode(self, x: Any) -> Any:
        """What `decode` needs of images, whatever the style: nested tensors."""
        return self.networks["generator"].encode_features(x), self._masks(x)

    def decode(self, encoded: Any, s: Any) -> Any:
        """Encoded images in their styles, as `generate` gives them."""
        features, masks = encoded
        return self.networks["generator"].decode_features(features, s, masks)

    def _masks(self, x: Any) -> Any:
        fan = self.networks.get("fan")
        return None if fan is None else masks_of(fan, x)

    def _often(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """A function that becomes a graph when it is called often."""
        if name not in self._compiled:
            self._compiled[name] = Compiled(function) if self.graphs else function
        return self._compiled[name]


def _copies(encoded: Any, count: int) -> Any:
    """A batch of nested tensors, `count` times over."""
    return tf.nest.map_structure(
        lambda x: None if x is None else tf.concat([x] * count, axis=0), encoded
    )
