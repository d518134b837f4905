"""Write a run's averaged networks in the authors' format, for their PyTorch code.

    python -m tfstargan.export_reference --run_dir=R --out=100000_nets_ema.ckpt

PyTorch is not needed. `torch.load` gives {generator, mapping_network, style_encoder[,
fan]: state dict}; the reverse of `import_reference.py`.
"""

import pathlib

from tfstargan.errors import UserError
from tfstargan.reference import parameters, pytorch_file
from tfstargan.runs.run import Run
from tfstargan.translation.translator import Translator


def export_reference(
    run: Run, out: pathlib.Path, iteration: int | str | None = None
) -> None:
    """Write a checkpoint's averages, and FAN if there is one, in the authors' format.

    With w_hpf > 0 that has the generator's `hpf.filter`, and, as zeros, the shortcuts
    that it never applies.

    Raises:
        UserError: if there is no such checkpoint, its generator is none of the
            authors', or the file can't be written.
    """
    if run.config.generator != "full":
        raise UserError(
            f"{run.path}: has a {run.config.generator} generator, which the authors' "
            "code lacks; write the run that it was distilled from"
        )
    networks = Translator.of_run(run, iteration).networks
    tree = {
        name: parameters.to_reference(network) for name, network in networks.items()
    }
    pytorch_file.save(out, tree)
