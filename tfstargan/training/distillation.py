"""Distillation: a run with a light generator, made from a trained run.

The new run has copies of the trained run's mapping network and style encoder. Its light
generator (`networks/light_generator.py`) learns to imitate the trained generator.
Teacher and student translate every image into the style of a latent or a reference, or
into one between two of these. The student learns to produce the same pixels, and the
same features in style encoder and discriminator. Until the last sixth of the training
it also learns to convince the discriminator, which is trained further (`imitation.py`).
"""

import dataclasses
import functools
import json
import os
import pathlib
from typing import Any

import numpy as np
import tensorflow as tf

from tfstargan import images
from tfstargan.config import Config
from tfstargan.data.stream import open_images
from tfstargan.errors import UserError
from tfstargan.metrics.digests import weights_digest
from tfstargan.metrics.report import write_json
from tfstargan.networks.arithmetic import multiplications
from tfstargan.networks.build import build_networks
from tfstargan.runs.run import Run, iteration_of
from tfstargan.training.announcing import say
from tfstargan.training.imitation import Distiller, Teacher
from tfstargan.training.loop import train_run
from tfstargan.translation.grids import Examples, draw_all
from tfstargan.translation.translator import Translator

TEACHER = "teacher.json"  # in the new run: the checkpoint that it learns from


def compare(
    teacher: Translator, student: Translator, examples: Examples
) -> dict[str, np.ndarray]:
    """The student's grids, and one that compares student and teacher.

    The comparison has the sources in its first row, then two rows for each style: the
    teacher's images and the student's. The style's reference, if any, is at the left.
    """
    styles, left = [], []
    for domain, references in examples.references.items():
        styles.append(teacher.random_style(domain, seed=0))
        styles.append(teacher.encode_styles(references[:1], domain))
        left += [None, None, images.to_uint8(references[0]), None]
    both = (t.in_styles(examples.sources, styles) for t in (teacher, student))
    fakes = [images.to_uint8(x) for pair in zip(*both, strict=True) for x in pair]
    rows = [[None, *images.to_uint8(examples.sources)]]
    rows += [[x, *row] for x, row in zip(left, fakes, strict=True)]
    return draw_all(student, examples) | {"teacher-student": images.grid(rows)}


def student_config(teacher: Config, iterations: int, width: float) -> Config:
    """The settings of the new run.

    Raises:
        UserError: if the teacher is light itself, or a value is not allowed.
    """
    if teacher.generator == "light":
        raise UserError(
            "--run_dir: its generator is light already; give a run with a full one"
        )
    every = max(50, iterations // 10)
    return dataclasses.replace(
        teacher,
        generator="light",
        light_width=width,
        iterations=iterations,
        precision="float32",
        augment="none",
        sample_every=every,
        save_every=every,
        animate_every=0,
        evaluate_every=0,
        patience=0,
        probe_every=0,
    )


def arithmetic(config: Config) -> int:
    """The number of multiplications of an exported generator per translated image."""
    (network,) = build_networks(config, ("generator",), lowering="litert").values()
    side = config.img_size
    inputs: list[Any] = [tf.TensorSpec((1, side, side, 3))]
    inputs.append(tf.TensorSpec((1, config.style_dim)))
    if config.w_hpf:
        inputs.append((tf.TensorSpec((1, side // 4, side // 4, 1)),) * 2)
    return multiplications(network, *inputs)


def choose_teacher(
    run: Run, checkpoint: int | str | None, out: pathlib.Path
) -> Teacher:
    """The checkpoint to learn from; if `out` exists, the one that it was begun with.

    Raises:
        UserError: if there is no such checkpoint, or `out` has another teacher.
    """
    file = out / TEACHER
    if not file.exists():
        if (out / "config.json").exists():
            raise UserError(f"--out={out}: is another run; give another folder")
        return Teacher(run, iteration_of(run.checkpoint(checkpoint)))
    try:
        begun = json.loads(file.read_text())
        iteration = int(begun["iteration"])
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise UserError(f"{file}: damaged ({error}); give another --out") from error
    if checkpoint is not None and run.number(checkpoint) != iteration:
        raise UserError(
            f"--checkpoint={checkpoint}: {out} learns from {iteration}; give another "
            "--out"
        )
    teacher = Teacher(run, iteration)
    if begun != about(teacher):
        raise UserError(
            f"--run_dir={run.path}: {out} was begun with other weights "
            f"(of {begun.get('run')}); give another --out"
        )
    return teacher


def about(teacher: Teacher) -> dict[str, Any]:
    """The teacher's run and iteration, and a hash of its weights."""
    return {
        "run": teacher.run.path.name,
        "iteration": teacher.iteration,
        "weights": weights_digest(Translator.of_run(teacher.run, teacher.iteration)),
    }


def distill_run(
    run: Run,
    out: str | os.PathLike,
    iterations: int = 10_000,
    width: float = Config.light_width,
    checkpoint: int | str | None = None,
    *,
    allow_changed_data: bool = False,
) -> Run:
    """Make a run with a light generator from a trained run, or resume it.

    Args:
        run: the teacher's run.
        out: folder of the new run.
        iterations: to train in total.
        width: channels of the light generator, as a share of the teacher's.
        checkpoint: the teacher's iteration, or "best"; None: the newest.
        allow_changed_data: as of `train_run`.

    Returns:
        The light run.

    Raises:
        UserError: if the teacher is unsuitable, its data is missing, or `out` has
            another teacher.
    """
    out = pathlib.Path(out)
    config = student_config(run.config, iterations, width)
    teacher = choose_teacher(run, checkpoint, out)
    open_images(config, "train")  # raises before anything is written
    write_json(out / TEACHER, about(teacher))
    student, full = arithmetic(config), arithmetic(run.config)
    say(
        f"{out}: {student / 1e6:,.1f} million multiplications an image, "
        f"{student / full:.1%} of the teacher's {full / 1e6:,.1f}"
    )
    translator = Translator.of_run(run, teacher.iteration)
    return train_run(
        config,
        out,
        functools.partial(Distiller, teacher=teacher),
        functools.partial(compare, translator),
        allow_changed_data=allow_changed_data,
    )
