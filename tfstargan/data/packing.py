"""Packing folders of images into TFRecord shards.

Images are decoded once; those that can't be read are skipped, listed and counted. Each
shard is written atomically, the index last. When a folder is packed again, a shard is
kept if its checksum is right and its images have the same content (by SHA-256), names
and order. `shards.py` describes the format.
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

from PIL import Image

from tfstargan import files, images
from tfstargan.backend import tf
from tfstargan.data import shard_index, shards
from tfstargan.data.folder import find_domains, say, splits_of
from tfstargan.data.image_set import squared, squeeze
from tfstargan.errors import UserError
from tfstargan.progress import Bar

PER_SHARD = 1000  # images, unless --shards says otherwise


class Entry(NamedTuple):
    """A file to pack."""

    label: int
    domain: str
    file: pathlib.Path
    name: str  # relative to data_dir


class Form(NamedTuple):
    """How the uncropped image beside a file is made."""

    img_size: int
    fit: str


def build(
    data_dir: str | os.PathLike,
    out: str | os.PathLike,
    img_size: int,
    shards: int = 0,
    domains: tuple[str, ...] = (),
    fit: str = "squeeze",
) -> dict:
    """Pack train/ and, if there is one, val/, and return the index.

    Args:
        data_dir: holds train/DOMAIN/*.jpg and val/DOMAIN/*.jpg.
        out: folder for the shards; complete ones are kept.
        img_size: side of the uncropped images stored beside the files.
        shards: shards per split; 0: one for each thousand images.
        domains: names in label order; empty: every folder, sorted.
        fit: how images become squares; see `image_set.squared`.

    Raises:
        UserError: if a folder can't be used, or no image of a domain can be read.
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
    form = Form(img_size, fit)
    index: dict = {**form._asdict(), "domains": names, "splits": {}}
    total = sum(len(some) for split in found.values() for some in split.values())
    with Bar(total=total, unit="image") as bar:
        for split, by_domain in found.items():
            entries = [
                Entry(label, domain, file, file.relative_to(data_dir).as_posix())
                for label, domain in enumerate(names)
                for file in by_domain[domain]
            ]
            parts = split_evenly(entries, shards)
            contents = []
            for number, part in enumerate(parts):
                file = out_dir / f"{split}-{number:05d}-of-{len(parts):05d}.tfrecord"
                contents.append(finish_shard(file, part, form, bar))
            index["splits"][split] = summarize(names, contents)
    for split, summary in index["splits"].items():
        for domain, count in summary["pictures"].items():
            if not count:
                raise UserError(f"{data_dir / split / domain}: no image can be read")
    write_json(index, out_dir / shard_index.INDEX)
    return index


def claim(out_dir: pathlib.Path) -> None:
    """Make a folder, or resume one; an old index is removed.

    Raises:
        UserError: if it can't be made, or holds other records.
    """
    try:
        files.make_folder(out_dir)
        ours = {
            out_dir / shard_index.INDEX,
            *map(shard_index.contents_of, out_dir.glob("*.tf*")),
        }
        if any(out_dir.glob("*.tfrecord")) and not any(p.exists() for p in ours):
            raise UserError(
                f"--out={out_dir}: holds other packed data; name a new folder"
            )
        (out_dir / shard_index.INDEX).unlink(missing_ok=True)
    except OSError as error:
        raise UserError(f"--out={out_dir}: can't be written ({error})") from error


def split_evenly(entries: list[Entry], parts: int) -> list[list[Entry]]:
    """A list in parts, in order; 0: one for each thousand."""
    parts = min(parts or math.ceil(len(entries) / PER_SHARD), len(entries))
    ends = [len(entries) * i // parts for i in range(parts + 1)]
    return [entries[a:b] for a, b in itertools.pairwise(ends)]


def finish_shard(
    file: pathlib.Path, entries: Sequence[Entry], form: Form, bar: Bar
) -> dict:
    """The contents of a shard, which is written unless it is complete."""
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        hashes = [*pool.map(content_hash, entries)]
    sources = [
        [e.label, e.name, known] for e, known in zip(entries, hashes, strict=True)
    ]
    contents_file = shard_index.contents_of(file)
    if contents_file.exists():
        contents = shard_index.read_json(contents_file)
        wanted = {
            "file": file.name,
            **form._asdict(),
            "reading": images.READING,
            "sources": sources,
        }
        same = wanted.items() <= ({"fit": "squeeze"} | contents).items()
        if same and file.exists() and files.checksum(file) == contents["sha256"]:
            bar.update(len(entries))
            return contents
    contents_file.unlink(missing_ok=True)
    with files.atomic_file(file) as partial:
        places, broken = write_shard(partial, entries, form, bar)
        contents = {
            "file": file.name,
            "bytes": partial.stat().st_size,
            "sha256": files.checksum(partial),
            **form._asdict(),
            "reading": images.READING,  # the rules by which it was read
            "pictures": places,  # domain, name, and the data's offset and length
            "broken": broken,
            "sources": sources,  # label, name and SHA-256 of each file
        }
    write_json(contents, contents_file)
    return contents


def content_hash(entry: Entry) -> str:
    """The SHA-256 of an image's file; empty if it can't be read."""
    try:
        return files.checksum(entry.file) if entry.file.is_file() else ""
    except OSError:
        return ""


def write_shard(
    path: pathlib.Path, entries: Sequence[Entry], form: Form, bar: Bar
) -> tuple[list[list], list[str]]:
    """Write a TFRecord file; return the places of its records and the skipped files."""
    places, broken, offset = [], [], shards.HEADER
    with tf.io.TFRecordWriter(str(path)) as writer:
        for entry, record in encode_all(entries, form):
            bar.update()
            if isinstance(record, UserError):
                broken.append(str(record))
                continue
            writer.write(record)
            places.append([entry.domain, entry.name, offset, len(record)])
            offset += len(record) + shards.FOOTER + shards.HEADER
    return places, broken


def encode_all(
    entries: Sequence[Entry], form: Form
) -> Iterator[tuple[Entry, bytes | UserError]]:
    """Yield the record of every image, or the error, in order."""

    def attempt(entry: Entry) -> bytes | UserError:
        try:
            return encode(entry, form)
        except UserError as error:
            return error

    at_once = 64  # records that may wait to be written
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for start in range(0, len(entries), at_once):
            part = entries[start : start + at_once]
            yield from zip(part, pool.map(attempt, part), strict=True)


def encode(entry: Entry, form: Form) -> bytes:
    """The record of an image.

    Raises:
        UserError: if it can't be read.
    """
    image = images.read(entry.file)
    values = {
        shards.ENCODED: keep(entry.file, image),
        shards.SQUEEZED: squeeze(squared(image, form.fit), form.img_size).tobytes(),
        shards.FILENAME: os.fsencode(entry.name),
        shards.DOMAIN: os.fsencode(entry.domain),
    }
    features = {
        key: tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
        for key, value in values.items()
    }
    label = tf.train.Int64List(value=[entry.label])
    features[shards.LABEL] = tf.train.Feature(int64_list=label)
    example = tf.train.Example(features=tf.train.Features(feature=features))
    return example.SerializeToString(deterministic=True)


def keep(file: pathlib.Path, image: Image.Image) -> bytes:
    """A JPEG's file, or the pixels of another image as a PPM file.

    Decoding a PNG takes longer than all other steps together.
    """
    if file.suffix.lower() in (".jpg", ".jpeg"):
        return file.read_bytes()
    pixels = io.BytesIO()
    image.save(pixels, "PPM")
    return pixels.getvalue()


def summarize(domains: tuple[str, ...], contents: list[dict]) -> dict:
    """The entry of a split in the index."""
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
