"""Styles to translate into: of a seed's latent, or of reference images."""

import collections
import itertools
import os
import pathlib
import sys
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from tfstargan import images
from tfstargan.errors import UserError
from tfstargan.files import composed, safe_names
from tfstargan.progress import Bar
from tfstargan.translation.ahead import ahead, batched
from tfstargan.translation.translating import Translating


class NamedStyle(NamedTuple):
    """A style to translate into, and its name in the names of files."""

    name: str
    code: np.ndarray  # [1, style_dim]


def choose_styles(
    translator: Translating,
    domain: str,
    seeds: Sequence[int] = (),
    reference: str | os.PathLike = "",
    psi: float = 1.0,
    skip_broken: bool = False,
) -> list[NamedStyle]:
    """The styles of seeds, or those of references.

    Args:
        translator: of the run.
        domain: target domain; for references, empty stands for each one's folder.
        seeds: of random styles.
        reference: an image, or a folder of them; not with seeds.
        psi: scales a random style, see `Translating.random_style`.
        skip_broken: skip references that can't be read, and name them.

    Raises:
        UserError: if a domain is unknown, or a file is no image.
    """
    if reference:
        top = pathlib.Path(reference)
        found = images.find(top)
        if told := found.told():
            print(f"{top}: {told}", file=sys.stderr)
        return styles_of_references(translator, found.files, domain, top, skip_broken)
    name = _safe(translator, composed(domain))
    return [
        NamedStyle(f"{name}-seed{seed}", translator.random_style(domain, seed, psi))
        for seed in dict.fromkeys(seeds)
    ]


def styles_of_references(
    translator: Translating,
    files: list[pathlib.Path],
    domain: str = "",
    top: pathlib.Path | None = None,
    skip_broken: bool = False,
) -> list[NamedStyle]:
    """The styles of reference images.

    Args:
        translator: of the run.
        files: the images.
        domain: of all of them; empty: each one's is the name of its folder, or of the
            nearest above that has a domain's name.
        top: the folder that was named; none above it counts.
        skip_broken: skip those that can't be read, and name them.

    Raises:
        UserError: if a domain is unknown, or a file is no image.
    """
    names = [domain_of_reference(translator, file, domain, top) for file in files]
    named, codes = [], []
    readable = _read(translator, files, names, skip_broken)
    for name, group in itertools.groupby(readable, lambda one: one[0]):
        for some in batched(group, translator.batch):
            x = np.stack([x for *_, x in some])
            codes += [code[None] for code in translator.encode_styles(x, name)]
            named += [(name, file) for _, file, _ in some]
    if not codes:
        raise UserError(f"--reference={top or files[0]}: no image is readable")
    unique = _names(translator, named)
    return [NamedStyle(*both) for both in zip(unique, codes, strict=True)]


def domain_of_reference(
    translator: Translating, file: pathlib.Path, given: str, top: pathlib.Path | None
) -> str:
    """The domain of a reference: the given one, or that of its folder."""
    name = composed(given) or domain_of(file, translator.domains, top)
    if not name:
        raise UserError(
            f"{file}: of which domain is this reference? Give --domain, one of "
            f"{', '.join(translator.domains)}"
        )
    translator.label(name)
    return name


def _read(
    translator: Translating,
    files: list[pathlib.Path],
    names: list[str],
    skip_broken: bool,
) -> Iterator[tuple[str, pathlib.Path, np.ndarray]]:
    """Yield domain, file and image of every reference that can be read."""

    def read(file: pathlib.Path) -> np.ndarray | images.UnreadableError:
        try:
            return translator.read(file)
        except images.UnreadableError as error:
            return error

    bar = Bar(files, desc="styles", unit="image", delay=2, leave=False)
    for name, file, x in zip(names, bar, ahead(read, files), strict=True):
        if isinstance(x, np.ndarray):
            yield name, file, x
        elif skip_broken:
            print(f"skipped: {x}", file=sys.stderr)
        else:
            raise x


def domain_of(
    file: pathlib.Path, domains: tuple[str, ...], top: pathlib.Path | None = None
) -> str:
    """The domain whose name a reference's folder has; empty if there is none.

    The folder is the one in which the file is named: where a link leads to says
    nothing.
    """
    folders = [file.parent]
    while folders[-1] not in (top, folders[-1].parent) and top in folders[-1].parents:
        folders.append(folders[-1].parent)
    for folder in folders:
        name = folder.name
        if name in ("", ".."):  # such as "." of "./a.png"
            name = folder.resolve().name
        if composed(name) in domains:
            return composed(name)
    return ""


def _names(translator: Translating, named: list[tuple[str, pathlib.Path]]) -> list[str]:
    """Names of styles for names of files: no two alike; with a suffix where needed."""
    alike = collections.Counter((d, file.stem.casefold()) for d, file in named)
    return safe_names(
        f"{_safe(translator, domain)}-like-"
        f"{file.stem if alike[domain, file.stem.casefold()] == 1 else file.name}"
        for domain, file in named
    )


def _safe(translator: Translating, domain: str) -> str:
    """A domain's name for names of files, unlike any other domain's."""
    safe = safe_names(translator.domains)
    return safe[translator.label(domain)]
