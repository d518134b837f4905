"""Progress bars; where no terminal shows them, lines for a log."""

import contextlib
import sys
import threading
import time
import weakref
from typing import Any, TextIO

from tqdm import tqdm

SECONDS = 5  # between the lines of a log
TICK = 1  # seconds between the states of a bar on a terminal
DELAY = 2  # seconds that work may take without being shown
UP = "\x1b[A"  # what moves a terminal's cursor to the line above


class Bar(tqdm):
    """A bar of tqdm's on standard error; in a log, a line every five seconds.

    It shows the time passing during a long step, too, such as a compilation. Logs are
    passed on line by line. A bar has no end of line before its own end, after
    megabytes.
    """

    last_print_t: float  # tqdm's

    def __init__(self, *arguments: Any, **options: Any):
        every = TICK
        stream = options.get("file") or sys.stderr
        if not (stream.isatty() or "ipykernel" in sys.modules):
            every = SECONDS
            # Less than that, so that a step's own line comes before the clock's.
            often = SECONDS - 1
            lines = {"file": _Lines(options.get("file")), "mininterval": often}
            options = options | lines
        self._ended = threading.Event()
        self._next = time.monotonic() + max(every, options.get("delay", 0))
        self._every = every
        self._displayed = False
        super().__init__(*arguments, **options)
        if not self.disable:
            clock = threading.Thread(
                target=_show_time, args=(weakref.ref(self), self._ended), daemon=True
            )
            clock.start()

    def display(self, *arguments: Any, **options: Any) -> None:
        """Show the state."""
        self._next = time.monotonic() + self._every
        self._displayed = True
        super().display(*arguments, **options)

    def close(self) -> None:
        """Show the last state, or remove the bar."""
        self._ended.set()
        if self._displayed:  # tqdm does not know, and would not remove it
            self.last_print_t = max(self.last_print_t, self.start_t + self.delay)
        super().close()


def waiting(text: str, file: TextIO | None = None) -> Bar:
    """A bar for work of one step: a text and the time, unless it is short.

    Args:
        text: what is done.
        file: where to write; None: standard error.
    """
    shown = {"desc": text, "bar_format": "{desc}: {elapsed}"}
    return Bar(**shown, delay=DELAY, leave=False, file=file)


def _show_time(bar_: "weakref.ref[Bar]", ended: threading.Event) -> None:
    """Show a bar's state anew until it is closed or forgotten."""
    wait = 0.0
    while not ended.wait(wait):
        bar = bar_()
        if bar is None:
            return
        # A stream that was closed is for the bar's own thread to find.
        with bar.get_lock(), contextlib.suppress(OSError, ValueError):
            if not ended.is_set() and time.monotonic() >= bar._next:
                bar.refresh(nolock=True)
        wait = max(0.05, bar._next - time.monotonic())
        del bar


class _Lines:
    """A stream, by default standard error, for the states of a bar: each is a line."""

    def __init__(self, stream: TextIO | None):
        self.stream = stream

    def write(self, text: str) -> None:
        """Write a state, without what moves the cursor."""
        if state := text.replace(UP, "").strip():
            print(state, file=self.stream or sys.stderr)

    def flush(self) -> None:
        """Do what is done to the stream."""
        (self.stream or sys.stderr).flush()
