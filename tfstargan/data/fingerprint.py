"""The fingerprint of a run's images, so that it is not resumed with others by mistake.

RUN/data.json has the name of every image and the first 16 digits of the SHA-256 of its
file. A folder and the shards packed from it have the same fingerprint.
"""

import json
import pathlib

from tfstargan import files
from tfstargan.data.image_set import ImageSet
from tfstargan.errors import UserError

FILE = "data.json"
SHOWN = 2  # names in a message


def short(digest: str) -> str:
    """The part of a SHA-256, in hexadecimal, that is kept."""
    return digest[:16]


def of(*image_sets: ImageSet) -> dict[str, str]:
    """The fingerprints of several sets in one."""
    return {k: v for some in image_sets for k, v in some.fingerprint().items()}


def remember(run_dir: pathlib.Path, images: dict[str, str]) -> None:
    """Write the fingerprint of a run's images, if they have one.

    Raises:
        UserError: if it can't be written.
    """
    if not images:
        return
    file = run_dir / FILE
    try:
        files.write_text(json.dumps({"images": images}) + "\n", file)
    except OSError as error:
        raise UserError(f"{file}: can't be written ({error})") from error


def recall(run_dir: pathlib.Path) -> dict[str, str]:
    """The fingerprint of a run's images; empty if it has none.

    Raises:
        UserError: if the file is damaged.
    """
    file = run_dir / FILE
    if not file.exists():
        return {}
    try:
        return dict(json.loads(file.read_text())["images"])
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise UserError(
            f"{file}: can't be read ({error}); delete it to resume with the "
            "current images"
        ) from error


def require_same(run_dir: pathlib.Path, images: dict[str, str]) -> None:
    """Raise a UserError if a run was begun with other images.

    Files that can't be read, and are skipped, are not compared. Runs of earlier
    versions have no fingerprint.
    """
    before = recall(run_dir)
    if told := differences(before, images) if before else "":
        raise UserError(
            f"--run_dir={run_dir}: begun with other images ({told}); give another "
            "--run_dir, or add --allow_changed_data"
        )


def differences(before: dict[str, str], now: dict[str, str]) -> str:
    """The numbers of images that differ, with the first names; empty if none differ."""
    both = before.keys() & now.keys()
    found = {
        "changed": {n for n in both if before[n] != now[n] and before[n] and now[n]},
        "new": now.keys() - before.keys(),
        "missing": before.keys() - now.keys(),
    }
    return "; ".join(
        f"{len(names)} {kind}: {', '.join(sorted(names)[:SHOWN])}"
        + (", ..." if len(names) > SHOWN else "")
        for kind, names in found.items()
        if names
    )
