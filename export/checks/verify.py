"""Whether an exported model gives what Keras gives, on real pictures."""

import pathlib
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from export.model import graph
from tfstargan.config import Config
from tfstargan.data.critters import Critters
from tfstargan.data.stream import examples_of, open_images
from tfstargan.errors import UserError
from tfstargan.exported import contract
from tfstargan.exported.runtime import Endpoints, Rows
from tfstargan.files import atomic_folder
from tfstargan.runs.run import Run, iteration_of
from tfstargan.translation.translator import Translator

TOLERANCE = 1e-4  # largest difference, of the largest value: float32's rounding
PICTURES = 12  # about so many, evenly over the domains


def real_pictures(
    config: Config, split: str = "val", pictures: int = PICTURES
) -> np.ndarray:
    """Return about so many pictures of a run's data, as many of each domain.

    [N, H, W, 3] float32 in [-1, 1]. Where the data is not at hand (a run copied to
    another machine), they are drawn animals.
    """
    try:
        image_set = open_images(config.reading(skip_broken=True), split)
    except UserError as error:
        print(f"{error}\nComparing on drawn animals instead.", file=sys.stderr)
        image_set = Critters(split, config.img_size, pictures)
    each = max(1, pictures // len(image_set.domains))
    return np.concatenate(examples_of(image_set, config.img_size, each))


class Network(Rows):
    """An endpoint in the place of a Keras network: called with any number of rows."""

    def __call__(self, first: Any, second: Any, masks: None = None) -> tf.Tensor:
        """The endpoint's output; one for faces makes its masks itself."""
        return tf.constant(self.rows(first, second))


class ExportedTranslator(Translator):
    """A translator whose generator is an endpoint, which goes all the way at once."""

    graphs = False  # endpoints take arrays

    def encode(self, x: Any) -> Any:
        """Return the images: what they are in a style is computed from them."""
        return x

    def decode(self, encoded: Any, s: Any) -> Any:
        """Return images in their styles."""
        return self.generate(encoded, s)


def exported_translator(
    config: Config, endpoints: Endpoints, batch: int | None = 1
) -> Translator:
    """Return a translator that computes with exported endpoints."""
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
) -> pathlib.Path:
    """Write RUN/export/KIND with its contract, if it gives what Keras gives.

    Args:
        run: to be exported.
        checkpoint: its iteration; by default the newest.
        kind: of the files; the folder's name.
        signature_files: {signature: name of the file that holds it}.
        write: writes the files of a translator into a folder.
        load: returns the endpoints of such a folder.
        batch: pictures at once; None: any number.

    Raises:
        UserError: if it differs from Keras; nothing is written then.
    """
    iteration = iteration_of(run.checkpoint(checkpoint))
    translator = Translator.of_run(run, iteration)
    pictures = real_pictures(run.config)
    described = graph.describe(translator, run, iteration, kind, signature_files, batch)
    target = run.export_dir / kind
    with atomic_folder(target) as folder:
        write(translator, folder)
        exported = exported_translator(run.config, load(folder), batch)
        verify(translator, exported, pictures)
        described.seal(folder)
    return target


def verify(
    translator: Translator, exported: Translator, pictures: np.ndarray
) -> dict[str, float]:
    """Print each signature's largest difference from Keras, and return them.

    Raises:
        UserError: if one is beyond TOLERANCE, or no number.
    """
    # On GPUs TensorFlow rounds a convolution's inputs to 10 bits unless told not to.
    tf.config.experimental.enable_tensor_float_32_execution(False)
    differences = largest_differences(translator, exported, pictures)
    for name, difference in differences.items():
        print(f"{name:14} largest difference from Keras {difference:.1e}")
    if not all(d <= TOLERANCE for d in differences.values()):  # nan is not
        raise UserError(
            f"the exported model differs from Keras by more than {TOLERANCE}: it is "
            "not written; please report this with the versions in the run's run.json"
        )
    return differences


def largest_differences(
    translator: Translator, exported: Translator, pictures: np.ndarray
) -> dict[str, float]:
    """Return each signature's largest difference from Keras, nan if any is.

    The difference is absolute, or relative to the largest value where that is above 1.

    Every picture is translated with a random latent's style and with its own.

    Args:
        translator: of the Keras networks.
        exported: of the exported ones.
        pictures: [N, H, W, 3] float32 in [-1, 1].
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
    for i, picture in enumerate(pictures):
        x, y = picture[None], np.array([i % len(config.domains)], np.int32)
        z = rng.standard_normal((1, config.latent_dim), np.float32)
        for name, given in ((contract.MAP_LATENT, z), (contract.ENCODE_STYLE, x)):
            compare(contract.TRANSLATE, x, compare(name, given, y))
    return worst
