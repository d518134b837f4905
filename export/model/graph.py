"""A run's networks as graphs for serving and phones: SavedModel and LiteRT flatbuffer.

The networks are those of training, built with a lowering for LiteRT: convolutions in a
form that its CPU backend (XNNPACK) computes fast, and means in one that it computes
exactly. No operation falls back to slower code. Weights are stored once and unpadded.
See docs/export.md.
"""

import pathlib
import tempfile
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from export.model.source import Source
from tfstargan.config import Config
from tfstargan.errors import UserError
from tfstargan.exported import contract
from tfstargan.exported.contract import Contract, Signature
from tfstargan.networks.build import build_networks, translating
from tfstargan.translation.translator import Translator


def signatures(config: Config, batch: int | None = 1) -> tuple[Signature, ...]:
    """The three signatures of a run's model."""
    sizes = (config.img_size, config.style_dim, config.latent_dim, len(config.domains))
    return contract.signatures(*sizes, batch)


def functions(translator: Translator) -> dict[str, Callable[..., Any]]:
    """The function of tensors behind each signature."""
    return {
        contract.MAP_LATENT: translator.networks["mapping_network"],
        contract.ENCODE_STYLE: translator.networks["style_encoder"],
        contract.TRANSLATE: translator.generate,
    }


def describe(
    source: Source,
    variant: str,
    signature_files: dict[str, str],
    batch: int | None = 1,
    quality: dict[str, float] | None = None,
    min_runtime: str = "",
) -> Contract:
    """The contract of a variant, to be sealed with its files."""
    config, translator = source.run.config, source.translator
    means = {name: translator.mean_style(name) for name in config.domains}
    return Contract(
        variant=variant,
        run=source.run.path.resolve().name,
        iteration=source.iteration,
        img_size=config.img_size,
        style_dim=config.style_dim,
        latent_dim=config.latent_dim,
        batch=batch,
        domains=tuple(config.domains),
        mean_styles={name: tuple(mean.tolist()) for name, mean in means.items()},
        signature_files=signature_files,
        files={},
        quality=quality or {},
        checkpoint=source.checkpoint,
        min_runtime=min_runtime,
    )


def for_export(translator: Translator, lowering: str = "litert") -> Translator:
    """A copy whose networks compute in the form to export.

    Its layers get names of their own, so that exporting twice gives the same bytes.

    Args:
        translator: the translator to export; it is not changed.
        lowering: "litert", or "litert_pairs" for files that compute in float32 on
            CPUs.
    """
    config = translator.config
    networks = build_networks(config, translating(config), lowering=lowering)
    for name, network in networks.items():
        network.set_weights(translator.networks[name].get_weights())
    return Translator(config, networks)


def write_saved_model(
    copy: Translator, folder: pathlib.Path, batch: int | None = None
) -> None:
    """Write a TensorFlow SavedModel with the three signatures.

    Endpoints take the tensors of the contract, by name or in its order. `translate` is
    also the default signature, because Keras gives the first endpoint that name.

    Args:
        copy: a translator made by `for_export`.
        folder: the folder to write into.
        batch: number of images at once; None for any number.
    """
    archive = keras.export.ExportArchive()
    for network in copy.networks.values():
        archive.track(network)
    endpoints = _endpoints(copy)
    for signature in reversed(signatures(copy.config, batch)):
        archive.add_endpoint(
            signature.name,
            endpoints[signature.name],
            input_signature=[
                tf.TensorSpec(tensor.shape, tensor.dtype, name=tensor.name)
                for tensor in signature.inputs
            ],
        )
    archive.write_out(str(folder), verbose=False)


def _endpoints(copy: Translator) -> dict[str, Callable[..., dict[str, Any]]]:
    """The functions of an archive: their arguments become the names of its tensors."""
    function = functions(copy)

    def map_latent(z: Any, y: Any) -> dict[str, Any]:
        return {"s": function[contract.MAP_LATENT](z, y)}

    def encode_style(x_ref: Any, y: Any) -> dict[str, Any]:
        return {"s": function[contract.ENCODE_STYLE](x_ref, y)}

    def translate(x_src: Any, s: Any) -> dict[str, Any]:
        return {"x_fake": function[contract.TRANSLATE](x_src, s)}

    return {
        contract.MAP_LATENT: map_latent,
        contract.ENCODE_STYLE: encode_style,
        contract.TRANSLATE: translate,
    }


def convert(copy: Translator, batch: int | None = 1) -> bytes:
    """A float32 LiteRT flatbuffer of the networks with the three signatures.

    Args:
        copy: a translator made by `for_export`.
        batch: number of images at once; None for any number, as ONNX needs.

    Raises:
        UserError: if the converter lost the weights.
    """
    names = [signature.name for signature in signatures(copy.config)]
    with tempfile.TemporaryDirectory() as folder:
        write_saved_model(copy, pathlib.Path(folder), batch)
        converter = tf.lite.TFLiteConverter.from_saved_model(
            folder, signature_keys=names
        )
        # Only built-in operations: phones do not have TensorFlow's own (Flex).
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        content = converter.convert()
    # Some versions of the converter lose variables without an error.
    weights = sum(4 * network.count_params() for network in copy.networks.values())
    if len(content) < 0.9 * weights:  # equal weights are stored once
        raise UserError(
            f"the converter wrote {len(content)} bytes for {weights} bytes of weights: "
            "please report this with the versions in the run's run.json"
        )
    return content
