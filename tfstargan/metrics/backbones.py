"""The published weights of the networks that measure: found, or downloaded and checked.

A file is named as PyTorch's hub names it, NAME-HASH.pth, HASH being the first eight
digits of its SHA-256. So a file that the user puts there is checked like a downloaded
one, and an older publication of the same network will do. None of them is part of this
project.
"""

import http.client
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
# Layers behind those that we have: classifiers.
BEYOND = ("fc.", "AuxLogits.", "classifier.")


class Backbone(NamedTuple):
    """A network's file: the pattern of its name, and where it is published."""

    pattern: str
    url: str
    sha256: str  # of the file at the address, or how it begins
    megabytes: int

    @property
    def file(self) -> str:
        """The name of the published file."""
        return self.url.rpartition("/")[2]


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


class NotThereError(UserError):
    """A backbone is not there and can't be downloaded; says what to do."""


def find(backbone: Backbone, folder: pathlib.Path, download: bool) -> pathlib.Path:
    """Return the checked file of a backbone, downloaded if it isn't there.

    Args:
        backbone: which.
        folder: where it is, or goes.
        download: whether it may be fetched.

    Raises:
        NotThereError: if it isn't there and isn't to be had.
        UserError: if it is damaged.
    """
    found = sorted(folder.glob(backbone.pattern))
    path = found[-1] if found else folder / backbone.file
    if not found:
        if not download:
            raise NotThereError(
                _missing(backbone, folder, "not there, and --nodownload")
            )
        _download(backbone, path)
    digest = files.checksum(path)
    expected = path.stem.rpartition("-")[2]
    if not digest.startswith(expected):
        raise UserError(
            f"{path}: damaged (its SHA-256 begins with {digest[:8]}, not {expected}); "
            f"remove it, and get it from {backbone.url}"
        )
    return path


def _download(backbone: Backbone, path: pathlib.Path) -> None:
    """Fetch a file aside, check it, and put it into its place."""
    try:
        with files.atomic_file(path) as partial:
            _fetch(backbone, partial)
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        why = f"can't be downloaded ({reason})"
        raise NotThereError(_missing(backbone, path.parent, why)) from error


def _fetch(backbone: Backbone, path: pathlib.Path) -> None:
    """Write what the publisher sends; raise an OSError if its checksum is another."""
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
        raise OSError("what arrived has another SHA-256")


def _missing(backbone: Backbone, folder: pathlib.Path, why: str) -> str:
    return (
        f"{backbone.file} ({backbone.megabytes} MB): {why}; get it from {backbone.url} "
        f"and put it into {folder} (or name its folder by --backbone_dir)"
    )


def load(network: keras.Model, path: pathlib.Path) -> None:
    """Give a network the weights in a file that `find` returned.

    Raises:
        UserError: if it holds another network's.
    """
    arrays = {
        name: array
        for name, array in pytorch_file.load(path).items()
        if not str(name).startswith(BEYOND)
    }
    try:
        parameters.from_reference(network, arrays)
    except ValueError as error:
        raise UserError(f"{path}: another network's weights ({error})") from error
