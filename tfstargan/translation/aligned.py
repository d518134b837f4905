"""Faces that `tfstargan align` cut from photographs: the way back to them.

`align` writes align.json at the top of its output. The entry of a photograph has the
photograph's size and, for each face that was cut from it, the map from points of the
photograph, in pixels, to points of the face, in shares of its side.
"""

import functools
import json
import os
import pathlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image

from tfstargan import images
from tfstargan.errors import UserError
from tfstargan.images.pasting import paste_mapped

REPORT = "align.json"


class Origin(NamedTuple):
    """Where a face was cut."""

    photograph: pathlib.Path
    size: tuple[int, int]  # of the photograph
    matrix: np.ndarray  # [2, 3], from its pixels to shares of the face's side


def origin_of(face: str | os.PathLike) -> Origin | None:
    """Where the face in a file was cut; None if no align.json is above the file.

    Raises:
        UserError: if align.json is damaged, or does not have this face.
    """
    path = pathlib.Path(os.path.abspath(face))
    report = next((p / REPORT for p in path.parents if (p / REPORT).is_file()), None)
    if report is None:
        return None
    name = path.relative_to(report.parent).as_posix()
    found = _origins(report, report.stat().st_mtime_ns).get(name)
    if found is None:
        raise UserError(
            f"{face}: {report} does not say where it was cut; run `tfstargan align` "
            "again, or translate without --paste"
        )
    return found


@functools.lru_cache(maxsize=4)
def _origins(report: pathlib.Path, changed: int) -> dict[str, Origin]:
    """The origin of every face of a report, by its path below the report's folder."""
    try:
        return {
            name: Origin(
                pathlib.Path(entry["photograph"]),
                (int(entry["size"][0]), int(entry["size"][1])),
                _matrix(matrix),
            )
            for entry in json.loads(report.read_text("utf-8", "surrogateescape"))
            for name, matrix in entry.get("maps", {}).items()
        }
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise UserError(
            f"{report}: can't be read ({error}); run `tfstargan align` again, or "
            "translate without --paste"
        ) from error


def _matrix(rows: list) -> np.ndarray:
    """A map [2, 3] that has an inverse.

    Raises:
        ValueError: if it is none.
    """
    matrix = np.array(rows, np.float64).reshape(2, 3)
    if not np.isfinite(np.linalg.inv(matrix[:, :2])).all():
        raise ValueError("a map without an inverse")
    return matrix


def paste_face(
    image: Image.Image, face: str | os.PathLike, origin: Origin
) -> Image.Image:
    """The photograph of a face, with another face in its place.

    Args:
        image: the other face, of any size.
        face: the file, for messages.
        origin: where it was cut.

    Raises:
        UserError: if the photograph is missing or has another size.
    """
    if not origin.photograph.is_file():
        raise UserError(
            f"{origin.photograph}: the photograph of {face} isn't there; run the "
            "command in the folder in which `tfstargan align` ran"
        )
    photograph = images.read(origin.photograph)
    if photograph.size != origin.size:
        raise UserError(
            f"{origin.photograph}: has another size than when {face} was cut from it; "
            "run `tfstargan align` again"
        )
    return paste_mapped(
        photograph, image, origin.matrix * np.array(image.size)[:, None]
    )


def require_one_face_each(faces: Sequence[pathlib.Path]) -> None:
    """Raise a UserError if two faces were cut from the same photograph."""
    seen: dict[pathlib.Path, pathlib.Path] = {}
    for face in faces:
        origin = origin_of(face)
        if origin is None:
            continue
        photograph = origin.photograph.absolute()
        if photograph in seen:
            raise UserError(
                f"{seen[photograph]} and {face}: both were cut from "
                f"{origin.photograph}, and --paste puts back one face of a photograph; "
                "name one of them, or a folder with one"
            )
        seen[photograph] = face
