"""The contract of an exported model: the JSON beside it, written and read only here.

A folder holds one variant of a run:

    stargan.tflite   three signatures that share weights (or a file for each of them;
                     or a SavedModel)
    stargan.json     what an app needs to know: see `Contract`

`Contract.load` treats the folder as untrusted input. It checks every field, that the
signatures are those of this version, and the size and SHA-256 of every file. It needs
no TensorFlow.
"""

import dataclasses
import json
import math
import os
import pathlib
import re
from typing import Any, NamedTuple, Self

from tfstargan import files, images
from tfstargan.errors import UserError
from tfstargan.exported.signatures import (
    ENCODE_STYLE,
    MAP_LATENT,
    TRANSLATE,
    Signature,
    Tensor,
    signatures,
)

__all__ = [
    "ENCODE_STYLE",
    "MAP_LATENT",
    "TRANSLATE",
    "Contract",
    "ModelFile",
    "Signature",
    "Tensor",
    "signatures",
]

FORMAT = "tfstargan"
FORMAT_VERSION = 2
NAME = "stargan.json"
LARGEST = 2**24  # bytes of a JSON; one of 30 domains has 50 kB
FILE_NAME = r"\w[\w.-]*(/\w[\w.-]*)*"  # no part of it starts with a dot


class ModelFile(NamedTuple):
    """A file of the model: its size and the SHA-256 of its content."""

    bytes: int
    sha256: str

    @classmethod
    def of(cls, path: pathlib.Path) -> Self:
        """The size and hash of a file."""
        return cls(path.stat().st_size, files.checksum(path))


