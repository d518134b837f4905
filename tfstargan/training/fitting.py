"""`fit` for a run: from its iteration to the last one, saved however it ends."""

import re
from collections.abc import Sequence

import keras
import tensorflow as tf

from tfstargan import files
from tfstargan.config import Config
from tfstargan.data.image_set import ImageSet
from tfstargan.data.stream import batches, keep_freed_memory
from tfstargan.errors import UserError
from tfstargan.runs.run import Run, iteration_of
from tfstargan.training import distribution
from tfstargan.training.announcing import say
from tfstargan.training.callbacks import Checkpoints, Progress, Scalars
from tfstargan.training.interruption import Interruptions
from tfstargan.training.non_finite import NonFinite
from tfstargan.training.stargan import StarGANv2

# What the collective operations of several workers raise if one of them is gone.
LOST = (
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.InternalError,
    tf.errors.UnavailableError,
)


def fit_run(
    run: Run,
    model: StarGANv2,
    strategy: tf.distribute.Strategy,
    training: ImageSet,
    writer: tf.summary.SummaryWriter,
    drawing: Sequence[keras.callbacks.Callback],
    measuring: Sequence[keras.callbacks.Callback],
) -> None:
    """Train to the end. If an interruption or error ends it, save the progress.

    The chief draws and measures; the other workers only train.
    """
    chief = distribution.is_chief(strategy)
    non_finite = NonFinite(run)
    checkpoints = Checkpoints(run, writer, non_finite)
    with Interruptions(leave=chief) as interruptions:
        callbacks: list[keras.callbacks.Callback] = [non_finite, interruptions]
        progress = Progress(run.config.iterations)
        if chief:
            shown = [progress, Scalars(writer, run.config.log_every)]
            callbacks = [*shown, *callbacks, *drawing, checkpoints, *measuring]
        try:
            fit(model, strategy, training, run.config, callbacks)
        except BaseException as error:
            progress.close()
            if interruptions.wanted and not chief:  # the chief has left, as requested
                raise interruptions.wanted from error
            if chief and not non_finite.in_a_row:  # else resume at the one before
                save_progress(run, model, checkpoints)
            raise


def save_progress(run: Run, model: StarGANv2, checkpoints: Checkpoints) -> None:
    """Save what was learned since the newest checkpoint; print the outcome."""
    iteration = model.iterations_done()
    if not iteration or iteration in map(iteration_of, run.checkpoints()[-1:]):
        return
    try:
        checkpoints.save()
    except (UserError, tf.errors.OpError) as error:
        say(f"not saved: iteration {iteration} ({files.first_line(error)})")
    else:
        say(f"saved iteration {iteration}")


def fit(
    model: StarGANv2,
    strategy: tf.distribute.Strategy,
    training: ImageSet,
    config: Config,
    callbacks: Sequence[keras.callbacks.Callback],
) -> None:
    """Train a model from its iteration to `config.iterations`.

    Raises:
        UserError: if TensorFlow stops; names the cause.
    """
    if config.tpu or tf.config.list_physical_devices("GPU"):
        keep_freed_memory()
    start = model.iterations_done()
    stream = strategy.distribute_datasets_from_function(
        lambda part: batches(training, config, start, part)
    )
    try:
        model.fit(
            stream,
            # Without it the end is an error in mid-step, which might count as one.
            steps_per_epoch=config.iterations - start,
            verbose=0,
            shuffle=False,  # the stream has its own order
            callbacks=list(callbacks),
        )
    except tf.errors.OpError as error:
        raise UserError(cause_of(error)) from error


def cause_of(error: tf.errors.OpError) -> str:
    """What made TensorFlow stop: an image, the disk, memory, or its own words."""
    if image := re.search(r"(?:User|Unreadable)Error: (.+)", str(error)):
        return image[1]
    if files.is_disk_full(error):
        return files.disk_full_line(error)
    if isinstance(error, tf.errors.ResourceExhaustedError):
        return (
            "out of memory; add --accumulate=2 (or more) or --recompute, or lower "
            "--img_size or --channel_base"
        )
    if isinstance(error, LOST) and distribution.count_workers() > 1:
        return (
            "another worker of TF_CONFIG has ended or can't be reached; run the same "
            "command on every machine again to resume"
        )
    # TensorFlow lists the program's frames before the error of its operation.
    operation = re.search(r"^(.+?)\s*\[\[\{\{node ", str(error), re.MULTILINE)
    return operation[1] if operation else files.first_line(error)
