"""Checking every image of a data set, to the end of its file."""

import collections
import os
import pathlib
from collections.abc import Iterator

from tfstargan import files, images
from tfstargan.data import shard_index
from tfstargan.data.folder import find_domains, splits_of
from tfstargan.data.overlap import told_of_copies
from tfstargan.data.scan import Seen, look_at_all
from tfstargan.errors import UserError
from tfstargan.progress import Bar


def check(data_dir: str | os.PathLike) -> None:
    """List the files that can't be used, and count unusual ones by kind.

    Args:
        data_dir: holds train/DOMAIN/*.jpg, or packed data.

    Raises:
        UserError: if a file can't be used.
    """
    root = pathlib.Path(data_dir)
    if (root / shard_index.INDEX).exists():
        _check_packed(root)
    else:
        _check_images(root)


def _check_packed(root: pathlib.Path) -> None:
    lines = damaged_shards(root)
    print("\n".join([*lines, f"{len(lines)} shards are damaged"]))
    if lines:
        raise UserError(f"{root}: {len(lines)} shards can't be used")


def _check_images(root: pathlib.Path) -> None:
    skipped = images.Found()
    splits = []
    domains: tuple[str, ...] = ()  # of train/, in every split
    for split in splits_of(root).values():
        by_domain, found = find_domains(root, split, domains)
        domains = tuple(by_domain)
        skipped.add(found)
        splits.append(by_domain)
        for domain, some in by_domain.items():
            print(f"{len(some):7} {split}/{domain}")
    seen = _look(path for s in splits for some in s.values() for path in some)
    problems = collections.Counter(s.problem for s in seen.values() if s.problem)
    kinds = collections.Counter(kind for s in seen.values() for kind in s.kinds)
    print(f"{len(seen)} images, {problems.total()} of them can't be used")
    for kind, count in [*problems.most_common(), *kinds.most_common()]:
        print(f"{count:7} {kind}")
    for line in skipped.counts():
        print(f"skipped: {line}")
    if len(splits) == 2:
        train, val = (
            {domain: [seen[path] for path in some] for domain, some in split.items()}
            for split in splits
        )
        if copies := told_of_copies(train, val):
            print(copies)
    if problems:
        raise UserError(
            f"{root}: {problems.total()} of the images can't be used; remove or "
            "replace them, or train with --skip_broken"
        )


def _look(paths: Iterator[pathlib.Path]) -> dict[pathlib.Path, Seen]:
    """Inspect every file, and list those that can't be used."""
    seen = {}
    for path, seen[path] in look_at_all(list(paths)):
        if seen[path].problem:
            Bar.write(seen[path].line)
    return seen


def damaged_shards(root: pathlib.Path) -> list[str]:
    """A line for each shard that is not as it was written."""
    index = shard_index.read_json(root / shard_index.INDEX)
    every = [shard for split in index["splits"].values() for shard in split["shards"]]
    lines = []
    for shard in Bar(every, unit="shard", delay=2, leave=False):
        file = shard_index.place(root, shard["file"])
        if not file.is_file() or files.checksum(file) != shard["sha256"]:
            lines.append(f"{file}: missing or damaged; {shard_index.REMEDY}")
    return lines
