"""Translate images with a trained run.

    tfstargan translate --run_dir=R --source=a.jpg --domain=cat --seed=3
    tfstargan translate --run_dir=R --source=a.jpg --reference=b.jpg
    tfstargan translate --run_dir=R --source=photos/ --reference=styles/
    tfstargan translate --model=R/export/mixed --source=a.jpg --domain=cat --seed=3

A folder stands for all images in it and below. Every source is translated into the
style of every reference. The domain of a reference is --domain, or else the name of
its folder. --model translates with an exported model in LiteRT, without TensorFlow.
--fit says which part of a photograph is translated; --paste puts it back.
"""

import dataclasses
import pathlib
from typing import TYPE_CHECKING

from tfstargan import cli
from tfstargan.settings import setting
from tfstargan.translation.fit_options import FitOptions

if TYPE_CHECKING:
    from tfstargan.translation.translating import Translating


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(cli.RunOptions, cli.StyleOptions):
    """The flags of this command."""

    source: str = setting(
        "",
        "image to translate, or a folder of them",
        required="name an image, or a folder of them",
        path=True,
    )
    out: str = setting(
        "",
        "folder, or one .png, .jpg or .webp; default: translations, in the run",
        path=True,
    )
    model: str = setting(
        "", "folder of an exported model; in place of --run_dir", path=True
    )
    skip_broken: bool = setting(False, "skip images that can't be read, and list them")
    format: str = setting(
        "png", "of the files in a folder", one_of=("png", "jpeg", "webp")
    )
    quality: int = setting(95, "of JPEG and WebP", at_least=1, at_most=100)

    def check_together(self) -> None:
        """Check that a run or a model is given, and a seed or a reference."""
        super().check_together()
        both = bool(self.model and (self.run_dir or self.checkpoint))
        self.require(not both, "model", "not together with --run_dir or --checkpoint")


def main(options: Options, how: FitOptions) -> None:
    """Translate, and print where the images are."""
    from tfstargan import images

    source = pathlib.Path(options.source)
    found = images.find(source)  # or refuse, before networks are built
    if options.out and source.is_dir():
        images.require_outside(options.out, found, f"--source={source}")
    translator, out = opened(options)
    from tfstargan.translation.folders import translate_folder
    from tfstargan.translation.styles import choose_styles

    wanted = (options.domain, options.seed, options.reference, options.psi)
    styles = choose_styles(translator, *wanted, options.skip_broken)
    written = translate_folder(
        *(translator, source, styles, out, found, how),
        skip_broken=options.skip_broken,
        quality=options.quality,
        format=options.format,
    )
    print(written)


def opened(options: Options) -> tuple["Translating", str | pathlib.Path]:
    """The translator of the model or the run, and where its translations go."""
    if options.model:
        from tfstargan.translation.exported import ExportedTranslator

        with cli.held_back():  # LiteRT's C++ code writes there
            translator = ExportedTranslator.load(options.model)
        return translator, options.out or "translations"
    cli.import_tensorflow()
    from tfstargan.runs.run import open_run
    from tfstargan.translation.translator import Translator

    run = open_run(options.run_dir)
    out = options.out or run.path / "translations"
    return Translator.of_run(run, options.checkpoint), out


if __name__ == "__main__":
    cli.start(main, Options, FitOptions, about=__doc__, tensorflow=False)
