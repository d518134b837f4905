"""Draw animals into folders, as if they were photographs.

    python -m tfstargan.draw --out=data/critters --img_size=128 --per_domain=100

writes train/SPECIES/0000.png and val/SPECIES/0000.png, with every picture's true
factors in train/factors.json and val/factors.json.
"""

import pathlib
import shutil

from absl import flags

from tfstargan import cli
from tfstargan.data import critters
from tfstargan.data.drawing import draw_set
from tfstargan.errors import UserError


def main() -> None:
    """Draw what the flags say."""
    options = flags.FLAGS
    out = pathlib.Path(options.out)
    if not options.out or out.exists():
        raise UserError(f"--out={out}: name a folder that does not exist yet")
    partial = out.with_name(f".{out.name}.partial")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        draw_set(partial, options.per_domain, options.img_size, options.seed)
        partial.replace(out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    print(out)


if __name__ == "__main__":
    flags.DEFINE_string("out", "", "folder to make")
    flags.DEFINE_integer(
        "img_size", 256, "height and width", lower_bound=critters.SMALLEST
    )
    flags.DEFINE_integer("per_domain", 100, "pictures to train on", lower_bound=1)
    flags.DEFINE_integer("seed", 0, "of the whole set", lower_bound=0)
    cli.start(main)
