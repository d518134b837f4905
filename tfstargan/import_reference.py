"""Make a run of the authors' published weights.

    python -m tfstargan.import_reference --checkpoint=100000_nets_ema.ckpt \
        --run_dir=runs/afhq-authors --domains=cat,dog,wild
    python -m tfstargan.import_reference --checkpoint=100000_nets_ema.ckpt \
        --run_dir=runs/celeba-authors --domains=female,male --wing=wing.ckpt

The files are published with the code of StarGAN v2, github.com/clovaai/stargan-v2, and
are CC BY-NC 4.0. PyTorch is not needed. All sizes are read off the file; the run
translates, exports and trains further as any other.
"""

import pathlib

from absl import flags

from tfstargan import cli
from tfstargan.errors import UserError
from tfstargan.training.importing import import_reference


def main() -> None:
    """Import what the flags say, and say what came of it."""
    options = flags.FLAGS
    if not options.checkpoint:
        raise UserError("--checkpoint: name the authors' *_nets_ema.ckpt")
    if not options.run_dir:
        raise UserError("--run_dir: name the run to make")
    run_dir = pathlib.Path(options.run_dir)
    model = import_reference(
        pathlib.Path(options.checkpoint),
        run_dir,
        tuple(options.domains),
        options.wing,
        options.data_dir,
    )
    config = model.config
    faces = f", w_hpf {config.w_hpf:g}" if config.w_hpf else ""
    print(
        f"{run_dir}: {', '.join(config.domains)} at {config.img_size} x "
        f"{config.img_size}{faces}, iteration {model.iterations_done()}"
    )
    if not options.domains and not options.data_dir:
        print(
            "--domains= gives them better names, in the order of their training: "
            "female,male (CelebA-HQ) or cat,dog,wild (AFHQ)"
        )
    print(
        "The discriminator is not in the file: further training starts it, and the "
        "optimizers, anew"
    )


if __name__ == "__main__":
    flags.DEFINE_string("checkpoint", "", "the authors' *_nets_ema.ckpt")
    flags.DEFINE_string("wing", "", "the authors' wing.ckpt, needed for faces")
    flags.DEFINE_string("run_dir", "", "the run to make")
    flags.DEFINE_list("domains", [], "names in label order; empty: domain0, ...")
    flags.DEFINE_string("data_dir", "", "photographs for samples; may be left out")
    cli.start(main)
