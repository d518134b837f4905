"""Distilling: what the student learns, what it leaves alone, and the run it makes."""

import dataclasses
import json
import shutil
from collections.abc import Iterator

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import draw_little, tiny, train_eagerly
from test_stargan import arrays, assert_same, make_batch

from tfstargan.config import Config
from tfstargan.data.batch import Batch
from tfstargan.errors import UserError
from tfstargan.networks.build import NETWORKS
from tfstargan.runs.run import Run, open_run
from tfstargan.training import distillation, imitation, losses
from tfstargan.training.imitation import Distiller, Teacher
from tfstargan.training.loop import train_run
from tfstargan.training.step import Sources
from tfstargan.translation.translator import Translator


@pytest.fixture(scope="module")
def teacher(run_dir) -> Teacher:
    return Teacher(open_run(str(run_dir)), 3)


def student_of(teacher: Teacher) -> Distiller:
    """A student that has learned nothing yet."""
    keras.utils.set_random_seed(0)
    config = distillation.student_config(teacher.run.config, 10, 0.75)
    model = Distiller(config, teacher)
    model.compile()
    return model


@pytest.fixture(scope="module")
def student(teacher) -> Distiller:
    return student_of(teacher)


@pytest.fixture(autouse=True, scope="module")
def _faster() -> Iterator[None]:
    """Let runs train without a graph, and have small sample grids."""
    with pytest.MonkeyPatch.context() as patch:
        train_eagerly(patch)
        draw_little(patch)
        yield


@pytest.fixture(scope="module")
def light_run(teacher, tmp_path_factory) -> Run:
    """A distilled run; not to be changed."""
    out = tmp_path_factory.mktemp("runs") / "tiny-light"
    distillation.distill_run(teacher.run, out, iterations=2)
    return open_run(str(out))


def test_it_begins_with_the_teacher_s_networks_but_for_the_generator(teacher, student):
    networks = teacher.networks()
    for name in ("mapping_network", "style_encoder"):
        assert_same(arrays(getattr(student, name)), arrays(networks[name]))
        assert_same(arrays(student.averages[name]), arrays(networks[name]))
    trained = arrays(student.discriminator)
    assert_same(trained, arrays(networks["discriminator"]))
    assert student.generator.count_params() < networks["generator"].count_params() / 3


def test_the_teacher_is_no_part_of_the_checkpoint(student):
    own = {id(v) for v in student.variables}
    assert not own & {id(v) for v in student.teacher.networks["generator"].variables}


def test_generator_and_discriminator_learn_and_nothing_else_moves(teacher):
    student = student_of(teacher)
    networks = {name: getattr(student, name) for name in NETWORKS}
    before = {name: arrays(network) for name, network in networks.items()}
    averages = {name: arrays(network) for name, network in student.averages.items()}
    student.train_step(make_batch(0))
    for name, network in networks.items():
        moved = [
            (a != b).any() for a, b in zip(before[name], arrays(network), strict=True)
        ]
        learns = name in ("generator", "discriminator")
        assert moved == [learns] * len(moved), name
    for name in ("mapping_network", "style_encoder"):
        assert_same(arrays(student.averages[name]), averages[name])
    found = arrays(student.averages["generator"])
    assert any(
        (a != b).any() for a, b in zip(averages["generator"], found, strict=True)
    )


def test_both_rates_fall_to_zero(student):
    first = {
        "generator": imitation.LEARNING_RATE,
        "discriminator": student.config.learning_rate,
    }
    for iteration, share in ((0, 1.0), (5, 0.5), (10, 0.0), (99, 0.0)):
        student.iteration.assign(iteration)
        rates = student.scheduled_rates()
        assert rates.keys() == first.keys()
        for name, rate in rates.items():
            assert float(rate) == pytest.approx(share * first[name], abs=1e-9)
    student.iteration.assign(0)


def test_the_loss_is_of_pixels_features_and_until_the_end_what_the_discriminator_says(
    teacher, student
):
    batch = make_batch(0)
    networks = teacher.networks()
    for guide, iteration in (("plain", 8), ("plain", 9), ("other", 0), ("blended", 0)):
        student.iteration.assign(iteration)
        loss, terms = student.update_loss(f"G/{guide}", Sources(student, batch))
        style = student.style(batch, guide)
        x_fake = student.generator(batch.x_src, style)
        x_taught = networks["generator"](batch.x_src, style)
        expected = {
            "pixels": losses.l1(x_fake, x_taught),
            "features": losses.features(
                *(
                    networks["style_encoder"].trunk.maps(x)
                    + networks["discriminator"].trunk.maps(x)
                    for x in (x_fake, x_taught)
                )
            ),
        }
        whole = expected["pixels"] + imitation.FEATURES * expected["features"]
        if guide == "plain":
            logits = networks["discriminator"](x_fake, batch.y_trg)
            expected["adv"] = losses.adversarial(logits, real=True)
            if iteration / student.config.iterations < imitation.ALONE:
                whole += imitation.ADVERSARIAL * expected["adv"]
        assert terms.keys() == expected.keys()
        for name, value in expected.items():
            assert float(terms[name]) == pytest.approx(float(value), rel=1e-4)
        assert float(loss) == pytest.approx(float(whole), rel=1e-4)
    student.iteration.assign(0)


