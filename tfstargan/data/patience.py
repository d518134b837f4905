"""Reading images from a drive or network that is away for a moment."""

import time
from collections.abc import Callable
from typing import TypeVar

from tfstargan.errors import UserError
from tfstargan.images.reading import UnreadableError

PAUSES = (0.5, 1, 2, 4, 8, 16)  # seconds before each further attempt
AWAY = ("a link to nothing", "not a file", "can't be opened")

Result = TypeVar("Result")


def patiently(read: Callable[[], Result]) -> Result:
    """What `read` returns; while the file can't be reached, it is called again.

    Raises:
        UserError: if the file was reached and is faulty, or is not back after PAUSES.
    """
    for pause in PAUSES:
        try:
            return read()
        except UserError as error:
            if _is_faulty(error):
                raise
        time.sleep(pause)
    return read()


def _is_faulty(error: UserError) -> bool:
    if not isinstance(error, UnreadableError) or error.kind in AWAY:
        return False
    cause = error.__cause__  # of the system, which numbers them, or of a decoder
    return not (isinstance(cause, OSError) and cause.errno)
