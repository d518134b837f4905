"""Train StarGAN v2, or go on with a run that was interrupted.

    python -m tfstargan.train --flagfile=configs/critters.flags
    python -m tfstargan.train --flagfile=configs/afhq.flags --data_dir=data/afhq

Flags after --flagfile win. The same command again resumes at the newest checkpoint.
On several machines it is the same, with TF_CONFIG set (docs/scaling.md).
"""

import pathlib
import re

from absl import flags

from tfstargan import cli
from tfstargan.config import define_flags, from_flags
from tfstargan.training.loop import dry_run, train


def main() -> None:
    """Train, or try out, what the flags say."""
    config = from_flags()
    if flags.FLAGS.dry_run:
        dry_run(config)
    else:
        name = re.sub(r"\W+", "-", f"{config.dataset}-{config.img_size}")
        train(config, pathlib.Path(flags.FLAGS.run_dir or f"runs/{name}"))


if __name__ == "__main__":
    define_flags()
    flags.DEFINE_string("run_dir", "", "the run; empty: runs/DATASET-SIZE")
    flags.DEFINE_bool("dry_run", False, "print what would be trained, and stop")
    cli.start(main)
