"""Files of npm packages of a fixed version, checked by their published hash."""

import base64
import hashlib
import json
import pathlib
import shutil
import subprocess
import tarfile
import tempfile
from typing import Any, NamedTuple

from tfstargan import files
from tfstargan.errors import UserError

TIMEOUT = 600  # seconds for a package
OPTIONS = ("--silent", "--ignore-scripts", "--fetch-retries=1")


class Package(NamedTuple):
    """An npm package of one version."""

    name: str
    version: str
    integrity: str  # as npm publishes it: sha512-BASE64 of the archive

    @property
    def file(self) -> str:
        """The name of the archive, as `npm pack` gives it."""
        plain = self.name.removeprefix("@").replace("/", "-")
        return f"{plain}-{self.version}.tgz"


def read_json(package: Package, name: str, cache: pathlib.Path) -> Any:
    """The content of a JSON file in a package, which is downloaded once.

    Args:
        package: its name, version and hash.
        name: of the file.
        cache: folder of the archives.

    Raises:
        UserError: if npm is missing, the package can't be downloaded, or its hash is
            wrong.
    """
    path = cache / package.file
    if not path.exists() or integrity(path) != package.integrity:
        _download(package, path)
    with tarfile.open(path) as archive:
        file = archive.extractfile(f"package/{name}")
        return json.load(file) if file else None


def integrity(path: pathlib.Path) -> str:
    """The hash of a file in npm's form."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha512").digest()
    return f"sha512-{base64.b64encode(digest).decode()}"


def _download(package: Package, path: pathlib.Path) -> None:
    """Have npm download an archive, check it, and put it in its place atomically."""
    version = f"{package.name}@{package.version}"
    npm = shutil.which("npm")
    if npm is None:
        raise UserError(
            f"{version} is downloaded by npm, which is not installed: install Node.js"
        )
    with tempfile.TemporaryDirectory() as folder:
        command = [npm, "pack", version, f"--pack-destination={folder}", *OPTIONS]
        try:
            result = subprocess.run(
                command,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=TIMEOUT,
                check=False,
            )
            failed = f"exit code {result.returncode}" if result.returncode else ""
        except (OSError, subprocess.TimeoutExpired) as error:
            failed = str(error)
        found = pathlib.Path(folder) / package.file
        if failed or not found.is_file():
            raise UserError(
                f"npm can't download {version} ({failed or 'no archive'}); check the "
                f"network: `npm pack {version}` says more"
            )
        if integrity(found) != package.integrity:
            raise UserError(
                f"npm downloaded {version} with another hash than the published one; "
                "nothing was used of it"
            )
        try:
            with files.atomic_file(path) as partial:
                shutil.copyfile(found, partial)
        except OSError as error:
            raise UserError(f"{path}: can't be written ({error})") from error
