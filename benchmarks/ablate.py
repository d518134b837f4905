"""Train models that each lack one part of StarGAN v2, and measure them.

    python benchmarks/ablate.py --flagfile=configs/critters.flags --iterations=5500

Each model is trained on drawn animals, in a folder of RUN_DIR-ablation. The table has
the probe's scores. A model that exists is not trained again. A part is removed by
setting its weight to 0, or by replacing a network while the model is trained. The last
two rows change parts of the recipe instead: the falling rates of the flagfile, and its
weights of the losses.
"""

import dataclasses
import json
import pathlib
from typing import Any, NamedTuple
from unittest import mock

from keras import ops

from tfstargan import cli
from tfstargan.config import Config
from tfstargan.errors import UserError
from tfstargan.metrics import factors, probe
from tfstargan.networks import build
from tfstargan.networks.encoders import Discriminator, StyleEncoder
from tfstargan.networks.generator import Features, Generator
from tfstargan.networks.layers import Conv2D, Shape, pick_logits
from tfstargan.networks.mapping_network import MappingNetwork
from tfstargan.settings import Settings, setting
from tfstargan.training.loop import train_run
from tfstargan.translation.translator import Translator


class SingleHead(Discriminator):
    """A discriminator with one output for all domains."""

    def call(self, x: Any, y: Any = None) -> Any:
        logits = ops.repeat(super().call(x)[:, :1], self.num_domains, 1)
        return logits if y is None else pick_logits(logits, y)


class ConvWithLabel(Conv2D):
    """A convolution with input channels for an image and a label."""

    def __init__(self, filters: int, label_channels: int, **kwargs: Any):
        super().__init__(filters, **kwargs)
        self.label_channels = label_channels

    def build(self, input_shape: Shape) -> None:
        super().build((*input_shape[:-1], input_shape[-1] + self.label_channels))


class LabelGenerator(Generator):
    """A generator with the domain as channels of its input, as in StarGAN; no AdaIN.

    Without a style AdaIN is instance normalization with a scale and shift of its own.
    """

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        filters = self.from_rgb.filters
        planes = self.style_dim * self.patch_size**2
        self.from_rgb = ConvWithLabel(filters, planes, **self.inherited())

    def encode_features(self, x: Any) -> Features:
        """The image unchanged, because the encoder needs the label too."""
        return Features(x, {}, None)

    def decode_features(self, features: Features, s: Any, masks: Any = None) -> Any:
        """The images with their labels as channels."""
        x = features.bottleneck
        planes = ops.expand_dims(ops.expand_dims(s, 1), 1)
        planes = ops.broadcast_to(planes, (*ops.shape(x)[:-1], self.style_dim))
        encoded = super().encode_features(ops.concatenate([x, planes], axis=-1))
        encoded = encoded._replace(image=x if self.residual else None)
        return super().decode_features(encoded, ops.zeros_like(s), masks)


class LabelMapping(MappingNetwork):
    """A mapping network that returns the label of the domain instead of a style."""

    def call(self, z: Any, y: Any) -> Any:
        return label_for(super().call(z, y), y)


class LabelEncoder(StyleEncoder):
    """A style encoder that returns the label of the domain instead of a style."""

    def call(self, x: Any, y: Any) -> Any:
        return label_for(super().call(x, y), y)


def label_for(style: Any, y: Any) -> Any:
    """Labels with the shape of styles; the gradient of the styles is 0."""
    return ops.one_hot(y, style.shape[-1]) + 0.0 * style


class Variant(NamedTuple):
    """A row of the table: the part that is removed, and how."""

    name: str
    settings: dict[str, float]
    networks: dict[str, type]


VARIANTS = (
    Variant("StarGAN v2", {}, {}),
    Variant("no style reconstruction", {"lambda_sty": 0.0}, {}),
    Variant("no diversity term", {"lambda_ds": 0.0}, {}),
    Variant("no cycle", {"lambda_cyc": 0.0}, {}),
    Variant("no R1 penalty", {"lambda_reg": 0.0}, {}),
    Variant("no averaging", {"ema_decay": 0.0}, {}),
    Variant("one head for all domains", {}, {"Discriminator": SingleHead}),
    Variant(
        "label instead of AdaIN",
        {},
        {
            "Generator": LabelGenerator,
            "MappingNetwork": LabelMapping,
            "StyleEncoder": LabelEncoder,
        },
    ),
    Variant("constant rates", {"decay_share": 0.0}, {}),
    Variant("weights of critters64", {"lambda_cyc": 2.0, "lambda_ds": 2.0}, {}),
    Variant("images of other domains", {"lambda_other": 0.1}, {}),
)


def measure(variant: Variant, config: Config, out: pathlib.Path, sources: int) -> dict:
    """The probe's scores of a variant, which is trained if it does not exist."""
    path = out / variant.name.replace(" ", "-")
    result = path / "scores.json"
    if result.exists():
        return json.loads(result.read_text())
    config = dataclasses.replace(config, **variant.settings)
    with mock.patch.dict(vars(build), variant.networks):
        train_run(config, path)
        translator = Translator.load(str(path))
    reader = probe.of_run(translator.config)
    scores = factors.translation_scores(translator, reader, sources)
    result.write_text(json.dumps(scores, indent=2) + "\n")
    return scores


def table(rows: dict[str, dict]) -> str:
    """The headline scores of every variant as a Markdown table."""
    columns = [factors.headline(scores) for scores in rows.values()]
    lines = [
        ["model", *columns[0]],
        ["---", *(["---:"] * len(columns[0]))],
        *(
            [name, *(f"{value:.2f}" for value in column.values())]
            for name, column in zip(rows, columns, strict=True)
        ),
    ]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(Settings):
    """The flags of this script besides those of training."""

    run_dir: str = setting(
        "runs/critters", "the runs are in RUN_DIR-ablation", path=True
    )
    only: tuple[str, ...] = setting((), "names of the lines; empty: all")
    sources: int = setting(
        factors.SOURCES, "animals of each species to read", at_least=1
    )


def main(config: Config, options: Options) -> None:
    """Train and measure the variants that the flags name."""
    out = pathlib.Path(f"{options.run_dir}-ablation")
    unknown = set(options.only) - {variant.name for variant in VARIANTS}
    if unknown:
        names = ", ".join(variant.name for variant in VARIANTS)
        raise UserError(f"--only={','.join(sorted(unknown))}: the lines are {names}")
    rows = {}
    for variant in VARIANTS:
        if not options.only or variant.name in options.only:
            rows[variant.name] = measure(variant, config, out, options.sources)
            print(table(rows), flush=True)


if __name__ == "__main__":
    cli.start(main, Config, Options, about=__doc__)
