"""Train with the authors' PyTorch code; `photographs.py` starts this.

    python benchmarks/reference_training.py CHECKOUT '{"img_size": 64, ...}'

CHECKOUT is a clone of github.com/clovaai/stargan-v2, imported and not changed. Learning
rates and lambda_ds follow each batch's header, so that our schedules apply here, too.
Checkpoints are the authors' own files. See `photographs.send` for the protocol.
"""

import argparse
import functools
import io
import json
import pathlib
import sys
import time
from types import ModuleType
from typing import Any
from unittest import mock

import numpy as np
import torch
from reference_step import Batch, Iterations, import_solver


class Side(int):
    """A side of images, of which the authors' code computes the width `2**14 // side`.

    It comes out as `channel_base // side`.
    """

    channel_base = 2**14

    def __rfloordiv__(self, _: int) -> int:
        return self.channel_base // int(self)


def build(solver: ModuleType, sizes: dict[str, Any]) -> Iterations:
    """The authors' networks at other widths, with their optimizers."""
    model = sys.modules["core.model"]
    for name in ("Generator", "StyleEncoder", "Discriminator"):
        narrow = functools.partial(
            getattr(model, name), max_conv_dim=sizes["channel_max"]
        )
        setattr(model, name, narrow)
    Side.channel_base = sizes["channel_base"]

    class NarrowLinear(torch.nn.Linear):
        def __init__(self, *shape: int):
            super().__init__(*(sizes["hidden_dim"] if n == 512 else n for n in shape))

    settings = sizes | {"img_size": Side(sizes["img_size"])}
    with mock.patch.object(torch.nn, "Linear", NarrowLinear):
        return Iterations(solver, settings, sizes["ema_decay"])


def read_batch(data: bytes) -> Batch:
    """The batch in an .npz file with images as NHWC."""
    arrays = np.load(io.BytesIO(data))
    return Batch(**{name: tensor(arrays[name]) for name in Batch._fields})


def tensor(array: np.ndarray) -> torch.Tensor:
    """An array as PyTorch has it: images as NCHW, labels as int64."""
    if array.ndim == 4:
        array = np.ascontiguousarray(array.transpose(0, 3, 1, 2))
    kind = torch.float32 if array.dtype.kind == "f" else torch.int64
    return torch.from_numpy(array).to(kind)


def newest(folder: pathlib.Path) -> int:
    """The iteration of the newest complete checkpoint; 0 if there is none."""
    done = folder / "newest"
    return int(done.read_text()) if done.exists() else 0


def main(checkout: str, sizes: str) -> None:
    """Train on the batches of standard input."""
    answers, sys.stdout = sys.stdout, sys.stderr  # the authors' code prints, too
    settings = json.loads(sizes)
    training = build(import_solver(checkout), settings)
    folder = pathlib.Path(settings["checkpoint_dir"])
    if iteration := newest(folder):
        training.trainer._load_checkpoint(iteration)
    print(json.dumps({"iteration": iteration}), file=answers, flush=True)
    while line := sys.stdin.buffer.readline():
        header = json.loads(line)
        batch = read_batch(sys.stdin.buffer.read(header["bytes"]))
        used = time.process_time()
        for name, optimizer in training.optimizers.items():
            mapping = name == "mapping_network"
            optimizer.param_groups[0]["lr"] = header["f_lr" if mapping else "lr"]
        training.args.lambda_ds = header["lambda_ds"]
        training.run(batch)
        measured = {"cpu_seconds": time.process_time() - used}
        iteration += 1
        if header["save"]:
            training.trainer._save_checkpoint(iteration)
            (folder / "newest").write_text(str(iteration))
        print(json.dumps(measured), file=answers, flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("checkout")
    parser.add_argument("sizes", help="JSON")
    main(**vars(parser.parse_args()))
