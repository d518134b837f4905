"""How every command starts and ends: flags in, one clear line on bad input."""

import os
import sys
from collections.abc import Callable

# TensorFlow's informational messages hide ours; set it to 0 to see them.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from absl import app

from tfstargan.config import UserError


def start(main: Callable[[], None]) -> None:
    """Parse the flags and call `main`; what the user can mend becomes one line."""

    def guarded(argv: list[str]) -> int:
        if len(argv) > 1:
            print(
                f"error: unexpected {argv[1]!r}: a flag is --name=value",
                file=sys.stderr,
            )
            return 2
        try:
            main()
        except UserError as error:
            print(f"error: {error}", file=sys.stderr)
            return 2
        except KeyboardInterrupt:
            print("interrupted", file=sys.stderr)
            return 130
        return 0

    app.run(guarded)
