"""Pack folders of pictures into TFRecord shards to train from.

    python -m tfstargan.pack --data_dir=data/afhq --out=data/afhq-records
    python -m tfstargan.train --data_dir=data/afhq-records ...

Every picture is decoded once: broken ones are left out, listed and counted. A shard is
written aside and renamed, the index last; the same command again checks the shards
that are there by their checksums and goes on. See `shards.py` for what is in them. A
picture takes img_size * img_size * 3 bytes and its file's size; a PNG's, unpacked.
"""

import pathlib

from absl import flags

from tfstargan import cli
from tfstargan.data.packing import build
from tfstargan.errors import UserError


def main() -> None:
    """Pack what the flags say, and say what was left out."""
    options = flags.FLAGS
    if not options.data_dir or not options.out:
        raise UserError("--data_dir, --out: name the pictures' folder and a new one")
    index = build(
        pathlib.Path(options.data_dir),
        pathlib.Path(options.out),
        options.img_size,
        options.shards,
        tuple(options.domains),
    )
    for split, summary in index["splits"].items():
        for line in summary["broken"]:
            print(f"left out: {line}")
        counts = ", ".join(f"{n} {domain}" for domain, n in summary["pictures"].items())
        parts, broken = len(summary["shards"]), len(summary["broken"])
        print(f"{split}: {counts} in {parts} shards; {broken} broken, left out")


if __name__ == "__main__":
    flags.DEFINE_string("data_dir", "", "holds train/DOMAIN/*.jpg and val/DOMAIN/*.jpg")
    flags.DEFINE_string("out", "", "folder for the shards")
    flags.DEFINE_integer(
        "img_size", 256, "that of the runs to come; others work, slower", lower_bound=1
    )
    flags.DEFINE_integer(
        "shards", 0, "files per split; 0: one per thousand pictures", lower_bound=0
    )
    flags.DEFINE_list("domains", [], "names in label order; empty: all found")
    cli.start(main)
