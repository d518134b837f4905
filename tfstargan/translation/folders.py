"""Translate pictures with a trained run.

    python -m tfstargan.translate --run_dir=R --source=a.jpg --domain=cat --seed=3
    python -m tfstargan.translate --run_dir=R --source=a.jpg --reference=b.jpg
    python -m tfstargan.translate --run_dir=R --source=photos/ --reference=styles/

A folder stands for all pictures in it and below; every source is translated into the
style of every reference. The domain of a reference is --domain, or else the name of
the folder that it is in.
"""

import pathlib
from collections.abc import Iterator

from tfstargan import images
from tfstargan.errors import UserError
from tfstargan.translation.styles import Look


def outputs(
    source: pathlib.Path, files: list[pathlib.Path], looks: list[Look], out: str
) -> Iterator[tuple[pathlib.Path, Look, pathlib.Path]]:
    """Yield every source with every look and the file that the translation goes to."""
    if pathlib.Path(out).suffix.lower() in images.EXTENSIONS:
        if len(files) * len(looks) > 1:
            raise UserError(f"--out={out}: there are several pictures; name a folder")
        yield files[0], looks[0], pathlib.Path(out)
        return
    top = source if source.is_dir() else source.parent
    for file in files:
        folder = pathlib.Path(out) / file.parent.relative_to(top)
        for look in looks:
            yield file, look, folder / f"{file.stem}-to-{look.name}.png"
