"""The command line: `tfstargan COMMAND`, the same as `python -m tfstargan.COMMAND`.

`tfstargan export FORMAT` is `python -m export.FORMAT`.
"""

import ast
import difflib
import pathlib
import runpy
import sys

from tfstargan import __version__
from tfstargan.cli import piped

COMMANDS = (
    "demo train distill evaluate samples translate translate_corpus align draw emoji"
    " check pack card import_reference export_reference"
).split()
FORMATS = "tflite savedmodel onnx web android".split()
HELP = ("--help", "-h", "help")


def main() -> None:
    """Run the command that the arguments name, in this process."""
    with piped():
        sys.exit(dispatch(sys.argv[1:]))


def dispatch(arguments: list[str]) -> int:
    """Run a command and return its exit code."""
    if arguments[:1] in (["--version"], ["-V"]):
        print(f"tfstargan {__version__}")
        return 0
    if not arguments or arguments[0] in HELP:
        print(overview())
        return 0
    package, names, name, *rest = "tfstargan", COMMANDS, *arguments
    if name == "export":
        package, names = "export", FORMATS
        name, *rest = rest or [""]
        if name in ("", *HELP):
            print(overview())
            return 0
    if name not in names:
        print(f"error: {unknown(name, names)}", file=sys.stderr)
        return 2
    sys.argv = [f"{package}.{name}", *rest]
    runpy.run_module(f"{package}.{name}", run_name="__main__", alter_sys=True)
    return 0


def unknown(name: str, names: list[str]) -> str:
    """The message about an unknown command."""
    near = difflib.get_close_matches(name, names, n=1)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(names)}"
    return f"{name!r} is not a command; {hint} (tfstargan --help lists them)"


def overview() -> str:
    """Every command with the first line of its docstring."""
    lines = ["tfstargan COMMAND [--flag=value ...]; COMMAND --help lists the flags", ""]
    lines += [f"  {name:18}{summary('tfstargan', name)}" for name in COMMANDS]
    lines += [f"  export {name:11}{summary('export', name)}" for name in FORMATS]
    return "\n".join(lines)


def summary(package: str, name: str) -> str:
    """The first line of a command's docstring, read without importing it."""
    root = pathlib.Path(__file__).parents[1]
    source = (root / package / f"{name}.py").read_text("utf-8")
    return (ast.get_docstring(ast.parse(source)) or "").splitlines()[0]


if __name__ == "__main__":
    main()
