"""Files of ours that are not code: configurations, the page's files, presets.

A checkout has the first two in configs/ and web_demo/. An installed package has them
inside. Presets are inside in both.
"""

import os
import pathlib

PACKAGE = pathlib.Path(__file__).parent


def configuration(path: str | os.PathLike) -> pathlib.Path:
    """The flagfile of a path, or our own of that name.

    A path that does not exist and reads `configs/NAME.flags` or `NAME.flags` stands for
    the configuration of that name, if there is one. All other paths are returned as
    they are, whether they exist or not; ~ is the home folder.
    """
    given = pathlib.Path(path).expanduser()
    ours = _folder("configs") / given.name
    if given.parent in (pathlib.Path(), pathlib.Path("configs")):
        if given.suffix == ".flags" and ours.is_file() and not given.exists():
            return ours
    return given


def page_dir() -> pathlib.Path:
    """The folder of the page's files: index.html, style.css, js/, package.json."""
    return _folder("web_demo")


def presets_dir() -> pathlib.Path:
    """The folder of the presets, each a folder of a run's files."""
    return PACKAGE / "presets"


def installed() -> bool:
    """Whether this is an installed package, not a checkout."""
    return (PACKAGE / "configs").is_dir()


def _folder(name: str) -> pathlib.Path:
    return (PACKAGE if installed() else PACKAGE.parent) / name
