"""Teach a light generator to do what a trained run's generator does.

    python -m tfstargan.distill --run_dir=R --size=light

makes a run, R-light, that translates, is evaluated and exported as any other, with a
generator of at most a tenth of the arithmetic (`light.py`). Mapping network and style
encoder are R's own, copied. The same command again goes on after an interruption.

Every image is translated by both, the teacher and the student, into a style of a latent
or a reference, or between two of these; the student learns to give the same image, by
its pixels and by the style encoder's features, and to convince R's discriminator, which
goes on learning, too.
"""

import dataclasses
import functools
import json
import math
import pathlib
from typing import Any, ClassVar

import keras
import numpy as np
import tensorflow as tf
from absl import flags

from tfstargan import cli, images, losses
from tfstargan.arithmetic import multiplications
from tfstargan.config import Config, UserError
from tfstargan.data import Batch, batches, open_images
from tfstargan.layers import upsample_in_phases
from tfstargan.light import LightGenerator
from tfstargan.metrics.evaluation import weights_digest
from tfstargan.metrics.report import write_json
from tfstargan.networks import Generator
from tfstargan.optimizer import Adam
from tfstargan.run import Run, iteration_of
from tfstargan.samples import Examples, draw_all
from tfstargan.stargan import AVERAGED, Sources, StarGANv2, build_networks, translating
from tfstargan.train import say, train
from tfstargan.translator import Translator

TEACHER = "teacher.json"  # in the new run: which checkpoint it learns from

# An iteration's updates: the discriminator's is the dear one, for its R1 penalty.
UPDATES: dict[str, tuple[str, ...]] = {
    "D/plain": ("discriminator",),
    "G/plain": ("generator",),
    "G/other": ("generator",),
    "G/blended": ("generator",),
}
# Weights of the losses, beside 1 for the pixels.
HINTS = 0.3  # at first: falls to 0
FEATURES = 0.3
ADVERSARIAL = 0.1
# Of the student. Imitation is no game of two: momentum and a falling rate help.
LEARNING_RATE = 3e-3
BETA1 = 0.9
EXAMPLES = 32  # pictures that the principal components are found on


@dataclasses.dataclass(frozen=True)
class Teacher:
    """A checkpoint to learn from."""

    run: Run
    iteration: int

    def networks(self) -> dict[str, keras.Model]:
        """Return its averaged networks, its discriminator, and FAN, if it has one."""
        names = (*translating(self.run.config), "discriminator")
        networks = build_networks(self.run.config, names)
        self.run.load_averages(networks, self.iteration)
        return networks


def trace(generator: Generator, x: Any, s: Any, masks: Any) -> tuple[Any, list[Any]]:
    """Return images in their styles, and the feature maps on the way there.

    Of the sides that a light generator has, in order: encoder's, then decoder's.
    """
    encoded: list[Any] = []
    decoded: list[Any] = []
    features = generator.encode_features(x, encoded)
    x_fake = generator.decode_features(features, s, masks, decoded)
    skipped = LightGenerator.halvings - generator.halvings
    return x_fake, encoded[skipped:] + decoded[: len(decoded) - skipped]


class Components:
    """Principal components of the teacher's feature maps: hints for the student's.

    The student has fewer channels: what it can have of a map of the teacher's is its
    projection on as many components. (FitNets, Romero et al., arXiv:1412.6550, learn
    a projection the other way.)

    Args:
        maps: the teacher's, of some images: [N, H, W, C] each.
        channels: the student's for each.
    """

    def __init__(self, maps: list[np.ndarray], channels: list[int]):
        self.means, self.projections = [], []
        for values, count in zip(maps, channels, strict=True):
            flat = values.reshape(-1, values.shape[-1]).astype(np.float64)
            variances, vectors = np.linalg.eigh(np.cov(flat.T))  # ascending
            scale = np.sqrt(variances[-count:].mean())  # to variance 1 on average
            self.means.append(flat.mean(0).astype(np.float32))
            largest = vectors[:, ::-1][:, :count] / scale
            self.projections.append(largest.astype(np.float32))

    def of(self, maps: list[Any]) -> list[Any]:
        """Return maps projected, [B, H, W, the student's channels] each."""
        parts = zip(maps, self.means, self.projections, strict=True)
        return [tf.tensordot(x - mean, p, 1) for x, mean, p in parts]


