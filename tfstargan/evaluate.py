"""Measure a run: FID, KID, precision and recall, LPIPS, by the authors' protocol.

    tfstargan evaluate --run_dir=runs/afhq
    tfstargan evaluate --run_dir=runs/afhq --metrics=fid_clean,lpips --quick
    tfstargan evaluate --run_dir=runs/critters --probe
    tfstargan evaluate --run_dir=runs/emoji --pairs

writes RUN/evaluation/iteration-....json and .txt, and prints the latter. FID compares
with every training image of the target domain. Run the same command again to resume.
--probe measures runs on drawn animals exactly. --pairs compares with the truth where
validation images of one name are pairs. With either, --metrics are measured only if
they are given.
"""

import dataclasses

from tfstargan import cli
from tfstargan.config import METRICS
from tfstargan.settings import setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(cli.RunOptions):
    """The flags of this command."""

    metrics: tuple[str, ...] = setting(
        (),
        f"of {', '.join(METRICS)}; empty: fid_reference,lpips, and kid_lite0 where "
        "the network of FID is missing",
        one_of=METRICS,
    )
    probe: bool = setting(False, "read the factors of drawn animals, exactly")
    pairs: bool = setting(
        False, "compare with the images of the same name in the other domains"
    )
    quick: bool = setting(
        False, "few images: takes minutes; not comparable with published numbers"
    )
    data_dir: str = setting("", "images to use; empty: those of the run", path=True)
    skip_broken: bool = setting(False, "skip images that can't be read, and list them")
    keep_images: bool = setting(False, "keep the translations in RUN/evaluation")
    batch_size: int = setting(8, "images at once", at_least=1)
    backbone_dir: str = setting(
        "", "folder of the networks that measure; empty: ~/.cache/tfstargan", path=True
    )
    download: bool = setting(True, "download the networks that are missing")


def main(options: Options) -> None:
    """Measure a run and print the table."""
    from tfstargan.metrics import report
    from tfstargan.metrics.evaluation import evaluate_run
    from tfstargan.runs.run import open_run

    settings = dataclasses.asdict(options)
    run = open_run(settings.pop("run_dir"))
    print(report.text(evaluate_run(run, **settings)), end="")


if __name__ == "__main__":
    cli.start(main, Options, about=__doc__)