def test_the_discriminator_learns_from_half_of_the_images(teacher, student):
    batch = make_batch(0)
    loss, _ = student.update_loss("D/plain", Sources(student, batch))
    half = Batch(*(x[:2] for x in batch))  # of three
    x_fake = student.generator(batch.x_src, student.style(batch, "plain"))
    expected, _ = student.discriminator_loss(half, x_fake[:2])
    assert float(loss) == pytest.approx(float(expected), rel=1e-4)
    assert float(loss) != pytest.approx(
        float(student.discriminator_loss(batch, x_fake)[0]), rel=1e-3
    )


def test_styles_are_of_latents_of_references_and_in_between(student):
    batch = make_batch(1)
    latents = student.mapping_network(batch.z, batch.y_trg).numpy()
    references = student.style_encoder(batch.x_ref, batch.y_trg).numpy()
    kinds = set()
    for iteration in range(6):
        student.iteration.assign(iteration)
        plain = student.style(batch, "plain").numpy()
        for row, by_latent, by_reference in zip(
            plain, latents, references, strict=True
        ):
            matches = [np.allclose(row, s) for s in (by_latent, by_reference)]
            assert sum(matches) == 1
            kinds.add(matches.index(True))
        other = np.roll(student.style(batch, "other"), 1, axis=0)
        blended = student.style(batch, "blended").numpy()
        ways = (blended - plain) / (other - plain)
        assert ((ways > -1e-3) & (ways < 1.001)).all()
        np.testing.assert_allclose(ways, ways[:, :1].repeat(6, 1), atol=1e-2)
    student.iteration.assign(0)
    assert kinds == {0, 1}


def test_the_features_loss_is_the_mean_of_relative_errors():
    rng = np.random.default_rng(0)
    a, b = (
        [rng.normal(size=(2, 3, n)).astype("float32") for n in (4, 5)] for _ in "ab"
    )
    expected = np.mean(
        [np.abs(x - y).mean() / np.abs(y).mean() for x, y in zip(a, b, strict=True)]
    )
    found = losses.features([tf.constant(x) for x in a], [tf.constant(x) for x in b])
    assert float(found) == pytest.approx(expected, rel=1e-5)
    assert float(losses.features(list(map(tf.constant, a)), a)) == 0


@pytest.mark.slow  # with what it needs
def test_the_new_run_is_like_any_other(teacher, light_run):
    config = light_run.config
    assert (config.generator, config.iterations) == ("light", 2)
    assert config.domains == teacher.run.config.domains
    student, full = (Translator.of_run(r) for r in (light_run, teacher.run))
    style = student.random_style("cat", seed=3)
    np.testing.assert_array_equal(style, full.random_style("cat", seed=3))
    source = np.zeros((1, 32, 32, 3), np.float32)
    assert student.apply_styles(source, style).shape == (1, 32, 32, 3)
    names = {p.name for p in light_run.samples_dir.iterdir()}
    assert "iteration-0000002-teacher-student.png" in names
    assert "iteration-0000002-references.png" in names


@pytest.mark.slow
def test_distilling_resumes(teacher, light_run, tmp_path):
    out = tmp_path / "again"
    shutil.copytree(light_run.path, out)
    distillation.distill_run(teacher.run, out, iterations=3)
    assert [p.name[:17] for p in open_run(str(out)).checkpoints()][-1] == (
        "iteration-0000003"
    )
    # and it can be trained further without its teacher
    train_run(dataclasses.replace(open_run(str(out)).config, iterations=4), out)
    assert open_run(str(out)).checkpoints()[-1].name == "iteration-0000004.weights.h5"


@pytest.mark.slow  # with what it needs
def test_another_teacher_than_it_was_begun_with_is_refused(
    teacher, light_run, tmp_path
):
    about = json.loads((light_run.path / distillation.TEACHER).read_text())
    shutil.copytree(light_run.path, tmp_path / "out")
    changed = about | {"weights": "0" * 64}
    (tmp_path / "out" / distillation.TEACHER).write_text(json.dumps(changed))
    with pytest.raises(UserError, match="begun with other weights"):
        distillation.distill_run(teacher.run, tmp_path / "out", iterations=3)
    (tmp_path / "out" / distillation.TEACHER).write_text("{")
    with pytest.raises(UserError, match=r"teacher\.json: damaged"):
        distillation.distill_run(teacher.run, tmp_path / "out", iterations=3)
    with pytest.raises(UserError, match="learns from 3"):
        distillation.distill_run(
            teacher.run, light_run.path, iterations=3, checkpoint=1
        )


@pytest.mark.slow  # with what it needs
def test_a_light_teacher_is_refused(light_run, tmp_path):
    with pytest.raises(UserError, match="light already"):
        distillation.distill_run(light_run, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_student_of_a_patient_teacher_evaluates_nothing():
    config = tiny(evaluate_every=5, patience=2)
    assert distillation.student_config(config, 10, 0.75).patience == 0


def test_a_run_that_is_there_already_is_not_overwritten(teacher):
    with pytest.raises(UserError, match="another run"):
        distillation.distill_run(teacher.run, teacher.run.path)


def test_missing_data_is_refused_before_anything_is_written(teacher, tmp_path):
    config = dataclasses.replace(
        teacher.run.config, dataset="folder", data_dir=str(tmp_path / "gone")
    )
    shutil.copytree(teacher.run.path, tmp_path / "run")
    config.save(tmp_path / "run/config.json")
    with pytest.raises(UserError, match="gone"):
        distillation.distill_run(open_run(str(tmp_path / "run")), tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_a_light_generator_trains_from_scratch(tmp_path):
    train_run(tiny(generator="light", iterations=1), tmp_path / "run")
    config = Config.load(tmp_path / "run/config.json")
    assert config.generator == "light"
    assert open_run(str(tmp_path / "run")).checkpoints()
