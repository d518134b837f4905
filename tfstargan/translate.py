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

from absl import flags
from tqdm import tqdm

from tfstargan import cli, images
from tfstargan.data.scan import broken
from tfstargan.errors import UserError
from tfstargan.runs.run import Run
from tfstargan.translation.folders import outputs
from tfstargan.translation.styles import Look, reference_looks
from tfstargan.translation.translator import Translator


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
