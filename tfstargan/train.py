r"""Train StarGAN v2, or resume a run that was interrupted.

    tfstargan train --flagfile=configs/critters.flags
    tfstargan train --flagfile=configs/afhq.flags --data_dir=data/afhq
    tfstargan train --flagfile=configs/custom.flags --data_dir=data/mine \
        --init_from=runs/animals --like=fox:dog

Flags after --flagfile override it. Run the same command again to resume from the newest
checkpoint. Several machines run the same command with TF_CONFIG set (docs/scaling.md).
"""

import re
from typing import Any

from tfstargan import cli
from tfstargan.config import Config, TrainOptions


def main(config: Config, options: TrainOptions) -> None:
    """Train a run, or try its settings."""
    from tfstargan.training.beginning import parse_like
    from tfstargan.training.dry_run import dry_run
    from tfstargan.training.loop import train_run

    beginning: dict[str, Any] = {
        "init_from": options.init_from,
        "init_checkpoint": options.init_checkpoint,
        "like": parse_like(options.like),
    }
    if options.dry_run:
        dry_run(config, **beginning)
        return
    name = re.sub(r"\W+", "-", f"{config.dataset}-{config.img_size}")
    run = train_run(
        config,
        options.run_dir or f"runs/{name}",
        **beginning,
        allow_changed_data=options.allow_changed_data,
    )
    print(f"Next: tfstargan samples --run_dir={run.path}")


if __name__ == "__main__":
    cli.start(main, Config, TrainOptions, about=__doc__)
