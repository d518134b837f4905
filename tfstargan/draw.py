"""Draw animals into folders, as if they were photographs.

    tfstargan draw --out=data/critters --img_size=128 --per_domain=100

writes train/SPECIES/0000.png and val/SPECIES/0000.png. The true factors of every image
are in train/factors.json and val/factors.json.
"""

import dataclasses

from tfstargan import cli
from tfstargan.settings import setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(cli.Settings):
    """The flags of this command."""

    out: str = setting("", "folder to make", required="name a new folder", path=True)
    img_size: int = setting(256, "height and width", at_least=32)
    per_domain: int = setting(100, "training images of each species", at_least=1)
    seed: int = setting(0, "of the whole set", at_least=0)
    domains: tuple[str, ...] = setting(
        (), "species: of bear, cat, rabbit, fox, owl; empty: the first three"
    )


def main(options: Options) -> None:
    """Draw the animals, and print the folder."""
    from tfstargan.data.drawing import draw_set

    print(
        draw_set(
            options.out,
            options.per_domain,
            options.img_size,
            options.seed,
            options.domains,
        )
    )


if __name__ == "__main__":
    cli.start(main, Options, about=__doc__, tensorflow=False)
