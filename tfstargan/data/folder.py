"""Photographs in folders: ROOT/train/DOMAIN/*.jpg and ROOT/val/DOMAIN/*.jpg.

Domains are the names of the folders, sorted.
"""

import pathlib

from PIL import Image

from tfstargan import images
from tfstargan.config import UserError
from tfstargan.data.image_set import ImageSet


class Folder(ImageSet):
    """The photographs of one split.

    Args:
        root: holds train/ and val/, with the same folders.
        split: "train" or "val".
        domains: names in label order; empty: every folder, sorted.

    Raises:
        UserError: if a folder is missing or holds no picture, if there is only one
            domain, or if a file is no picture.
    """

    def __init__(self, root: pathlib.Path, split: str, domains: tuple[str, ...] = ()):
        found = find_domains(root, split, domains)
        self.domains = tuple(found)
        self.files = list(found.values())
        for file in (file for files in self.files for file in files):
            images.check_header(file)

    def count(self, domain: int) -> int:
        """Return the number of pictures of a domain."""
        return len(self.files[domain])

    def image(self, domain: int, index: int) -> Image.Image:
        """Return one picture, RGB, of any size."""
        return images.read(self.files[domain][index])

    def content(self, domain: int, index: int) -> bytes:
        """Return a picture's file."""
        return self.files[domain][index].read_bytes()


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
    found = sorted(p.name for p in folder.iterdir() if p.is_dir())
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
