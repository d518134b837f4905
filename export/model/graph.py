"""A run's networks as graphs for serving and phones: SavedModel and LiteRT flatbuffer.

The networks are those of training in the lowerings of `networks.lowering` for LiteRT:
convolutions in a form that its processor backend (XNNPACK) is fast at, and means in one
that it is exact at. No operation falls back to slower code, and weights are stored once
and unpadded; see docs/export.md.
"""

import pathlib
import tempfile
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from tfstargan.config import Config
from tfstargan.errors import UserError
from tfstargan.exported import contract
from tfstargan.exported.contract import Contract, Signature
from tfstargan.networks.build import build_networks, translating
from tfstargan.runs.run import Run
from tfstargan.translation.translator import Translator


def signatures(config: Config, batch: int | None = 1) -> tuple[Signature, ...]:
    """The three endpoints of a run."""
    sizes = (config.img_size, config.style_dim, config.latent_dim, len(config.domains))
    return contract.signatures(*sizes, batch)


def functions(translator: Translator) -> dict[str, Callable[..., Any]]:
    """The function of tensors behind each endpoint."""
    return {
        contract.MAP_LATENT: translator.networks["mapping_network"],
        contract.ENCODE_STYLE: translator.networks["style_encoder"],
        contract.TRANSLATE: translator.generate,
    }


def describe(
    translator: Translator,
    run: Run,
    iteration: int,
    variant: str,
    signature_files: dict[str, str],
    batch: int | None = 1,
    quality: dict[str, float] | None = None,
) -> Contract:
    """The contract of a run's variant, to be sealed with its files."""
    config = run.config
    means = {name: translator.mean_style(name) for name in config.domains}
    return Contract(
        variant=variant,
        run=run.path.resolve().name,
        iteration=iteration,
        img_size=config.img_size,
        style_dim=config.style_dim,
        latent_dim=config.latent_dim,
        batch=batch,
        domains=tuple(config.domains),
        mean_styles={name: tuple(mean.tolist()) for name, mean in means.items()},
        signature_files=signature_files,
        files={},
        quality=quality or {},
    )


def for_export(translator: Translator, lowering: str = "litert") -> Translator:
    """A copy whose networks compute in the form to export.

    Layers get their names here: exported again, a copy gives the same bytes.

    Args:
        translator: what to export; it is not changed.
        lowering: "litert", or "litert_pairs" for files that compute in float32 on
            processors.
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
    the default signature, too: Keras gives the first endpoint that name.

    Args:
        copy: of `for_export`.
        folder: to write into.
        batch: images at once; None: any number.
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
        copy: of `for_export`.
        batch: images at once; None: any number, for ONNX.

    Raises:
        UserError: if the file came out without the weights.
    """
    names = [signature.name for signature in signatures(copy.config)]
    with tempfile.TemporaryDirectory() as folder:
        write_saved_model(copy, pathlib.Path(folder), batch)
        converter = tf.lite.TFLiteConverter.from_saved_model(
            folder, signature_keys=names
        )
        # Built-in operations alone: no phone has TensorFlow's own (Flex).
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        content = converter.convert()
    # Some versions of the converter lose variables without a word.
    weights = sum(4 * network.count_params() for network in copy.networks.values())
    if len(content) < 0.9 * weights:  # equal ones are stored once
        raise UserError(
            f"the converter wrote {len(content)} bytes for {weights} of weights: "
            "please report this with the versions in the run's run.json"
        )
    return content
