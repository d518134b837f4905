"""Translate images and clips with a trained run.

    tfstargan translate --run_dir=R --source=a.jpg --domain=cat --seed=3
    tfstargan translate --run_dir=R --source=a.jpg --reference=b.jpg
    tfstargan translate --run_dir=R --source=photos/ --reference=styles/
    tfstargan translate --model=R/export/mixed --source=a.jpg --domain=cat --seed=3
    tfstargan translate --run_dir=R --source=a.mp4 --out=b.mp4 --domain=cat --seed=1,5

A folder stands for all images in it and below. Every source is translated into the
style of every reference. The domain of a reference is --domain, or else the name of
its folder. --model translates with an exported model in LiteRT, without TensorFlow.
--fit says which part of a photograph is translated; --paste puts it back. Of a clip,
the style moves from one seed or reference to the next; clips need the extra video.
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
        "", "image, folder or clip", required="name an image, folder or clip", path=True
    )
    out: str = setting(
        "",
        "folder, or one .png, .jpg or .webp; default: translations, in the run; of a "
        "clip: .mp4, .mov, .mkv or .webm",
        path=True,
    )
    model: str = setting("", "exported model; in place of --run_dir", path=True)
    skip_broken: bool = setting(False, "skip images that can't be read, and list them")
    format: str = setting("png", "of files in a folder", one_of=("png", "jpeg", "webp"))
    quality: int = setting(95, "of JPEG and WebP", at_least=1, at_most=100)
    steady: bool = setting(False, "of a clip: reduce flicker")

    def check_together(self) -> None:
        """Check a run or a model, a seed or a reference, images or a clip."""
        super().check_together()
        both = bool(self.model and (self.run_dir or self.checkpoint))
        self.require(not both, "model", "not together with --run_dir or --checkpoint")
        clip = is_clip(self.source)
        self.require(not clip or bool(self.out), "out", "name the clip to write")
        self.require(clip or not is_clip(self.out), "out", "--source is not a clip")
        self.require(clip or not self.steady, "steady", "applies to clips")


def main(options: Options, how: FitOptions) -> None:
    """Translate, and print where the images are."""
    translate = of_clip if is_clip(options.source) else of_images
    print(translate(pathlib.Path(options.source), options, how))


def of_clip(source: pathlib.Path, options: Options, how: FitOptions) -> object:
    """Translate a clip; what was written."""
    from tfstargan.video.clip import Clip
    from tfstargan.video.writing import writable

    clip = Clip.open(source, options.skip_broken)
    out = writable(options.out, clip)  # or refuse, before networks are built
    opened, _ = cli.find_translator(options.model, options, options.domain)
    translator = opened()
    from tfstargan.translation.clips import translate_clip

    wanted = dataclasses.asdict(how) | {"steady": options.steady}
    wanted |= {"skip_broken": options.skip_broken}
    return translate_clip(translator, clip, out, *options.style, **wanted)


def of_images(source: pathlib.Path, options: Options, how: FitOptions) -> object:
    """Translate an image or a folder of them; what was written."""
    from tfstargan import images
    from tfstargan.translation.folders import readable, translate_folder
    from tfstargan.translation.styles import choose_styles

    opened, folder = cli.find_translator(options.model, options, options.domain)
    out = options.out or folder
    seen = readable(source, pathlib.Path(out), options.skip_broken)
    if options.reference and pathlib.Path(options.reference).is_file():
        images.read(pathlib.Path(options.reference))  # or refuse, before it is opened
    translator = opened()
    styles = choose_styles(translator, *options.style, options.skip_broken)
    return translate_folder(
        *(translator, source, styles, out, seen, how),
        skip_broken=options.skip_broken,
        quality=options.quality,
        format=options.format,
    )


if __name__ == "__main__":
    cli.start(main, Options, FitOptions, about=__doc__, tensorflow=False)
