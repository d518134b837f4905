"""Packing folders of images into TFRecord shards.

Every image is decoded once; those that can't be read are skipped, listed and counted.
A shard is written atomically, the index last. Packed again, a shard is kept if its
checksum is right and every image has the content (by SHA-256), name and place that it
had. `shards.py` says what is in them.
"""

import concurrent.futures
import io
import itertools
import json
import math
import os
import pathlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import tensorflow as tf
from PIL import Image

from tfstargan import files, images
from tfstargan.data import shard_index, shards
from tfstargan.data.folder import find_domains, say, splits_of
from tfstargan.data.image_set import squeeze
from tfstargan.errors import UserError
from tfstargan.progress import Bar

PER_SHARD = 1000  # pictures, unless --shards says otherwise


class Picture(NamedTuple):
    """A file to pack."""

    label: int
    domain: str
    file: pathlib.Path
    name: str  # relative to data_dir


def build(
    data_dir: str | os.PathLike,
    out: str | os.PathLike,
    img_size: int,
    shards: int = 0,
    domains: tuple[str, ...] = (),
) -> dict:
    """Pack train/ and, if there is one, val/, and return the index.

    Args:
        data_dir: holds train/DOMAIN/*.jpg and val/DOMAIN/*.jpg.
        out: folder of the shards; those that are there already are kept.
        img_size: side of the uncropped pictures kept beside the files.
        shards: shards per split; 0: one for each thousand pictures.
        domains: names in label order; empty: every folder, sorted.

    Raises:
        UserError: if a folder is unfit, or nothing of a domain is readable.
    """
    data_dir = pathlib.Path(data_dir)
    out_dir = pathlib.Path(out)
    found, names = {}, tuple(map(files.composed, domains))
    for split, folder in splits_of(data_dir).items():
        found[split], everything = find_domains(data_dir, folder, names)
        names = tuple(found["train"])
        images.require_outside(out_dir, everything, f"--data_dir={data_dir}")
        if told := everything.told():
            say(f"{data_dir / folder}: {told}")
    if out_dir.resolve() == data_dir.resolve():
        raise UserError(f"--out={out}: is --data_dir; name a new folder")
    claim(out_dir)
    index: dict = {"img_size": img_size, "domains": names, "splits": {}}
    total = sum(len(some) for split in found.values() for some in split.values())
    with Bar(total=total, unit="picture") as bar:
        for split, by_domain in found.items():
            pictures = [
                Picture(label, domain, file, file.relative_to(data_dir).as_posix())
                for label, domain in enumerate(names)
                for file in by_domain[domain]
            ]
            parts = split_evenly(pictures, shards)
            contents = []
            for number, part in enumerate(parts):
                file = out_dir / f"{split}-{number:05d}-of-{len(parts):05d}.tfrecord"
                contents.append(finish_shard(file, part, img_size, bar))
            index["splits"][split] = summarize(names, contents)
    for split, summary in index["splits"].items():
        for domain, count in summary["pictures"].items():
            if not count:
                raise UserError(f"{data_dir / split / domain}: no picture is readable")
    write_json(index, out_dir / shard_index.INDEX)
    return index


def claim(out_dir: pathlib.Path) -> None:
    """Make a folder, or take up one that was begun; an old index goes.

    Raises:
        UserError: if it can't be made, or holds what is not ours.
    """
    try:
        files.make_folder(out_dir)
        ours = {
            out_dir / shard_index.INDEX,
            *map(shard_index.contents_of, out_dir.glob("*.tf*")),
        }
        if any(out_dir.glob("*.tfrecord")) and not any(p.exists() for p in ours):
            raise UserError(f"--out={out_dir}: holds other records; name a new one")
        (out_dir / shard_index.INDEX).unlink(missing_ok=True)
    except OSError as error:
        raise UserError(f"--out={out_dir}: can't be written ({error})") from error


