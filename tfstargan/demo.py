"""Show what there is in a few minutes: a preset learns a new animal from 60 drawings.

    tfstargan demo
    tfstargan demo --out=runs/owls --animal=owl

Draws what the preset critters64 has learned, teaches it a fox from 60 drawings of each
species, translates into it, measures, and exports a model for apps. Everything is
written under --out. Run the same command again to resume.
"""

import dataclasses
import pathlib
import time

from tfstargan import cli
from tfstargan.settings import setting

NEXT = """\
Look at:
    {run}/samples/             grids that were drawn while it learned
    {run}/translations/        translated drawings
Next:
    tfstargan export web --run_dir={run} --serve
    tfstargan samples --run_dir={run} --animation=webp
    tfstargan train --flagfile=configs/custom.flags --data_dir=YOUR_FOLDER\
"""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(cli.Settings):
    """The flags of this command."""

    out: str = setting("runs/demo", "folder of everything that is made", path=True)
    animal: str = setting("fox", "the new animal", one_of=("fox", "owl"))
    iterations: int = setting(
        0, "of the training; 0: those of the configuration", at_least=0
    )


def main(options: Options) -> None:
    """Run the steps, and say what each has made."""
    from export.litert.exporting import export_run
    from tfstargan.training import demonstration

    begun = time.monotonic()

    def step(text: str) -> None:
        print(f"[{time.monotonic() - begun:4.0f} s] {text}", flush=True)

    out, animal = pathlib.Path(options.out), options.animal
    step(f"1. What {demonstration.PRESET} has learned")
    print(demonstration.draw_preset(out / "preset"))
    step(f"2. A new animal: {animal}, from 60 drawings of each species")
    run = demonstration.teach(out / animal, animal, options.iterations)
    step("3. Translations into it")
    print(demonstration.translate(run, out / "animals", animal))
    step("4. How many translations show the right species")
    print(demonstration.measure(run, animal))
    step("5. A model for apps")
    export_run(run, report=False)
    step("Finished")
    print(NEXT.format(run=run.path))


if __name__ == "__main__":
    cli.start(main, Options, about=__doc__)
