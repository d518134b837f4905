r"""Translate a large folder, or a bucket, of images with Apache Beam.

    tfstargan translate_corpus --run_dir=R --source=photos --out=translated \
        --domain=cat --seed=3 --beam=direct_num_workers=2
    tfstargan translate_corpus --run_dir=gs://B/R --source=gs://B/photos \
        --out=gs://B/translated --domain=cat --seed=3 --beam=runner=DataflowRunner ...

Every image is translated into a random style (--seed) or that of each reference
(--reference), as `tfstargan translate` does. Translations that exist are skipped: run
the same command again to resume. Images that can't be read are skipped;
OUT/report.json counts and lists them.
"""

import dataclasses

from tfstargan import cli
from tfstargan.errors import UserError
from tfstargan.settings import setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(cli.RunOptions, cli.StyleOptions):
    """The flags of this command."""

    run_dir: str = setting(
        "",
        "folder or bucket of the run; empty: the newest under runs/",
        group="run",
        path=True,
        address=True,
    )
    source: str = setting(
        "",
        "folder or bucket of images",
        required="name the folder or bucket of images",
        path=True,
        address=True,
    )
    out: str = setting(
        "",
        "folder or bucket for the translations",
        required="name a folder or bucket for the translations",
        path=True,
        address=True,
    )
    beam: tuple[str, ...] = setting(
        (),
        "an option of Beam, as runner=DataflowRunner; may be repeated",
        repeated=True,
    )


def main(options: Options) -> None:
    """Translate, and print what became of the images."""
    try:
        from tfstargan.translation import corpus
    except ImportError as error:
        if error.name is None or error.name.split(".")[0] != "apache_beam":
            raise
        raise UserError(
            "this needs Apache Beam: pip install 'tfstargan[beam]'"
        ) from None
    from tfstargan.translation.styles import choose_styles

    where = corpus.places(options.run_dir, options.source, options.out)
    styles = choose_styles(
        corpus.load(where.run_dir, options.checkpoint), *options.style
    )
    corpus.check_source(where)
    work = corpus.Translate(where, options.checkpoint, styles)
    report = corpus.translate(work, where, [f"--{option}" for option in options.beam])
    for line in report["bad pictures"]:
        print(line["reason"])
    counts = (f"{report[kind]} {kind}" for kind in corpus.OUTCOMES)
    print(f"{where.out}: {', '.join(counts)}")


if __name__ == "__main__":
    cli.start(main, Options, about=__doc__)