class Distiller(StarGANv2):
    """A StarGANv2 whose generator alone is trained, to imitate another's.

    Its state is that of a StarGANv2: a checkpoint of a run like any other.

    Args:
        config: of the student.
        teacher: what it learns from.
        components: of the teacher's feature maps.
    """

    shown: ClassVar = {
        "pixels": "G/plain/pixels",
        "hints": "G/plain/hints",
        "features": "G/plain/features",
        "adv": "G/plain/adv",
        "D": "D/plain/loss",
    }

    def __init__(
        self, config: Config, teacher: Teacher, components: Components, **kwargs: Any
    ):
        super().__init__(config, **kwargs)
        networks = teacher.networks()
        self.discriminator.set_weights(networks.pop("discriminator").get_weights())
        for name in AVERAGED[1:]:
            for network in (getattr(self, name), self.averages[name]):
                network.set_weights(networks[name].get_weights())
        if self.fan is not None:
            self.fan.set_weights(networks["fan"].get_weights())
        upsample_in_phases(networks["generator"])
        # Not a network of this model's own: it is no part of its checkpoints.
        self.teacher = Translator(teacher.run.config, networks)
        self.components = components

    def updates(self) -> dict[str, tuple[str, ...]]:
        return UPDATES

    def _optimizer(self, network: str) -> keras.optimizers.Optimizer:
        if network != "generator":
            return super()._optimizer(network)
        return Adam(LEARNING_RATE, BETA1, self.config.beta2, l2=0.0)

    def train_step(self, batch: Batch) -> dict:
        self.optimizers["generator"].learning_rate = self.generator_rate()
        return super().train_step(batch)

    def generator_rate(self) -> Any:
        """Return the rate now: half a cosine from LEARNING_RATE to 0."""
        return LEARNING_RATE * 0.5 * (1.0 + tf.cos(math.pi * self.progress()))

    def progress(self) -> Any:
        """Return how far training is, from 0 to 1."""
        done = tf.cast(self.iteration, tf.float32) / self.config.iterations
        return tf.minimum(done, 1.0)

    def style(self, batch: Batch, guide: str, second: bool = False) -> Any:
        """Return a style code for each image, [B, style_dim]; no gradient goes there.

        Plain and other styles are, half of them, by chance, of latents, and half of
        references; blended ones are anywhere between a plain one and another image's
        other one, often of another domain.
        """
        seed = [self.config.seed, tf.cast(self.iteration, tf.int32)]
        first, way = tf.unstack(
            tf.random.stateless_uniform((2, batch.z.shape[0], 1), seed)
        )
        y, by_latent = batch.y_trg, first < 0.5
        plain = tf.where(
            by_latent,
            self.mapping_network(batch.z, y),
            self.style_encoder(batch.x_ref, y),
        )
        other = tf.where(
            by_latent,
            self.style_encoder(batch.x_ref2, y),
            self.mapping_network(batch.z2, y),
        )
        blended = plain + way * (tf.roll(other, 1, axis=0) - plain)
        style = {"plain": plain, "other": other, "blended": blended}[guide]
        return tf.stop_gradient(style)

    def discriminator_loss(
        self, batch: Batch, guide: str, sources: Sources | None = None
    ) -> tuple[Any, dict]:
        """Return the discriminator's loss of half of the images: it knows its trade."""
        sources = sources or Sources(self, batch)
        style, x_fake = sources.fake(guide)
        count = (x_fake.shape[0] + 1) // 2
        half = Batch(*(x[:count] for x in batch))
        fakes = Sources(self, half, sources.masks)
        fakes.fakes[guide] = style[:count], x_fake[:count]
        return super().discriminator_loss(half, guide, fakes)

    def generator_loss(
        self, batch: Batch, guide: str, sources: Sources | None = None
    ) -> tuple[Any, dict]:
        """Return the student's loss and its terms.

        Pixels and the layers' hints for every style; for the plain ones the features
        and the adversarial loss, too.
        """
        sources = sources or Sources(self, batch)
        style, _ = sources.fake(guide)
        x_taught, wanted = trace(
            self.teacher.networks["generator"], batch.x_src, style, sources.masks
        )
        x_fake, maps = trace(self.generator, batch.x_src, style, sources.masks)
        terms = {
            "pixels": losses.l1(x_fake, x_taught),
            "hints": losses.features(maps, self.components.of(wanted)),
        }
        hints = HINTS * (1.0 - self.progress())
        loss = terms["pixels"] + hints * terms["hints"]
        if guide == "plain":
            seen = self.style_encoder.trunk.maps
            terms["features"] = losses.features(seen(x_fake), seen(x_taught))
            logits = self.discriminator(x_fake, batch.y_trg)
            terms["adv"] = losses.adversarial(logits, real=True)
            loss += FEATURES * terms["features"] + ADVERSARIAL * terms["adv"]
        return loss, terms


def compare(
    teacher: Translator, student: Translator, examples: Examples
) -> dict[str, np.ndarray]:
    """Return the student's grids, and one of both: of each style teacher, student.

    Sources above; the reference, where the style is one's, at the left of the teacher's
    row, and below it the student's.
    """
    rows: list[list] = [[None, *images.to_uint8(examples.sources)]]
    masks = teacher.masks(examples.sources)

    def add(style: np.ndarray, reference: Any = None) -> None:
        for translator in (teacher, student):
            fakes = translator.translate(examples.sources, style, masks)
            rows.append([reference, *images.to_uint8(fakes)])
            reference = None

    for domain, references in examples.references.items():
        add(teacher.random_style(domain, seed=0))
        style = teacher.encode_styles(references[:1], domain)
        add(style, images.to_uint8(references[0]))
    return draw_all(student, examples) | {"teacher-student": images.grid(rows)}


