"""Translating an image, or a folder of them, into files."""

import collections
import os
import pathlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from tfstargan import images
from tfstargan.data.scan import Seen, scan
from tfstargan.errors import UserError
from tfstargan.files import shortened
from tfstargan.images.fitting import Fit
from tfstargan.progress import Bar
from tfstargan.translation.ahead import ahead, batched
from tfstargan.translation.aligned import origin_of, require_one_face_each
from tfstargan.translation.fit_options import CROP, FitOptions
from tfstargan.translation.sources import finished, in_batches
from tfstargan.translation.styles import NamedStyle
from tfstargan.translation.translating import Translating

SUFFIXES = {"png": ".png", "jpeg": ".jpg", "webp": ".webp"}  # of formats to write

Job = tuple[pathlib.Path, NamedStyle, pathlib.Path]  # source, style, file to write
Row = Sequence[Job]  # those of one source, in the order of the styles


class Made(NamedTuple):
    """A translation, not yet written."""

    fake: np.ndarray  # [H, W, 3] uint8, of the canvas
    fit: Fit  # the source's place on the canvas
    source: pathlib.Path
    target: pathlib.Path


def translate_folder(
    translator: Translating,
    source: str | os.PathLike,
    styles: Sequence[NamedStyle],
    out: str | os.PathLike,
    seen: Mapping[pathlib.Path, Seen] | None = None,
    how: FitOptions = CROP,
    *,
    skip_broken: bool = False,
    quality: int = images.QUALITY,
    format: str = "png",
) -> str:
    """Translate every source into every style, and write the images.

    Files are read and written in threads, beside the computation.

    Args:
        translator: of the run.
        source: an image, or a folder: all images in it and below.
        styles: to translate into.
        out: folder for the images, laid out as the source; or one .png, .jpg or .webp.
        seen: the files of the source, if `readable` was called already.
        how: which part of a source is translated, and whether it is pasted.
        skip_broken: skip sources that can't be read, and name them.
        quality: of a JPEG or WebP file, 1 to 100.
        format: of the files in a folder, one of `SUFFIXES`.

    Returns:
        What was written, in a line.

    Raises:
        UserError: if a file can't be read or written, an image can't be translated so,
            or `out` lies in `source`.
    """
    source, out = pathlib.Path(source), pathlib.Path(out)
    seen = seen or readable(source, out, skip_broken)
    for file, one in seen.items():
        translator.fit_of((one.width, one.height), how, str(file))
    files = list(seen)
    jobs = list(plan(source, files, styles, out, SUFFIXES[format]))
    if how.paste:
        require_pasteable(files, [target for *_, target in jobs])
    replaced = sum(target.exists() for *_, target in jobs)

    def save(made: Made) -> None:
        image = finished(made.fake, made.fit, made.source, how)
        images.save(np.asarray(image), made.target, quality)

    rows = [*batched(jobs, len(styles))]
    with Bar(total=len(jobs), unit="image", disable=len(jobs) < 2) as bar:
        for _ in ahead(save, translations(translator, rows, how), how.at_once):
            bar.update()
    told = f" ({replaced} replaced)" if replaced else ""
    if len(jobs) == 1:
        return f"{jobs[0][-1]}{told}"
    return f"{len(jobs)} images in {out}{told}"


def translations(
    translator: Translating, rows: Sequence[Row], how: FitOptions = CROP
) -> Iterator[Made]:
    """Yield the translation of every job.

    Sources come in batches of one size; within a batch, one style follows the other.
    """
    sources = [row[0][0] for row in rows]
    placed = ahead(lambda file: translator.place(file, how), sources, how.at_once)
    codes = [style.code for _, style, _ in rows[0]]
    pairs = zip(placed, rows, strict=True)
    for x, some in in_batches(pairs, translator.batch_of):
        for i, fakes in enumerate(translator.in_styles(x, codes)):
            for fake, (at, row) in zip(images.to_uint8(fakes), some, strict=True):
                yield Made(fake, at.fit, row[i][0], row[i][-1])


def readable(
    source: pathlib.Path,
    out: pathlib.Path,
    skip_broken: bool,
) -> Mapping[pathlib.Path, Seen]:
    """The files of a source that can be read, inspected; those skipped are named.

    Args:
        source: an image, or a folder.
        out: where translations are written.
        skip_broken: skip files that can't be read.

    Raises:
        UserError: if a file can't be read and is not to be skipped; if there are none;
            if what is written to `out` would be read the next time.
    """
    found = images.find(source)
    if source.is_dir():
        images.require_outside(out, found, f"--source={source}")
    if told := found.told():
        print(f"{source}: {told}", file=sys.stderr)
    seen = scan(found.files)
    for one in seen.values():
        if one.problem and not skip_broken:
            raise UserError(f"{one.line}; or add --skip_broken")
        if one.problem:
            print(f"skipped: {one.line}", file=sys.stderr)
    usable = {file: one for file, one in seen.items() if not one.problem}
    if not usable:
        raise UserError(f"{source}: no image is readable")
    return usable


def require_pasteable(
    files: Sequence[pathlib.Path], targets: Sequence[pathlib.Path]
) -> None:
    """Raise a UserError if faces can't be put back into their photographs.

    Args:
        files: the sources; those that `tfstargan align` cut are faces.
        targets: the files to write.
    """
    require_one_face_each(files)
    origins = [origin for file in files if (origin := origin_of(file))]
    photographs = {origin.photograph.resolve() for origin in origins}
    for target in targets:
        if target.resolve() in photographs:
            raise UserError(f"--out={target}: is the photograph; name another file")


def plan(
    source: pathlib.Path,
    files: Sequence[pathlib.Path],
    styles: Sequence[NamedStyle],
    out: pathlib.Path,
    suffix: str = ".png",
) -> Iterator[Job]:
    """Yield every source with every style and the file that the translation goes to."""
    if images.is_image(out.name):
        if len(files) * len(styles) > 1:
            raise UserError(f"--out={out}: there are several images; name a folder")
        if out.exists() and out.samefile(files[0]):
            raise UserError(f"--out={out}: is the source; name another file")
        _require_format(out, suffix)
        yield files[0], styles[0], out
        return
    top = source if source.is_dir() else source.parent
    for file, name in zip(files, stems(files), strict=True):
        folder = out / file.parent.relative_to(top)
        for style in styles:
            yield file, style, folder / shortened(f"{name}-to-{style.name}{suffix}")


def _require_format(out: pathlib.Path, suffix: str) -> None:
    """Raise a UserError if a file can't be written, or not in the wanted format."""
    given = out.suffix.lower().replace(".jpeg", ".jpg")
    if given in images.HEIC:
        raise UserError(f"--out={out}: HEIC is only read; name a .png, .jpg or .webp")
    if suffix not in (".png", given):
        raise UserError(f"--out={out}: has another ending than --format wants")


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
