"""Progress bars; where no terminal shows them, lines for a log."""

import sys
from typing import Any

from tqdm import tqdm

SECONDS = 10  # between the lines of a log
UP = "\x1b[A"  # what moves a terminal's cursor to the line above


class Bar(tqdm):
    """A bar of tqdm's on standard error; in a log, a line every ten seconds.

    Logs are passed on line by line. A bar has no end of line before its own end, after
    megabytes.
    """

    def __init__(self, *arguments: Any, **options: Any):
        if not (sys.stderr.isatty() or "ipykernel" in sys.modules):
            options = {"file": _Lines(), "mininterval": SECONDS} | options
        super().__init__(*arguments, **options)


class _Lines:
    """Standard error, for the states of a bar: each is a line."""

    def write(self, text: str) -> None:
        """Write a state, without what moves the cursor."""
        if state := text.replace(UP, "").strip():
            print(state, file=sys.stderr)

    def flush(self) -> None:
        """Do what is done to standard error."""
        sys.stderr.flush()
