"""Draw grids and animations that show what a run has learned.

    tfstargan samples --run_dir=runs/critters --animation=gif

writes into RUN/samples:

- references.png: sources above, references at the left; the pose comes from above,
  domain and style from the left;
- latents-psi1.png, ...: sources above, a random style in each row, for each --psi;
- cycles.png: in columns source, reference, translation, and translation back;
- references.gif, latents.gif: the same sources while the style moves from one
  reference, or latent, to the next.
"""

import dataclasses

from tfstargan import cli
from tfstargan.errors import UserError
from tfstargan.settings import setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(cli.RunOptions):
    """The flags of this command."""

    data_dir: str = setting("", "images to show; empty: those of the run", path=True)
    skip_broken: bool = setting(False, "skip images that can't be read, and list them")
    psi: tuple[str, ...] = setting(
        ("1",),
        "scales of the random styles, a grid for each: 1 is unchanged, 0 the mean",
    )
    animation: str | None = setting(
        None,
        "gif, webp or mp4: animate the styles",
        kind=str,
        one_of=("gif", "webp", "mp4"),
    )
    out: str = setting("", "folder of the images; empty: RUN/samples", path=True)


def main(options: Options) -> None:
    """Draw the grids of a run."""
    psis = [parse_psi(text) for text in options.psi or ("",)]
    from tfstargan.runs.run import open_run
    from tfstargan.translation.grids import write_samples

    run = open_run(options.run_dir)
    written = write_samples(
        run,
        options.out,
        psis,
        options.animation,
        options.checkpoint,
        options.data_dir,
        options.skip_broken,
    )
    print(written)


def parse_psi(text: str) -> float:
    """A number from 0 to 1; raise a UserError if the text is something else."""
    try:
        psi = float(text)
    except ValueError:
        psi = -1.0
    if not 0 <= psi <= 1:
        raise UserError(f"--psi={text}: must be numbers from 0 to 1")
    return psi


if __name__ == "__main__":
    cli.start(main, Options, about=__doc__)
