"""Record a parity case of the authors' code with its own widths.

    PYTHON tests/record_case.py CHECKOUT hpf512 --img_size=512 --w_hpf=1 --num_domains=2
    python tests/parity.py hpf512.json

CHECKOUT is a clone of github.com/clovaai/stargan-v2; it is imported and not changed.
PYTHON has PyTorch and NumPy. NAME.json and NAME.npz are written to the working
directory. They have the outputs of all networks, the four losses with every gradient,
and `--train` iterations, in double precision. `goldens/formula.py` makes weights and
inputs from their names. An iteration at 256 px takes one or two minutes.
"""

import argparse
import copy
import json
import pathlib
import sys
import tempfile
from typing import Any

import numpy as np
import torch

HERE = pathlib.Path(__file__).parent
sys.path[:0] = [str(HERE / "goldens"), str(HERE.parent / "benchmarks")]

import formula  # noqa: E402
from reference_step import import_solver  # noqa: E402

WIDTHS = {"base": 2**14, "cmax": 512}  # what the authors' networks have
SETTINGS = {
    "img_size": 256,
    "style_dim": 64,
    "latent_dim": 16,
    "num_domains": 3,
    "w_hpf": 0.0,
    "batch": 1,
    "train": 0,
    "lambda_reg": 1.0,
    "lambda_sty": 1.0,
    "lambda_ds": 2.0,
    "lambda_cyc": 1.0,
    "ds_iter": 100,
    "lr": 2e-5,
    "f_lr": 1e-5,
    "beta1": 0.0,
    "beta2": 0.99,
    "weight_decay": 1e-4,
    "ema": 0.999,
}
# The updates in their order, and the networks that each changes.
UPDATES = {
    "d_latent": ("discriminator",),
    "d_ref": ("discriminator",),
    "g_latent": ("generator", "mapping_network", "style_encoder"),
    "g_ref": ("generator",),
}


def tensor(images: np.ndarray) -> torch.Tensor:
    """Images [..., H, W, C] as [..., C, H, W] in double precision."""
    return torch.tensor(np.moveaxis(images, -1, -3).copy()).double()


def array(images: torch.Tensor) -> np.ndarray:
    """The inverse of `tensor`."""
    return np.moveaxis(images.detach().numpy(), -3, -1)


