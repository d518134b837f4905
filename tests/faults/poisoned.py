"""Train on latents that are no numbers, now and then; see `campaign.numbers`.

    python tests/faults/poisoned.py RUN REPLICAS

prints how many updates were left out and how often the run went back.
"""

import contextlib
import io
import math
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))

import numpy as np
import tensorflow as tf
from conftest import tiny

from tfstargan.data import stream
from tfstargan.training import loop
from tfstargan.training.stargan import StarGANv2

BAD = (3, 5, 6, 9, 10, 11, 12, 15, 16)  # iterations; after three in a row, back


def main(run_dir: pathlib.Path, replicas: int) -> None:
    """Train, with one bad number in each bad iteration's batch."""
    config = tiny(iterations=20, save_every=4, rollback_after=3, replicas=replicas)
    plain, models = stream.example, []

    def poisoned(image_set: object, config: object, index: int) -> object:
        found = plain(image_set, config, index)
        iteration, place = divmod(index, config.batch_size)
        if iteration + 1 in BAD and not place:  # in the first replica's part
            found.z[0] = math.nan
        return found

    def kept(*arguments: object) -> StarGANv2:
        models.append(make_model(*arguments))
        return models[0]

    make_model, loop.make_model, stream.example = loop.make_model, kept, poisoned
    said = io.StringIO()
    with contextlib.redirect_stderr(said):
        loop.train_run(config, run_dir)
    compared = 0
    for variable in models[0].variables:
        copies = tf.distribute.get_strategy().experimental_local_results(variable.value)
        copies = getattr(variable.value, "values", copies)
        first, *others = (tf.convert_to_tensor(copy).numpy() for copy in copies)
        assert np.isfinite(first).all()
        assert all((other == first).all() for other in others)
        compared += len(others)
    assert models[0].iterations_done() == 20
    assert (compared > 0) == (replicas > 1)  # every replica's copies were seen
    lines = said.getvalue().splitlines()
    left_out = [line for line in lines if "left out" in line]
    # of the latent-guided updates alone: one network of D's, three of G's
    assert len(left_out) == 4 * len(BAD)
    assert any("iteration 11: went back" in line for line in lines)
    print(2 * len(BAD), sum("went back" in line for line in lines))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), int(sys.argv[2]))
