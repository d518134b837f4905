"""Benchmarks: what processes tell each other, and what scenes show."""

import io
from types import SimpleNamespace

import numpy as np
import tensorflow as tf
from conftest import benchmark, tiny

from tfstargan.data import critters
from tfstargan.data.stream import batches, open_images

photographs = benchmark("photographs")


def test_a_batch_arrives_as_it_was_sent(monkeypatch):
    config = tiny(iterations=1)
    stream = batches(open_images(config, "train"), config).as_numpy_iterator()
    pipe, batch, saves = io.BytesIO(), next(stream), []
    photographs.send(pipe, {"save": True}, batch)
    pipe.seek(0)
    monkeypatch.setattr(photographs.sys, "stdin", SimpleNamespace(buffer=pipe))
    (received,) = photographs.received(saves)
    tf.nest.assert_same_structure(received, photographs.signature(config))
    tf.nest.map_structure(tf.debugging.assert_equal, received, batch)
    assert saves == [True]


fit = benchmark("fit")


def test_a_scene_shows_whole_animals_on_one_background():
    animals = [critters.nth_critter("val", 1, i, seed=0) for i in range(2)]
    for scene in fit.SCENES:
        pixels, boxes = fit.drawn(scene, animals, 64)
        assert pixels.shape == (64 * scene.height, 64 * scene.width, 3)
        assert len(boxes) == len(scene.lefts)
        left, top, right, bottom = boxes[0]
        alone = critters.draw(animals[0], 64)
        np.testing.assert_array_equal(pixels[top:bottom, left:right], alone)
        background = np.ones(pixels.shape[:2], bool)
        for left, top, right, bottom in boxes:
            background[top:bottom, left:right] = False
        for row, free in zip(pixels, background, strict=True):
            assert len(np.unique(row[free], axis=0)) <= 1
