"""Translating with an exported model in LiteRT; without TensorFlow."""

import os
import pathlib
from collections.abc import Iterable, Iterator
from typing import Self

import numpy as np

from tfstargan.errors import UserError
from tfstargan.exported import contract, runtime
from tfstargan.exported.contract import Contract
from tfstargan.translation.translating import Translating, as_float, like


class ExportedTranslator(Translating):
    """The three endpoints of an exported model, as a translator.

    Styles of seeds are those of `Translator`, computed by the exported network.

    Args:
        described: the model's contract.
        folder: holds its files.
    """

    def __init__(self, described: Contract, folder: str | os.PathLike):
        self.config = described
        endpoints = runtime.of_contract(described, folder)
        self.endpoints = {
            signature.name: runtime.Rows(signature, endpoints[signature.name])
            for signature in described.signatures()
        }

    @classmethod
    def load(cls, folder: str | os.PathLike) -> Self:
        """The translator of a folder that `tfstargan export tflite` wrote.

        Raises:
            UserError: if it is another folder, or is damaged.
        """
        path = pathlib.Path(folder)
        if not (path / contract.NAME).is_file():
            raise UserError(f"--model={path}: {_other(path)}")
        described = Contract.load(path)
        files = set(described.signature_files.values())
        if not all(name.endswith(".tflite") for name in files):
            raise UserError(
                f"--model={path}: it holds {', '.join(sorted(files))}, not .tflite; "
                "name a folder that `tfstargan export tflite` wrote"
            )
        return cls(described, path)

    @property
    def batch(self) -> int:
        """Number of images computed at once."""
        return self.config.batch or 8

    def map_latents(self, latents: np.ndarray, domain: str) -> np.ndarray:
        """Style codes of latents [N, latent_dim] in a domain."""
        return self._styles(contract.MAP_LATENT, latents, domain)

    def encode_styles(self, references: np.ndarray, domain: str) -> np.ndarray:
        """Style codes of images of a domain."""
        return self._styles(contract.ENCODE_STYLE, as_float(references), domain)

    def _styles(self, name: str, inputs: np.ndarray, domain: str) -> np.ndarray:
        labels = np.full(len(inputs), self.label(domain), np.int32)
        return self.endpoints[name].rows(inputs, labels)

    def mean_style(self, domain: str) -> np.ndarray:
        """The mean of 10,000 latents' style codes in a domain, [style_dim]."""
        mean = self.config.mean_styles[self.domains[self.label(domain)]]
        return np.array(mean, np.float32)

    def in_styles(
        self, sources: np.ndarray, styles: Iterable[np.ndarray]
    ) -> Iterator[np.ndarray]:
        """Yield what `apply_styles` returns of each of many styles.

        Args:
            sources: [N, H, W, 3], float in [-1, 1] or uint8.
            styles: each [N, style_dim], or one for all sources: [1, style_dim].
        """
        x = as_float(sources)
        for style in styles:
            each = np.broadcast_to(style, (len(sources), style.shape[-1]))
            yield like(self.endpoints[contract.TRANSLATE].rows(x, each), sources)


def _other(path: pathlib.Path) -> str:
    """What a folder is that is no exported model, and what to name in its place."""
    exports = path if path.name == "export" else path / "export"
    found = [str(file.parent) for file in sorted(exports.glob(f"*/{contract.NAME}"))]
    if found:
        return f"not a model; name one of {', '.join(found)}"
    if (path / "config.json").is_file():
        return f"a run; `tfstargan export tflite --run_dir={path}` exports it"
    if not path.exists():
        return "no such folder"
    return f"no exported model ({contract.NAME}) in it"
