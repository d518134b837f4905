"""Translating an image, or a folder of them, into files."""

import itertools
import os
import pathlib
from collections.abc import Iterator, Sequence

from tqdm import tqdm

from tfstargan import images
from tfstargan.data.scan import broken
from tfstargan.errors import UserError
from tfstargan.translation.styles import NamedStyle
from tfstargan.translation.translator import Translator

Job = tuple[pathlib.Path, NamedStyle, pathlib.Path]  # source, style, file to write


def translate_folder(
    translator: Translator,
    source: str | os.PathLike,
    styles: Sequence[NamedStyle],
    out: str | os.PathLike,
) -> str:
    """Translate every source into every style, and write the images.

    Args:
        translator: of the run.
        source: an image, or a folder: all images in it and below.
        styles: to translate into.
        out: folder for the images, laid out as the source; or one .png or .jpg.

    Returns:
        What was written, in a line.

    Raises:
        UserError: if a file can't be read or written, or two would have one name.
    """
    source, out = pathlib.Path(source), pathlib.Path(out)
    files = images.find(source)
    jobs = list(plan(source, files, styles, out))
    targets = {target for *_, target in jobs}
    if len(targets) < len(jobs):
        raise UserError(
            f"{source}: several pictures would be written to one file; rename"
        )
    for line in broken(files).values():
        raise UserError(line)
    replaced = sum(target.exists() for target in targets)
    with tqdm(total=len(jobs), unit="image", disable=len(jobs) < 2) as bar:
        for file, group in itertools.groupby(jobs, lambda job: job[0]):
            _, some, written = zip(*group, strict=True)
            codes = [style.code for style in some]
            fakes = translator.in_styles(translator.read(file)[None], codes)
            for fake, target in zip(fakes, written, strict=True):
                images.save(images.to_uint8(fake[0]), target)
                bar.update()
    told = f" ({replaced} replaced)" if replaced else ""
    if len(jobs) == 1:
        return f"{targets.pop()}{told}"
    return f"{len(jobs)} images in {out}{told}"


def plan(
    source: pathlib.Path,
    files: Sequence[pathlib.Path],
    styles: Sequence[NamedStyle],
    out: pathlib.Path,
) -> Iterator[Job]:
    """Yield every source with every style and the file that the translation goes to."""
    if out.suffix.lower() in images.EXTENSIONS:
        if len(files) * len(styles) > 1:
            raise UserError(f"--out={out}: there are several pictures; name a folder")
        yield files[0], styles[0], out
        return
    top = source if source.is_dir() else source.parent
    for file in files:
        folder = out / file.parent.relative_to(top)
        for style in styles:
            yield file, style, folder / f"{file.stem}-to-{style.name}.png"
