"""Every setting of a run: written once here, a flag, a JSON key and an attribute.

A flagfile and the command line are resolved into one frozen `Config`, which is written
beside the run. Only `from_flags` reads flags; all else takes a `Config`.
"""

import dataclasses
import json
import pathlib
import re
from typing import Any, Self

from absl import flags

from tfstargan import files
from tfstargan.errors import UserError

DOMAIN = re.compile(r"[^./\\\x00-\x1f][^/\\\x00-\x1f]*")


FLOAT32 = 3.4e38  # its largest number, nearly


GENERATORS = ("full", "light")


PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")


def setting(default: Any, help: str) -> Any:
    """Return a dataclass field with a default and the help text of its flag."""
    return dataclasses.field(default=default, metadata={"help": help})


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config:
    """The settings of a run; the defaults are the reference's for AFHQ.

    Raises:
        UserError: if a value, or a combination of values, makes no sense.
    """

    dataset: str = setting(
        "folder", "folder (photographs), critters (drawn) or tfds:NAME[:LABEL]"
    )
    data_dir: str = setting(
        "",
        "folder: holds train/DOMAIN/*.jpg, val/..., or records made of them; tfds: "
        "where it keeps data sets",
    )
    domains: tuple[str, ...] = setting((), "names in label order; empty: all found")
    skip_broken: bool = setting(False, "folder: leave out broken pictures, and say so")
    critters_per_domain: int = setting(600, "dataset=critters: pictures per species")

    img_size: int = setting(256, "image side in pixels, a power of two, 32 to 1024")
    channel_base: int = setting(2**14, "channels at side r: channel_base / r")
    channel_max: int = setting(512, "most channels of any layer but the first")
    style_dim: int = setting(64, "length of a style code")
    latent_dim: int = setting(16, "length of a latent code")
    hidden_dim: int = setting(512, "width of the mapping network")
    w_hpf: float = setting(0.0, "divides the high-pass skips, for faces; 0: none")
    generator: str = setting("full", "full, or light: for devices (tfstargan/light.py)")
    light_width: float = setting(0.8125, "generator=light: its share of the channels")
    wing_weights: str = setting("", "w_hpf > 0: the authors' wing.ckpt, of FAN")

    iterations: int = setting(100_000, "iterations (of four updates) to train in all")
    batch_size: int = setting(8, "images per iteration, over all replicas together")
    lambda_reg: float = setting(1.0, "weight of the R1 penalty")
    lambda_sty: float = setting(1.0, "weight of style reconstruction")
    lambda_ds: float = setting(2.0, "initial weight of style diversity")
    lambda_cyc: float = setting(1.0, "weight of cycle consistency")
    ds_iterations: int = setting(100_000, "iterations over which lambda_ds falls to 0")
    learning_rate: float = setting(1e-4, "Adam's, all but the mapping network")
    mapping_learning_rate: float = setting(1e-6, "Adam's, mapping network")
    decay_share: float = setting(
        0.0, "last part of training in which learning rates fall to 0; 0: they stay"
    )
    beta1: float = setting(0.0, "Adam's decay of the mean gradient")
    beta2: float = setting(0.99, "Adam's decay of the mean squared gradient")
    weight_decay: float = setting(1e-4, "L2 decay, added to the gradient")
    ema_decay: float = setting(0.999, "decay of the averaged networks, per iteration")

    crop_probability: float = setting(0.5, "share of images randomly cropped")
    flip_probability: float = setting(0.5, "share of images mirrored")
    jpeg_draft: bool = setting(
        False,
        "decode JPEGs of 4 times img_size at half: faster; pixels differ (45 dB)",
    )
    seed: int = setting(777, "of initial weights, data order and latents")
    replicas: int = setting(0, "devices to train on; 0: all GPUs, or the one CPU")
    tpu: str = setting("", "train on this TPU: its name, or local")
    jit: bool = setting(False, "compile the training step with XLA")
    precision: str = setting(
        "float32", "float32, mixed_bfloat16 or mixed_float16 (faster on GPUs)"
    )
    recompute: bool = setting(False, "less memory: compute generator blocks twice")
    accumulate: int = setting(1, "less memory: learn from a batch in so many parts")
    log_every: int = setting(50, "iterations between points in TensorBoard")
    sample_every: int = setting(5_000, "iterations between sample grids")
    animate_every: int = setting(0, "iterations between animations (WebP); 0: none")
    save_every: int = setting(5_000, "iterations between checkpoints")
    evaluate_every: int = setting(0, "iterations between FID and LPIPS; 0: never")
    probe_every: int = setting(0, "critters: iterations between probe scores; 0: never")
    evaluate_quick: bool = setting(False, "of few pictures: minutes, not the protocol")
    backbone_dir: str = setting("", "FID's and LPIPS' networks; empty: ~/.cache/...")
    keep_checkpoints: int = setting(3, "newest checkpoints to keep, beside the best")
    rollback_after: int = setting(
        10, "iterations in a row without finite losses and gradients, to go back after"
    )

    def __post_init__(self) -> None:
        if not isinstance(self.domains, list | tuple):
            raise UserError(f"--domains must be names, got {self.domains!r}")
        object.__setattr__(self, "domains", tuple(self.domains))
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if type(field.default) is float and type(value) in (int, float):
                if not abs(value) <= FLOAT32:
                    raise UserError(f"--{field.name}={value}: must be a finite number")
                object.__setattr__(self, field.name, float(value))
            elif type(value) is not type(field.default):
                kind = type(field.default).__name__
                raise UserError(f"--{field.name} must be {kind}, got {value!r}")
        self._check()

    def _check(self) -> None:
        def require(good: bool, name: str, rule: str) -> None:
            if not good:
                raise UserError(f"--{name}={getattr(self, name)}: {rule}")

        require(
            self.dataset in ("folder", "critters")
            or re.fullmatch(r"tfds:[^:].*", self.dataset) is not None,
            "dataset",
            "must be folder, critters or tfds:NAME[:LABEL]",
        )
        require(self.generator in GENERATORS, "generator", ", ".join(GENERATORS))
        require(0 < self.light_width <= 1, "light_width", "must be above 0, at most 1")
        require(
            self.generator == "full"
            or self.light_width * self.channel_base >= self.img_size,
            "light_width",
            f"times channel_base must be at least img_size, {self.img_size}",
        )
        require(self.precision in PRECISIONS, "precision", ", ".join(PRECISIONS))
        require(
            32 <= self.img_size <= 1024 and self.img_size & (self.img_size - 1) == 0,
            "img_size",
            "must be a power of two from 32 to 1024",
        )
        require(
            self.channel_base >= self.img_size,
            "channel_base",
            f"must be at least img_size, {self.img_size}",
        )
        for name in (
            "channel_max style_dim latent_dim hidden_dim iterations batch_size"
            " ds_iterations critters_per_domain log_every sample_every save_every"
            " keep_checkpoints accumulate rollback_after"
        ).split():
            require(getattr(self, name) >= 1, name, "must be at least 1")
        for name in (
            "lambda_reg lambda_sty lambda_ds lambda_cyc weight_decay learning_rate"
            " mapping_learning_rate replicas seed w_hpf animate_every evaluate_every"
            " probe_every"
        ).split():
            require(getattr(self, name) >= 0, name, "must not be negative")
        for name in ("crop_probability", "flip_probability", "decay_share"):
            require(0 <= getattr(self, name) <= 1, name, "must be from 0 to 1")
        for name in ("beta1", "beta2", "ema_decay"):
            require(0 <= getattr(self, name) < 1, name, "must be from 0 to below 1")
        require(self.seed < 2**32, "seed", "must be below 2**32")
        require(
            not (self.tpu and self.replicas), "replicas", "a TPU uses all its cores"
        )
        require(
            not self.probe_every or self.dataset == "critters",
            "probe_every",
            "the probe reads drawn animals: --dataset=critters",
        )
        if self.replicas:
            require(
                self.batch_size % self.replicas == 0,
                "batch_size",
                f"must be a multiple of --replicas={self.replicas}",
            )
        require(
            self.batch_size % (max(self.replicas, 1) * self.accumulate) == 0,
            "accumulate",
            "must divide each replica's part of the batch",
        )
        require(
            not self.domains or len(self.domains) > 1,
            "domains",
            "translation needs at least two domains",
        )
        require(
            # They are parts of files' names: no way out of a folder.
            all(isinstance(d, str) and DOMAIN.fullmatch(d) for d in self.domains),
            "domains",
            "must be names of folders, without separators, not beginning with a dot",
        )
        require(
            len(set(self.domains)) == len(self.domains),
            "domains",
            "a domain is named twice",
        )

    def save(self, path: pathlib.Path) -> None:
        """Write the settings as JSON."""
        text = json.dumps(dataclasses.asdict(self), indent=2) + "\n"
        files.write_text(text, path, lasting=True)

    @classmethod
    def load(cls, path: pathlib.Path) -> Self:
        """Read settings written by `save`.

        Raises:
            UserError: if the file is missing, is no JSON, or has other settings.
        """
        try:
            return cls(**json.loads(path.read_text()))
        except UserError as error:
            raise UserError(f"{path}: {error}") from error
        except (OSError, ValueError, TypeError, RecursionError) as error:
            raise UserError(f"{path}: not a run's configuration ({error})") from error


# Settings that a resumed run may change; any other makes it another run.
SCHEDULE = frozenset(
    "data_dir wing_weights iterations lambda_reg lambda_sty lambda_ds lambda_cyc"
    " ds_iterations learning_rate mapping_learning_rate decay_share weight_decay"
    " jpeg_draft"
    " ema_decay replicas tpu jit precision recompute accumulate log_every sample_every"
    " animate_every save_every keep_checkpoints evaluate_every evaluate_quick"
    " probe_every backbone_dir rollback_after".split()
)


def define_flags() -> None:
    """Define one flag for each setting; called by a main, never at import."""
    define = {
        int: flags.DEFINE_integer,
        float: flags.DEFINE_float,
        bool: flags.DEFINE_bool,
        str: flags.DEFINE_string,
        tuple: flags.DEFINE_list,
    }
    for field in dataclasses.fields(Config):
        default = field.default
        if isinstance(default, tuple):
            default = list(default)
        define[type(field.default)](field.name, default, field.metadata["help"])


def from_flags() -> Config:
    """Return the flags' values as a `Config`.

    Raises:
        UserError: if they make no sense.
    """
    return Config(
        **{f.name: flags.FLAGS[f.name].value for f in dataclasses.fields(Config)}
    )
