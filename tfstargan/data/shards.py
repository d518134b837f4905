"""Pictures in TFRecord shards, as `tfstargan pack` builds them.

    ROOT/index.json                      domains, img_size, counts, shards, checksums
    ROOT/train-00000-of-00008.tfrecord   `tf.train.Example`s, domain after domain
    ROOT/train-00000-of-00008.json       where each of them begins

A record holds a picture as it was (a JPEG's file, another's pixels) and, beside it, the
picture squeezed to img_size: the pixels of every draw that is not cropped, without
decoding or resizing.
The stream asks for pictures by number, hence reads by position: it is the folder's
stream, picture for picture, from any iteration on.
"""

import io
import pathlib
from typing import Any, NamedTuple

import tensorflow as tf
from google.protobuf.message import DecodeError
from PIL import Image

from tfstargan import images
from tfstargan.data.folder import say
from tfstargan.data.image_set import ImageSet
from tfstargan.data.shard_index import INDEX, contents_of, place, read_json
from tfstargan.errors import UserError
from tfstargan.files import composed

# Features of a record; the first four are named as TensorFlow's own converters do.
ENCODED = "image/encoded"  # JPEG or PPM, at its own size
FILENAME = "image/filename"
LABEL = "image/class/label"
DOMAIN = "image/class/text"
SQUEEZED = "image/squeezed"  # uint8 pixels [img_size, img_size, 3]


HEADER = 12  # bytes of a TFRecord before its data: the length and its checksum
FOOTER = 4  # and behind: the data's checksum


class Place(NamedTuple):
    """Where a record's data is."""

    file: pathlib.Path
    offset: int
    length: int


class Shards(ImageSet):
    """The pictures of one split.

    Args:
        root: holds index.json and the shards.
        split: "train" or "val"; the former where there is no such.
        domains: names in label order; empty: all, sorted.

    Raises:
        UserError: if the index or a shard is missing or damaged, or lacks a domain.
    """

    def __init__(self, root: pathlib.Path, split: str, domains: tuple[str, ...] = ()):
        self.places: dict[str, list[Place]] = {}
        try:
            self._read_index(root, split, domains)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            if isinstance(error, UserError):
                raise
            raise UserError(
                f"{root / INDEX}: not as records have it ({error!r}); build them anew"
            ) from error

    def _read_index(self, root: pathlib.Path, split: str, domains: tuple) -> None:
        index = read_json(root / INDEX)
        found = [composed(domain) for domain in index["domains"]]
        self.img_size: int = index["img_size"]
        self.domains = domains or tuple(found)
        for domain in self.domains:
            if composed(domain) not in found:
                raise UserError(f"{root / INDEX}: no domain {domain}; it has {found}")
        self.places = {domain: [] for domain in found}
        splits = index["splits"]
        if split not in splits:
            say(f"{root}: no {split} in it; training images stand in for validation")
            split = "train"
        for shard in splits[split]["shards"]:
            file = place(root, shard["file"])
            if not file.is_file() or file.stat().st_size != shard["bytes"]:
                raise UserError(f"{file}: missing or cut short; build the records anew")
            for domain, _, offset, length in read_json(contents_of(file))["pictures"]:
                self.places[composed(domain)].append(
                    Place(file, int(offset), int(length))
                )
        if type(self.img_size) is not int or len(self.domains) < 2:
            raise ValueError("no size, or fewer than two domains")
        for domain in self.domains:
            if not self.places[composed(domain)]:
                raise ValueError(f"no picture of {domain}")

    def count(self, domain: int) -> int:
        """Return the number of pictures of a domain."""
        return len(self.places[composed(self.domains[domain])])

    def image(self, domain: int, index: int, least: int = 0) -> Image.Image:
        """Return one picture, RGB, of any size."""
        record = self.record(domain, index)
        encoded = io.BytesIO(record[ENCODED].bytes_list.value[0])
        return images.decode(encoded, _filename(record), least)

    def content(self, domain: int, index: int) -> bytes:
        """Return a picture's file, a PNG's unpacked."""
        return self.record(domain, index)[ENCODED].bytes_list.value[0]

    def name(self, domain: int, index: int) -> str:
        """The name of an image's file, without folder and suffix."""
        return pathlib.PurePosixPath(_filename(self.record(domain, index))).stem

    def squeezed(
        self, domain: int, index: int, size: int, least: int = 0
    ) -> Image.Image:
        """Return one picture, uncropped, as size x size pixels."""
        if size != self.img_size:
            return super().squeezed(domain, index, size, least)
        pixels = self.record(domain, index)[SQUEEZED].bytes_list.value[0]
        return Image.frombuffer("RGB", (size, size), pixels, "raw", "RGB", 0, 1)

    def record(self, domain: int, index: int) -> Any:
        """Return the features of one picture's record."""
        file, offset, length = self.places[composed(self.domains[domain])][index]
        try:
            with file.open("rb", buffering=0) as shard:
                shard.seek(offset)
                record = tf.train.Example.FromString(shard.read(length))
            for feature in (ENCODED, SQUEEZED, FILENAME):
                record.features.feature[feature].bytes_list.value[0]
            return record.features.feature
        except (OSError, ValueError, LookupError, DecodeError) as error:
            raise UserError(
                f"{file}: can't be read ({error}); build the records anew"
            ) from error


def _filename(record: Any) -> str:
    return record[FILENAME].bytes_list.value[0].decode("utf-8", "surrogateescape")
