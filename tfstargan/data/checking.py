"""Look at every picture of a data set, to the end of its file.

    python -m tfstargan.check --data_dir=data/mine

lists in one pass what can't be used, file by file, and what is unusual but can, by its
kind; the exit code is 2 if there is any of the former. Of records it compares the
checksums.
"""

import pathlib

from tqdm import tqdm

from tfstargan import files
from tfstargan.data import shard_index


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
