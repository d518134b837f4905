"""Pack folders of images into TFRecord files to train from.

    tfstargan pack --data_dir=data/afhq --out=data/afhq-packed
    tfstargan train --data_dir=data/afhq-packed ...

Images that can't be read are skipped, listed and counted. Run the same command again
to resume. An image takes img_size * img_size * 3 bytes plus the size of its file; for a
PNG, plus the size of its pixels.
"""

import dataclasses

from tfstargan import cli
from tfstargan.config import SQUARES
from tfstargan.settings import setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(cli.Settings):
    """The flags of this command."""

    data_dir: str = setting(
        "",
        "folder with train/DOMAIN/*.jpg and val/DOMAIN/*.jpg",
        required="name the folder that holds train/DOMAIN/*.jpg",
        path=True,
    )
    out: str = setting(
        "", "folder for the packed data", required="name a new folder", path=True
    )
    img_size: int = setting(
        256, "that of the training; other sizes work, slower", at_least=1
    )
    fit: str = setting(
        "squeeze", "that of the training; others work, slower", one_of=SQUARES
    )
    shards: int = setting(
        0, "files per split; 0: one for each thousand images", at_least=0
    )
    domains: tuple[str, ...] = setting((), "names in label order; empty: all found")


def main(options: Options) -> None:
    """Pack the images, and list those that are skipped."""
    from tfstargan.data.packing import build

    index = build(**dataclasses.asdict(options))
    for split, summary in index["splits"].items():
        for line in summary["broken"]:
            print(f"skipped: {line}")
        counts = ", ".join(f"{n} {domain}" for domain, n in summary["pictures"].items())
        parts, broken = len(summary["shards"]), len(summary["broken"])
        print(f"{split}: {counts} in {parts} shards; {broken} skipped")
    print(f"Next: tfstargan train --data_dir={options.out}")


if __name__ == "__main__":
    cli.start(main, Options, about=__doc__)