@dataclasses.dataclass(frozen=True)
class Contract:
    """What an app needs to know of an exported model.

    Args:
        variant: how its numbers are stored and computed: float32, float16, ...
        run: name of the run that it was exported from.
        iteration: iteration of the run's checkpoint.
        img_size: height and width of every image.
        style_dim: length of a style code.
        latent_dim: length of a latent.
        batch: number of images that the model takes at once; None for any number.
        domains: names of the domains; the label of a domain is its index here.
        mean_styles: mean style of each domain, for the truncation
            `mean + psi * (s - mean)`.
        signature_files: {signature: name of the file that holds it}.
        files: {name: size and hash}.
        quality: {measure: value} against Keras; see `export.checks.quality`.
        checkpoint: SHA-256 of the run's checkpoint; empty if it is not known.
        min_runtime: oldest TensorFlow Lite that computes the files; empty for files of
            other formats.
    """

    variant: str
    run: str
    iteration: int
    img_size: int
    style_dim: int
    latent_dim: int
    batch: int | None
    domains: tuple[str, ...]
    mean_styles: dict[str, tuple[float, ...]]
    signature_files: dict[str, str]
    files: dict[str, ModelFile]
    quality: dict[str, float]
    checkpoint: str = ""
    min_runtime: str = ""

    def signatures(self) -> tuple[Signature, ...]:
        """The signatures, whose tensors follow from the sizes."""
        return signatures(
            self.img_size,
            self.style_dim,
            self.latent_dim,
            len(self.domains),
            self.batch,
        )

    def describe(self) -> dict:
        """The content of the JSON."""
        return {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "variant": self.variant,
            "run": {
                "name": self.run,
                "iteration": self.iteration,
                "checkpoint": self.checkpoint,
            },
            "min_runtime_version": self.min_runtime,
            "img_size": self.img_size,
            "style_dim": self.style_dim,
            "latent_dim": self.latent_dim,
            "batch": self.batch,
            "domains": [*self.domains],
            "mean_styles": {name: [*mean] for name, mean in self.mean_styles.items()},
            "preprocessing": images.PREPROCESSING,
            "postprocessing": images.POSTPROCESSING,
            "signatures": {
                s.name: {"file": self.signature_files[s.name]} | s.describe()
                for s in self.signatures()
            },
            "files": {name: file._asdict() for name, file in self.files.items()},
            "quality": self.quality,
        }

    def seal(self, folder: pathlib.Path) -> None:
        """Write the JSON beside a folder's files, with their hashes."""
        found = {
            path.relative_to(folder).as_posix(): ModelFile.of(path)
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }
        described = dataclasses.replace(self, files=found)
        (folder / NAME).write_text(described.to_json(), "utf-8")

    def to_json(self) -> str:
        """The text that `seal` writes."""
        return json.dumps(self.describe(), indent=2) + "\n"

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> Self:
        """The contract of a folder, whose files are checked against it.

        Raises:
            UserError: if anything is missing, damaged, of another version, or not of
                this project. It names the file and the fault.
        """
        path = pathlib.Path(folder) / NAME
        try:
            if path.stat().st_size > LARGEST:
                raise UserError(f"larger than {LARGEST} bytes")
            contract = cls.parse(json.loads(path.read_text("utf-8")))
            contract.check_files(path.parent)
        except (OSError, ValueError, RecursionError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise UserError(f"{path}: {reason}") from None
        return contract

    @classmethod
    def parse(cls, found: Any) -> Self:
        """The contract in a parsed JSON; its files are not checked.

        Raises:
            UserError: if a field is wrong. It does not name the file.
        """
        if not isinstance(found, dict) or found.get("format") != FORMAT:
            raise UserError("not the description of a tfstargan model")
        version = found.get("format_version")
        if version != FORMAT_VERSION:
            raise UserError(
                f"its format_version is {version!r}, this program reads "
                f"{FORMAT_VERSION}; export the run again"
            )
        run = _get(found, "run", dict)
        domains = tuple(_get(found, "domains", list))
        if not domains or len(set(map(str, domains))) < len(domains):
            raise UserError("domains: none, or one of them twice")
        if not all(isinstance(name, str) for name in domains):
            raise UserError("domains: not names")
        endpoints = _get(found, "signatures", dict)
        quality = _get(found, "quality", dict)
        contract = cls(
            variant=_get(found, "variant", str),
            run=_get(run, "name", str),
            iteration=_get(run, "iteration", int),
            img_size=_positive(found, "img_size"),
            style_dim=_positive(found, "style_dim"),
            latent_dim=_positive(found, "latent_dim"),
            batch=None if found.get("batch") is None else _positive(found, "batch"),
            domains=domains,
            mean_styles={
                name: _numbers(mean, f"mean_styles of {name}")
                for name, mean in _get(found, "mean_styles", dict).items()
            },
            signature_files={
                name: _file_name(_get(endpoints, name, dict).get("file"))
                for name in endpoints
            },
            files={
                _file_name(name): ModelFile(
                    _positive(file, "bytes"), _get(file, "sha256", str)
                )
                for name, file in _get(found, "files", dict).items()
            },
            quality={name: _numbers([v], "quality")[0] for name, v in quality.items()},
            checkpoint=_get({"checkpoint": "", **run}, "checkpoint", str),
            min_runtime=_get(
                {"min_runtime_version": "", **found}, "min_runtime_version", str
            ),
        )
        contract._check_consistent(endpoints)
        return contract

    def _check_consistent(self, endpoints: dict) -> None:
        """Raise a UserError unless the fields agree with each other."""
        promised = {signature.name: signature for signature in self.signatures()}
        if set(endpoints) != set(promised):
            raise UserError(f"signatures: not {', '.join(promised)}")
        for name, signature in promised.items():
            if not signature.agrees(endpoints[name]):
                raise UserError(f"signatures: {name} has other inputs or outputs")
            if self.signature_files[name] not in self.files:
                raise UserError(f"signatures: {name} is in a file not among files")
        if set(self.mean_styles) != set(self.domains):
            raise UserError("mean_styles: not one for each domain")
        if any(len(mean) != self.style_dim for mean in self.mean_styles.values()):
            raise UserError(f"mean_styles: not of length {self.style_dim}")

    def check_files(self, folder: pathlib.Path) -> None:
        """Raise a UserError unless a folder's files are those that were exported."""
        for name, file in self.files.items():
            if not (folder / name).is_file():
                raise UserError(f"{name}: missing beside it; export the run again")
            if ModelFile.of(folder / name) != file:
                raise UserError(
                    f"{name}: differs from its SHA-256; export the run again"
                )


def _get(found: Any, name: str, kind: type) -> Any:
    value = found.get(name) if isinstance(found, dict) else None
    if not isinstance(value, kind) or isinstance(value, bool):
        raise UserError(f"{name}: missing, or not of type {kind.__name__}")
    return value


def _positive(found: Any, name: str) -> int:
    value = _get(found, name, int)
    if not 0 < value < 2**53:  # what JavaScript's numbers hold
        raise UserError(f"{name}: {value} is out of range")
    return value


def _numbers(values: Any, name: str) -> tuple[float, ...]:
    good = isinstance(values, list) and all(
        isinstance(v, int | float) and not isinstance(v, bool) and math.isfinite(v)
        for v in values
    )
    if not good:
        raise UserError(f"{name}: not a list of finite numbers")
    return tuple(float(v) for v in values)


def _file_name(name: Any) -> str:
    """A name that can't leave its folder."""
    if not isinstance(name, str) or not re.fullmatch(FILE_NAME, name):
        raise UserError(f"files: {name!r} is not a plain name")
    return name
