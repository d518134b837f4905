"""Settings: each is written once, with its default, help, rule and group.

A frozen dataclass of settings is what a command takes (`Config` for a run, small ones
for the other options). Its fields become flags, lines of a flagfile, keyword arguments
in Python and keys of JSON. This is the only module that parses flags.
"""

import dataclasses
import os
import re
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from tfstargan import resources
from tfstargan.errors import UserError
from tfstargan.files import is_address

RENAMED = {"quantize": "variants", "wing": "wing_weights"}  # since version 0.1
ADDRESS = "must be a path on this machine, not an address"
LARGEST = 3.4e38  # nearly the largest float32
QUOTED = r"\"[^\"]*\"|'[^']*'"
# One line of a flagfile: --name, or --name=value; a comment may follow.
LINE = re.compile(rf"--?(\w+)(?:=({QUOTED}|.*?))?(?:\s+#.*)?")


def setting(
    default: Any,
    help: str,
    *,
    group: str = "",
    kind: type | None = None,
    required: str = "",
    at_least: float | None = None,
    above: float | None = None,
    at_most: float | None = None,
    below: float | None = None,
    one_of: Sequence[str] = (),
    power_of_two: bool = False,
    path: bool = False,
    address: bool = False,
    repeated: bool = False,
    may_change: bool = False,
) -> Any:
    """A field of a `Settings` dataclass.

    Args:
        default: its value if it is not given. The type decides how text is parsed.
        help: one line for `--help`.
        group: heading under which `--help` lists it.
        kind: type of the value; needed where the default is None.
        required: what to say if it is left empty.
        at_least: smallest value.
        above: value that must be exceeded.
        at_most: largest value.
        below: value that must not be reached.
        one_of: the values that are allowed.
        power_of_two: whether it must be one.
        path: whether it names a file or folder; a leading ~ is the home folder.
        address: whether that may be an address, such as gs://bucket/folder.
        repeated: for a tuple, whether the flag is repeated instead of split at commas.
        may_change: whether a resumed run may have another value.
    """
    return dataclasses.field(
        default=default,
        metadata={
            "help": help,
            "group": group,
            "kind": kind or type(default),
            "required": required,
            "at_least": at_least,
            "above": above,
            "at_most": at_most,
            "below": below,
            "one_of": tuple(one_of),
            "power_of_two": power_of_two,
            "path": path,
            "address": address,
            "repeated": repeated,
            "may_change": may_change,
        },
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """Base class: types, paths and the rules of single settings are checked here.

    Raises:
        UserError: if a value has another type, or breaks a rule.
    """

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = _converted(field, getattr(self, field.name))
            object.__setattr__(self, field.name, value)
            if broken := _broken_rule(field, value):
                self.require(False, field.name, broken)
        self.check_together()

    def check_together(self) -> None:
        """Check the rules that concern several settings."""

    def require(self, good: bool, name: str, rule: str) -> None:
        """Raise a UserError that names a setting, its value and the rule."""
        if not good:
            value = getattr(self, name)
            shown = ",".join(map(str, value)) if isinstance(value, tuple) else value
            given = f"--{name}" if shown in ("", None) else f"--{name}={shown}"
            raise UserError(f"{given}: {rule}")


def _converted(field: dataclasses.Field, value: Any) -> Any:
    """The value, with the field's type; an int does for a float, a list for a tuple."""
    kind, name = field.metadata["kind"], field.name
    if value is None and field.default is None:
        return None
    if kind is float and type(value) is int:
        value = float(value)
    if kind is tuple and isinstance(value, list):
        value = tuple(value)
    if field.metadata["path"] and isinstance(value, os.PathLike):
        value = os.fspath(value)
    if kind is str and field.default is None and type(value) is int:
        value = str(value)  # such as checkpoint=5000
    if type(value) is not kind:
        raise UserError(f"--{name}: must be {_KINDS[kind]}, got {value!r}")
    if kind is float and not abs(value) <= LARGEST:
        raise UserError(f"--{name}={value}: must be a finite number")
    return os.path.expanduser(value) if field.metadata["path"] else value


_KINDS = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "text",
    tuple: "a list of names",
}


def _broken_rule(field: dataclasses.Field, value: Any) -> str:
    """The rule of a single setting that its value breaks; empty if there is none."""
    rule = field.metadata
    if value is None:
        return ""
    if rule["required"] and not value:
        return rule["required"]
    if rule["path"] and not rule["address"] and is_address(value):
        return ADDRESS
    if rule["one_of"]:
        bad = [v for v in (value if type(value) is tuple else [value]) if v]
        if any(v not in rule["one_of"] for v in bad):
            return f"must be one of {', '.join(rule['one_of'])}"
    holds, words = _bounds(rule)
    return "" if holds(value) else f"must be {words}"


def _bounds(rule: Mapping[str, Any]) -> tuple[Callable[[Any], bool], str]:
    """Whether a value is within a setting's bounds, as a function, and in words."""
    low, high = rule["at_least"], rule["at_most"]
    above, below = rule["above"], rule["below"]

    def holds(value: Any) -> bool:
        return (
            (low is None or value >= low)
            and (high is None or value <= high)
            and (above is None or value > above)
            and (below is None or value < below)
            and (not rule["power_of_two"] or value & (value - 1) == 0)
        )

    words = []
    if above is not None:
        words.append(f"above {above}" + (" and" if high is not None else ""))
    if low is not None:
        bounded = high is not None or below is not None
        words.append(f"from {low} to" if bounded else f"at least {low}")
    if high is not None:
        words.append(f"{high}" if low is not None else f"at most {high}")
    if below is not None:
        words.append(f"below {below}")
    kind = "a power of two " if rule["power_of_two"] else ""
    return holds, kind + " ".join(words)


