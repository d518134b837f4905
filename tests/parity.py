"""Compare networks, losses, training and metrics with recorded values of the authors.

    python tests/parity.py tests/goldens/small.json ...

A case is NAME.json (sizes, parameter names and shapes) and NAME.npz (outputs of the
authors' code in double precision). `tests/goldens/formula.py` makes weights, images and
latents from their names. A case without sizes is one of metrics. For each kind of value
the largest difference is printed beside its tolerance, which is three times the
difference of an independent float32 implementation. The exit code is 1 if a difference
is above its tolerance or a part is missing.
"""

import importlib.util
import json
import math
import os
import pathlib
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

# What is held to the values is the mathematics. On processors TensorFlow's oneDNN adds
# up a convolution in longer chains than others: faster, with three times the rounding.
if __name__ == "__main__":
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import tensorflow as tf

from tfstargan.config import Config
from tfstargan.data.batch import Batch
from tfstargan.metrics import fid, inception, lpips
from tfstargan.networks.build import AVERAGED, NETWORKS, build_networks
from tfstargan.networks.fan import FAN, SIDE, landmarks
from tfstargan.networks.masks import face_masks
from tfstargan.reference import parameters
from tfstargan.training.stargan import UPDATES, StarGANv2

GOLDENS = pathlib.Path(__file__).parent / "goldens"

TOLERANCES = {
    "networks": 1.2e-5,  # of the largest value
    "FAN heatmaps": 1.2e-5,
    "FAN masks": 1.2e-5,
    "FAN landmarks": 1.2e-5,  # a quarter of a pixel would be 1e-3
    "losses": 3e-6,  # of the update's largest term
    "gradients": 3e-3,  # of the gradient's norm
    "training losses": 3e-3,  # of the update's largest term
    "training lambda_ds": 1e-6,
    "training moved": 4.5e-2,  # of the movement's norm
    "training ema_moved": 1.2e-1,
    "LPIPS": 3e-6,
    "Inception features": 3e-6,  # of the largest value
    "Frechet distance": 3e-6,
}

# The reference's names of the updates, ours, and the terms' order.
UPDATE_NAMES = {
    "d_latent": ("D/latent", ("loss", "real", "fake", "reg")),
    "d_ref": ("D/reference", ("loss", "real", "fake", "reg")),
    "g_latent": ("G/latent", ("loss", "adv", "sty", "ds", "cyc")),
    "g_ref": ("G/reference", ("loss", "adv", "sty", "ds", "cyc")),
}


