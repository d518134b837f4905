"""Images in folders: ROOT/train/DOMAIN/*.jpg and ROOT/val/DOMAIN/*.jpg.

Domains are the names of the folders, sorted. `images/walking.py` has the rules for
links, hidden folders and suffixes. Without val/, another folder of `VALIDATION` is used
for validation, or else train/; a message says which.
"""

import functools
import os
import pathlib
import sys

from PIL import Image

from tfstargan import images
from tfstargan.data.fingerprint import short
from tfstargan.data.image_set import ImageSet, squared
from tfstargan.data.scan import Seen, scan
from tfstargan.errors import UserError
from tfstargan.files import composed

VALIDATION = ("val", "valid", "validation", "test")  # the first that is there
BESIDE = "beside the domains' folders"
UNUSED = "folders of other domains"


class Folder(ImageSet):
    """The images of one split.

    Args:
        root: holds train/ and val/, with the same folders.
        split: "train" or "val".
        domains: names in label order; empty: every folder, sorted.
        skip_broken: skip files that are broken or not images, and list them.
        fit: how images become squares; see `image_set.squared`.

    Raises:
        UserError: if a folder is missing or has no images, if there is only one
            domain, or if a file is broken or not an image.
    """

    def __init__(
        self,
        root: pathlib.Path,
        split: str,
        domains: tuple[str, ...] = (),
        skip_broken: bool = False,
        fit: str = "squeeze",
    ):
        self.fit = fit
        split = split_folder(root, split)
        by_domain, self.found = find_domains(root, split, domains)
        self.domains = tuple(by_domain)
        if told := self.found.told():
            say(f"{root / split}: {told}")
        self.root = root
        self.seen = scan([file for files in by_domain.values() for file in files])
        lines = [seen.line for seen in self.seen.values() if seen.problem]
        if lines and not skip_broken:
            raise UserError(refusal(lines, root))
        for line in lines:
            print(f"skipped: {line}", file=sys.stderr)
        self.files = [
            [f for f in files if not self.seen[f].problem]
            for files in by_domain.values()
        ]
        for domain, files in zip(self.domains, self.files, strict=True):
            if not files:
                raise UserError(f"{root / split / domain}: no image can be read")

    def count(self, domain: int) -> int:
        """The number of images of a domain."""
        return len(self.files[domain])

    def image(self, domain: int, index: int, least: int = 0) -> Image.Image:
        """One image, RGB, made square by `fit`."""
        return squared(images.read(self.files[domain][index], least), self.fit)

    def content(self, domain: int, index: int) -> bytes:
        """The bytes of an image's file."""
        return self.files[domain][index].read_bytes()

    def used(self) -> list[Seen]:
        """The results of inspecting the images, domain after domain."""
        return [self.seen[file] for files in self.files for file in files]

    def by_domain(self) -> dict[str, list[Seen]]:
        """{domain: results of inspecting its images}."""
        return {
            domain: [self.seen[file] for file in files]
            for domain, files in zip(self.domains, self.files, strict=True)
        }

    def fingerprint(self) -> dict[str, str]:
        """{path below root: hash of the file}."""
        return {
            composed(file.relative_to(self.root).as_posix()): short(seen.digest)
            for file, seen in self.seen.items()
        }

    def name(self, domain: int, index: int) -> str:
        """The name of an image's file, without folder and suffix."""
        return self.files[domain][index].stem


def require_apart(out: str | os.PathLike, image_set: ImageSet, flag: str) -> None:
    """Raise a UserError if `out`, to be written to, lies among a folder's images."""
    if isinstance(image_set, Folder):
        images.require_outside(out, image_set.found, "the images' folder", flag)


@functools.cache
def say(line: str) -> None:
    """Print a line about the data, once: they are opened for several purposes."""
    print(line, file=sys.stderr)


def refusal(lines: list[str], root: pathlib.Path) -> str:
    """One line about files that can't be used."""
    if len(lines) == 1:
        return f"{lines[0]}; or add --skip_broken"
    return (
        f"{lines[0]}; there are {len(lines)} such files: `tfstargan check "
        f"--data_dir={root}` lists them, --skip_broken skips them"
    )


def split_folder(root: pathlib.Path, split: str) -> str:
    """The name of the folder of a split, "train" or "val"."""
    if split == "train":
        return split
    for name in VALIDATION:
        if (root / name).is_dir():
            if name != split:
                say(f"{root}: no {split}/ in it; validation uses {name}/")
            return name
    if root.is_dir():  # else that is the error
        say(f"{root}: no {split}/ in it; validation uses the training images")
    return "train"


def splits_of(root: pathlib.Path) -> dict[str, str]:
    """The folders of "train" and, if there is one, "val"."""
    found = {"train": "train", "val": split_folder(root, "val")}
    return found if found["val"] != "train" else {"train": "train"}


def find_domains(
    root: pathlib.Path, split: str, domains: tuple[str, ...] = ()
) -> tuple[dict[str, list[pathlib.Path]], images.Found]:
    """The files of every domain, in label order, and all that was found.

    Args:
        root: holds the folders of splits.
        split: name of a folder in it.
        domains: names in label order; empty: every folder, sorted. Composed and
            decomposed spellings (NFC, NFD) are one name.

    Raises:
        UserError: if a folder is missing or has no images, or there is only one.
    """
    folder = root / split
    if not folder.is_dir():
        missing = f"no folder {split}/ in it" if root.is_dir() else _not_there(root)
        raise UserError(
            f"--data_dir={root}: {missing}; expected "
            "train/DOMAIN/*.jpg and val/DOMAIN/*.jpg, one folder for each domain"
        )
    all_found = images.Found()
    folders = _folders(folder, all_found)
    domains = domains or tuple(sorted(folders))
    if len(domains) < 2:
        raise UserError(
            f"{folder}: found {len(domains)} domain(s) {sorted(folders)}; translation "
            "needs at least two folders of images"
        )
    files = {}
    for domain in domains:
        if composed(domain) not in folders:
            raise UserError(
                f"{folder / domain}: no such folder; found {sorted(folders)}"
            )
        found = images.Found()
        for path in folders[composed(domain)]:
            found.add(images.walk(path, inside=folder))
        if not found.files:
            raise UserError(images.no_images(folder / domain, found))
        files[domain] = found.files
        all_found.add(found)
    for name in sorted(folders.keys() - set(map(composed, domains))):
        all_found.skipped[UNUSED] += folders[name]
    return files, all_found


def _not_there(root: pathlib.Path) -> str:
    relative = "" if root.is_absolute() else f" in {pathlib.Path.cwd()}"
    return f"no such folder{relative}"


def _folders(folder: pathlib.Path, found: images.Found) -> dict[str, list]:
    """The domains' folders by name; the files beside them are counted as skipped."""
    folders: dict[str, list[pathlib.Path]] = {}
    for path in sorted(folder.iterdir()):
        if not images.is_ours(path.name):
            found.skipped[images.HIDDEN].append(path)
        elif path.is_dir():
            folders.setdefault(composed(path.name), []).append(path)
        else:
            found.skipped[BESIDE].append(path)
    found.enter(folder)
    return folders
