"""Time iterations of the authors' PyTorch code; `training_step.py` starts this.

    python benchmarks/reference_step.py CHECKOUT '{"img_size": 256, ...}'

CHECKOUT is a clone of github.com/clovaai/stargan-v2, imported and not changed. Needs
PyTorch and NumPy alone: what else the checkout imports (for reading data, evaluation,
faces) is replaced by nothing, as no iteration calls it. Runs one iteration for each
line that it reads, and answers with its measurements as JSON.
"""

import argparse
import importlib
import importlib.abc
import importlib.machinery
import json
import resource
import sys
import time
from types import ModuleType
from typing import Any, NamedTuple
from unittest import mock

import torch

# What the checkout imports for other purposes.
UNUSED = frozenset("PIL cv2 ffmpeg munch scipy skimage torchvision tqdm".split())


class Munch(dict):
    """What the package `munch` has under this name: keys are attributes."""

    __getattr__ = dict.__getitem__
    __setattr__ = dict.__setitem__


class Absent(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives an empty stand-in for every unused module, installed or not."""

    def find_spec(self, name: str, path: Any, target: Any = None) -> Any:
        """Claim it."""
        if name.split(".")[0] in UNUSED:
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec: Any) -> ModuleType:
        """Return a module of which every attribute can be had."""
        module = mock.MagicMock(__path__=[], __spec__=spec, Munch=Munch)
        module.__name__ = spec.name
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Leave it empty."""


class Batch(NamedTuple):
    """What an iteration learns from; images are [B, 3, H, W] in [-1, 1]."""

    x_src: torch.Tensor
    y_src: torch.Tensor
    x_ref: torch.Tensor
    x_ref2: torch.Tensor
    y_trg: torch.Tensor
    z: torch.Tensor
    z2: torch.Tensor


class Iterations:
    """The authors' networks, losses and optimizers.

    Args:
        solver: the authors' module of this name.
        sizes: the settings that it reads, and `threads`.
        decay: of the averages, for an iteration.
    """

    def __init__(self, solver: ModuleType, sizes: dict[str, Any], decay: float = 0.999):
        self.solver = solver
        self.args = argparse.Namespace(**sizes)
        self.decay = decay
        if threads := sizes["threads"]:
            torch.set_num_threads(threads)
        torch.manual_seed(sizes.get("seed", 0))
        self.trainer = solver.Solver(self.args)
        self.nets, self.averages = self.trainer.nets, self.trainer.nets_ema
        self.optimizers = self.trainer.optims

    def run(self, batch: Batch) -> None:
        """Run the four updates in their order, then the averages."""
        d_loss, g_loss = self.solver.compute_d_loss, self.solver.compute_g_loss
        generator_side = ("generator", "mapping_network", "style_encoder")
        latents, references = [batch.z, batch.z2], [batch.x_ref, batch.x_ref2]
        self.update(batch, d_loss, {"z_trg": batch.z}, ("discriminator",))
        self.update(batch, d_loss, {"x_ref": batch.x_ref}, ("discriminator",))
        self.update(batch, g_loss, {"z_trgs": latents}, generator_side)
        self.update(batch, g_loss, {"x_refs": references}, ("generator",))
        for name in generator_side:
            average = self.solver.moving_average
            average(self.nets[name], self.averages[name], self.decay)

    def update(
        self, batch: Batch, loss_of: Any, guide: dict, changed: tuple[str, ...]
    ) -> None:
        """Run one update."""
        inputs = (batch.x_src, batch.y_src, batch.y_trg)
        loss, _ = loss_of(self.nets, self.args, *inputs, **guide)
        for optimizer in self.optimizers.values():
            optimizer.zero_grad()
        loss.backward()
        for name in changed:
            self.optimizers[name].step()


def noise(sizes: dict[str, Any]) -> Batch:
    """A batch of noise."""
    count, side, domains = sizes["batch_size"], sizes["img_size"], sizes["num_domains"]
    x_src, x_ref, x_ref2 = 2 * torch.rand(3, count, 3, side, side) - 1
    z, z2 = torch.randn(2, count, sizes["latent_dim"])
    y_src = torch.arange(count) % domains
    return Batch(x_src, y_src, x_ref, x_ref2, (y_src + 1) % domains, z, z2)


def import_solver(checkout: str) -> ModuleType:
    """Import the authors' training code without what no iteration calls."""
    sys.path.insert(0, checkout)
    absent = Absent()
    sys.meta_path.insert(0, absent)
    try:
        return importlib.import_module("core.solver")
    finally:
        sys.meta_path.remove(absent)


def main(checkout: str, sizes: str) -> None:
    """Answer every line of standard input with an iteration's measurements."""
    answers, sys.stdout = sys.stdout, sys.stderr  # the authors' code prints, too
    settings = json.loads(sizes)
    iterations = Iterations(import_solver(checkout), settings)
    batch = noise(settings)
    for _ in sys.stdin:
        start, used = time.perf_counter(), time.process_time()
        iterations.run(batch)
        measured = {
            "seconds": time.perf_counter() - start,
            "cpu_seconds": time.process_time() - used,
            "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        }
        print(json.dumps(measured), file=answers, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
