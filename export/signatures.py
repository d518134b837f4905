"""The inference endpoints: names, tensors, shapes and ranges, for every exported form.

Three signatures share the weights of one file: `map_latent` and `encode_style` give a
style code, `translate` brings it into a picture. Batch 1.
"""

import json
import pathlib
from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from tfstargan import images
from tfstargan.config import Config
from tfstargan.layers import upsample_in_phases
from tfstargan.translator import Translator

FORMAT_VERSION = 1  # of the JSON beside an exported model


class Tensor(NamedTuple):
    """An input or output: its name, shape, type, and range in words."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    range: str

    def spec(self) -> tf.TensorSpec:
        """Return what `tf.function` calls it."""
        return tf.TensorSpec(self.shape, self.dtype, name=self.name)


class Signature(NamedTuple):
    """An endpoint and its tensors, in the order of the function behind it."""

    name: str
    inputs: tuple[Tensor, ...]
    output: Tensor


def signatures(config: Config) -> tuple[Signature, ...]:
    """Return the three endpoints of a run."""
    pixels = (1, config.img_size, config.img_size, 3)
    style = Tensor("s", (1, config.style_dim), "float32", "style code, unbounded")
    domain = Tensor("y", (1,), "int32", f"label, 0 to {len(config.domains) - 1}")
    latent = Tensor("z", (1, config.latent_dim), "float32", "N(0, 1)")
    reference = Tensor("x_ref", pixels, "float32", "RGB in [-1, 1]")
    source = Tensor("x_src", pixels, "float32", "RGB in [-1, 1]")
    fake = Tensor("x_fake", pixels, "float32", "RGB, about [-1, 1]: clip it")
    return (
        Signature("map_latent", (latent, domain), style),
        Signature("encode_style", (reference, domain), style),
        Signature("translate", (source, style), fake),
    )


def functions(translator: Translator) -> dict[str, Callable[..., Any]]:
    """Return the function of tensors behind each endpoint."""
    return {
        "map_latent": translator.networks["mapping_network"],
        "encode_style": translator.networks["style_encoder"],
        "translate": translator.generate,
    }


def write_saved_model(translator: Translator, folder: pathlib.Path) -> None:
    """Write a TensorFlow SavedModel with the three signatures."""
    archive = keras.export.ExportArchive()
    for network in translator.networks.values():
        upsample_in_phases(network)
        archive.track(network)
    for signature in signatures(translator.config):
        archive.add_endpoint(
            signature.name,
            _named(functions(translator)[signature.name], signature.output.name),
            input_signature=[tensor.spec() for tensor in signature.inputs],
        )
    archive.write_out(str(folder), verbose=False)


def _named(function: Callable[..., Any], output: str) -> Callable[..., dict[str, Any]]:
    def endpoint(first: Any, second: Any) -> dict[str, Any]:
        return {output: function(first, second)}

    return endpoint


def write_description(translator: Translator, folder: pathlib.Path) -> pathlib.Path:
    """Write what an app has to know of an exported model as JSON beside it."""
    path = folder / "stargan.json"
    path.write_text(json.dumps(describe(translator), indent=2) + "\n")
    return path


def describe(translator: Translator) -> dict:
    """Return what an app has to know: domains, sizes, ranges, mean styles, names."""
    config = translator.config
    means = {name: translator.mean_style(name) for name in config.domains}
    return {
        "format_version": FORMAT_VERSION,
        "img_size": config.img_size,
        "style_dim": config.style_dim,
        "latent_dim": config.latent_dim,
        "domains": list(config.domains),
        "mean_styles": {name: mean.tolist() for name, mean in means.items()},
        "preprocessing": images.PREPROCESSING,
        "postprocessing": images.POSTPROCESSING,
        "signatures": {
            signature.name: {
                "inputs": {t.name: _json(t) for t in signature.inputs},
                "outputs": {signature.output.name: _json(signature.output)},
            }
            for signature in signatures(config)
        },
    }


def _json(tensor: Tensor) -> dict:
    return {
        "shape": list(tensor.shape),
        "dtype": tensor.dtype,
        "range": tensor.range,
    }
