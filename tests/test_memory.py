"""The memory that training is said to take, and the advice about batches."""

import dataclasses

import pytest
from conftest import tiny

from tfstargan.config import Config
from tfstargan.training import memory
from tfstargan.training.stargan import StarGANv2


def estimate(replicas: int = 1, **settings: object) -> int:
    """The estimate of a small model trained with these settings."""
    model = StarGANv2(tiny())
    model.config = dataclasses.replace(model.config, **settings)
    return memory.estimate(model, replicas)


def test_without_images_there_are_weights_averages_moments_and_gradients():
    model = StarGANv2(tiny())
    one, two = (estimate(batch_size=n) for n in (1, 2))
    counts = {
        name: getattr(model, name).count_params()
        for name in ("generator", "mapping_network", "style_encoder", "discriminator")
    }
    all_four = sum(counts.values())
    three = all_four - counts["discriminator"]
    # weights and two moments of all; averages and gradients of three
    assert one - (two - one) == 4 * (3 * all_four + 2 * three)


def test_images_that_are_not_in_memory_at_once_do_not_count():
    assert estimate(batch_size=8, accumulate=4) == estimate(batch_size=2)
    assert estimate(batch_size=8, replicas=2) == estimate(batch_size=4)
    assert estimate(batch_size=8, replicas=2, accumulate=2) == estimate(batch_size=2)


def test_recomputing_saves_memory_for_each_image():
    saved = [
        estimate(batch_size=n) - estimate(batch_size=n, recompute=True) for n in (1, 4)
    ]
    assert saved[0] > 0
    assert saved[1] == 4 * saved[0]


@pytest.mark.parametrize(
    ("img_size", "patch_size", "batch_size", "warned"),
    [
        (128, 1, 7, True),
        (128, 1, 8, False),
        (64, 1, 2, False),
        (256, 2, 4, True),
        (256, 4, 4, False),
    ],
)
def test_small_batches_of_photographs_are_warned_of(
    img_size, patch_size, batch_size, warned
):
    config = Config(img_size=img_size, patch_size=patch_size, batch_size=batch_size)
    warning = memory.advice(config)
    assert bool(warning) == warned
    assert not warned or f"--batch_size={batch_size}" in warning


def test_accumulating_does_not_make_the_batch_smaller():
    assert memory.advice(Config(img_size=256, batch_size=8, accumulate=8)) == ""
