"""Write a run's averaged networks in the authors' format, for their PyTorch code.

    tfstargan export_reference --run_dir=R --out=100000_nets_ema.ckpt

PyTorch is not needed. `torch.load` of the file returns {generator, mapping_network,
style_encoder[, fan]: state dict}. `import_reference` is the reverse.
"""

import dataclasses

from tfstargan import cli
from tfstargan.settings import setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(cli.RunOptions):
    """The flags of this command."""

    out: str = setting(
        "", "the file; empty: RUN/export/ITERATION_nets_ema.ckpt", path=True
    )


def main(options: Options) -> None:
    """Export a run, and print the file's name and the order of the labels."""
    from tfstargan.reference.exporting import export_reference
    from tfstargan.runs.run import open_run

    run = open_run(options.run_dir)
    print(export_reference(run, options.out, options.checkpoint))
    print("label order:", ", ".join(run.config.domains))


if __name__ == "__main__":
    cli.start(main, Options, about=__doc__)
