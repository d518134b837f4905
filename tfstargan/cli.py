"""How every command starts and ends: flags in, one clear line on bad input."""

import importlib.util
import sys
from collections.abc import Callable

if importlib.util.find_spec("tensorflow") is None:
    sys.exit("error: no TensorFlow: pip install 'tfstargan[cpu]' or 'tfstargan[gpu]'")

import tensorflow as tf
from absl import app, flags, logging

from tfstargan.errors import UserError
from tfstargan.training.interruption import Preempted

PREEMPTED = 75  # of the exit codes of sysexits.h, the one that says: try again


def define_run_flags() -> None:
    """Define the flags of every command that works on a trained run."""
    flags.DEFINE_string("run_dir", "", "the run; empty: the newest under runs/")
    flags.DEFINE_string(
        "checkpoint", None, "its iteration, or best; by default the newest"
    )


def quieten_tensorflow() -> None:
    """Leave the terminal to our own messages; TensorFlow's warnings still show."""
    logging.set_verbosity(logging.WARNING)
    tf.get_logger().setLevel("WARNING")
    # This graph rewriter can't do a gradient of a gradient (R1): it says so as an error
    # at every start, and changes nothing.
    tf.config.optimizer.set_experimental_options({"remapping": False})


def start(main: Callable[[], None]) -> None:
    """Parse the flags and call `main`; what the user can mend becomes one line.

    The exit code is 0, 2 for bad input, 130 where it was interrupted, 75 where the
    system asked training to end (SIGTERM) and it did.
    """

    def guarded(argv: list[str]) -> int:
        quieten_tensorflow()
        try:
            if len(argv) > 1:
                raise UserError(f"unexpected {argv[1]!r}: a flag is --name=value")
            main()
        except UserError as error:
            return _refuse(str(error))
        except Preempted:
            print("preempted; the same command goes on", file=sys.stderr)
            return PREEMPTED
        except KeyboardInterrupt:
            print("interrupted", file=sys.stderr)
            return 130
        return 0

    app.run(guarded, flags_parser=_parse)


def _parse(argv: list[str]) -> list[str]:
    try:
        return flags.FLAGS(argv)
    except flags.Error as error:
        reason = " ".join(str(error).split())
        sys.exit(_refuse(f"{reason} (--help lists the flags)"))


def _refuse(why: str) -> int:
    """Say what is wrong; return the exit code."""
    print(f"error: {why}", file=sys.stderr)
    return 2
