r"""Make a run from the authors' published weights.

    tfstargan import_reference --weights=100000_nets_ema.ckpt \
        --run_dir=runs/afhq-authors --domains=cat,dog,wild
    tfstargan import_reference --weights=100000_nets_ema.ckpt \
        --run_dir=runs/celeba-authors --domains=female,male --wing_weights=wing.ckpt

The files are published with the code of StarGAN v2, github.com/clovaai/stargan-v2,
under CC BY-NC 4.0. PyTorch is not needed. All sizes are read from the file. The run can
translate, be exported and be trained further like any other.
"""

import dataclasses

from tfstargan import cli
from tfstargan.settings import setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(cli.Settings):
    """The flags of this command."""

    weights: str = setting(
        "",
        "the authors' *_nets_ema.ckpt",
        required="name the authors' *_nets_ema.ckpt",
        path=True,
    )
    run_dir: str = setting(
        "", "folder of the new run", required="name the run to make", path=True
    )
    domains: tuple[str, ...] = setting((), "names in label order; empty: domain0, ...")
    wing_weights: str = setting(
        "", "the authors' wing.ckpt, needed for faces", path=True
    )
    data_dir: str = setting("", "images for samples; optional", path=True)


def main(options: Options) -> None:
    """Import the weights, and print the settings of the run."""
    from tfstargan.training.importing import import_reference

    model = import_reference(**dataclasses.asdict(options))
    config = model.config
    faces = f", w_hpf {config.w_hpf:g}" if config.w_hpf else ""
    print(
        f"{options.run_dir}: {', '.join(config.domains)} at {config.img_size} x "
        f"{config.img_size}{faces}, iteration {model.iterations_done()}"
    )
    if not options.domains and not options.data_dir:
        print(
            "--domains= names them, in the order of their training: female,male "
            "(CelebA-HQ) or cat,dog,wild (AFHQ)"
        )
    print(
        "The file has no discriminator and no optimizers; further training begins "
        "with new ones"
    )


if __name__ == "__main__":
    cli.start(main, Options, about=__doc__)
