"""Train StarGAN v2, or resume a run that was interrupted.

    tfstargan train --flagfile=configs/critters.flags
    tfstargan train --flagfile=configs/afhq.flags --data_dir=data/afhq

Flags after --flagfile win. Run the same command again to resume at the newest
checkpoint. Several machines run the same command with TF_CONFIG set (docs/scaling.md).
"""

import re

from tfstargan import cli
from tfstargan.config import Config, TrainOptions


def main(config: Config, options: TrainOptions) -> None:
    """Train, or try out the settings."""
    from tfstargan.training.dry_run import dry_run
    from tfstargan.training.loop import train_run

    if options.dry_run:
        dry_run(config)
        return
    name = re.sub(r"\W+", "-", f"{config.dataset}-{config.img_size}")
    run = train_run(
        config,
        options.run_dir or f"runs/{name}",
        allow_changed_data=options.allow_changed_data,
    )
    print(f"Next: tfstargan samples --run_dir={run.path}")


if __name__ == "__main__":
    cli.start(main, Config, TrainOptions, about=__doc__)