def split_evenly(pictures: list[Picture], parts: int) -> list[list[Picture]]:
    """Return a list in parts, in order; 0: one for each thousand."""
    parts = min(parts or math.ceil(len(pictures) / PER_SHARD), len(pictures))
    ends = [len(pictures) * i // parts for i in range(parts + 1)]
    return [pictures[a:b] for a, b in itertools.pairwise(ends)]


def finish_shard(
    file: pathlib.Path, pictures: Sequence[Picture], img_size: int, bar: Bar
) -> dict:
    """Return what a shard holds, after writing it unless it is there, whole."""
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        hashes = [*pool.map(content_hash, pictures)]
    sources = [
        [p.label, p.name, known] for p, known in zip(pictures, hashes, strict=True)
    ]
    contents_file = shard_index.contents_of(file)
    if contents_file.exists():
        contents = shard_index.read_json(contents_file)
        wanted = {
            "file": file.name,
            "img_size": img_size,
            "reading": images.READING,
            "sources": sources,
        }
        same = wanted.items() <= contents.items()
        if same and file.exists() and files.checksum(file) == contents["sha256"]:
            bar.update(len(pictures))
            return contents
    contents_file.unlink(missing_ok=True)
    with files.atomic_file(file) as partial:
        places, broken = write_shard(partial, pictures, img_size, bar)
        contents = {
            "file": file.name,
            "bytes": partial.stat().st_size,
            "sha256": files.checksum(partial),
            "img_size": img_size,
            "reading": images.READING,  # the rules by which it was read
            "pictures": places,  # domain, name, and the data's offset and length
            "broken": broken,
            "sources": sources,  # label, name and SHA-256 of each file
        }
    write_json(contents, contents_file)
    return contents


def content_hash(picture: Picture) -> str:
    """The SHA-256 of a picture's file; empty if it can't be read."""
    try:
        return files.checksum(picture.file) if picture.file.is_file() else ""
    except OSError:
        return ""


def write_shard(
    path: pathlib.Path, pictures: Sequence[Picture], img_size: int, bar: Bar
) -> tuple[list[list], list[str]]:
    """Write a TFRecord file; return where its records are and what was skipped."""
    places, broken, offset = [], [], shards.HEADER
    with tf.io.TFRecordWriter(str(path)) as writer:
        for picture, record in encode_all(pictures, img_size):
            bar.update()
            if isinstance(record, UserError):
                broken.append(str(record))
                continue
            writer.write(record)
            places.append([picture.domain, picture.name, offset, len(record)])
            offset += len(record) + shards.FOOTER + shards.HEADER
    return places, broken


def encode_all(
    pictures: Sequence[Picture], img_size: int
) -> Iterator[tuple[Picture, bytes | UserError]]:
    """Yield every picture's record, or what is wrong with it, in their order."""

    def attempt(picture: Picture) -> bytes | UserError:
        try:
            return encode(picture, img_size)
        except UserError as error:
            return error

    at_once = 64  # records that may wait to be written
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for start in range(0, len(pictures), at_once):
            part = pictures[start : start + at_once]
            yield from zip(part, pool.map(attempt, part), strict=True)


def encode(picture: Picture, img_size: int) -> bytes:
    """Return a picture's record; raise a UserError if the picture is broken."""
    image = images.read(picture.file)
    values = {
        shards.ENCODED: keep(picture.file, image),
        shards.SQUEEZED: squeeze(image, img_size).tobytes(),
        shards.FILENAME: os.fsencode(picture.name),
        shards.DOMAIN: os.fsencode(picture.domain),
    }
    features = {
        key: tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
        for key, value in values.items()
    }
    label = tf.train.Int64List(value=[picture.label])
    features[shards.LABEL] = tf.train.Feature(int64_list=label)
    example = tf.train.Example(features=tf.train.Features(feature=features))
    return example.SerializeToString(deterministic=True)


def keep(file: pathlib.Path, image: Image.Image) -> bytes:
    """Return a JPEG file as it is, and another picture as pixels, a PPM file.

    A PNG file takes longer to decode than all else together.
    """
    if file.suffix.lower() in (".jpg", ".jpeg"):
        return file.read_bytes()
    pixels = io.BytesIO()
    image.save(pixels, "PPM")
    return pixels.getvalue()


def summarize(domains: tuple[str, ...], contents: list[dict]) -> dict:
    """Return what the index says of a split."""
    packed = [place[0] for shard in contents for place in shard["pictures"]]
    broken = [line for shard in contents for line in shard["broken"]]
    return {
        "pictures": {domain: packed.count(domain) for domain in domains},
        "broken": broken,
        "shards": [
            {key: shard[key] for key in ("file", "bytes", "sha256")}
            | {"pictures": len(shard["pictures"])}
            for shard in contents
        ],
    }


def write_json(value: dict, path: pathlib.Path) -> None:
    """Write a JSON file atomically."""
    files.write_text(json.dumps(value, indent=1) + "\n", path)
