"""Translate pictures with a trained run.

    python -m tfstargan.translate --run_dir=R --source=a.jpg --domain=cat --seed=3
    python -m tfstargan.translate --run_dir=R --source=a.jpg --reference=b.jpg
    python -m tfstargan.translate --run_dir=R --source=photos/ --reference=styles/

A folder stands for all pictures in it and below; every source is translated into the
style of every reference. The domain of a reference is --domain, or else the name of
the folder that it is in.
"""

import pathlib
from typing import NamedTuple

import numpy as np

from tfstargan.errors import UserError
from tfstargan.translation.translator import Translator


class Look(NamedTuple):
    """A style to translate into, and its name in the files' names."""

    name: str
    style: np.ndarray  # [1, style_dim]


def reference_looks(
    translator: Translator, files: list[pathlib.Path], domain: str
) -> list[Look]:
    """Return the styles of reference pictures.

    Args:
        translator: of the run.
        files: the pictures.
        domain: of all of them; empty: each one's is the name of its folder.

    Raises:
        UserError: if a domain is unknown, or a file is no picture.
    """
    looks = []
    for file in files:
        name = domain or file.resolve().parent.name
        if name not in translator.domains:
            raise UserError(
                f"{file}: of which domain is this reference? Say --domain=, one of "
                f"{', '.join(translator.domains)}"
            )
        style = translator.encode_styles(translator.read(file)[None], name)
        looks.append(Look(f"{name}-like-{file.stem}", style))
    return looks
