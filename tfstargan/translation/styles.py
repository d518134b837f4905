"""Styles to translate into: of a seed's latent, or of reference images."""

import os
import pathlib
from typing import NamedTuple

import numpy as np

from tfstargan import images
from tfstargan.errors import UserError
from tfstargan.translation.translator import Translator


class NamedStyle(NamedTuple):
    """A style to translate into, and its name in the names of files."""

    name: str
    code: np.ndarray  # [1, style_dim]


def choose_styles(
    translator: Translator,
    domain: str,
    seed: int | None = None,
    reference: str | os.PathLike = "",
    psi: float = 1.0,
) -> list[NamedStyle]:
    """The style of a seed, or those of references.

    Args:
        translator: of the run.
        domain: target domain; for references, empty stands for each one's folder.
        seed: of a random style.
        reference: an image, or a folder of them; not with a seed.
        psi: scales a random style, see `Translator.random_style`.

    Raises:
        UserError: if a domain is unknown, or a file is no image.
    """
    if reference:
        files = images.find(pathlib.Path(reference))
        return styles_of_references(translator, files, domain)
    code = translator.random_style(domain, seed or 0, psi)
    return [NamedStyle(f"{domain}-seed{seed}", code)]


def styles_of_references(
    translator: Translator, files: list[pathlib.Path], domain: str = ""
) -> list[NamedStyle]:
    """The styles of reference images.

    Args:
        translator: of the run.
        files: the images.
        domain: of all of them; empty: each one's is the name of its folder.

    Raises:
        UserError: if a domain is unknown, or a file is no image.
    """
    styles = []
    for file in files:
        name = domain or file.resolve().parent.name
        if name not in translator.domains:
            raise UserError(
                f"{file}: of which domain is this reference? Say --domain=, one of "
                f"{', '.join(translator.domains)}"
            )
        code = translator.encode_styles(translator.read(file)[None], name)
        styles.append(NamedStyle(f"{name}-like-{file.stem}", code))
    return styles
