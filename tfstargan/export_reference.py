"""Write a run's averaged networks in the authors' format, for their PyTorch code.

    python -m tfstargan.export_reference --run_dir=R --out=100000_nets_ema.ckpt

PyTorch is not needed. `torch.load` gives {generator, mapping_network, style_encoder[,
fan]: state dict}; the reverse of `import_reference.py`.
"""

import pathlib

from absl import flags

from tfstargan import cli
from tfstargan.reference.exporting import export_reference
from tfstargan.runs.run import Run, iteration_of


def main() -> None:
    """Export what the flags say, and print the file's name."""
    options = flags.FLAGS
    run = Run.open(options.run_dir)
    iteration = iteration_of(run.checkpoint(options.checkpoint))
    name = f"{iteration:06d}_nets_ema.ckpt"
    out = pathlib.Path(options.out or run.export_dir / name)
    export_reference(run, out, options.checkpoint)
    print(out)
    print("label order:", ", ".join(run.config.domains))


if __name__ == "__main__":
    cli.define_run_flags()
    flags.DEFINE_string(
        "out", "", "the file; empty: RUN/export/ITERATION_nets_ema.ckpt"
    )
    cli.start(main)
