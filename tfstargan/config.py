"""The settings of a run, and the other flags of `train`: `Config`, `TrainOptions`.

A flagfile and the command line are resolved into one frozen `Config`, which is saved in
the run. All code takes a `Config`; only commands read flags.
"""

import dataclasses
import json
import os
import pathlib
import re
from collections.abc import Sequence
from typing import Any, Self

from tfstargan import files
from tfstargan.errors import UserError
from tfstargan.settings import ADDRESS, Settings, parse, setting

DOMAIN = re.compile(r"[^./\\\x00-\x1f][^/\\\x00-\x1f]*")
AUGMENTS = ("none", "ada", "diffaugment")
SQUARES = ("squeeze", "crop", "pad")  # how an image becomes a square
GENERATORS = ("full", "light")
METRICS = ("fid_reference", "fid_clean", "kid_lite0", "lpips")
SMALLEST_MAP = 32  # side of the networks' largest feature map, at least
PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")

DATA, NETWORKS, TRAINING = "data", "networks", "training"
LOSSES, OPTIMIZERS = "losses", "optimizers"
DEVICES, OUTPUT = "speed and memory", "what is written, and when"

# Rules that several settings share.
SHARE: dict[str, Any] = {"at_least": 0, "at_most": 1}
DECAY: dict[str, Any] = {"at_least": 0, "below": 1}
WEIGHT: dict[str, Any] = {"group": LOSSES, "at_least": 0, "may_change": True}
RATE: dict[str, Any] = {"group": OPTIMIZERS, "at_least": 0, "may_change": True}
EVERY: dict[str, Any] = {"group": OUTPUT, "at_least": 1, "may_change": True}
NEVER: dict[str, Any] = {"group": OUTPUT, "at_least": 0, "may_change": True}


