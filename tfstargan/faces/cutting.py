"""Faces cropped from photographs as in CelebA-HQ, by their landmarks.

FAN takes the largest centred square of a photograph. OUT/align.json lists every
photograph, with the files written and the map to each, or the reason why it was skipped
(see `flaw`). By these maps, `translate --paste` puts faces back.

For square photographs the method is the authors', except that small faces are taken
from the full photograph, not from one reduced to the output size.
"""

import json
import os
import pathlib
import sys
import zipfile
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image

from tfstargan import images
from tfstargan.errors import UserError
from tfstargan.faces import MIN_PEAK
from tfstargan.faces.alignment import Face, align, flaw, in_photograph, map_of
from tfstargan.files import shortened, write_text
from tfstargan.networks.fan import FAN, LANDMARKS, SIDE, landmarks
from tfstargan.progress import Bar
from tfstargan.reference import parameters
from tfstargan.translation.aligned import REPORT
from tfstargan.translation.folders import stems

PUBLISHED = "published with the code of StarGAN v2 (github.com/clovaai/stargan-v2)"


def align_photographs(
    source: str | os.PathLike,
    out: str | os.PathLike,
    size: Sequence[str] = ("256",),
    wing_weights: str = "",
    mean_landmarks: str = "",
    min_peak: float = MIN_PEAK,
) -> str:
    """Align a photograph, or a folder of them, and write OUT/align.json.

    Args:
        source: the photograph, or folder.
        out: folder for the faces.
        size: their sides, as text.
        wing_weights: the authors' wing.ckpt.
        mean_landmarks: the authors' celeba_lm_mean.npz.
        min_peak: see `flaw`.

    Returns:
        The number of aligned photographs, in a line.

    Raises:
        UserError: if a file is missing or unusable, or no face is plausible.
    """
    out = pathlib.Path(out)
    targets = plan(pathlib.Path(source), out, parse_sizes(size))
    average = read_mean_landmarks(mean_landmarks)
    find_face = load_finder(wing_weights)
    outcomes = {}
    for file in Bar(targets, unit="photograph", disable=len(targets) < 2):
        outcome = align_file(file, targets[file], find_face, average, min_peak)
        outcomes[file] = outcome
        if outcome.skipped:
            Bar.write(f"{file}: skipped, {outcome.skipped}", file=sys.stderr)
    written = sum(not outcome.skipped for outcome in outcomes.values())
    if not written:
        first, outcome = next(iter(outcomes.items()))
        others = f"; nor are {len(outcomes) - 1} others" if len(outcomes) > 1 else ""
        raise UserError(f"{first}: not aligned, {outcome.skipped}{others}")
    report = out / REPORT
    text = json.dumps(list(entries(outcomes, targets, out)), indent=1) + "\n"
    try:
        write_text(text, report)
    except OSError as error:
        raise UserError(f"{report}: can't be written ({error})") from error
    return f"{written} of {len(targets)} photographs aligned, see {report}"


class Outcome(NamedTuple):
    """The result for one photograph."""

    face: Face | None  # None: the file can't be read
    skipped: str  # the reason; empty: it was written
    size: tuple[int, int] = (0, 0)  # of the photograph, (width, height)
    maps: Sequence[np.ndarray] = ()  # of each size; see `map_of`


def align_file(
    file: pathlib.Path,
    targets: dict[int, pathlib.Path],
    find_face: Callable[[Image.Image], Face],
    mean_landmarks: np.ndarray,
    min_peak: float = MIN_PEAK,
) -> Outcome:
    """Align a photograph and write it at every size, or return the reason why not.

    Args:
        file: the photograph.
        targets: {size: file to write}.
        find_face: from the 256 x 256 view of the photograph.
        mean_landmarks: [98, 2], see `align`.
        min_peak: see `flaw`.
    """
    try:
        photograph = images.read(file)
    except UserError as error:
        return Outcome(None, str(error).removeprefix(f"{file}: "))
    face = find_face(images.square(photograph, SIDE))
    reason = flaw(face, mean_landmarks, min_peak)
    if reason:
        return Outcome(face, reason)
    points, maps = in_photograph(face.points, *photograph.size), []
    for size, target in targets.items():
        images.save(align(photograph, points, mean_landmarks, size), target)
        maps.append(map_of(photograph.size, points, mean_landmarks, size))
    return Outcome(face, "", photograph.size, maps)


