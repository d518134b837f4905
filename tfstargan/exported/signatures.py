"""The three signatures of an exported model, and their tensors."""

from typing import NamedTuple

import numpy as np

MAP_LATENT, ENCODE_STYLE, TRANSLATE = "map_latent", "encode_style", "translate"


class Tensor(NamedTuple):
    """An input or output.

    Attributes:
        name: its name.
        shape: its shape; None for any size.
        dtype: its type.
        range: its values in words.
        labels: for domain labels, the number of domains.
    """

    name: str
    shape: tuple[int | None, ...]
    dtype: str
    range: str
    labels: int | None = None

    def describe(self) -> dict:
        """The description in the JSON, under the name."""
        return {"shape": [*self.shape], "dtype": self.dtype, "range": self.range}

    def check(self, value: np.ndarray) -> None:
        """Raise a ValueError unless an array fits: shape, type, labels in range."""
        same_rank = len(value.shape) == len(self.shape)
        sizes = zip(self.shape, value.shape, strict=False)
        fits = same_rank and all(n in (None, found) for n, found in sizes)
        if not fits or value.dtype != self.dtype:
            raise ValueError(
                f"{self.name}: is {value.dtype} {[*value.shape]}, must be "
                f"{self.dtype} {[*self.shape]}"
            )
        if self.labels and not ((value >= 0) & (value < self.labels)).all():
            raise ValueError(
                f"{self.name}={value.tolist()}: labels must be from 0 to "
                f"{self.labels - 1}"
            )


class Signature(NamedTuple):
    """A signature and its tensors, in the order of the function's arguments."""

    name: str
    inputs: tuple[Tensor, ...]
    output: Tensor

    def describe(self) -> dict:
        """The description in the JSON, under the name, without the file."""
        return {
            "inputs": {tensor.name: tensor.describe() for tensor in self.inputs},
            "outputs": {self.output.name: self.output.describe()},
        }

    def agrees(self, described: dict) -> bool:
        """True if a description has the same tensors; ranges are only prose."""
        return all(
            _shapes(described.get(kind)) == _shapes(tensors)
            for kind, tensors in self.describe().items()
        )

    def check(self, inputs: dict[str, np.ndarray]) -> None:
        """Raise a ValueError unless the named arrays fit the inputs."""
        names = [tensor.name for tensor in self.inputs]
        if sorted(inputs) != sorted(names):
            given = ", ".join(inputs) or "none"
            raise ValueError(f"{self.name}: takes {', '.join(names)}; given {given}")
        for tensor in self.inputs:
            tensor.check(np.asarray(inputs[tensor.name]))


def signatures(
    img_size: int, style_dim: int, latent_dim: int, num_domains: int, batch: int | None
) -> tuple[Signature, ...]:
    """The signatures of a model of these sizes; `batch` None is any number."""
    pixels = (batch, img_size, img_size, 3)
    style = Tensor("s", (batch, style_dim), "float32", "style code, unbounded")
    labels = (
        f"label of the domain, 0 to {num_domains - 1}; the model does not check it: "
        "any other gives a wrong result"
    )
    domain = Tensor("y", (batch,), "int32", labels, num_domains)
    latent = Tensor("z", (batch, latent_dim), "float32", "N(0, 1)")
    reference = Tensor("x_ref", pixels, "float32", "RGB in [-1, 1]")
    source = Tensor("x_src", pixels, "float32", "RGB in [-1, 1]")
    fake = Tensor("x_fake", pixels, "float32", "RGB, about [-1, 1]: clip it")
    return (
        Signature(MAP_LATENT, (latent, domain), style),
        Signature(ENCODE_STYLE, (reference, domain), style),
        Signature(TRANSLATE, (source, style), fake),
    )


def _shapes(tensors: object) -> object:
    """The names, shapes and types of described tensors; None if they are not sound."""
    if not isinstance(tensors, dict):
        return None
    if not all(isinstance(tensor, dict) for tensor in tensors.values()):
        return None
    return {n: (t.get("shape"), t.get("dtype")) for n, t in tensors.items()}
