"""Runs and images in folders and buckets alike, by the file systems of Apache Beam."""

import io
import pathlib
import tempfile
import uuid

import numpy as np
from apache_beam.io.filesystems import FileSystems
from PIL import Image

from tfstargan import images
from tfstargan.errors import UserError
from tfstargan.files import PARTIAL
from tfstargan.runs.run import CHECKPOINT
from tfstargan.translation.translator import Translator


def load(run_dir: str, iteration: int | str | None = None) -> Translator:
    """The translator of a run in a folder or, copied, in a bucket."""
    if "://" not in run_dir:
        return Translator.load(run_dir, iteration)
    if not str(iteration or 0).isdecimal():
        raise UserError(f"--checkpoint={iteration}: in a bucket, give its number")
    name = "*.weights.h5" if iteration is None else CHECKPOINT.format(int(iteration))
    found = FileSystems.match([f"{run_dir}/checkpoints/{name}"])[0].metadata_list
    if not found:
        raise UserError(f"--run_dir={run_dir}: no checkpoint {name} in it")
    newest = max(file.path for file in found)
    with tempfile.TemporaryDirectory() as folder:
        copy = pathlib.Path(folder)
        (copy / "checkpoints").mkdir()
        for file in (f"{run_dir}/config.json", newest):
            target = copy / file.removeprefix(f"{run_dir}/")
            with FileSystems.open(file) as stream:
                target.write_bytes(stream.read())
        return Translator.load(str(copy))


def read(file: str) -> Image.Image:
    """The image in a file, RGB and upright.

    Raises:
        UserError: if it can't be read.
    """
    with FileSystems.open(file, compression_type="uncompressed") as stream:
        return images.decode(io.BytesIO(stream.read()), file)


def write(pixels: np.ndarray, target: str) -> None:
    """Write an image atomically."""
    folder = target.rpartition("/")[0]
    partial = f"{folder}/{PARTIAL}{uuid.uuid4().hex}"
    make_folder(folder)
    with FileSystems.create(partial) as stream:
        Image.fromarray(pixels).save(stream, "PNG")
    FileSystems.rename([partial], [target])


def make_folder(path: str) -> None:
    """Make a folder unless it exists; a bucket has none."""
    if not FileSystems.get_filesystem(path).has_dirs() or FileSystems.exists(path):
        return
    try:
        FileSystems.mkdirs(path)
    except OSError:
        if not FileSystems.exists(path):  # or another worker was faster
            raise


def is_wanted(file: str, source: str) -> bool:
    """Whether a file's name says that it is an image, and none above it is hidden."""
    parts = file.removeprefix(source).strip("/").split("/")
    return images.is_image(file) and all(map(images.is_ours, parts))
