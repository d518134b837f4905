"""Checks that the results of an exported model are those of Keras, on real images."""

import pathlib
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from export.model import graph
from export.model.folder import exports_dir, writing
from export.model.source import open_source
from tfstargan.config import Config
from tfstargan.data.critters import Critters
from tfstargan.data.stream import examples_of, open_images, some_labels
from tfstargan.errors import UserError
from tfstargan.exported import contract
from tfstargan.exported.runtime import Endpoints, Rows
from tfstargan.runs.run import Run
from tfstargan.translation.translator import Translator

TOLERANCE = 1e-4  # largest difference, of the largest value: float32's rounding
IMAGES = 12  # about so many, the same number for each domain


def real_images(config: Config, split: str = "val", count: int = IMAGES) -> np.ndarray:
    """Images of a run's data, [N, H, W, 3] float32 in [-1, 1], sorted by domain.

    Where the data is not available (the run was copied to another machine), they are
    drawn animals.

    Args:
        config: the run's settings.
        split: "train" or "val".
        count: about how many; each domain has the same number.
    """
    try:
        image_set = open_images(config.reading(skip_broken=True), split)
    except UserError as error:
        print(f"{error}\nComparing on drawn animals instead.", file=sys.stderr)
        image_set = Critters(split, config.img_size, count)
    labels = some_labels(len(image_set.domains), count)
    each = count // len(labels)
    found = examples_of(image_set, config.img_size, each, labels=labels)
    return np.concatenate(found)


class Network(Rows):
    """An endpoint in place of a Keras network, called with any number of rows."""

    def __call__(self, first: Any, second: Any, masks: None = None) -> tf.Tensor:
        """The endpoint's output; for faces, the endpoint computes the masks itself."""
        return tf.constant(self.rows(first, second))


class ExportedTranslator(Translator):
    """A translator whose generator is an endpoint, which can't be split in two."""

    graphs = False  # endpoints take arrays

    def encode(self, x: Any) -> Any:
        """The images themselves: `decode` computes everything."""
        return x

    def decode(self, encoded: Any, s: Any) -> Any:
        """Images in their styles."""
        return self.generate(encoded, s)


def exported_translator(
    config: Config, endpoints: Endpoints, batch: int | None = 1
) -> Translator:
    """A translator that computes with exported endpoints."""
    by_name = {
        signature.name: Network(signature, endpoints[signature.name])
        for signature in graph.signatures(config, batch)
    }
    return ExportedTranslator(
        config,
        {
            "mapping_network": by_name[contract.MAP_LATENT],
            "style_encoder": by_name[contract.ENCODE_STYLE],
            "generator": by_name[contract.TRANSLATE],
        },
    )


def write_verified(
    run: Run,
    checkpoint: int | str | None,
    kind: str,
    signature_files: dict[str, str],
    write: Callable[[Translator, pathlib.Path], None],
    load: Callable[[pathlib.Path], Endpoints],
    batch: int | None = 1,
    out: str = "",
) -> pathlib.Path:
    """Write an export and its contract, if its results are those of Keras.

    Args:
        run: the run to export.
        checkpoint: its iteration, or "best"; by default the newest.
        kind: kind of the files, and name of the folder.
        signature_files: {signature: name of the file that holds it}.
        write: writes the files of a translator into a folder.
        load: returns the endpoints of such a folder.
        batch: images at once; None: any number.
        out: the folder that holds the exports; by default RUN/export.

    Returns:
        The folder of the export.

    Raises:
        UserError: if the results differ from Keras, or the folder can't be written.
            Nothing is written then.
    """
    source = open_source(run, checkpoint)
    translator = source.translator
    images = real_images(run.config)
    described = graph.describe(source, kind, signature_files, batch)
    target = exports_dir(run, out) / kind
    with writing(target) as folder:
        write(translator, folder)
        exported = exported_translator(run.config, load(folder), batch)
        verify(translator, exported, images)
        described.seal(folder)
    return target


def verify(
    translator: Translator, exported: Translator, images: np.ndarray
) -> dict[str, float]:
    """Print each signature's largest difference from Keras, and return them.

    Raises:
        UserError: if one is beyond TOLERANCE, or no number.
    """
    # On GPUs TensorFlow rounds a convolution's inputs to 10 bits unless told not to.
    tf.config.experimental.enable_tensor_float_32_execution(False)
    differences = largest_differences(translator, exported, images)
    for name, difference in differences.items():
        print(f"{name:14} largest difference from Keras {difference:.1e}")
    if not all(d <= TOLERANCE for d in differences.values()):  # nan is not
        raise UserError(
            f"the exported model differs from Keras by more than {TOLERANCE}: it is "
            "not written; please report this with the versions in the run's run.json"
        )
    return differences


def largest_differences(
    translator: Translator, exported: Translator, images: np.ndarray
) -> dict[str, float]:
    """The largest difference of each signature's output from Keras; nan if any is nan.

    The difference is absolute, or relative to the largest value if that is above 1.
    Each image is translated into a random style and into its own.

    Args:
        translator: the Keras networks.
        exported: the exported model.
        images: [N, H, W, 3] float32 in [-1, 1].
    """
    config = translator.config
    expected_of, found_of = graph.functions(translator), graph.functions(exported)
    worst = dict.fromkeys(expected_of, 0.0)

    def compare(name: str, *inputs: np.ndarray) -> np.ndarray:
        found, expected = (f[name](*inputs).numpy() for f in (found_of, expected_of))
        difference = np.max(np.abs(found - expected))
        relative = difference / max(1.0, np.max(np.abs(expected)))
        worst[name] = float(np.maximum(worst[name], relative))
        return expected

    rng = np.random.default_rng(0)
    for i, image in enumerate(images):
        x, y = image[None], np.array([i % len(config.domains)], np.int32)
        z = rng.standard_normal((1, config.latent_dim), np.float32)
        for name, given in ((contract.MAP_LATENT, z), (contract.ENCODE_STYLE, x)):
            compare(contract.TRANSLATE, x, compare(name, given, y))
    return worst