def load_formula() -> Any:
    """Import the module that makes weights and inputs from their names."""
    spec = importlib.util.spec_from_file_location("formula", GOLDENS / "formula.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


formula = load_formula()


class MetricsCase:
    """One golden of metrics: its name, recorded arrays and formula weights."""

    def __init__(self, path: pathlib.Path):
        self.name = path.stem
        self.shapes = json.loads(path.read_text())["shapes"]
        self.golden = np.load(path.with_suffix(".npz"))

    def set_weights(self, name: str, network: Any) -> None:
        """Give a network the formula's weights."""
        arrays = formula.weights(name, self.shapes[name])
        parameters.from_reference(network, arrays)

    def mixed(self, name: str, mix: str, count: int) -> np.ndarray:
        """`count` correlated features, [count, 48]."""
        latents = formula.latents(f"{self.name}/{name}", count, 48)
        return latents @ formula.latents(f"{self.name}/{mix}", 48, 48) / 7


class Case(MetricsCase):
    """One golden of networks: also its settings and inputs."""

    def __init__(self, path: pathlib.Path):
        super().__init__(path)
        sizes = self.sizes = json.loads(path.read_text())["config"]
        self.config = Config(
            domains=tuple(f"domain{k}" for k in range(sizes["num_domains"])),
            img_size=sizes["img_size"],
            channel_base=sizes["base"],
            channel_max=sizes["cmax"],
            style_dim=sizes["style_dim"],
            latent_dim=sizes["latent_dim"],
            w_hpf=sizes["w_hpf"],
            hidden_dim=self.shapes["mapping_network"]["shared.0.weight"][0],
            batch_size=sizes["batch"],
            lambda_reg=sizes["lambda_reg"],
            lambda_sty=sizes["lambda_sty"],
            lambda_ds=sizes["lambda_ds"],
            lambda_cyc=sizes["lambda_cyc"],
            ds_iterations=sizes["ds_iter"],
            learning_rate=sizes["lr"],
            mapping_learning_rate=sizes["f_lr"],
            beta1=sizes["beta1"],
            beta2=sizes["beta2"],
            weight_decay=sizes["weight_decay"],
            ema_decay=sizes["ema"],
        )

    def networks(self, names: tuple[str, ...] = NETWORKS) -> dict[str, Any]:
        """Networks with the formula's weights."""
        networks = build_networks(self.config, names)
        for name, network in networks.items():
            self.set_weights(name, network)
        return networks

    def fan(self) -> FAN:
        """The landmark network with the formula's weights."""
        fan = FAN()
        fan.build((None, self.config.img_size, self.config.img_size, 3))
        self.set_weights("fan", fan)
        return fan

    def masks(self) -> Any:
        """The given masks, [2, B, 256, 256, 1]; None without skips."""
        if not self.config.w_hpf:
            return None
        return formula.masks(f"{self.name}/masks", self.sizes["batch"], SIDE)

    def model(self) -> StarGANv2:
        """The whole model, ready to train from the formula's weights."""
        model = StarGANv2(self.config)
        for name in NETWORKS:
            self.set_weights(name, getattr(model, name))
        for name in AVERAGED:
            self.set_weights(name, model.averages[name])
        if model.fan is not None:
            self.set_weights("fan", model.fan)
        model.compile()
        return model

    def batch(self, prefix: str = "", shift: int = 0) -> Batch:
        """The case's inputs, or those of training iteration `shift`."""
        count, size = self.sizes["batch"], self.sizes["img_size"]
        domains, latent_dim = self.sizes["num_domains"], self.sizes["latent_dim"]
        key = f"{self.name}/{prefix}"
        each = np.arange(count)
        return Batch(
            x_src=formula.images(key + "x", count, size),
            y_src=((each + shift) % domains).astype(np.int32),
            x_ref=formula.images(key + "x_ref", count, size),
            x_ref2=formula.images(key + "x_ref2", count, size),
            y_trg=((each + 2 * shift + 1) % domains).astype(np.int32),
            z=formula.latents(key + "z", count, latent_dim),
            z2=formula.latents(key + "z2", count, latent_dim),
        )


Measured = Iterator[tuple[str, str, float]]  # kind, key in the golden, distance


def relative(value: Any, golden: Any) -> float:
    """The largest difference over the largest golden value."""
    value, golden = np.asarray(value, np.float64), np.asarray(golden, np.float64)
    return float(np.max(np.abs(value - golden)) / np.max(np.abs(golden)))


def pinned(network: str, name: str, array: np.ndarray, golden: np.ndarray) -> float:
    """The distance of an array's [norm, projection], relative to its norm.

    Where that is 0 (a parameter without use does not move), the distance itself.
    """
    found = [np.linalg.norm(array), formula.projection(network, name, array)]
    return float(np.max(np.abs(found - golden)) / (golden[0] or 1.0))


def thinned(image: Any) -> np.ndarray:
    """Every k-th row and column of [..., H, W, C]; the goldens have 64 x 64."""
    k = max(1, image.shape[-2] // 64)
    return np.asarray(image)[..., ::k, ::k, :]


def check_networks(case: Case) -> Measured:
    """Compare the outputs of the four networks."""
    networks, batch = case.networks(), case.batch()
    style = networks["mapping_network"](batch.z, batch.y_trg)
    image = networks["generator"](batch.x_src, style, case.masks()).numpy()
    outputs = {
        "mapping_network": style,
        "style_encoder": networks["style_encoder"](batch.x_ref, batch.y_trg),
        "discriminator": networks["discriminator"](batch.x_src, batch.y_src),
        "generator": thinned(image),
        "generator_mean_std": [image.mean(), image.std(ddof=1)],
    }
    for key, value in outputs.items():
        if key in case.golden:
            yield "networks", key, relative(value, case.golden[key])


def check_faces(case: Case) -> Measured:
    """Compare heatmaps, masks and landmarks, and the generator with these masks."""
    if not case.config.w_hpf:
        return
    networks = case.networks(("generator", "mapping_network"))
    batch, fan = case.batch(), case.fan()
    # Compiled: a mask's threshold and powers magnify rounding tenfold, and XLA's
    # convolutions round half as much as those of TensorFlow's oneDNN.
    heatmaps = tf.function(fan.call, jit_compile=True)(batch.x_src)
    masks = face_masks(heatmaps)
    given = formula.heatmaps(f"{case.name}/heatmaps", case.sizes["batch"])
    style = networks["mapping_network"](batch.z, batch.y_trg)
    image = networks["generator"](batch.x_src, style, masks)
    outputs = {
        "generator_fan": ("networks", thinned(image)),
        "fan_heatmaps": ("FAN heatmaps", heatmaps[:, ::2, ::2, ::7]),
        "fan_masks": ("FAN masks", thinned(np.stack(masks))),
        "masks_of_heatmaps": ("FAN masks", thinned(np.stack(face_masks(given)))),
        "fan_landmarks": ("FAN landmarks", landmarks(heatmaps)),
    }
    for key, (kind, value) in outputs.items():
        if key in case.golden:
            yield kind, key, relative(value, case.golden[key])


def check_updates(case: Case) -> Measured:
    """Compare every update's losses and gradients at the formula's weights."""
    recorded = [key for key in UPDATE_NAMES if f"loss/{key}" in case.golden]
    if not recorded:
        return
    model, batch = case.model(), Batch(*map(tf.constant, case.batch()))
    for key in recorded:
        update, terms = UPDATE_NAMES[key]
        gradients, values = tf.function(model.gradients)(batch, update)
        found = [float(values[term]) for term in terms]
        yield "losses", f"loss/{key}", relative(found, case.golden[f"loss/{key}"])
        for name in UPDATES[update]:
            arrays = parameters.to_reference(
                getattr(model, name), [g.numpy() for g in gradients[name]]
            )
            prefix = f"grad/{key}/{name}/"
            for golden in case.golden.files:
                if golden.startswith(prefix):
                    parameter = golden.removeprefix(prefix)
                    array = arrays[parameter]
                    distance = pinned(name, parameter, array, case.golden[golden])
                    yield "gradients", golden, distance


def check_training(case: Case) -> Measured:
    """Compare the losses of a few iterations and where the weights went."""
    if not case.sizes["train"]:
        return
    model = case.model()
    networks = {("moved", name): getattr(model, name) for name in NETWORKS}
    networks |= {("ema_moved", name): model.averages[name] for name in AVERAGED}
    before = {key: parameters.to_reference(n) for key, n in networks.items()}
    step = tf.function(model.train_step)
    for i in range(case.sizes["train"]):
        logs = step(Batch(*map(tf.constant, case.batch(f"train{i}/", i))))
        golden, start = case.golden["train/losses"][i], 0
        for update, terms in UPDATE_NAMES.values():
            found = [float(logs[f"{update}/{term}"]) for term in terms]
            row = golden[start : start + len(terms)]
            yield "training losses", "train/losses", relative(found, row)
            start += len(terms)
    found = float(model.lambda_ds())
    yield (
        "training lambda_ds",
        "train/lambda_ds",
        relative(found, case.golden["train/lambda_ds"]),
    )
    for (kind, name), network in networks.items():
        for parameter, array in parameters.to_reference(network).items():
            key = f"train/{kind}/{name}/{parameter}"
            if key in case.golden:
                moved = array - before[kind, name][parameter]
                distance = pinned(name, parameter, moved, case.golden[key])
                yield f"training {kind}", key, distance


def check_metrics(case: MetricsCase) -> Measured:
    """Compare LPIPS, Inception's features, and the Frechet distance."""
    alexnet = lpips.alexnet()
    case.set_weights("alexnet", alexnet)
    pairs = (formula.images(f"{case.name}/{one}", 4, 128) for one in "ab")
    distances = lpips.LPIPS(alexnet).distance(*pairs).numpy()
    trunk = inception.torchvision_trunk()
    case.set_weights("inception_v3", trunk)
    seen = trunk(formula.images(f"{case.name}/inception", 2, inception.SIDE))
    fa, fb = case.mixed("fa", "mix_a", 200), case.mixed("fb", "mix_b", 150) + 0.3
    few = formula.latents(f"{case.name}/few", 20, 48)
    a, b, few = map(streamed, (fa, fb, few))
    outputs = {
        "lpips_each": ("LPIPS", distances),
        "lpips_batch_mean": ("LPIPS", distances.mean()),
        "inception_features": ("Inception features", seen),
        "frechet_distance": ("Frechet distance", fid.frechet_distance(a, b)),
        "frechet_distance_singular": (
            "Frechet distance",
            fid.frechet_distance(few, b),
        ),
    }
    for key, (kind, value) in outputs.items():
        if key in case.golden:
            yield kind, key, relative(value, case.golden[key])


def streamed(features: np.ndarray) -> fid.FeatureSet:
    """The moments of features that came in parts of 7."""
    stream = fid.FeatureSet(len(features))
    for start in range(0, len(features), 7):
        stream.add(features[start : start + 7])
    return stream


def run(path: pathlib.Path, show: Callable[[str], None] = print) -> bool:
    """Check one case, show a line for each kind, and return whether it passed whole."""
    # On GPUs TensorFlow rounds a convolution's inputs to 10 bits unless told not to.
    tf.config.experimental.enable_tensor_float_32_execution(False)
    case: MetricsCase
    if "config" in json.loads(path.read_text()):
        case = Case(path)
        checks = (check_networks, check_faces, check_updates, check_training)
    else:
        case, checks = MetricsCase(path), (check_metrics,)
    worst: dict[str, tuple[float, str]] = {}
    seen = set()
    for check in checks:
        for kind, key, distance in check(case):
            seen.add(key)
            distance = math.inf if math.isnan(distance) else distance
            if distance > worst.get(kind, (-1.0, ""))[0]:
                worst[kind] = (distance, key)
    missing = sorted(set(case.golden.files) - seen)
    passed = not missing
    for kind, (distance, key) in worst.items():
        good = distance <= TOLERANCES[kind]
        passed &= good
        verdict = "pass" if good else "FAIL"
        show(
            f"{case.name:8} {kind:20} {distance:9.2e}  tolerance "
            f"{TOLERANCES[kind]:.1e}  {verdict}  (worst: {key})"
        )
    parts = sorted({"/".join(key.split("/")[:2]) for key in missing})
    for part in parts:
        count = sum(key.startswith(part) for key in missing)
        show(f"{case.name:8} {part:20} MISSING ({count} recorded values not compared)")
    return passed


def main(paths: list[str]) -> int:
    """Check every case named; the exit code."""
    if not paths:
        print(__doc__)
        return 2
    return 0 if all([run(pathlib.Path(path)) for path in paths]) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
