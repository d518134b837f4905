"""Look at every picture of a data set, to the end of its file.

    python -m tfstargan.check --data_dir=data/mine

lists in one pass what can't be used, file by file, and what is unusual but can, by its
kind; the exit code is 2 if there is any of the former. Of records it compares the
checksums.
"""

import collections
import pathlib

from absl import flags
from tqdm import tqdm

from tfstargan import cli
from tfstargan.data import shard_index
from tfstargan.data.checking import damaged_shards
from tfstargan.data.folder import find_domains
from tfstargan.data.scan import look_at_all
from tfstargan.errors import UserError


def main() -> None:
    """Look at what the flags say; raise a UserError if any of it can't be used."""
    root = pathlib.Path(flags.FLAGS.data_dir)
    if (root / shard_index.INDEX).exists():
        lines = damaged_shards(root)
        print("\n".join([*lines, f"{len(lines)} shards are damaged"]))
        if lines:
            raise UserError(f"{root}: {len(lines)} shards can't be used")
        return
    paths = []
    for split in ("train", "val"):
        if split == "train" or (root / split).is_dir():
            for found in find_domains(root, split).values():
                paths += found
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
    if problems:
        raise UserError(
            f"{root}: {problems.total()} of the pictures can't be used; remove or "
            "replace them, or train with --skip_broken"
        )


if __name__ == "__main__":
    flags.DEFINE_string("data_dir", "", "holds train/DOMAIN/*.jpg, or records")
    cli.start(main)
