"""Train a light generator to imitate the generator of a trained run.

    tfstargan distill --run_dir=R --size=light

makes the run R-light. It is translated, evaluated and exported like any other run, with
at most a tenth of the arithmetic. Run the same command again to resume.
"""

import dataclasses

from tfstargan import cli
from tfstargan.config import Config
from tfstargan.settings import setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(cli.RunOptions):
    """The flags of this command."""

    size: str = setting("light", "kind of the new generator", one_of=("light",))
    out: str = setting("", "folder of the new run; empty: R-light next to R", path=True)
    iterations: int = setting(10_000, "iterations to train in total", at_least=1)
    width: float = setting(
        Config.light_width, "share of the teacher's channels", above=0, at_most=1
    )
    allow_changed_data: bool = setting(False, "resume although the images have changed")


def main(options: Options) -> None:
    """Distill a run into a light one."""
    from tfstargan.runs.run import open_run
    from tfstargan.training.distillation import distill_run

    run = open_run(options.run_dir)
    light = distill_run(
        run,
        options.out or f"{run.path}-{options.size}",
        options.iterations,
        options.width,
        options.checkpoint,
        allow_changed_data=options.allow_changed_data,
    )
    print(f"Next: tfstargan export tflite --run_dir={light.path}")


if __name__ == "__main__":
    cli.start(main, Options, about=__doc__)
