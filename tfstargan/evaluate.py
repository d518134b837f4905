"""Measure a run: FID, KID, precision and recall, LPIPS, by the authors' protocol.

    python -m tfstargan.evaluate --run_dir=runs/afhq
    python -m tfstargan.evaluate --run_dir=runs/afhq --metrics=fid_clean,lpips --quick
    python -m tfstargan.evaluate --run_dir=runs/demo --probe

writes RUN/evaluation/iteration-....json and .txt and prints the latter. What is
translated is told in `metrics/protocol.py`; the real side of FID is every training
picture of the target domain. The same command again goes on after an interruption, and
is done at once if nothing has changed. Runs on drawn animals are measured exactly by
--probe, see `metrics/factors.py`; alone, unless --metrics are named.
"""

from absl import flags

from tfstargan import cli
from tfstargan.metrics import factors, probe, report
from tfstargan.metrics.evaluation import Evaluation
from tfstargan.metrics.instruments import DEFAULT_METRICS, METRICS, open_instruments
from tfstargan.metrics.protocol import FULL, QUICK
from tfstargan.runs.run import Run, iteration_of
from tfstargan.translation.translator import Translator


def main() -> None:
    """Measure what the flags say and print the table."""
    options = flags.FLAGS
    run = Run.open(options.run_dir)
    iteration = iteration_of(run.checkpoint(options.checkpoint))
    folder = options.backbone_dir or run.config.backbone_dir
    metrics = options.metrics or ([] if options.probe else DEFAULT_METRICS)
    reader = probe.of_run(run.config) if options.probe else None
    instruments = open_instruments(
        metrics, folder, options.download, options.batch_size
    )
    evaluation = Evaluation(
        run,
        instruments,
        QUICK if options.quick else FULL,
        options.data_dir,
        options.batch_size,
        options.keep_images,
    )
    translator = Translator.of_run(run, iteration)
    results = evaluation.measure(translator, iteration) if metrics else {}
    if reader:
        results |= factors.sections(factors.translation_scores(translator, reader))
    print(report.text(evaluation.report(translator, iteration, results)), end="")


if __name__ == "__main__":
    cli.define_run_flags()
    flags.DEFINE_list(
        "metrics",
        [],
        f"of {', '.join(METRICS)}; empty: {' and '.join(DEFAULT_METRICS)}",
    )
    flags.DEFINE_bool("probe", False, "read the factors of drawn animals, exactly")
    flags.DEFINE_bool("quick", False, "of few pictures: minutes, not the protocol")
    flags.DEFINE_string("data_dir", "", "pictures to use; empty: those of the run")
    flags.DEFINE_bool("keep_images", False, "keep translations in RUN/evaluation")
    flags.DEFINE_integer("batch_size", 8, "pictures at once", lower_bound=1)
    flags.DEFINE_string(
        "backbone_dir", "", "where the networks are, or go; empty: ~/.cache/tfstargan"
    )
    flags.DEFINE_bool("download", True, "get networks that aren't there")
    cli.start(main)
