"""A run's .tflite files: making, loading and writing a variant."""

import functools
import pathlib
import sys

import numpy as np

from export.checks.verify import exported_translator, real_images
from export.litert import flatbuffer, versions
from export.litert import variants as variants_of
from export.litert.variants import CALIBRATED, Calibration
from export.model import graph
from export.model.folder import exports_dir, writing
from export.model.source import open_source
from tfstargan.exported import contract, runtime
from tfstargan.exported.contract import Contract
from tfstargan.runs.run import Run
from tfstargan.translation.translator import Translator

METADATA = "tfstargan"  # name of the description in a .tflite's metadata
CALIBRATION_IMAGES = 60
Files = dict[str, bytes]  # {file name: content}


def calibration(
    translator: Translator, images: np.ndarray, batch: int = 1
) -> Calibration:
    """Typical inputs of each signature, made of images of the run."""
    config = translator.config
    rng = np.random.default_rng(0)
    inputs: Calibration = {signature.name: [] for signature in graph.signatures(config)}
    for i, image in enumerate(images):
        label = i % len(config.domains)
        y = np.full(batch, label, np.int32)
        z = rng.standard_normal((batch, config.latent_dim), np.float32)
        x = np.repeat(image[None], batch, axis=0)
        style = translator.map_latents(z, config.domains[label])
        inputs[contract.MAP_LATENT].append({"z": z, "y": y})
        inputs[contract.ENCODE_STYLE].append({"x_ref": x, "y": y})
        inputs[contract.TRANSLATE].append({"x_src": x, "s": style})
    return inputs


class Export:
    """An export of a run's checkpoint, which makes and writes variants.

    Args:
        run: the run to export.
        checkpoint: its iteration, or "best"; by default the newest.
        batch: number of images at once.
        split: whether each signature has a file of its own.
        out: the folder that holds the exports; by default RUN/export.
    """

    def __init__(
        self,
        run: Run,
        checkpoint: int | str | None = None,
        batch: int = 1,
        split: bool = False,
        out: str = "",
    ):
        self.run = run
        self.folder = exports_dir(run, out)
        self.source = open_source(run, checkpoint)
        self.batch = batch
        self.split = split
        self.translator = self.source.translator
        self.images = real_images(run.config)
        signatures = graph.signatures(run.config)
        self.inputs = {s.name: [t.name for t in s.inputs] for s in signatures}
        self.names = [*self.inputs]

    @functools.cached_property
    def copy(self) -> Translator:
        """The networks in the form of all variants except float32."""
        return graph.for_export(self.translator)

    @functools.cached_property
    def float32(self) -> bytes:
        """The variant float32."""
        copy = graph.for_export(self.translator, "litert_pairs")
        return graph.convert(copy, self.batch)

    @functools.cached_property
    def unquantized(self) -> bytes:
        """The file that the other variants are made from."""
        return graph.convert(self.copy, self.batch)

    def make(self, variant: str) -> Files:
        """The files of a variant."""
        content = self.float32 if variant == "float32" else self._quantized(variant)
        content = flatbuffer.in_order(content, self.inputs)
        if not self.split:
            return {"stargan.tflite": content}
        return {f"{name}.tflite": flatbuffer.cut(content, name) for name in self.names}

    def _quantized(self, variant: str) -> bytes:
        ranges: Calibration = {}
        if variant in CALIBRATED:
            images = real_images(self.run.config, "train", CALIBRATION_IMAGES)
            print(f"{variant}: finding ranges on {len(images)} images", file=sys.stderr)
            ranges = calibration(self.translator, images, self.batch)
        return variants_of.quantize(self.unquantized, variant, ranges)

    def exported(self, files: Files) -> Translator:
        """A translator that computes with the files, in LiteRT."""
        models = {name: files[self.file_of(name)] for name in self.names}
        endpoints = runtime.endpoints(models)
        return exported_translator(self.run.config, endpoints, self.batch)

    def file_of(self, signature: str) -> str:
        """The name of the file that holds a signature."""
        return f"{signature}.tflite" if self.split else "stargan.tflite"

    def alone(self, files: Files, signature: str) -> bytes:
        """A .tflite that holds only one signature."""
        content = files[self.file_of(signature)]
        return content if self.split else flatbuffer.cut(content, signature)

    def write(
        self, variant: str, files: Files, measured: dict[str, float]
    ) -> pathlib.Path:
        """Write a variant's folder atomically, and return it."""
        described = graph.describe(
            self.source,
            variant,
            {name: self.file_of(name) for name in self.names},
            self.batch,
            measured,
            min_runtime(files),
        )
        carried = described.to_json().encode()
        target = self.folder / variant
        with writing(target) as folder:
            for name, content in files.items():
                carrying = flatbuffer.with_metadata(content, METADATA, carried)
                (folder / name).write_bytes(carrying)
            described.seal(folder)
            Contract.load(folder)
        return target


def min_runtime(files: Files) -> str:
    """The oldest runtime that computes all of a variant's files."""
    declared = [versions.min_runtime(flatbuffer.read(c)) for c in files.values()]
    return max(declared, key=versions.as_numbers)
