"""How a run ends when it is asked to: by Ctrl-C, by the system, by its terminal."""

import os
import signal
import stat
import threading
from types import FrameType
from typing import Any, Self

import keras

from tfstargan.errors import Preempted

HANGUP = getattr(signal, "SIGHUP", None)  # the terminal was closed; not on Windows


class Interruptions(keras.callbacks.Callback):
    """Lets SIGINT, SIGTERM and SIGHUP end training after the current iteration.

    At any other time they end it at once: no weight changes while samples are drawn or
    a run is evaluated. As a context manager it handles these signals, in the main
    thread; in any other thread they are left alone. A SIGHUP that is ignored, as under
    `nohup`, stays ignored.

    Place it after the callbacks that belong to an iteration, and before slow ones.

    Args:
        leave: False for a worker that has to continue until the chief has left.
    """

    def __init__(self, leave: bool = True):
        super().__init__()
        self.leave = leave
        self.wanted: type[KeyboardInterrupt] | None = None
        self.in_iteration = False
        self.before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            numbers = [signal.SIGINT, signal.SIGTERM]
            if HANGUP and signal.getsignal(HANGUP) is not signal.SIG_IGN:
                numbers.append(HANGUP)
            self.before = {n: signal.signal(n, self._interrupt) for n in numbers}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self.before.items():
            signal.signal(number, handler)

    def on_train_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        """Note that weights are changing."""
        self.in_iteration = True

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """End training if that was requested during the iteration."""
        self.in_iteration = False
        if self.wanted and self.leave:
            raise self.wanted

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        if number == HANGUP:
            _leave_terminal()
        if self.wanted is None:
            asked = number == signal.SIGINT
            self.wanted = KeyboardInterrupt if asked else Preempted
            if self.leave and not self.in_iteration:
                raise self.wanted
        elif number == signal.SIGINT:  # a second Ctrl-C; files are complete at any time
            raise KeyboardInterrupt


def _leave_terminal() -> None:
    """Discard further output to a terminal that is gone: writing to it is an error."""
    for stream in (1, 2):
        if stat.S_ISCHR(os.fstat(stream).st_mode) and not os.isatty(stream):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
