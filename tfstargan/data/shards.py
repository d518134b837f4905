"""Images in TFRecord shards, as `tfstargan pack` writes them.

    ROOT/index.json                      domains, img_size, counts, shards, checksums
    ROOT/train-00000-of-00008.tfrecord   `tf.train.Example`s, domain after domain
    ROOT/train-00000-of-00008.json       where each of them begins

A record holds an image at its own size (the file of a JPEG, the pixels of any other)
and the image made a square of img_size. A draw without a crop takes the latter, without
decoding or resizing.

Records are read by position, since the stream asks for images by number. Training on
shards sees the same images in the same order as training on the folder.
"""

import io
import pathlib
from typing import Any, NamedTuple

from google.protobuf.message import DecodeError
from PIL import Image

from tfstargan import images
from tfstargan.backend import tf
from tfstargan.data.fingerprint import short
from tfstargan.data.folder import say
from tfstargan.data.image_set import ImageSet, squared
from tfstargan.data.shard_index import INDEX, REMEDY, contents_of, place, read_json
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
    """The position of a record's data."""

    file: pathlib.Path
    offset: int
    length: int


class Shards(ImageSet):
    """The images of one split.

    Args:
        root: holds index.json and the shards.
        split: "train" or "val"; "train" if there is no such split.
        domains: names in label order; empty: all, sorted.
        fit: how images become squares; see `image_set.squared`.

    Raises:
        UserError: if the index or a shard is missing or damaged, or lacks a domain.
    """

    def __init__(
        self,
        root: pathlib.Path,
        split: str,
        domains: tuple[str, ...] = (),
        fit: str = "squeeze",
    ):
        self.fit = fit
        self.places: dict[str, list[Place]] = {}
        self.sources: dict[str, str] = {}  # fingerprint of the files packed
        try:
            self._read_index(root, split, domains)
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            if isinstance(error, UserError):
                raise
            raise UserError(
                f"{root / INDEX}: not an index of packed data ({error!r}); {REMEDY}"
            ) from error

    def _read_index(self, root: pathlib.Path, split: str, domains: tuple) -> None:
        index = read_json(root / INDEX)
        found = [composed(domain) for domain in index["domains"]]
        self.img_size: int = index["img_size"]
        self.packed_fit: str = index.get("fit", "squeeze")
        self.domains = tuple(map(composed, domains)) or tuple(found)
        for domain in self.domains:
            if domain not in found:
                raise UserError(f"{root / INDEX}: no domain {domain}; it has {found}")
        self.places = {domain: [] for domain in found}
        splits = index["splits"]
        if split not in splits:
            say(f"{root}: no {split} in it; validation uses the training images")
            split = "train"
        for shard in splits[split]["shards"]:
            file = place(root, shard["file"])
            if not file.is_file() or file.stat().st_size != shard["bytes"]:
                raise UserError(f"{file}: missing or cut short; {REMEDY}")
            self._read_contents(file, read_json(contents_of(file)), found)
        if type(self.img_size) is not int or len(self.domains) < 2:
            raise ValueError("no size, or fewer than two domains")
        for domain in self.domains:
            if not self.places[domain]:
                raise ValueError(f"no image of {domain}")

    def _read_contents(
        self, file: pathlib.Path, contents: dict[str, Any], domains: list[str]
    ) -> None:
        packed = set()
        for domain, name, offset, length in contents["pictures"]:
            self.places[composed(domain)].append(Place(file, int(offset), int(length)))
            packed.add(name)
        if contents.get("reading") is None:  # packed before the files' hashes were kept
            self.sources[file.name] = short(contents["sha256"])
            return
        for label, name, digest in contents["sources"]:
            if domains[label] in self.domains:
                self.sources[composed(name)] = short(digest) if name in packed else ""

    def fingerprint(self) -> dict[str, str]:
        """{path below the folder that was packed: hash of the file}."""
        return self.sources

    def count(self, domain: int) -> int:
        """The number of images of a domain."""
        return len(self.places[self.domains[domain]])

    def image(self, domain: int, index: int, least: int = 0) -> Image.Image:
        """One image, RGB, made square by `fit`."""
        record = self.record(domain, index)
        encoded = io.BytesIO(record[ENCODED].bytes_list.value[0])
        return squared(images.decode(encoded, _filename(record), least), self.fit)

    def content(self, domain: int, index: int) -> bytes:
        """The bytes of a JPEG's file; of another image its pixels, as a PPM file."""
        return self.record(domain, index)[ENCODED].bytes_list.value[0]

    def name(self, domain: int, index: int) -> str:
        """The name of an image's file, without folder and suffix."""
        return pathlib.PurePosixPath(_filename(self.record(domain, index))).stem

    def squeezed(
        self, domain: int, index: int, size: int, least: int = 0
    ) -> Image.Image:
        """One image, uncropped, as size x size pixels."""
        if (size, self.fit) != (self.img_size, self.packed_fit):
            return super().squeezed(domain, index, size, least)
        pixels = self.record(domain, index)[SQUEEZED].bytes_list.value[0]
        return Image.frombuffer("RGB", (size, size), pixels, "raw", "RGB", 0, 1)

    def record(self, domain: int, index: int) -> Any:
        """The features of one image's record."""
        file, offset, length = self.places[self.domains[domain]][index]
        try:
            with file.open("rb", buffering=0) as shard:
                shard.seek(offset)
                record = tf.train.Example.FromString(shard.read(length))
            for feature in (ENCODED, SQUEEZED, FILENAME):
                record.features.feature[feature].bytes_list.value[0]
            return record.features.feature
        except (OSError, ValueError, LookupError, DecodeError) as error:
            raise UserError(f"{file}: can't be read ({error}); {REMEDY}") from error


def _filename(record: Any) -> str:
    return record[FILENAME].bytes_list.value[0].decode("utf-8", "surrogateescape")
