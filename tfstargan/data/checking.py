"""Checking every image of a data set, to the end of its file."""

import collections
import os
import pathlib

from tqdm import tqdm

from tfstargan import files, images
from tfstargan.data import shard_index
from tfstargan.data.folder import find_domains, splits_of
from tfstargan.data.overlap import told_of_copies
from tfstargan.data.scan import look_at_all
from tfstargan.errors import UserError


def check(data_dir: str | os.PathLike) -> None:
    """List what can't be used, and count what is unusual but can, by kind.

    Args:
        data_dir: holds train/DOMAIN/*.jpg, or packed data.

    Raises:
        UserError: if anything can't be used.
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
        splits.append([*by_domain.values()])
        for domain, some in by_domain.items():
            print(f"{len(some):7} {split}/{domain}")
    paths = [path for by_domain in splits for some in by_domain for path in some]
    problems: collections.Counter[str] = collections.Counter()
    kinds: collections.Counter[str] = collections.Counter()
    for _, seen in look_at_all(paths):
        kinds.update(seen.kinds)
        if seen.problem:
            problems[seen.problem] += 1
            tqdm.write(seen.line)
    print(f"{len(paths)} pictures, {problems.total()} of them can't be used")
    for kind, count in [*problems.most_common(), *kinds.most_common()]:
        print(f"{count:7} {kind}")
    for line in skipped.counts():
        print(f"skipped: {line}")
    if copies := told_of_copies(*splits) if len(splits) == 2 else "":
        print(copies)
    if problems:
        raise UserError(
            f"{root}: {problems.total()} of the pictures can't be used; remove or "
            "replace them, or train with --skip_broken"
        )


def damaged_shards(root: pathlib.Path) -> list[str]:
    """Return a line for each shard of records that is not as it was written."""
    index = shard_index.read_json(root / shard_index.INDEX)
    every = [shard for split in index["splits"].values() for shard in split["shards"]]
    lines = []
    for shard in tqdm(every, unit="shard", delay=2, leave=False):
        file = shard_index.place(root, shard["file"])
        if not file.is_file() or files.checksum(file) != shard["sha256"]:
            lines.append(f"{file}: missing or damaged; build the records anew")
    return lines
