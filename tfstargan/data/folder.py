"""Photographs in folders: ROOT/train/DOMAIN/*.jpg and ROOT/val/DOMAIN/*.jpg.

Domains are the names of the folders, sorted.
"""

import pathlib

from PIL import Image

from tfstargan import images
from tfstargan.config import UserError


class Folder:
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
        self.root = root / split
        if not self.root.is_dir():
            raise UserError(
                f"--data_dir={root}: no folder {split}/ in it; expected "
                "train/DOMAIN/*.jpg and val/DOMAIN/*.jpg, one folder for each domain"
            )
        found = sorted(p.name for p in self.root.iterdir() if p.is_dir())
        self.domains = domains or tuple(found)
        if len(self.domains) < 2:
            raise UserError(
                f"{self.root}: found {len(found)} domain(s) {found}; translation needs "
                "at least two folders of pictures"
            )
        for domain in self.domains:
            if domain not in found:
                raise UserError(f"{self.root / domain}: no such folder; found {found}")
        self.files = [images.find(self.root / domain) for domain in self.domains]
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
