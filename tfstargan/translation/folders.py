"""Translating an image, or a folder of them, into files."""

import collections
import itertools
import os
import pathlib
import sys
from collections.abc import Iterator, Sequence

from tfstargan import images
from tfstargan.data.scan import broken
from tfstargan.errors import UserError
from tfstargan.files import shortened
from tfstargan.progress import Bar
from tfstargan.translation.styles import NamedStyle
from tfstargan.translation.translator import Translator

Job = tuple[pathlib.Path, NamedStyle, pathlib.Path]  # source, style, file to write


def translate_folder(
    translator: Translator,
    source: str | os.PathLike,
    styles: Sequence[NamedStyle],
    out: str | os.PathLike,
    *,
    skip_broken: bool = False,
    quality: int = images.QUALITY,
) -> str:
    """Translate every source into every style, and write the images.

    Args:
        translator: of the run.
        source: an image, or a folder: all images in it and below.
        styles: to translate into.
        out: folder for the images, laid out as the source; or one .png or .jpg.
        skip_broken: skip sources that can't be read, and name them.
        quality: of a JPEG or WebP file, 1 to 100.

    Returns:
        What was written, in a line.

    Raises:
        UserError: if a file can't be read or written, or `out` lies in `source`.
    """
    source, out = pathlib.Path(source), pathlib.Path(out)
    files = readable(source, out, skip_broken)
    jobs = list(plan(source, files, styles, out))
    replaced = sum(target.exists() for *_, target in jobs)
    with Bar(total=len(jobs), unit="image", disable=len(jobs) < 2) as bar:
        for file, group in itertools.groupby(jobs, lambda job: job[0]):
            _, some, written = zip(*group, strict=True)
            codes = [style.code for style in some]
            fakes = translator.in_styles(translator.read(file)[None], codes)
            for fake, target in zip(fakes, written, strict=True):
                images.save(images.to_uint8(fake[0]), target, quality)
                bar.update()
    told = f" ({replaced} replaced)" if replaced else ""
    if len(jobs) == 1:
        return f"{jobs[0][-1]}{told}"
    return f"{len(jobs)} images in {out}{told}"


def readable(
    source: pathlib.Path, out: pathlib.Path, skip_broken: bool
) -> list[pathlib.Path]:
    """The files of a source that can be read; those skipped are named.

    Raises:
        UserError: if one can't be, and is not to be skipped; if there are none; if
            what is written to `out` would be read the next time.
    """
    found = images.find(source)
    if source.is_dir():
        images.require_outside(out, found, f"--source={source}")
    if told := found.told():
        print(f"{source}: {told}", file=sys.stderr)
    lines = broken(found.files)
    for line in lines.values():
        if not skip_broken:
            raise UserError(f"{line}; or add --skip_broken")
        print(f"skipped: {line}", file=sys.stderr)
    files = [file for file in found.files if file not in lines]
    if not files:
        raise UserError(f"{source}: no picture is readable")
    return files


def plan(
    source: pathlib.Path,
    files: Sequence[pathlib.Path],
    styles: Sequence[NamedStyle],
    out: pathlib.Path,
) -> Iterator[Job]:
    """Yield every source with every style and the file that the translation goes to."""
    if images.is_image(out.name):
        if len(files) * len(styles) > 1:
            raise UserError(f"--out={out}: there are several pictures; name a folder")
        if out.exists() and out.samefile(files[0]):
            raise UserError(f"--out={out}: is the source; name another file")
        yield files[0], styles[0], out
        return
    top = source if source.is_dir() else source.parent
    for file, name in zip(files, stems(files), strict=True):
        folder = out / file.parent.relative_to(top)
        for style in styles:
            yield file, style, folder / shortened(f"{name}-to-{style.name}.png")


def stems(files: Sequence[pathlib.Path]) -> list[str]:
    """The files' names without suffix; with it where two of a folder differ by that.

    Neither does upper and lower case tell two names apart.
    """
    alike = collections.Counter(_key(file, file.stem) for file in files)
    names = [
        file.stem if alike[_key(file, file.stem)] == 1 else file.name for file in files
    ]
    seen: collections.Counter[tuple] = collections.Counter()
    for i, (file, name) in enumerate(zip(files, names, strict=True)):
        key = _key(file, name)
        seen[key] += 1
        if seen[key] > 1:
            names[i] = f"{name}~{seen[key]}"
    return names


def _key(file: pathlib.Path, name: str) -> tuple[pathlib.Path, str]:
    return file.parent, name.casefold()