def thinned(images: np.ndarray) -> np.ndarray:
    """Every k-th row and column of [..., H, W, C], 64 x 64 of them at most."""
    k = max(1, images.shape[-2] // 64)
    return images[..., ::k, ::k, :].astype(np.float32)


class Recorder:
    """The authors' networks with the formula's weights, and what was recorded."""

    def __init__(self, solver: Any, name: str, sizes: argparse.Namespace):
        self.compute = solver
        self.name, self.sizes = name, sizes
        paths = {"checkpoint_dir": tempfile.gettempdir(), "wing_path": None}
        options = vars(sizes) | paths | {"mode": "train"}
        self.trainer = solver.Solver(argparse.Namespace(**options))
        self.nets = self.trainer.nets
        self.shapes = {
            name: self.set_weights(name, net.module) for name, net in self.nets.items()
        }
        for name, average in self.trainer.nets_ema.items():
            average.load_state_dict(self.nets[name].state_dict())
        self.golden: dict[str, Any] = {}

    @staticmethod
    def set_weights(name: str, network: torch.nn.Module) -> dict[str, list[int]]:
        """Give a network the formula's weights; return the arrays' shapes."""
        state = network.state_dict()
        kept = {p for p, _ in network.named_buffers() if name != "fan"}
        kept |= {p for p in state if p.endswith("num_batches_tracked")}
        shapes = {p: list(v.shape) for p, v in state.items() if p not in kept}
        weights = formula.weights(name, shapes)
        state.update({p: torch.tensor(w).double() for p, w in weights.items()})
        network.load_state_dict(state)
        return shapes

    def inputs(self, prefix: str = "", shift: int = 0) -> dict[str, torch.Tensor]:
        """The case's inputs, or those of training iteration `shift`."""
        sizes, each = self.sizes, np.arange(self.sizes.batch)
        key = f"{self.name}/{prefix}"
        pictures = {
            image: tensor(formula.images(key + image, sizes.batch, sizes.img_size))
            for image in ("x", "x_ref", "x_ref2")
        }
        latents = {
            z: torch.tensor(formula.latents(key + z, sizes.batch, sizes.latent_dim))
            for z in ("z", "z2")
        }
        return {
            **pictures,
            **{name: z.double() for name, z in latents.items()},
            "y_src": torch.tensor((each + shift) % sizes.num_domains),
            "y_trg": torch.tensor((each + 2 * shift + 1) % sizes.num_domains),
        }

    def masks(self, x: torch.Tensor) -> Any:
        """FAN's masks; None without it."""
        return self.nets.fan.get_heatmap(x) if self.sizes.w_hpf > 0 else None

    @torch.no_grad()
    def record_networks(self) -> None:
        """Record the networks' outputs."""
        batch, nets = self.inputs(), self.nets
        style = nets.mapping_network(batch["z"], batch["y_trg"])
        self.golden |= {
            "mapping_network": style.numpy(),
            "style_encoder": nets.style_encoder(batch["x_ref"], batch["y_trg"]).numpy(),
            "discriminator": nets.discriminator(batch["x"], batch["y_src"]).numpy(),
        }
        given = None
        if self.sizes.w_hpf > 0:
            made = formula.masks(f"{self.name}/masks", self.sizes.batch, 256)
            given = list(tensor(made))
            found = self.masks(batch["x"])
            image = nets.generator(batch["x"], style, masks=found)
            self.golden["fan_masks"] = thinned(np.stack([array(m) for m in found]))
            self.golden["generator_fan"] = thinned(array(image))
        image = array(nets.generator(batch["x"], style, masks=given))
        self.golden["generator"] = thinned(image)
        self.golden["generator_mean_std"] = np.array([image.mean(), image.std(ddof=1)])

    def losses(
        self, update: str, batch: dict[str, torch.Tensor], masks: Any
    ) -> list[float]:
        """Compute an update's gradients; return its loss and the terms."""
        nets = self.nets
        guide: dict[str, Any] = {
            "d_latent": {"z_trg": batch["z"]},
            "d_ref": {"x_ref": batch["x_ref"]},
            "g_latent": {"z_trgs": [batch["z"], batch["z2"]]},
            "g_ref": {"x_refs": [batch["x_ref"], batch["x_ref2"]]},
        }[update]
        x = batch["x"].clone()
        arguments = (nets, self.sizes, x, batch["y_src"], batch["y_trg"])
        loss_of = getattr(self.compute, f"compute_{update[0]}_loss")
        loss, terms = loss_of(*arguments, **guide, masks=masks)
        for optimizer in self.trainer.optims.values():
            optimizer.zero_grad()
        loss.backward()
        return [loss.item(), *terms.values()]

    def record_updates(self) -> None:
        """Record losses and gradients at the formula's weights."""
        batch = self.inputs()
        masks = self.masks(batch["x"])
        for update, names in UPDATES.items():
            values = self.losses(update, batch, masks)
            print(update, values, flush=True)
            self.golden[f"loss/{update}"] = np.array(values)
            for name in names:
                found = {
                    parameter: value.grad.numpy()
                    for parameter, value in self.nets[name].module.named_parameters()
                    if value.grad is not None
                }
                largest = max(np.linalg.norm(g) for g in found.values())
                for parameter, gradient in found.items():
                    # A bias before a norm has none but for rounding.
                    if np.linalg.norm(gradient) > 1e-9 * largest:
                        self.pin(f"grad/{update}", name, parameter, gradient)

    def record_training(self) -> None:
        """Record the losses of some iterations, and where the weights went."""
        weight, rows = self.sizes.lambda_ds, []
        networks = {"moved": self.nets, "ema_moved": self.trainer.nets_ema}
        networks = {
            (kind, name): nets[name].module
            for kind, nets in networks.items()
            for name in nets
            if name != "fan"
        }
        before = copy.deepcopy({key: n.state_dict() for key, n in networks.items()})
        for i in range(self.sizes.train):
            batch, row = self.inputs(f"train{i}/", i), []
            masks = self.masks(batch["x"])
            for update, names in UPDATES.items():
                row += self.losses(update, batch, masks)
                for name in names:
                    self.trainer.optims[name].step()
            for name in UPDATES["g_latent"]:
                pair = networks["moved", name], networks["ema_moved", name]
                self.compute.moving_average(*pair, self.sizes.ema)
            self.sizes.lambda_ds -= weight / self.sizes.ds_iter
            print(f"iteration {i}", row, flush=True)
            rows.append(row)
        self.golden["train/losses"] = np.array(rows, np.float32)
        self.golden["train/lambda_ds"] = np.array(self.sizes.lambda_ds)
        self.sizes.lambda_ds = weight
        for (kind, name), network in networks.items():
            for parameter, value in network.named_parameters():
                # A norm's scale is near 1: its average moves by less than float32 has.
                if kind == "moved" or not (value.ndim == 1 and "weight" in parameter):
                    moved = (value.detach() - before[kind, name][parameter]).numpy()
                    self.pin(f"train/{kind}", name, parameter, moved)

    def pin(self, prefix: str, network: str, parameter: str, value: np.ndarray) -> None:
        """Record an array's norm and projection."""
        pinned = [np.linalg.norm(value), formula.projection(network, parameter, value)]
        self.golden[f"{prefix}/{network}/{parameter}"] = np.array(pinned)


def main() -> None:
    """Record what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkout")
    parser.add_argument("name")
    for setting, value in SETTINGS.items():
        parser.add_argument(f"--{setting}", type=type(value), default=value)
    sizes = parser.parse_args()
    checkout, name = sizes.checkout, sizes.name
    del sizes.checkout, sizes.name
    torch.set_default_dtype(torch.float64)
    recorder = Recorder(import_solver(checkout), name, sizes)
    recorder.record_networks()
    recorder.record_updates()
    if sizes.train:
        recorder.record_training()
    case = {"config": vars(sizes) | WIDTHS, "shapes": recorder.shapes}
    pathlib.Path(f"{name}.json").write_text(json.dumps(case, indent=1) + "\n")
    np.savez_compressed(f"{name}.npz", **recorder.golden)


if __name__ == "__main__":
    main()
