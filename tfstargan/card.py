r"""Write a trained run as a folder to publish, with a model card.

    tfstargan card --run_dir=R --out=critters64 --license=apache-2.0 \
        --data="Animals drawn by tfstargan itself."

The folder has the averaged and the trained networks without optimizers, the settings,
sample grids and exports of the run if there are any, and README.md with the numbers of
its evaluation. It opens as a run: `--run_dir=critters64`, `--init_from=critters64`, and
once it is on the Hugging Face Hub, `--run_dir=hf://OWNER/NAME`.
"""

import dataclasses

from tfstargan import cli
from tfstargan.settings import setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(cli.RunOptions):
    """The flags of this command."""

    out: str = setting(
        "", "the new folder", required="name the folder to make", path=True
    )
    license: str = setting(
        "",
        "of the weights, in the Hub's words: apache-2.0, cc-by-nc-4.0, other, ...",
        required="name the licence of the weights, such as cc-by-nc-4.0 or other",
    )
    data: str = setting(
        "",
        "what it was trained on, and under which licence, in a sentence",
        required="say what it was trained on, and under which licence",
    )
    name: str = setting("", "of the model; empty: that of the run")


def main(options: Options) -> None:
    """Write the folder, and say what to do with it."""
    from tfstargan.runs.publishing import publish
    from tfstargan.runs.run import open_run

    run = open_run(options.run_dir)
    out = publish(
        run,
        options.out,
        options.license,
        options.data,
        options.checkpoint,
        options.name,
    )
    if not (out / "samples").exists():
        print(
            "no sample grids of this iteration in it: tfstargan samples "
            f"--run_dir={options.run_dir or run.path} first"
        )
    print(f"{out}/README.md")
    print(f"Next: hf upload OWNER/NAME {out}")


if __name__ == "__main__":
    cli.start(main, Options, about=__doc__)
