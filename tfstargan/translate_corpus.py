"""Translate a large folder, or a bucket, of pictures with Apache Beam.

    python -m tfstargan.translate_corpus --run_dir=R --source=photos --out=translated \
        --domain=cat --seed=3 --beam=direct_num_workers=2
    python -m tfstargan.translate_corpus --run_dir=gs://B/R --source=gs://B/photos \
        --out=gs://B/translated --domain=cat --seed=3 --beam=runner=DataflowRunner ...

Every picture is translated into a random style (--seed) or that of each reference
(--reference), as `tfstargan.translate` does. Translations that are there already are
skipped: the same command goes on after an interruption. Bad pictures stop nothing;
OUT/report.json counts and lists them.
"""

import pathlib

from absl import flags

from tfstargan import cli, images
from tfstargan.errors import UserError
from tfstargan.runs.run import newest_run
from tfstargan.translation.styles import Look, reference_looks
from tfstargan.translation.translator import Translator

try:
    from tfstargan.translation import corpus
except ImportError as error:
    if error.name is None or error.name.split(".")[0] != "apache_beam":
        raise
    corpus = None  # type: ignore[assignment]


def folder(path: str) -> str:
    """Return a folder's absolute path, or a bucket's, without a slash at its end."""
    return path.rstrip("/") if "://" in path else str(pathlib.Path(path).resolve())


def choose_looks(translator: Translator) -> list[Look]:
    """Return the styles that the flags say."""
    options = flags.FLAGS
    if options.reference:
        files = images.find(pathlib.Path(options.reference))
        return reference_looks(translator, files, options.domain)
    style = translator.random_style(options.domain, options.seed, options.psi)
    return [Look(f"{options.domain}-seed{options.seed}", style)]


def main() -> None:
    """Translate what the flags say and print what became of it."""
    options = flags.FLAGS
    if corpus is None:
        raise UserError("this needs Apache Beam: pip install 'tfstargan[beam]'")
    if not options.source or not options.out:
        raise UserError("--source, --out: name the pictures' folder, and one for ours")
    if bool(options.reference) == (options.seed is not None):
        raise UserError("give --seed (a random style) or --reference (a picture's)")
    source, out = folder(options.source), folder(options.out)
    if f"{out}/".startswith(f"{source}/"):
        raise UserError(f"--out={options.out}: must not lie in --source")
    run_dir = folder(options.run_dir or str(newest_run()))
    work = corpus.Translate(
        run_dir,
        options.checkpoint,
        choose_looks(corpus.load(run_dir, options.checkpoint)),
        source,
        out,
    )
    corpus.check_source(source)
    report = corpus.translate(work, [f"--{option}" for option in options.beam])
    for line in report["bad pictures"]:
        print(line["reason"])
    counts = (f"{report[kind]} {kind}" for kind in corpus.OUTCOMES)
    print(f"{out}: {', '.join(counts)}")


if __name__ == "__main__":
    cli.define_run_flags()
    flags.DEFINE_string("source", "", "folder or bucket of pictures")
    flags.DEFINE_string("out", "", "folder or bucket for the translations")
    flags.DEFINE_string("reference", "", "a picture with the wanted style, or a folder")
    flags.DEFINE_string("domain", "", "the wanted domain")
    flags.DEFINE_integer("seed", None, "of a random style of --domain", lower_bound=0)
    flags.DEFINE_float(
        "psi", 1.0, "1: the random style as it comes; 0: the domain's mean", 0.0, 1.0
    )
    flags.DEFINE_multi_string(
        "beam",
        [],
        "an option of Beam, as runner=DataflowRunner; may be repeated",
    )
    cli.start(main)
