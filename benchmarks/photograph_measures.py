"""What `photograph_curves.py` measures of a translator of photographs."""

import importlib.util
import pathlib
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image

from tfstargan import images
from tfstargan.config import Config
from tfstargan.data.image_set import ImageSet
from tfstargan.data.stream import examples_of, open_images
from tfstargan.errors import UserError
from tfstargan.metrics.fid import kernel_distance
from tfstargan.metrics.instruments import open_instruments
from tfstargan.translation.translator import Translator

OUTPUTS = 10  # of a source, for diversity
DIVERSE = 20  # sources of each domain, for diversity
RIDGE = 300.0  # weight of the probe's penalty


class Measurement:
    """Measures translators on one data set."""

    def __init__(self, config: Config, backbone_dir: str = "", features_dir: str = ""):
        (self.lite0,) = open_instruments(("kid_lite0",), backbone_dir).inceptions
        self.config = config
        self.domains = config.domains
        training, self.validation = (open_images(config, s) for s in ("train", "val"))
        self.real = [self.features_of(training, k) for k in range(len(self.domains))]
        self.held_out = [
            self.features_of(self.validation, k) for k in range(len(self.domains))
        ]
        self.probe = linear_probe(self.real)
        self.diversity = stlpips(features_dir, config.img_size)

    def features_of(self, image_set: ImageSet, domain: int) -> np.ndarray:
        """Features of all images of a domain."""
        count = image_set.count(domain)
        return self.lite0.see(
            [image_set.image(domain, i) for i in range(count)], self.config.img_size
        )

    def features(self, fakes: np.ndarray) -> np.ndarray:
        """Features of translations in [-1, 1]."""
        pixels = [Image.fromarray(x) for x in images.to_uint8(fakes)]
        return self.lite0.see(pixels, self.config.img_size)

    def references(self) -> dict[str, float]:
        """Distance and species of real images: held out, and of the other domains."""
        targets = range(len(self.domains))
        pairs = [(k, other) for k in targets for other in targets if other != k]
        floor = [kernel_distance(self.real[k], self.held_out[k])[0] for k in targets]
        ceiling = [kernel_distance(self.real[k], self.held_out[o])[0] for k, o in pairs]
        species = [(self.probe(self.held_out[k]) == k).mean() for k in targets]
        mistaken = [(self.probe(self.held_out[o]) == k).mean() for k, o in pairs]
        return {
            "floor": float(np.mean(floor)),
            "ceiling": float(np.mean(ceiling)),
            "species": float(np.mean(species)),
            "species_untranslated": float(np.mean(mistaken)),
        }

    def of(self, translator: Translator) -> dict[str, float]:
        """Mean of each measure over the ordered pairs of domains."""
        targets = range(len(self.domains))
        rows = [
            self.of_pair(translator, source, target)
            for target in targets
            for source in targets
            if source != target
        ]
        return {
            name: float(np.mean([row[name] for row in rows]))
            for name in rows[0]
            if rows[0][name] is not None
        }

    def of_pair(self, translator: Translator, source: int, target: int) -> dict:
        """The measures of one ordered pair of domains."""
        count = self.validation.count(source)
        x = examples_of(self.validation, self.config.img_size, count)[source]
        row: dict[str, Any] = {}
        for guide, styles in self.styles(translator, target, count).items():
            fakes = translator.apply_styles(x, styles)
            seen = self.features(fakes)
            row[f"distance_{guide}"] = kernel_distance(self.real[target], seen)[0]
            row[f"species_{guide}"] = (self.probe(seen) == target).mean()
        own = translator.encode_styles(x, self.domains[source])
        row["cycle"] = np.abs(translator.apply_styles(fakes, own) - x).mean()
        row["self"] = np.abs(translator.apply_styles(x, own) - x).mean()
        outputs = self.outputs(translator, x[:DIVERSE], target)
        row["variety"] = self.variety(outputs, target)
        if self.diversity:
            row["diversity"] = self.diversity(outputs)
        for name in ("distance", "species"):
            row[name] = (row[f"{name}_latent"] + row[f"{name}_reference"]) / 2
        return row

    def styles(
        self, translator: Translator, target: int, count: int
    ) -> dict[str, np.ndarray]:
        """A style for each source, of latents and of validation references."""
        rng = np.random.default_rng(0)
        z = rng.standard_normal((count, translator.config.latent_dim), np.float32)
        held_out = self.validation.count(target)
        x_ref = examples_of(self.validation, self.config.img_size, held_out)[target]
        chosen = rng.permutation(np.resize(np.arange(held_out), count))
        domain = self.domains[target]
        return {
            "latent": translator.map_latents(z, domain),
            "reference": translator.encode_styles(x_ref[chosen], domain),
        }

    def variety(self, groups: np.ndarray, target: int) -> float:
        """The variance of features within groups [N, M, H, W, 3], relative to real."""
        within = [self.features(group).var(axis=0, ddof=1).sum() for group in groups]
        return float(np.mean(within) / self.real[target].var(axis=0, ddof=1).sum())

    def outputs(self, translator: Translator, x: np.ndarray, target: int) -> np.ndarray:
        """Sources in styles of latents, [N, OUTPUTS, H, W, 3]."""
        domain = self.domains[target]
        styles = [translator.random_style(domain, seed) for seed in range(OUTPUTS)]
        return np.stack([*translator.in_styles(x, styles)], axis=1)


def linear_probe(real: list[np.ndarray]) -> Callable[[np.ndarray], np.ndarray]:
    """The domains of features, by ridge regression on those of real images."""
    x = np.concatenate(real).astype(np.float64)
    mean, scale = x.mean(0), x.std(0) + 0.05

    def normed(features: np.ndarray) -> np.ndarray:
        return np.c_[(features - mean) / scale, np.ones(len(features))]

    label = np.repeat(np.arange(len(real)), [len(features) for features in real])
    wanted = np.eye(len(real))[label] * 2 - 1
    x = normed(x)
    weights = np.linalg.solve(x.T @ x + RIDGE * np.eye(x.shape[1]), x.T @ wanted)
    return lambda features: (normed(features) @ weights).argmax(1)


def stlpips(folder: str, side: int) -> Callable[[np.ndarray], float] | None:
    """The mean distance of all pairs within groups [N, M, H, W, 3]."""
    if not folder:
        return None
    path = pathlib.Path(folder) / "stlpips.py"
    spec = importlib.util.spec_from_file_location("stlpips", path)
    if spec is None or spec.loader is None or not path.exists():
        raise UserError(f"--features_dir={folder}: no stlpips.py there")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    network = module.build(side)
    first, second = np.triu_indices(OUTPUTS, 1)

    def mean_distance(groups: np.ndarray) -> float:
        return float(
            np.mean(
                [
                    network.predict_on_batch([group[first], group[second]])
                    for group in groups
                ]
            )
        )

    return mean_distance
