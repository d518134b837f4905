"""How every command starts and ends: flags in, one clear line on bad input."""

import importlib.util
import sys
from collections.abc import Callable

if importlib.util.find_spec("tensorflow") is None:
    sys.exit("error: no TensorFlow: pip install 'tfstargan[cpu]' or 'tfstargan[gpu]'")

import tensorflow as tf
from absl import app, flags, logging

from tfstargan.config import UserError


def define_run_flags() -> None:
    """Define the flags of every command that works on a trained run."""
    flags.DEFINE_string("run_dir", "", "the run; empty: the newest under runs/")
    flags.DEFINE_integer("checkpoint", None, "its iteration; by default the newest")


def quieten_tensorflow() -> None:
    """Leave the terminal to our own messages; TensorFlow's warnings still show."""
    logging.set_verbosity(logging.WARNING)
    tf.get_logger().setLevel("WARNING")
    # This graph rewriter can't do a gradient of a gradient (R1): it says so as an error
    # at every start, and changes nothing.
    tf.config.optimizer.set_experimental_options({"remapping": False})


def start(main: Callable[[], None]) -> None:
    """Parse the flags and call `main`; what the user can mend becomes one line.

    The exit code is 0, 1 where flags don't parse, 2 for other bad input, 130 where it
    was interrupted.
    """

    def guarded(argv: list[str]) -> int:
        quieten_tensorflow()
        try:
            if len(argv) > 1:
                raise UserError(f"unexpected {argv[1]!r}: a flag is --name=value")
            main()
        except UserError as error:
            print(f"error: {error}", file=sys.stderr)
            return 2
        except KeyboardInterrupt:
            print("interrupted", file=sys.stderr)
            return 130
        return 0

    app.run(guarded)
