"""Check every image of a data set, to the end of its file.

    tfstargan check --data_dir=data/mine

lists the files that can't be used, and counts unusual ones by kind. The exit code is 2
if there are files that can't be used. For packed data, checksums are compared.
"""

import dataclasses

from tfstargan import cli
from tfstargan.settings import setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(cli.Settings):
    """The flags of this command."""

    data_dir: str = setting(
        "",
        "folder with train/DOMAIN/*.jpg, or packed data",
        required="name the folder that holds train/DOMAIN/*.jpg",
        path=True,
    )


def main(options: Options) -> None:
    """Check the data set, and print the counts."""
    from tfstargan.data.checking import check

    check(options.data_dir)


if __name__ == "__main__":
    cli.start(main, Options, about=__doc__, tensorflow=False)