def plan(
    source: pathlib.Path, out: pathlib.Path, sizes: list[int]
) -> dict[pathlib.Path, dict[int, pathlib.Path]]:
    """{photograph: {size: file to write}}: OUT/NAME.png, or OUT/SIZE/NAME.png.

    Raises:
        UserError: if there are no photographs, or if output would replace them or be
            read as input the next time.
    """
    found = images.find(source)
    files = found.files
    top = source if source.is_dir() else source.parent
    if source.is_dir():
        images.require_outside(out, found, f"--source={source}")
    if told := found.told():
        print(f"{source}: {told}", file=sys.stderr)
    folders = {n: out / str(n) if len(sizes) > 1 else out for n in sizes}
    targets = {
        file: {
            n: folders[n] / file.parent.relative_to(top) / shortened(f"{name}.png")
            for n in sizes
        }
        for file, name in zip(files, stems(files), strict=True)
    }
    written = {t.resolve() for of_sizes in targets.values() for t in of_sizes.values()}
    if written & {file.resolve() for file in files}:
        raise UserError(f"--out={out}: would overwrite {source}; name another folder")
    return targets


def read_mean_landmarks(path: str) -> np.ndarray:
    """The average face's landmarks, [98, 2], from `celeba_lm_mean.npz`.

    Raises:
        UserError: if it is missing, or another file.
    """
    flag = f"--mean_landmarks={path}"
    if not path or not pathlib.Path(path).is_file():
        raise UserError(
            f"{flag}: no such file; celeba_lm_mean.npz is needed, {PUBLISHED} beside"
            " wing.ckpt"
        )
    try:
        with open(path, "rb") as file:
            points = np.load(file)["mean"].astype(np.float64)
    except (OSError, ValueError, LookupError, EOFError, zipfile.BadZipFile) as error:
        raise UserError(f"{flag}: no mean landmarks in it ({error})") from error
    if points.shape != (LANDMARKS, 2) or not np.isfinite(points).all():
        raise UserError(f"{flag}: mean must be {LANDMARKS} points (x, y)")
    return points


def load_finder(path: str) -> Callable[[Image.Image], Face]:
    """A function that finds the face in a 256 x 256 view, with FAN.

    Args:
        path: of the authors' `wing.ckpt`.

    Raises:
        UserError: if it is missing, or another file.
    """
    if not path:
        raise UserError(
            f"--wing_weights: wing.ckpt is needed, FAN's weights, {PUBLISHED}"
        )
    fan = FAN()
    fan.build((None, SIDE, SIDE, 3))
    parameters.load_fan(fan, path)

    def find_face(view: Image.Image) -> Face:
        heatmaps = fan.predict_on_batch(images.to_float(view)[None])
        points = np.asarray(landmarks(heatmaps)[0], np.float64)
        return Face(points, float(heatmaps.max(axis=(1, 2)).mean()))

    return find_face


def parse_sizes(texts: Sequence[str]) -> list[int]:
    """The numbers of --size, each once.

    Raises:
        UserError: if one is not a side from 32 to 1024.
    """
    if not texts or not all(t.isdecimal() and 32 <= int(t) <= 1024 for t in texts):
        given = ",".join(texts)
        raise UserError(f"--size={given}: sides from 32 to 1024 pixels, as 256,512")
    return list(dict.fromkeys(map(int, texts)))


def entries(
    outcomes: dict[pathlib.Path, Outcome],
    targets: dict[pathlib.Path, dict[int, pathlib.Path]],
    out: pathlib.Path,
) -> Iterator[dict]:
    """Yield the report's entry of every photograph; see `translation.aligned`."""
    for file, outcome in outcomes.items():
        entry: dict = {"photograph": str(file)}
        if outcome.face is not None:
            entry["peak"] = round(outcome.face.peak, 3)
        if outcome.skipped:
            yield entry | {"left_out": outcome.skipped}
            continue
        written = targets[file].values()
        yield entry | {
            "written": [str(target) for target in written],
            "size": outcome.size,
            "maps": {
                target.relative_to(out).as_posix(): matrix.tolist()
                for target, matrix in zip(written, outcome.maps, strict=True)
            },
        }