def student_config(teacher: Config, iterations: int, width: float) -> Config:
    """Return the settings of the run to be made.

    Raises:
        UserError: if the teacher is light itself, or a value makes no sense.
    """
    if teacher.generator == "light":
        raise UserError("--run_dir: its generator is light already")
    every = max(1, iterations // 10)
    return dataclasses.replace(
        teacher,
        generator="light",
        light_width=width,
        iterations=iterations,
        precision="float32",
        sample_every=every,
        save_every=every,
        animate_every=0,
        evaluate_every=0,
        probe_every=0,
    )


def arithmetic(config: Config) -> int:
    """Return the multiplications in a translation by a run's generator, exported."""
    (network,) = build_networks(config, ("generator",)).values()
    upsample_in_phases(network)
    side = config.img_size
    inputs: list[Any] = [tf.TensorSpec((1, side, side, 3))]
    inputs.append(tf.TensorSpec((1, config.style_dim)))
    if config.w_hpf:
        inputs.append((tf.TensorSpec((1, side // 4, side // 4, 1)),) * 2)
    return multiplications(network, *inputs)


def components_of(teacher: Translator, config: Config) -> Components:
    """Return the components of a teacher's maps that a student of `config` can have."""
    some = dataclasses.replace(config, iterations=1, batch_size=EXAMPLES)
    (batch,) = batches(open_images(config, "train"), some)
    style = teacher.networks["mapping_network"](batch.z, batch.y_trg)
    masks = teacher.masks(batch.x_src.numpy()) or None
    _, maps = trace(teacher.networks["generator"], batch.x_src, style, masks)
    (student,) = build_networks(config, ("generator",)).values()
    layers = [student.from_rgb, *student.encode, *student.decode]
    return Components([x.numpy() for x in maps], [x.filters for x in layers])


def choose_teacher(run: Run, checkpoint: int | None, out: pathlib.Path) -> Teacher:
    """Return the checkpoint to learn from, the one that `out` was begun with if any.

    Raises:
        UserError: if there is no such checkpoint, or `out` is of another teacher.
    """
    file = out / TEACHER
    if not file.exists():
        if (out / "config.json").exists():
            raise UserError(f"--out={out}: there is another run; give another folder")
        return Teacher(run, iteration_of(run.checkpoint(checkpoint)))
    begun = json.loads(file.read_text())
    if checkpoint not in (None, begun["iteration"]):
        raise UserError(
            f"--checkpoint={checkpoint}: {out} learns from {begun['iteration']}; give "
            "another --out"
        )
    teacher = Teacher(run, begun["iteration"])
    if begun != about(teacher):
        raise UserError(
            f"--run_dir={run.path}: {out} was begun with other weights, those of "
            f"{begun['run']}; give another --out"
        )
    return teacher


def about(teacher: Teacher) -> dict[str, Any]:
    """Return which checkpoint it is, and a hash of its weights."""
    return {
        "run": teacher.run.path.name,
        "iteration": teacher.iteration,
        "weights": weights_digest(Translator.of_run(teacher.run, teacher.iteration)),
    }


def distill(
    run: Run,
    out: pathlib.Path,
    iterations: int = 10_000,
    width: float = Config.light_width,
    checkpoint: int | None = None,
) -> None:
    """Make a light run of a trained one, or go on with it.

    Args:
        run: the teacher's.
        out: the run to be made.
        iterations: to train in all.
        width: channels of the light generator, as a share of the teacher's.
        checkpoint: iteration of the teacher; by default the newest.

    Raises:
        UserError: if the teacher is unfit, its data is missing, or `out` is not of it.
    """
    config = student_config(run.config, iterations, width)
    teacher = choose_teacher(run, checkpoint, out)
    open_images(config, "train")  # or refuse, before anything is written
    write_json(out / TEACHER, about(teacher))
    student, full = arithmetic(config), arithmetic(run.config)
    say(
        f"{out}: {student / 1e6:,.1f} million multiplications an image, "
        f"{student / full:.1%} of the teacher's {full / 1e6:,.1f}"
    )
    translator = Translator.of_run(run, teacher.iteration)
    train(
        config,
        out,
        functools.partial(
            Distiller, teacher=teacher, components=components_of(translator, config)
        ),
        functools.partial(compare, translator),
    )


def main() -> None:
    """Distill what the flags say."""
    options = flags.FLAGS
    run = Run.open(options.run_dir)
    out = pathlib.Path(options.out or f"{run.path}-{options.size}")
    distill(run, out, options.iterations, options.width, options.checkpoint)


if __name__ == "__main__":
    cli.define_run_flags()
    flags.DEFINE_enum("size", "light", ["light"], "the student's kind")
    flags.DEFINE_string("out", "", "the run to make; empty: R-light beside R")
    flags.DEFINE_integer("iterations", 10_000, "to train in all", lower_bound=1)
    flags.DEFINE_float("width", Config.light_width, "its share of the channels")
    cli.start(main)
