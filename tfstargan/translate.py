"""Translate images with a trained run.

    tfstargan translate --run_dir=R --source=a.jpg --domain=cat --seed=3
    tfstargan translate --run_dir=R --source=a.jpg --reference=b.jpg
    tfstargan translate --run_dir=R --source=photos/ --reference=styles/

A folder stands for all images in it and below. Every source is translated into the
style of every reference. The domain of a reference is --domain, or else the name of
its folder.
"""

import dataclasses
import pathlib

from tfstargan import cli
from tfstargan.settings import setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(cli.RunOptions, cli.StyleOptions):
    """The flags of this command."""

    source: str = setting(
        "",
        "image to translate, or a folder of them",
        required="name an image, or a folder of them",
        path=True,
    )
    out: str = setting("", "folder, or one .png; empty: RUN/translations", path=True)
    skip_broken: bool = setting(False, "skip images that can't be read, and list them")
    quality: int = setting(
        95, "of a .jpg or .webp that --out names", at_least=1, at_most=100
    )


def main(options: Options) -> None:
    """Translate, and say where the images are."""
    from tfstargan import images
    from tfstargan.runs.run import open_run
    from tfstargan.translation.folders import translate_folder
    from tfstargan.translation.styles import choose_styles
    from tfstargan.translation.translator import Translator

    source = pathlib.Path(options.source)
    found = images.find(source)  # or refuse, before networks are built
    run = open_run(options.run_dir)
    out = options.out or run.path / "translations"
    if source.is_dir():
        images.require_outside(out, found, f"--source={source}")
    translator = Translator.of_run(run, options.checkpoint)
    styles = choose_styles(
        translator,
        options.domain,
        options.seed,
        options.reference,
        options.psi,
        options.skip_broken,
    )
    print(
        translate_folder(
            translator,
            options.source,
            styles,
            out,
            skip_broken=options.skip_broken,
            quality=options.quality,
        )
    )


if __name__ == "__main__":
    cli.start(main, Options, about=__doc__)
