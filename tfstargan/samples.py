"""Pictures that show what a run has learned: grids and animations.

    python -m tfstargan.samples --run_dir=runs/critters --animation=gif

writes into RUN/samples:

- `references.png`: sources above, references at the left; pose from above, domain and
  style from the left;
- `latents-psi1.png`, ...: sources above, a random style a row, for each --psi;
- `cycles.png`: in columns source, reference, translated, and translated back;
- `references.gif`, `latents.gif`: the same sources while the style wanders from one
  reference, or latent, to the next.
"""

import dataclasses
import pathlib

from absl import flags

from tfstargan import cli, images
from tfstargan.data.stream import open_images
from tfstargan.errors import UserError
from tfstargan.runs.run import Run
from tfstargan.translation.grids import Examples, animations, draw_all
from tfstargan.translation.translator import Translator


def parse_psi(text: str) -> float:
    """Return the number; raise a UserError if it is none from 0 to 1."""
    try:
        psi = float(text)
    except ValueError:
        psi = -1.0
    if not 0 <= psi <= 1:
        raise UserError(f"--psi={text}: must be numbers from 0 to 1")
    return psi


def main() -> None:
    """Write the pictures of a run."""
    options = flags.FLAGS
    psis = [parse_psi(text) for text in options.psi or [""]]
    run = Run.open(options.run_dir)
    translator = Translator.of_run(run, options.checkpoint)
    config = run.config
    if options.data_dir:
        config = dataclasses.replace(
            config, dataset="folder", data_dir=options.data_dir
        )
    image_set = open_images(config, "val")
    examples = Examples.choose(image_set, run.config.img_size)
    folder = pathlib.Path(options.out or run.samples_dir)
    for name, grid in draw_all(translator, examples, psis).items():
        images.save(grid, folder / f"{name}.png")
        print(folder / f"{name}.png")
    if options.animation:
        for name, frames in animations(translator, examples, psis[0]).items():
            path = folder / f"{name}.{options.animation}"
            images.save_animation(frames, path)
            print(path)


if __name__ == "__main__":
    cli.define_run_flags()
    flags.DEFINE_string("data_dir", "", "pictures to show; empty: those of the run")
    flags.DEFINE_list(
        "psi", ["1"], "of the random styles: 1 as they come, 0 their mean"
    )
    flags.DEFINE_enum(
        "animation", None, ["gif", "webp", "mp4"], "animate the styles, too"
    )
    flags.DEFINE_string("out", "", "folder for the pictures; empty: RUN/samples")
    cli.start(main)
