"""Start and end of every command: flags are parsed, errors become one line.

A command is a module with a docstring, a `main`, and dataclasses of `Settings`. Modules
that need TensorFlow are imported inside `main`, so that `--help` is quick.
"""

import contextlib
import dataclasses
import gc
import importlib.util
import io
import os
import pathlib
import signal
import sys
import tempfile
import threading
import warnings
from collections.abc import Callable, Iterator
from types import FrameType
from typing import TYPE_CHECKING, TextIO

from tfstargan import files
from tfstargan.errors import Preempted, UserError
from tfstargan.settings import Settings, parse, setting, usage

if TYPE_CHECKING:
    from tfstargan.translation.translating import Translating

BAD_INPUT = 2
PREEMPTED = 75  # EX_TEMPFAIL of sysexits.h: try again
INTERRUPTED = 130
HELP = ("--help", "-h", "-help", "--helpfull", "--helpshort")


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunOptions(Settings):
    """A trained run, and one of its checkpoints."""

    run_dir: str = setting(
        "",
        "folder of the run, preset:NAME or hf://OWNER/NAME; empty: the newest of runs/",
        group="run",
        path=True,
        address=True,
    )
    checkpoint: str | None = setting(
        None, "its iteration, or best; by default the newest", group="run", kind=str
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExportOptions(RunOptions):
    """Which trained run to export, and where to."""

    out: str = setting(
        "", "folder that holds the exports; by default RUN/export", path=True
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class StyleOptions(Settings):
    """The style to translate into: from a seed's latent, or from references."""

    domain: str = setting(
        "",
        "target domain; for a reference, by default the name of its folder",
        group="style",
    )
    seed: tuple[str, ...] = setting(
        (),
        "seed of a random style of --domain; 1,5,9: three styles",
        group="style",
    )
    reference: str = setting(
        "", "image whose style is used, or a folder of them", group="style", path=True
    )
    psi: float = setting(
        1.0,
        "scales a random style: 1 keeps it, 0 gives the domain's mean style",
        group="style",
        at_least=0,
        at_most=1,
    )

    def check_together(self) -> None:
        """Check that either a seed or a reference is given."""
        bad = [text for text in self.seed if not text.isdecimal()]
        self.require(not bad, "seed", "must be whole numbers of at least 0")
        if bool(self.reference) == bool(self.seed):
            raise UserError("give --seed (a random style) or --reference (an image)")
        if self.reference and self.psi != 1:
            raise UserError("--psi: applies only to random styles (--seed)")

    @property
    def style(self) -> tuple[str, tuple[int, ...], str, float]:
        """Domain, seeds, reference and psi."""
        return self.domain, tuple(map(int, self.seed)), self.reference, self.psi


def find_translator(
    model: str, options: RunOptions, domain: str = ""
) -> tuple[Callable[[], "Translating"], str | pathlib.Path]:
    """What opens the translator of a model or a run, and its folder for translations.

    A run is found, but TensorFlow starts only when the translator is opened. What can
    be refused is refused in between.

    Args:
        model: folder of an exported model; empty: a run.
        options: name the run.
        domain: one that the run must have; empty: none.

    Raises:
        UserError: if there is no such run, or it has no such domain.
    """
    if model:

        def open_model() -> "Translating":
            from tfstargan.translation.exported import ExportedTranslator

            with held_back():  # LiteRT's C++ code writes there
                return ExportedTranslator.load(model)

        return open_model, "translations"
    from tfstargan.config import label_of
    from tfstargan.runs.run import open_run

    run = open_run(options.run_dir)
    if domain:
        label_of(domain, run.config.domains)

    def open_run_s() -> "Translating":
        import_tensorflow()
        from tfstargan.translation.translator import Translator

        return Translator.of_run(run, options.checkpoint)

    return open_run_s, run.path / "translations"


def start(
    main: Callable[..., None],
    *kinds: type[Settings],
    about: str | None,
    tensorflow: bool = True,
) -> None:
    """Parse the command line, call `main`, and exit.

    The exit code is 0, 2 for bad input, 130 after Ctrl-C, and 75 if the system asked
    the command to end (SIGTERM, SIGHUP).

    Args:
        main: the command, called with an instance of each class.
        *kinds: classes of settings, whose fields are the flags.
        about: the command's docstring, which `--help` prints above the flags.
        tensorflow: whether the command needs TensorFlow.
    """
    with piped():
        sys.exit(run(main, kinds, sys.argv[1:], about, tensorflow))


def run(
    main: Callable[..., None],
    kinds: tuple[type[Settings], ...],
    arguments: list[str],
    about: str | None,
    tensorflow: bool,
) -> int:
    """The same as `start`, but return the exit code."""
    _show_any_name()
    try:
        if any(argument in HELP for argument in arguments):
            print(f"{(about or '').strip()}\n\n{usage(kinds)}")
            return 0
        options = parse(kinds, arguments)
        with _ended_in_order():
            if tensorflow:
                import_tensorflow()
            main(*options)
    except UserError as error:
        print(f"error: {error.as_flags}", file=sys.stderr)
        return BAD_INPUT
    except Exception as error:
        if not files.is_disk_full(error):
            raise
        print(f"error: {files.disk_full_line(error)}", file=sys.stderr)
        return BAD_INPUT
    except Preempted:
        print("preempted; run the same command again", file=sys.stderr)
        return PREEMPTED
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    return 0


@contextlib.contextmanager
def piped() -> Iterator[None]:
    """Exit silently if the output is closed, as in `tfstargan --help | head`."""
    _open_missing_streams()
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


@contextlib.contextmanager
def _ended_in_order() -> Iterator[None]:
    """Raise `Preempted` on SIGTERM and SIGHUP, so that incomplete files are removed.

    Training has its own handlers, see `training.interruption`.
    """
    names = ("SIGTERM", "SIGHUP")  # Windows has no SIGHUP
    numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
    ours = [n for n in numbers if signal.getsignal(n) is signal.SIG_DFL]  # not nohup's
    if threading.current_thread() is not threading.main_thread():
        ours = []  # only the main thread may handle signals
    for number in ours:
        signal.signal(number, _end)
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)


def _end(number: int, frame: FrameType | None) -> None:
    raise Preempted


def _open_missing_streams() -> None:
    """Replace the standard streams that a process was started without (`>&-`, pythonw).

    Without them the next files opened, such as a checkpoint, would have the numbers 1
    and 2, to which libraries in C++ write their messages.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            number = os.open(os.devnull, os.O_RDWR)  # the lowest that is free
            setattr(sys, name, os.fdopen(number, mode))


def _show_any_name() -> None:
    r"""Write characters that a terminal can't show as \uXXXX, instead of failing.

    Pillow's warnings of large images and faulty EXIF are hidden: images that can't be
    read are refused.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    warnings.filterwarnings("ignore", module=r"PIL\.")


def import_tensorflow() -> None:
    """Import TensorFlow, and hide its messages.

    Raises:
        UserError: if it is not installed.
    """
    if importlib.util.find_spec("tensorflow") is None:
        raise UserError(
            "no TensorFlow: pip install 'tfstargan[cpu]' or 'tfstargan[gpu]'"
        )
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # warnings of C++; 0 shows all
    # A run has its own lock, and some file systems have none (NFS without lockd).
    os.environ.setdefault("HDF5_USE_FILE_LOCKING", "FALSE")
    from tfstargan.progress import waiting

    with (
        _uncollected(),
        held_back() as stream,
        waiting("starting TensorFlow", stream),
    ):
        from tfstargan.backend import tf
    tf.get_logger().setLevel("WARNING")
    # This graph rewriter fails on a gradient of a gradient (R1), prints an error at
    # every start, and changes nothing.
    tf.config.optimizer.set_experimental_options({"remapping": False})


@contextlib.contextmanager
def _uncollected() -> Iterator[None]:
    """Keep Python's garbage collector from the modules of TensorFlow, if they are new.

    It would search them again and again, though they stay: a fifth of the time of the
    import.
    """
    if "tensorflow" in sys.modules or not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


@contextlib.contextmanager
def held_back() -> Iterator[TextIO]:
    """Hide output to file descriptor 2, unless an error is raised.

    TensorFlow's C++ code writes to it while it is imported, bypassing `sys.stderr`.

    Yields:
        A stream that is shown.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as text:
        os.dup2(text.fileno(), 2)
        try:
            with open(kept, "w", closefd=False) as shown:
                yield shown
        except BaseException:
            text.seek(0)
            os.write(kept, text.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)
