"""What a run does when it is asked to end: by Ctrl-C, or by the system (SIGTERM)."""

import signal
from types import FrameType
from typing import Self

import keras


class Preempted(KeyboardInterrupt):
    """The system asked the process to end: the machine is wanted back."""


class Interruptions(keras.callbacks.Callback):
    """Lets SIGINT and SIGTERM end training after the iteration that is on its way.

    At any other time at once: while samples are drawn, or a run is measured, no weight
    changes. As a context it is what handles these signals. To stand behind the
    callbacks that belong to an iteration, before those that take long.

    Args:
        leave: False for a worker that is to go on until the chief has left.
    """

    def __init__(self, leave: bool = True):
        super().__init__()
        self.leave = leave
        self.wanted: type[KeyboardInterrupt] | None = None
        self.in_iteration = False

    def __enter__(self) -> Self:
        signals = (signal.SIGINT, signal.SIGTERM)
        self.before = {number: signal.getsignal(number) for number in signals}
        for number in signals:
            signal.signal(number, self._interrupt)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self.before.items():
            signal.signal(number, handler)

    def on_train_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        """Note that weights are changing."""
        self.in_iteration = True

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Leave, if that was wanted meanwhile."""
        self.in_iteration = False
        if self.wanted and self.leave:
            raise self.wanted

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        if self.wanted is None:
            self.wanted = Preempted if number == signal.SIGTERM else KeyboardInterrupt
            if self.leave and not self.in_iteration:
                raise self.wanted
        elif number == signal.SIGINT:  # impatient; files are whole at any time
            raise KeyboardInterrupt
