"""Time iterations of the authors' PyTorch code; `training_step.py` starts this.

    python benchmarks/reference_step.py CHECKOUT '{"img_size": 256, ...}'

CHECKOUT is a clone of github.com/clovaai/stargan-v2; it is imported and not changed.
Only PyTorch and NumPy are needed. The other imports of the checkout (reading data,
evaluation, faces) are replaced by empty modules, because an iteration does not use
them. The script runs one iteration for each line of its input and prints the
measurements as JSON.
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
from typing import Any
from unittest import mock

import torch

# What the checkout imports for other purposes.
UNUSED = frozenset("PIL cv2 ffmpeg munch scipy skimage torchvision tqdm".split())


class Munch(dict):
    """A replacement for the class of the package `munch`: keys are attributes."""

    __getattr__ = dict.__getitem__
    __setattr__ = dict.__setitem__


class Absent(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds an empty module for every unused import, installed or not."""

    def find_spec(self, name: str, path: Any, target: Any = None) -> Any:
        """A spec for an unused module."""
        if name.split(".")[0] in UNUSED:
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec: Any) -> ModuleType:
        """A module that has every attribute."""
        module = mock.MagicMock(__path__=[], __spec__=spec, Munch=Munch)
        module.__name__ = spec.name
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Execute nothing."""


class Iterations:
    """The authors' networks, losses and optimizers, and a batch of noise."""

    def __init__(self, solver: ModuleType, sizes: dict[str, Any]):
        self.solver = solver
        self.args = argparse.Namespace(**sizes)
        if threads := sizes["threads"]:
            torch.set_num_threads(threads)
        torch.manual_seed(0)
        trainer = solver.Solver(self.args)
        self.nets, self.averages = trainer.nets, trainer.nets_ema
        self.optimizers = trainer.optims
        batch, side = sizes["batch_size"], sizes["img_size"]
        domains = sizes["num_domains"]
        self.x_src, *self.x_refs = 2 * torch.rand(3, batch, 3, side, side) - 1
        self.y_src = torch.arange(batch) % domains
        self.y_trg = (torch.arange(batch) + 1) % domains
        self.latents = [*torch.randn(2, batch, sizes["latent_dim"])]

    def run(self) -> None:
        """Run the four updates in their order, then the averages."""
        d_loss, g_loss = self.solver.compute_d_loss, self.solver.compute_g_loss
        (z, _), (x_ref, _) = self.latents, self.x_refs
        generator_side = ("generator", "mapping_network", "style_encoder")
        self.update(d_loss, {"z_trg": z}, ("discriminator",))
        self.update(d_loss, {"x_ref": x_ref}, ("discriminator",))
        self.update(g_loss, {"z_trgs": self.latents}, generator_side)
        self.update(g_loss, {"x_refs": self.x_refs}, ("generator",))
        for name in generator_side:
            self.solver.moving_average(self.nets[name], self.averages[name], 0.999)

    def update(self, loss_of: Any, guide: dict, changed: tuple[str, ...]) -> None:
        """Run one update."""
        inputs = (self.x_src, self.y_src, self.y_trg)
        loss, _ = loss_of(self.nets, self.args, *inputs, **guide)
        for optimizer in self.optimizers.values():
            optimizer.zero_grad()
        loss.backward()
        for name in changed:
            self.optimizers[name].step()


def import_solver(checkout: str) -> ModuleType:
    """Import the authors' training code without its unused imports."""
    sys.path.insert(0, checkout)
    absent = Absent()
    sys.meta_path.insert(0, absent)
    try:
        return importlib.import_module("core.solver")
    finally:
        sys.meta_path.remove(absent)


def main(checkout: str, sizes: str) -> None:
    """Run one iteration for each line of the input and print its measurements."""
    answers, sys.stdout = sys.stdout, sys.stderr  # the authors' code prints, too
    iterations = Iterations(import_solver(checkout), json.loads(sizes))
    for _ in sys.stdin:
        start, used = time.perf_counter(), time.process_time()
        iterations.run()
        measured = {
            "seconds": time.perf_counter() - start,
            "cpu_seconds": time.process_time() - used,
            "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        }
        print(json.dumps(measured), file=answers, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
