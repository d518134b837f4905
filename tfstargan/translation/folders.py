"""Translating an image, or a folder of them, into files."""

import collections
import os
import pathlib
import sys
from collections.abc import Iterator, Sequence

import numpy as np
from tqdm import tqdm

from tfstargan import images
from tfstargan.data.scan import broken
from tfstargan.errors import UserError
from tfstargan.files import shortened
from tfstargan.translation.ahead import ahead, batched
from tfstargan.translation.styles import NamedStyle
from tfstargan.translation.translating import Translating

Job = tuple[pathlib.Path, NamedStyle, pathlib.Path]  # source, style, file to write
Row = Sequence[Job]  # those of one source, in the order of the styles


def translate_folder(
    translator: Translating,
    source: str | os.PathLike,
    styles: Sequence[NamedStyle],
    out: str | os.PathLike,
    *,
    skip_broken: bool = False,
    quality: int = images.QUALITY,
    found: images.Found | None = None,
) -> str:
    """Translate every source into every style, and write the images.

    Files are read and written in threads, beside the computation.

    Args:
        translator: of the run.
        source: an image, or a folder: all images in it and below.
        styles: to translate into.
        out: folder for the images, laid out as the source; or one .png or .jpg.
        skip_broken: skip sources that can't be read, and name them.
        quality: of a JPEG or WebP file, 1 to 100.
        found: the files of the source, if `images.find` was called already.

    Returns:
        What was written, in a line.

    Raises:
        UserError: if a file can't be read or written, or `out` lies in `source`.
    """
    source, out = pathlib.Path(source), pathlib.Path(out)
    files = readable(source, out, skip_broken, found)
    jobs = list(plan(source, files, styles, out))
    replaced = sum(target.exists() for *_, target in jobs)

    def save(result: tuple[np.ndarray, pathlib.Path]) -> None:
        fake, target = result
        images.save(images.to_uint8(fake), target, quality)

    with tqdm(total=len(jobs), unit="image", disable=len(jobs) < 2) as bar:
        for _ in ahead(save, translations(translator, [*batched(jobs, len(styles))])):
            bar.update()
    told = f" ({replaced} replaced)" if replaced else ""
    if len(jobs) == 1:
        return f"{jobs[0][-1]}{told}"
    return f"{len(jobs)} images in {out}{told}"


def translations(
    translator: Translating, rows: Sequence[Row]
) -> Iterator[tuple[np.ndarray, pathlib.Path]]:
    """Yield the translation of every job, [H, W, 3] float, and the file to write.

    Sources come in batches; within a batch, one style follows the other.
    """
    sources = ahead(translator.read, [row[0][0] for row in rows])
    codes = [style.code for _, style, _ in rows[0]]
    for some in batched(zip(sources, rows, strict=True), translator.batch):
        x = np.stack([source for source, _ in some])
        for i, fakes in enumerate(translator.in_styles(x, codes)):
            for fake, (_, row) in zip(fakes, some, strict=True):
                yield fake, row[i][-1]


def readable(
    source: pathlib.Path,
    out: pathlib.Path,
    skip_broken: bool,
    found: images.Found | None = None,
) -> list[pathlib.Path]:
    """The files of a source that can be read; those skipped are named.

    Args:
        source: an image, or a folder.
        out: where translations are written.
        skip_broken: skip files that can't be read.
        found: the files of the source, if `images.find` was called already.

    Raises:
        UserError: if a file can't be read and is not to be skipped; if there are none;
            if what is written to `out` would be read the next time.
    """
    found = found or images.find(source)
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
        raise UserError(f"{source}: no image is readable")
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
            raise UserError(f"--out={out}: there are several images; name a folder")
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
