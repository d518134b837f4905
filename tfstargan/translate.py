"""Translate pictures with a trained run.

    python -m tfstargan.translate --run_dir=R --source=a.jpg --domain=cat --seed=3
    python -m tfstargan.translate --run_dir=R --source=a.jpg --reference=b.jpg
    python -m tfstargan.translate --run_dir=R --source=photos/ --reference=styles/

A folder stands for all pictures in it and below; every source is translated into the
style of every reference. The domain of a reference is --domain, or else the name of
the folder that it is in.
"""

import itertools
import pathlib
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from absl import flags
from tqdm import tqdm

from tfstargan import cli, images
from tfstargan.config import UserError
from tfstargan.data.scan import broken
from tfstargan.run import Run
from tfstargan.translator import Translator


class Look(NamedTuple):
    """A style to translate into, and its name in the files' names."""

    name: str
    style: np.ndarray  # [1, style_dim]


def reference_looks(
    translator: Translator, files: list[pathlib.Path], domain: str
) -> list[Look]:
    """Return the styles of reference pictures.

    Args:
        translator: of the run.
        files: the pictures.
        domain: of all of them; empty: each one's is the name of its folder.

    Raises:
        UserError: if a domain is unknown, or a file is no picture.
    """
    looks = []
    for file in files:
        name = domain or file.resolve().parent.name
        if name not in translator.domains:
            raise UserError(
                f"{file}: of which domain is this reference? Say --domain=, one of "
                f"{', '.join(translator.domains)}"
            )
        style = translator.encode_styles(translator.read(file)[None], name)
        looks.append(Look(f"{name}-like-{file.stem}", style))
    return looks


def outputs(
    source: pathlib.Path, files: list[pathlib.Path], looks: list[Look], out: str
) -> Iterator[tuple[pathlib.Path, Look, pathlib.Path]]:
    """Yield every source with every look and the file that the translation goes to."""
    if pathlib.Path(out).suffix.lower() in images.EXTENSIONS:
        if len(files) * len(looks) > 1:
            raise UserError(f"--out={out}: there are several pictures; name a folder")
        yield files[0], looks[0], pathlib.Path(out)
        return
    top = source if source.is_dir() else source.parent
    for file in files:
        folder = pathlib.Path(out) / file.parent.relative_to(top)
        for look in looks:
            yield file, look, folder / f"{file.stem}-to-{look.name}.png"


def main() -> None:
    """Translate what the flags say and print the name of every file written."""
    options = flags.FLAGS
    if not options.source:
        raise UserError("--source: name a picture, or a folder of them")
    if bool(options.reference) == (options.seed is not None):
        raise UserError("give --seed (a random style) or --reference (a picture's)")
    if options.reference and options.psi != 1:
        raise UserError(
            "--psi: is for random styles, --seed; a reference's stays as it is"
        )
    if options.seed is not None and options.seed < 0:
        raise UserError(f"--seed={options.seed}: must not be negative")
    source = pathlib.Path(options.source)
    files = images.find(source)
    run = Run.open(options.run_dir)
    translator = Translator.of_run(run, options.checkpoint)
    if options.reference:
        references = images.find(pathlib.Path(options.reference))
        looks = reference_looks(translator, references, options.domain)
    else:
        style = translator.random_style(options.domain, options.seed, options.psi)
        looks = [Look(f"{options.domain}-seed{options.seed}", style)]
    out = options.out or str(run.path / "translations")
    jobs = list(outputs(source, files, looks, out))
    if len({target for *_, target in jobs}) < len(jobs):
        raise UserError(
            f"{source}: several pictures would be written to one file; rename"
        )
    for line in broken(files).values():
        raise UserError(line)
    with tqdm(total=len(jobs), unit="picture", disable=len(jobs) < 2) as bar:
        for file, group in itertools.groupby(jobs, lambda job: job[0]):
            _, some, targets = zip(*group, strict=True)
            styles = [look.style for look in some]
            fakes = translator.in_styles(translator.read(file)[None], styles)
            for fake, target in zip(fakes, targets, strict=True):
                images.save(images.to_uint8(fake[0]), target)
                tqdm.write(str(target))
                bar.update()


if __name__ == "__main__":
    cli.define_run_flags()
    flags.DEFINE_float(
        "psi",
        1.0,
        "1: the random style as it comes; 0: the domain's mean style",
        lower_bound=0.0,
        upper_bound=1.0,
    )
    flags.DEFINE_string("source", "", "the picture to translate, or a folder of them")
    flags.DEFINE_string("reference", "", "a picture with the wanted style, or a folder")
    flags.DEFINE_string("domain", "", "the wanted domain")
    flags.DEFINE_integer("seed", None, "of a random style of --domain")
    flags.DEFINE_string("out", "", "folder, or one .png; empty: RUN/translations")
    cli.start(main)
