"""Translate images with a trained run.

    tfstargan translate --run_dir=R --source=a.jpg --domain=cat --seed=3
    tfstargan translate --run_dir=R --source=a.jpg --reference=b.jpg
    tfstargan translate --run_dir=R --source=photos/ --reference=styles/
    tfstargan translate --model=R/export/mixed --source=a.jpg --domain=cat --seed=3
    tfstargan translate --run_dir=R --source=a.mp4 --out=b.mp4 --domain=cat --seed=1,5

A folder stands for all images in it and below. Every source is translated into the
style of every reference. The domain of a reference is --domain, or else the name of
its folder. --model translates with an exported model in LiteRT, without TensorFlow.
Of a clip, several styles follow each other; it needs PyAV (the extra video).
"""

import dataclasses
import pathlib

from tfstargan import cli
from tfstargan.settings import setting
from tfstargan.translation.fit_options import FitOptions
from tfstargan.video.names import is_clip


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(cli.RunOptions, cli.StyleOptions):
    """The flags of this command."""

    source: str = setting(
        "",
        "image to translate, or a folder of them; or a clip",
        required="name an image, a folder of them, or a clip",
        path=True,
    )
    out: str = setting(
        "",
        "folder, or one .png; empty: RUN/translations; of --model: translations; "
        "of a clip: .mp4, .mov, .mkv or .webm",
        path=True,
    )
    model: str = setting(
        "", "folder of an exported model; in place of --run_dir", path=True
    )
    skip_broken: bool = setting(False, "skip images that can't be read, and list them")
    steady: bool = setting(False, "of a clip: reduce flicker")
    quality: int = setting(
        95, "of a .jpg or .webp that --out names", at_least=1, at_most=100
    )

    def check_together(self) -> None:
        """Check that a run or a model is given, and a seed or a reference."""
        super().check_together()
        both = bool(self.model and (self.run_dir or self.checkpoint))
        self.require(not both, "model", "not together with --run_dir or --checkpoint")
        clip = is_clip(self.source)
        self.require(not clip or bool(self.out), "out", "name the clip to write")
        self.require(clip or not is_clip(self.out), "out", "--source is not a clip")
        self.require(clip or not self.steady, "steady", "applies to clips")


def main(options: Options, how: FitOptions) -> None:
    """Translate, and print where the images are."""
    print(of_clip(options, how) if is_clip(options.source) else of_images(options))


def of_clip(options: Options, how: FitOptions) -> str:
    """Translate a clip, and say what was written."""
    from tfstargan.video.clip import Clip
    from tfstargan.video.writing import writable

    source = Clip.open(pathlib.Path(options.source), options.skip_broken)
    writable(options.out, source)  # or refuse, before networks are built
    translator, _ = cli.open_translator(options.model, options)
    from tfstargan.translation.clips import translate_clip

    written = translate_clip(
        *(translator, source, options.out, options.domain, options.seeds),
        *(options.reference, options.psi, how),
        steady=options.steady,
        skip_broken=options.skip_broken,
    )
    return str(written)


def of_images(options: Options) -> str:
    """Translate an image or a folder of them, and say what was written."""
    from tfstargan import images

    source = pathlib.Path(options.source)
    found = images.find(source)  # or refuse, before networks are built
    if options.out and source.is_dir():
        images.require_outside(options.out, found, f"--source={source}")
    translator, default = cli.open_translator(options.model, options)
    from tfstargan.translation.folders import translate_folder
    from tfstargan.translation.styles import choose_styles

    wanted = (options.domain, options.seeds, options.reference, options.psi)
    styles = choose_styles(translator, *wanted, options.skip_broken)
    return translate_folder(
        translator,
        source,
        styles,
        options.out or default,
        skip_broken=options.skip_broken,
        quality=options.quality,
        found=found,
    )


if __name__ == "__main__":
    cli.start(main, Options, FitOptions, about=__doc__, tensorflow=False)
