"""The benchmark on photographs: what its processes tell each other."""

import io
from types import SimpleNamespace

import tensorflow as tf
from conftest import benchmark, tiny

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
