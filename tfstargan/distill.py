"""Teach a light generator to do what a trained run's generator does.

    python -m tfstargan.distill --run_dir=R --size=light

makes a run, R-light, that translates, is evaluated and exported as any other, with a
generator of at most a tenth of the arithmetic (`light.py`). Mapping network and style
encoder are R's own, copied. The same command again goes on after an interruption.

Every image is translated by both, the teacher and the student, into a style of a latent
or a reference, or between two of these. The student learns to give the same pixels, and
the same features to style encoder and discriminator; and, until the last sixth of the
training, to convince the latter, which goes on learning, too.
"""

import pathlib

from absl import flags

from tfstargan import cli
from tfstargan.config import Config
from tfstargan.runs.run import Run
from tfstargan.training.distillation import distill


def main() -> None:
    """Distill what the flags say."""
    options = flags.FLAGS
    run = Run.open(options.run_dir)
    out = pathlib.Path(options.out or f"{run.path}-{options.size}")
    distill(run, out, options.iterations, options.width, options.checkpoint)


if __name__ == "__main__":
    cli.define_run_flags()
    flags.DEFINE_enum("size", "light", ["light"], "the student's kind")
    flags.DEFINE_string("out", "", "the run to make; empty: R-light beside R")
    flags.DEFINE_integer("iterations", 10_000, "to train in all", lower_bound=1)
    flags.DEFINE_float("width", Config.light_width, "its share of the channels")
    cli.start(main)
