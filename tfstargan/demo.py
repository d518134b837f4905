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

FINISHED = """\
Look at:
    {out}/preset/references.png    pose from above, species and colour from the left
    {run}/samples/learning.png    how the {animal} came, row by row
    {run}/translations/    drawings, translated into a {animal}
Next:
    tfstargan export web --run_dir={run} --serve    # a page that translates
    tfstargan samples --run_dir={run} --animation=webp
    tfstargan check --data_dir=YOUR_FOLDER    # then: docs/own-images.md\
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
    config = demonstration.configure(animal, options.iterations)
    run = demonstration.teach(config, out / animal)
    print(demonstration.draw_learning(run))
    step("3. Translations into it")
    print(demonstration.translate(run, out / "animals"))
    step("4. How many translations show the right species")
    print(demonstration.measure(run))
    step("5. A model for apps")
    export_run(run, report=False)
    step("Finished")
    print(FINISHED.format(out=out, run=run.path, animal=animal))


if __name__ == "__main__":
    cli.start(main, Options, about=__doc__)
