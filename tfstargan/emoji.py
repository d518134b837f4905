"""Build the emoji set: the same signs drawn by four vendors, as a paired data set.

    tfstargan emoji --out=data/emoji

writes train/VENDOR/SIGN.png and val/VENDOR/SIGN.png at 96 x 96, and a README.md with
the vendors' licences. Images of one name are pairs. The SVG files are downloaded by npm
(21 MB) and drawn by resvg-py, the extra `emoji`. Run the same command again to resume.
"""

import dataclasses

from tfstargan import cli
from tfstargan.settings import setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(cli.Settings):
    """The flags of this command."""

    out: str = setting("", "folder to make", required="name a new folder", path=True)
    halves: bool = setting(
        False, "training images: even signs of fluent and openmoji, odd of the others"
    )


def main(options: Options) -> None:
    """Build the set, and print the folder."""
    from tfstargan.data.emoji import build

    print(build(options.out, options.halves))


if __name__ == "__main__":
    cli.start(main, Options, about=__doc__, tensorflow=False)
