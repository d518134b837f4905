"""Put a run's model into the Android app of android_demo/.

    tfstargan export android --run_dir=R

exports the run first if needed, and writes android_demo/app/src/main/assets/, or the
folder of --out:

    model/        stargan.json, and a .tflite for each signature: each runs on the GPU
                  if the phone's GPU supports all of it
    check/        source.png and expected.png, a test image and its translation to the
                  first domain in the style of seed 0, with which the app compares
    references/   LABEL/*.png, images of the run's data to take styles from
"""

import dataclasses

from tfstargan import cli
from tfstargan.exported.variants import VARIANTS
from tfstargan.settings import setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(cli.RunOptions):
    """The flags of this command."""

    out: str = setting(
        "", "folder of the assets; by default that of android_demo/", path=True
    )
    variant: str = setting("float32", f"of {', '.join(VARIANTS)}", one_of=VARIANTS)
    examples: int = setting(
        8,
        "images of the run's data for each domain to take a style from; 0: none "
        "(anyone who has the app can read them)",
        at_least=0,
    )


def main(options: Options) -> None:
    """Write the assets, and print what was written."""
    from export.apps.assets import fill_app
    from tfstargan.runs.run import open_run

    run = open_run(options.run_dir)
    print(
        fill_app(
            run, options.variant, options.checkpoint, options.examples, options.out
        )
    )
    print("Next: build the app, see android_demo/README.md")


if __name__ == "__main__":
    cli.start(main, Options, about=__doc__)