def parse(
    kinds: Sequence[type[Settings]],
    arguments: Sequence[str],
    given: Mapping[str, Any] | None = None,
) -> tuple[Any, ...]:
    """The settings that a command line gives, one instance of each class.

    Args:
        kinds: dataclasses of settings without a name in common.
        arguments: such as ["--flagfile=configs/mine.flags", "--jit"]; a later one wins.
        given: settings of the first class that win over the arguments.

    Raises:
        UserError: if a flag is unknown, or a value is not allowed.
    """
    from absl import flags

    values = flags.FlagValues()
    for kind in kinds:
        for field in dataclasses.fields(kind):
            _define(field, values)
    try:
        rest = values(["", *expanded(arguments)])[1:]
    except flags.UnrecognizedFlagError as error:
        if error.flagname in RENAMED:
            new = RENAMED[error.flagname]
            raise UserError(f"--{error.flagname} is now --{new}") from None
        raise UserError(f"{error} (--help lists the flags)") from None
    except flags.Error as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{reason} (--help lists the flags)") from None
    if rest:
        raise UserError(f"unexpected {rest[0]!r}: a flag is --name=value")
    found = [
        {f.name: values[f.name].value for f in dataclasses.fields(kind)}
        for kind in kinds
    ]
    found[0] |= given or {}
    return tuple(kind(**one) for kind, one in zip(kinds, found, strict=True))


def _define(field: dataclasses.Field, values: Any) -> None:
    from absl import flags

    define = {
        int: flags.DEFINE_integer,
        float: flags.DEFINE_float,
        bool: flags.DEFINE_bool,
        str: flags.DEFINE_string,
        tuple: flags.DEFINE_list,
    }[field.metadata["kind"]]
    if field.metadata["repeated"]:
        define = flags.DEFINE_multi_string
    default = list(field.default) if type(field.default) is tuple else field.default
    define(field.name, default, field.metadata["help"], flag_values=values)


def expanded(arguments: Sequence[str], inside: tuple[str, ...] = ()) -> list[str]:
    """Arguments with every `--flagfile=FILE` replaced by the lines of the file."""
    found: list[str] = []
    for argument in arguments:
        name, equals, value = argument.partition("=")
        if name not in ("--flagfile", "-flagfile"):
            found.append(argument)
        elif not equals:
            raise UserError("--flagfile: name the file, --flagfile=FILE")
        else:
            found += expanded(list(read_flagfile(value, inside)), (*inside, value))
    return found


def read_flagfile(path: str, inside: tuple[str, ...] = ()) -> Iterator[str]:
    """Yield the arguments in a flagfile: one `--name=value` a line.

    A line that begins with # or // is a comment, and so is what follows # after a
    space. Quotes around a value are removed. A byte order mark is skipped.

    Args:
        path: the file; see `resources.configuration`.
        inside: flagfiles that led here.

    Raises:
        UserError: if it can't be read, or a line is something else.
    """
    if path in inside:
        raise UserError(f"--flagfile={path}: leads back to itself")
    try:
        text = resources.configuration(path).read_text("utf-8-sig")
    except (OSError, ValueError) as error:
        raise UserError(f"--flagfile={path}: can't be read ({error})") from error
    for number, line in enumerate(text.splitlines(), start=1):
        line = line.strip()
        if not line or line.startswith(("#", "//")):
            continue
        found = LINE.fullmatch(line)
        if found is None:
            raise UserError(f"{path}, line {number}: `{line}` is not `--name=value`")
        name, value = found.groups()
        if value is None:
            yield f"--{name}"
        else:
            quoted = re.fullmatch(QUOTED, value)
            yield f"--{name}={value[1:-1] if quoted else value}"


WIDTH = 26  # of the column of flags in `usage`
LINE_WIDTH = 88


def usage(kinds: Sequence[type[Settings]]) -> str:
    """Every flag of a command in its group: name, default and help."""
    groups: dict[str, list[str]] = {"options": []}  # a command's own come first
    for field in (f for kind in kinds for f in dataclasses.fields(kind)):
        groups.setdefault(field.metadata["group"] or "options", []).append(_line(field))
    return "\n\n".join(
        "\n".join([f"{name}:", *lines]) for name, lines in groups.items() if lines
    )


def _line(field: dataclasses.Field) -> str:
    default = field.default
    if type(default) is bool:
        flag = f"  --{'no' if default else ''}{field.name}"
    elif default in ("", None, ()):
        flag = f"  --{field.name}="
    else:
        shown = ",".join(default) if type(default) is tuple else default
        flag = f"  --{field.name}={shown}"
    lines = textwrap.wrap(field.metadata["help"], LINE_WIDTH - WIDTH)
    if len(flag) >= WIDTH:
        lines.insert(0, "")
    first, *rest = lines
    return "\n".join(
        [f"{flag:{WIDTH}}{first}".rstrip(), *(" " * WIDTH + x for x in rest)]
    )
