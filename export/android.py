"""A run's model put into the Android app of android_demo/.

    python -m export.android --run_dir=R

exports the run first if it is not yet, and writes android_demo/app/src/main/assets/:

    model/        stargan.json, and a .tflite for each signature: one that a phone's
                  GPU does not take all of does not keep the others from it
    check/        source.png and expected.png, a test picture and what LiteRT makes of
                  it here with the first domain's style of seed 0: the app compares
    references/   LABEL/*.png, pictures of the run's data to take styles from
"""

from absl import flags

from export.apps.assets import ASSETS, MAIN, write_assets
from export.litert.exporting import exported
from tfstargan import cli
from tfstargan.errors import UserError
from tfstargan.runs.run import Run


def main() -> None:
    """Write the assets, and say what was put where."""
    options = flags.FLAGS
    if not MAIN.is_dir():
        raise UserError(
            f"{MAIN}: no such folder; run this from a checkout of tfstargan"
        )
    run = Run.open(options.run_dir)
    model = exported(run, options.variant, options.checkpoint)
    write_assets(run, model, ASSETS, options.examples)
    size = sum(file.stat().st_size for file in ASSETS.rglob("*") if file.is_file())
    print(f"{ASSETS} ({size / 1e6:.1f} MB), of {model}")
    print("Now build the app: android_demo/README.md")


if __name__ == "__main__":
    cli.define_run_flags()
    flags.DEFINE_string("variant", "float32", "which exported model, see export.tflite")
    flags.DEFINE_integer(
        "examples",
        8,
        "pictures of the run's data per domain to take a style from; 0: none (whoever "
        "has the app can read them)",
        lower_bound=0,
    )
    cli.start(main)
