"""Photographs in folders: ROOT/train/DOMAIN/*.jpg and ROOT/val/DOMAIN/*.jpg.

Domains are the names of the folders, sorted.
"""

import pathlib
import sys

from PIL import Image

from tfstargan import images
from tfstargan.data.image_set import ImageSet
from tfstargan.data.scan import broken
from tfstargan.errors import UserError


class Folder(ImageSet):
    """The photographs of one split.

    Args:
        root: holds train/ and val/, with the same folders.
        split: "train" or "val".
        domains: names in label order; empty: every folder, sorted.
        skip_broken: leave out files that are no picture, or broken, and say so.

    Raises:
        UserError: if a folder is missing or holds no picture, if there is only one
            domain, or if a file is no picture, or broken.
    """

    def __init__(
        self,
        root: pathlib.Path,
        split: str,
        domains: tuple[str, ...] = (),
        skip_broken: bool = False,
    ):
        found = find_domains(root, split, domains)
        self.domains = tuple(found)
        lines = broken([file for files in found.values() for file in files])
        if lines and not skip_broken:
            raise UserError(refusal(list(lines.values()), root))
        for line in lines.values():
            print(f"left out: {line}", file=sys.stderr)
        self.files = [[f for f in files if f not in lines] for files in found.values()]
        for domain, files in zip(self.domains, self.files, strict=True):
            if not files:
                raise UserError(f"{root / split / domain}: no picture is readable")

    def count(self, domain: int) -> int:
        """Return the number of pictures of a domain."""
        return len(self.files[domain])

    def image(self, domain: int, index: int, least: int = 0) -> Image.Image:
        """Return one picture, RGB, of any size."""
        return images.read(self.files[domain][index], least)

    def content(self, domain: int, index: int) -> bytes:
        """Return a picture's file."""
        return self.files[domain][index].read_bytes()


def refusal(lines: list[str], root: pathlib.Path) -> str:
    """Return one line on files that can't be used."""
    if len(lines) == 1:
        return f"{lines[0]}; or add --skip_broken"
    return (
        f"{lines[0]}; there are {len(lines)} such files: `python -m "
        f"tfstargan.check --data_dir={root}` lists them, --skip_broken leaves "
        "them out"
    )


def find_domains(
    root: pathlib.Path, split: str, domains: tuple[str, ...] = ()
) -> dict[str, list[pathlib.Path]]:
    """Return the files of every domain, in label order; see `Folder`.

    Raises:
        UserError: if a folder is missing or holds no picture, or there is only one.
    """
    folder = root / split
    if not folder.is_dir():
        raise UserError(
            f"--data_dir={root}: no folder {split}/ in it; expected "
            "train/DOMAIN/*.jpg and val/DOMAIN/*.jpg, one folder for each domain"
        )
    found = sorted(
        p.name for p in folder.iterdir() if p.is_dir() and not p.name.startswith(".")
    )
    domains = domains or tuple(found)
    if len(domains) < 2:
        raise UserError(
            f"{folder}: found {len(domains)} domain(s) {found}; translation needs "
            "at least two folders of pictures"
        )
    for domain in domains:
        if domain not in found:
            raise UserError(f"{folder / domain}: no such folder; found {found}")
    return {domain: images.find(folder / domain) for domain in domains}
