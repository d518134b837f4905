"""TensorBoard's view of a run that is resumed."""

import pathlib
import time

import tensorflow as tf

from tfstargan import files


def drop_after(iteration: int, logs_dir: pathlib.Path) -> None:
    """Have TensorBoard drop the points after an iteration, which will be logged again.

    A process that was killed may have logged more than its last checkpoint has. A
    start of a session tells TensorBoard to drop all points from its step on. The file's
    name places it between the files of the run so far and those to come.
    """
    if not logs_dir.is_dir() or not any(logs_dir.iterdir()):
        return
    now = time.time()
    log = tf.compat.v1.SessionLog(status=tf.compat.v1.SessionLog.START)
    version = tf.compat.v1.Event(wall_time=now, file_version="brain.Event:2")
    start = tf.compat.v1.Event(wall_time=now, step=iteration + 1, session_log=log)
    path = logs_dir / f"events.out.tfevents.{int(now):010d}.-resumed"
    with files.atomic_file(path) as partial:
        with tf.io.TFRecordWriter(str(partial)) as writer:
            # The first start that TensorBoard reads drops nothing.
            for event in (version, start, start):
                writer.write(event.SerializeToString())