def label_of(domain: str, domains: Sequence[str]) -> int:
    """The label of a domain: its place among those of a run.

    Raises:
        UserError: if it is none of them.
    """
    domain = files.composed(domain)
    if domain not in domains:
        raise UserError(f"--domain={domain}: this run has {', '.join(domains)}")
    return [*domains].index(domain)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config(Settings):
    """The settings of a run; the defaults are the reference's for AFHQ.

    Raises:
        UserError: if a value, or a combination of values, is not allowed.
    """

    dataset: str = setting(
        "folder",
        "folder (images), critters (drawn animals) or tfds:NAME[:LABEL]",
        group=DATA,
    )
    data_dir: str = setting(
        "",
        "folder with train/DOMAIN/*.jpg and val/..., or packed; tfds: its data folder",
        group=DATA,
        path=True,
        address=True,
        may_change=True,
    )
    domains: tuple[str, ...] = setting(
        (), "names in label order; empty: all that are found", group=DATA
    )
    skip_broken: bool = setting(
        False,
        "folder: skip images that can't be read, and list them",
        group=DATA,
        may_change=True,
    )
    critters_per_domain: int = setting(
        600, "critters: images of each species", group=DATA, at_least=1
    )
    fit: str = setting(
        "squeeze",
        "images that are not square: squeeze them, crop them to the centred square, or "
        "pad them by reflection",
        group=DATA,
        one_of=SQUARES,
    )
    crop_probability: float = setting(
        0.5, "share of images that are randomly cropped", group=DATA, **SHARE
    )
    flip_probability: float = setting(
        0.5, "share of images that are mirrored", group=DATA, **SHARE
    )
    jpeg_draft: bool = setting(
        False,
        "decode JPEGs of 4 times img_size at half size: faster; pixels differ (45 dB)",
        group=DATA,
        may_change=True,
    )

    img_size: int = setting(
        256,
        "image side in pixels, a power of two from 32 to 1024",
        group=NETWORKS,
        at_least=32,
        at_most=1024,
        power_of_two=True,
    )
    patch_size: int = setting(
        1,
        "side of the squares of pixels that the networks take as one: 2 makes an image "
        "of 128 as cheap as one of 64",
        group=NETWORKS,
        at_least=1,
        at_most=8,
        power_of_two=True,
    )
    residual: bool = setting(
        False,
        "the generator's output is added to its input: what need not change is kept",
        group=NETWORKS,
    )
    channel_base: int = setting(
        2**14, "feature maps of side r have channel_base / r channels", group=NETWORKS
    )
    channel_max: int = setting(
        512, "most channels of any layer but the first", group=NETWORKS, at_least=1
    )
    style_dim: int = setting(64, "length of a style code", group=NETWORKS, at_least=1)
    latent_dim: int = setting(16, "length of a latent code", group=NETWORKS, at_least=1)
    hidden_dim: int = setting(
        512, "width of the mapping network", group=NETWORKS, at_least=1
    )
    w_hpf: float = setting(
        0.0,
        "divides the high-pass skips, for faces; 0: no skips",
        group=NETWORKS,
        at_least=0,
    )
    generator: str = setting(
        "full", "full, or light: for devices", group=NETWORKS, one_of=GENERATORS
    )
    light_width: float = setting(
        0.8125,
        "generator=light: share of the channels",
        group=NETWORKS,
        above=0,
        at_most=1,
    )
    wing_weights: str = setting(
        "",
        "w_hpf > 0: the authors' wing.ckpt, with the weights of FAN",
        group=NETWORKS,
        path=True,
        may_change=True,
    )

    augment: str = setting(
        "none",
        "few images: ada or diffaugment change what the discriminator sees, at random",
        group=TRAINING,
        one_of=AUGMENTS,
    )
    augment_colour: bool = setting(
        True,
        "augment: change colours, too; not where hue is to be kept",
        group=TRAINING,
    )
    augment_target: float = setting(
        0.6,
        "augment=ada: p rises while the mean sign of real logits is above this",
        group=TRAINING,
        above=0,
        below=1,
        may_change=True,
    )
    augment_images: int = setting(
        500_000,
        "augment=ada: images over which the share of changes can rise from 0 to 1",
        group=TRAINING,
        at_least=1,
        may_change=True,
    )
    iterations: int = setting(
        100_000,
        "iterations, of four updates each, to train in total",
        group=TRAINING,
        at_least=1,
        may_change=True,
    )
    batch_size: int = setting(
        8, "images in an iteration, over all replicas", group=TRAINING, at_least=1
    )
    seed: int = setting(
        777,
        "seed of the initial weights, the order of the data, and the latents",
        group=TRAINING,
        at_least=0,
        below=2**32,
    )
    ema_decay: float = setting(
        0.999,
        "decay of the averaged networks, per iteration",
        group=TRAINING,
        may_change=True,
        **DECAY,
    )
    rollback_after: int = setting(
        10,
        "restore a checkpoint after this many iterations in a row that are not finite",
        group=TRAINING,
        at_least=1,
        may_change=True,
    )

    lambda_reg: float = setting(1.0, "weight of the R1 penalty", **WEIGHT)
    r1_every: int = setting(
        1,
        "compute the R1 penalty in every k-th iteration, with k times its weight",
        group=LOSSES,
        at_least=1,
        may_change=True,
    )
    lambda_other: float = setting(
        0.0,
        "weight of real images as fakes of the other domains: more translations show "
        "their target",
        **WEIGHT,
    )
    lambda_sty: float = setting(1.0, "weight of style reconstruction", **WEIGHT)
    lambda_ds: float = setting(2.0, "initial weight of style diversity", **WEIGHT)
    lambda_cyc: float = setting(1.0, "weight of cycle consistency", **WEIGHT)
    ds_iterations: int = setting(
        100_000,
        "iterations over which lambda_ds falls to 0",
        group=LOSSES,
        at_least=1,
        may_change=True,
    )

    learning_rate: float = setting(
        1e-4, "Adam's learning rate, except for the mapping network", **RATE
    )
    mapping_learning_rate: float = setting(
        1e-6, "Adam's learning rate for the mapping network", **RATE
    )
    decay_share: float = setting(
        0.0,
        "last share of training in which learning rates fall to 0; 0: constant rates",
        group=OPTIMIZERS,
        may_change=True,
        **SHARE,
    )
    beta1: float = setting(
        0.0, "Adam's decay of the mean gradient", group=OPTIMIZERS, **DECAY
    )
    beta2: float = setting(
        0.99, "Adam's decay of the mean squared gradient", group=OPTIMIZERS, **DECAY
    )
    weight_decay: float = setting(1e-4, "L2 decay, added to the gradient", **RATE)

    replicas: int = setting(
        0,
        "devices to train on; 0: all GPUs, or the CPU",
        group=DEVICES,
        at_least=0,
        may_change=True,
    )
    tpu: str = setting(
        "", "train on this TPU: its name, or local", group=DEVICES, may_change=True
    )
    jit: bool = setting(
        False, "compile the training step with XLA", group=DEVICES, may_change=True
    )
    precision: str = setting(
        "float32",
        "float32, mixed_bfloat16 or mixed_float16 (faster on GPUs)",
        group=DEVICES,
        one_of=PRECISIONS,
        may_change=True,
    )
    recompute: bool = setting(
        False,
        "less memory: compute the generator's blocks twice",
        group=DEVICES,
        may_change=True,
    )
    accumulate: int = setting(
        1,
        "less memory: compute a batch in this many parts",
        group=DEVICES,
        at_least=1,
        may_change=True,
    )

    log_every: int = setting(50, "iterations between points in TensorBoard", **EVERY)
    sample_every: int = setting(5_000, "iterations between sample grids", **EVERY)
    animate_every: int = setting(
        0, "iterations between animations (WebP); 0: none", **NEVER
    )
    save_every: int = setting(5_000, "iterations between checkpoints", **EVERY)
    keep_checkpoints: int = setting(
        3, "newest checkpoints to keep, besides the best", **EVERY
    )
    evaluate_every: int = setting(
        0, "iterations between FID and LPIPS; 0: never", **NEVER
    )
    patience: int = setting(
        0,
        "end after so many evaluations without a better one; 0: never",
        **NEVER,
    )
    evaluate_quick: bool = setting(
        False,
        "evaluate on few images: takes minutes, but is not the protocol",
        group=OUTPUT,
        may_change=True,
    )
    probe_every: int = setting(
        0, "critters: iterations between the probe's scores; 0: never", **NEVER
    )
    backbone_dir: str = setting(
        "",
        "folder of the networks of FID and LPIPS; empty: ~/.cache/tfstargan",
        group=OUTPUT,
        path=True,
        may_change=True,
    )

    def check_together(self) -> None:
        """Check the rules that concern several settings, and the domains' names."""
        self._check_dataset()
        if all(isinstance(domain, str) for domain in self.domains):
            # File systems of macOS use the decomposed spelling of "é".
            composed = tuple(map(files.composed, self.domains))
            object.__setattr__(self, "domains", composed)
        self._check_domains()
        self._check_widths()
        self._check_batch()
        self.require(
            not self.patience or bool(self.evaluate_every),
            "patience",
            "counts evaluations: needs --evaluate_every",
        )

    def _check_dataset(self) -> None:
        self.require(
            self.dataset in ("folder", "critters")
            or re.fullmatch(r"tfds:[^:].*", self.dataset) is not None,
            "dataset",
            "must be folder, critters or tfds:NAME[:LABEL]",
        )
        self.require(
            not files.is_address(self.data_dir) or self.dataset.startswith("tfds:"),
            "data_dir",
            ADDRESS,
        )
        self.require(
            not self.probe_every or self.dataset == "critters",
            "probe_every",
            "the probe reads drawn animals: --dataset=critters",
        )

    def _check_domains(self) -> None:
        self.require(
            len(self.domains) != 1,
            "domains",
            "must be at least two domains",
        )
        self.require(
            # They are parts of paths, and must not lead out of a folder.
            all(isinstance(d, str) and DOMAIN.fullmatch(d) for d in self.domains),
            "domains",
            "must be names of folders, without separators or a dot at the beginning",
        )
        self.require(
            len(set(self.domains)) == len(self.domains),
            "domains",
            "must not name a domain twice",
        )

    def _check_widths(self) -> None:
        side = self.largest_map
        self.require(
            side >= SMALLEST_MAP,
            "patch_size",
            f"must leave at least {SMALLEST_MAP} patches to a side, not {side}",
        )
        divided = "" if self.patch_size == 1 else " / patch_size"
        least = f"must be at least img_size{divided}, {side}"
        self.require(self.channel_base >= side, "channel_base", least)
        self.require(
            self.generator == "full" or self.light_width * self.channel_base >= side,
            "light_width",
            f"times channel_base {least}",
        )

    @property
    def largest_map(self) -> int:
        """Side of the networks' largest feature map."""
        return self.img_size // self.patch_size

    def _check_batch(self) -> None:
        self.require(
            not (self.tpu and self.replicas), "replicas", "a TPU uses all its cores"
        )
        self.require(
            not self.replicas or self.batch_size % self.replicas == 0,
            "batch_size",
            f"must be a multiple of --replicas={self.replicas}",
        )
        self.require(
            self.batch_size % (max(self.replicas, 1) * self.accumulate) == 0,
            "accumulate",
            "must divide each replica's part of the batch",
        )

    def reading(self, data_dir: str = "", skip_broken: bool = False) -> Self:
        """The settings, changed to read images for another use than training.

        Args:
            data_dir: another folder of images; empty: the same one.
            skip_broken: whether to skip unreadable images, even if training did not.
        """
        skip_broken = skip_broken or self.skip_broken
        if not data_dir:
            return dataclasses.replace(self, skip_broken=skip_broken)
        return dataclasses.replace(
            self, dataset="folder", data_dir=data_dir, skip_broken=skip_broken
        )

    def with_domains(self, data: Any) -> Self:
        """The settings with the domains of a data set.

        Args:
            data: the result of `dataset`, or another object that has `domains`.
        """
        return dataclasses.replace(self, domains=tuple(data.domains))

    def without_paths(self) -> Self:
        """The settings without paths, which mean nothing on another machine."""
        paths = [f.name for f in dataclasses.fields(self) if f.metadata["path"]]
        empty: dict[str, Any] = dict.fromkeys(paths, "")
        return dataclasses.replace(self, **empty)

    @classmethod
    def from_flagfile(cls, path: str | os.PathLike, **settings: Any) -> Self:
        """The settings in a flagfile, such as configs/custom.flags.

        Other flags in it (`--run_dir`, `--dry_run`) are ignored.

        Args:
            path: the flagfile.
            **settings: override those in the file.

        Raises:
            UserError: if the file can't be read, or a flag or value is not allowed.
        """
        arguments = [f"--flagfile={os.fspath(path)}"]
        config, _ = parse((cls, TrainOptions), arguments, settings)
        return config

    def save(self, path: pathlib.Path) -> None:
        """Write the settings as JSON."""
        text = json.dumps(dataclasses.asdict(self), indent=2) + "\n"
        files.write_text(text, path, lasting=True)

    @classmethod
    def load(cls, path: pathlib.Path) -> Self:
        """Read settings written by `save`.

        Raises:
            UserError: if the file is missing, is not JSON, or has unknown settings.
        """
        try:
            return cls(**json.loads(path.read_text()))
        except UserError as error:
            raise UserError(f"{path}: {error}") from error
        except (OSError, ValueError, TypeError, RecursionError) as error:
            raise UserError(f"{path}: not a run's configuration ({error})") from error

    def differing(self, other: "Config") -> list[str]:
        """The names of the settings that have another value in `other`."""
        names = [field.name for field in dataclasses.fields(self)]
        return [name for name in names if getattr(self, name) != getattr(other, name)]

    @classmethod
    def group_of(cls, name: str) -> str:
        """The group of a setting, under which `--help` and `--dry_run` list it."""
        return cls.__dataclass_fields__[name].metadata["group"]

    @classmethod
    def may_change(cls, name: str) -> bool:
        """Whether a resumed run may have another value of a setting."""
        return cls.__dataclass_fields__[name].metadata["may_change"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainOptions(Settings):
    """The flags of `train` that are not settings of a run."""

    run_dir: str = setting(
        "", "folder of the run; empty: runs/DATASET-SIZE", group="run", path=True
    )
    dry_run: bool = setting(
        False,
        "print the settings, the memory and the time of an iteration, and stop",
        group="run",
    )
    allow_changed_data: bool = setting(
        False, "resume although the images have changed", group="run"
    )
    init_from: str = setting(
        "",
        "run whose weights a new run begins with; domains and image sizes may differ",
        group="run",
        path=True,
        address=True,
    )
    init_checkpoint: str | None = setting(
        None, "its iteration, or best; by default the newest", group="run", kind=str
    )
    like: tuple[str, ...] = setting(
        (),
        "NEW:OLD, ...: domain of init_from that each begins as; default: their mean",
        group="run",
    )

    def check_together(self) -> None:
        """Check the rules that concern several settings."""
        for name in ("init_checkpoint", "like"):
            given = bool(getattr(self, name))
            self.require(
                bool(self.init_from) or not given, name, "needs --init_from=RUN"
            )
