"""Photographs cut as CelebA-HQ's faces are, by their landmarks.

FAN sees the largest centred square of a photograph. OUT/align.json lists every
photograph, with the files written or the reason why it was skipped (see `flaw`).

For square photographs this is the authors' own way, except that small faces are taken
from the photograph in full, not from one reduced to the wanted size.
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
from tqdm import tqdm

from tfstargan import images
from tfstargan.errors import UserError
from tfstargan.faces import MIN_PEAK
from tfstargan.faces.alignment import Face, align, flaw, in_photograph
from tfstargan.files import shortened, write_text
from tfstargan.networks.fan import FAN, LANDMARKS, SIDE, landmarks
from tfstargan.reference import parameters
from tfstargan.translation.folders import stems

PUBLISHED = "published with the code of StarGAN v2 (github.com/clovaai/stargan-v2)"


REPORT = "align.json"


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
        min_peak: as of `flaw`.

    Returns:
        How many were aligned, in a line.

    Raises:
        UserError: if a file is missing or unfit, or there is no plausible face at all.
    """
    out = pathlib.Path(out)
    targets = plan(pathlib.Path(source), out, parse_sizes(size))
    average = read_mean_landmarks(mean_landmarks)
    find_face = load_finder(wing_weights)
    outcomes = {}
    for file in tqdm(targets, unit="photograph", disable=len(targets) < 2):
        outcome = align_file(file, targets[file], find_face, average, min_peak)
        outcomes[file] = outcome
        if outcome.skipped:
            tqdm.write(f"{file}: skipped, {outcome.skipped}", file=sys.stderr)
    written = sum(not outcome.skipped for outcome in outcomes.values())
    if not written:
        first, (_, reason) = next(iter(outcomes.items()))
        others = f"; nor are {len(outcomes) - 1} others" if len(outcomes) > 1 else ""
        raise UserError(f"{first}: not aligned, {reason}{others}")
    report = out / REPORT
    text = json.dumps(list(entries(outcomes, targets)), indent=1) + "\n"
    try:
        write_text(text, report)
    except OSError as error:
        raise UserError(f"{report}: can't be written ({error})") from error
    return f"{written} of {len(targets)} photographs aligned, see {report}"


class Outcome(NamedTuple):
    """What became of a photograph."""

    face: Face | None  # None: it can't be read
    skipped: str  # the reason; empty: it was written


def align_file(
    file: pathlib.Path,
    targets: dict[int, pathlib.Path],
    find_face: Callable[[Image.Image], Face],
    mean_landmarks: np.ndarray,
    min_peak: float = MIN_PEAK,
) -> Outcome:
    """Align a photograph and write it at every size, or say why not.

    Args:
        file: the photograph.
        targets: {size: file to write}.
        find_face: from the 256 x 256 view of the photograph.
        mean_landmarks: [98, 2], as of `align`.
        min_peak: as of `flaw`.
    """
    try:
        photograph = images.read(file)
    except UserError as error:
        return Outcome(None, str(error).removeprefix(f"{file}: "))
    face = find_face(images.square(photograph, SIDE))
    reason = flaw(face, mean_landmarks, min_peak)
    if not reason:
        points = in_photograph(face.points, *photograph.size)
        for size, target in targets.items():
            images.save(align(photograph, points, mean_landmarks, size), target)
    return Outcome(face, reason)


def plan(
    source: pathlib.Path, out: pathlib.Path, sizes: list[int]
) -> dict[pathlib.Path, dict[int, pathlib.Path]]:
    """Return {photograph: {size: file to write}}: OUT/NAME.png, or OUT/SIZE/NAME.png.

    Raises:
        UserError: if there is nothing, or files would overwrite or become photographs.
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
    """Return the average face's landmarks, [98, 2], from `celeba_lm_mean.npz`.

    Raises:
        UserError: if it is missing or another file.
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
    """Return a function from a 256 x 256 view to the face in it, by FAN.

    Args:
        path: of the authors' `wing.ckpt`.

    Raises:
        UserError: if it is missing or another file.
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
    """Return --size as numbers, each once.

    Raises:
        UserError: if they are none.
    """
    if not texts or not all(t.isdecimal() and 32 <= int(t) <= 1024 for t in texts):
        given = ",".join(texts)
        raise UserError(f"--size={given}: sides from 32 to 1024 pixels, as 256,512")
    return list(dict.fromkeys(map(int, texts)))


def entries(
    outcomes: dict[pathlib.Path, Outcome],
    targets: dict[pathlib.Path, dict[int, pathlib.Path]],
) -> Iterator[dict]:
    """Yield what the report says of every photograph."""
    for file, (face, skipped) in outcomes.items():
        entry: dict = {"photograph": str(file)}
        if face is not None:
            entry["peak"] = round(face.peak, 3)
        if skipped:
            yield entry | {"left_out": skipped}
        else:
            yield entry | {"written": [str(t) for t in targets[file].values()]}
