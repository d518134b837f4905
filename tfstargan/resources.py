"""The package's data files: configurations, the web page and presets.

In a checkout the first two are in configs/ and web_demo/; an installed package contains
them. Presets are inside the package in both.
"""

import os
import pathlib

PACKAGE = pathlib.Path(__file__).parent


def configuration(path: str | os.PathLike) -> pathlib.Path:
    """The flagfile at a path, or the package's configuration of that name.

    A path `configs/NAME.flags` or `NAME.flags` that does not exist means the package's
    configuration of that name, if there is one. All other paths are returned unchanged,
    whether they exist or not; ~ is the home folder.
    """
    given = pathlib.Path(path).expanduser()
    ours = _folder("configs") / given.name
    if given.parent in (pathlib.Path(), pathlib.Path("configs")):
        if given.suffix == ".flags" and ours.is_file() and not given.exists():
            return ours
    return given


def page_dir() -> pathlib.Path:
    """The folder of the web page: index.html, style.css, js/, package.json."""
    return _folder("web_demo")


def presets_dir() -> pathlib.Path:
    """The folder of the presets, each a folder of a run's files."""
    return PACKAGE / "presets"


def installed() -> bool:
    """Whether this is an installed package, rather than a checkout."""
    return (PACKAGE / "configs").is_dir()


def _folder(name: str) -> pathlib.Path:
    return (PACKAGE if installed() else PACKAGE.parent) / name
