"""What the pages quote exists: commands with their flags, and messages."""

import ast
import pathlib
import re
import runpy
import shlex
from collections.abc import Iterator

import pytest
from commands import ROOT, forgotten

from tfstargan import cli
from tfstargan.__main__ import COMMANDS, FORMATS
from tfstargan.errors import UserError
from tfstargan.settings import Settings, parse

PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "configs").glob("*.flags")),
    *sorted(ROOT.glob("*/README.md")),
    *sorted(ROOT.glob("tests/*/README.md")),
]
SCRIPTS = [
    path.stem
    for path in sorted((ROOT / "benchmarks").glob("*.py"))
    if "cli.start(" in path.read_text("utf-8")
]
START = re.compile(
    r"\b(?:tfstargan (?!export [A-Z])(?:export )?[a-z_]+\b|python benchmarks/\w+\.py)"
)
PLACEHOLDER = re.compile(r"\b(?:[NMX]|NAME|\d+)\b|…|\.\.\.")  # in a quoted message


def commands_of(text: str) -> Iterator[str]:
    """Every command of a page, on a line of its own or within a sentence."""
    text = re.sub(r"\\\n[#\s]*", "", text)
    fences = re.findall(r"^```(?:bash|yaml)\n(.*?)^```", text, re.M | re.S)
    prose = re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)
    inline = [" ".join(code.split()) for code in re.findall(r"`([^`]+)`", prose)]
    indented = re.findall(r"^(?:#  |    ) *(\S.*)$", prose, re.M)
    for line in ["\n".join(fences), *inline, *indented]:
        for one in line.splitlines():
            if found := START.search(one):
                yield one[found.start() :].split(" #")[0].strip("'")


COMMANDS_OF = {page: [*commands_of(page.read_text("utf-8"))] for page in PAGES}


@pytest.fixture(scope="module")
def flags_of() -> dict[str, tuple[type[Settings], ...]]:
    """{command: the classes of its flags}, of every command and benchmark."""
    found = {}

    def started(main, *kinds, about, tensorflow=True):
        found[name] = kinds

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cli, "start", started)
        modules = {name: f"tfstargan.{name}" for name in COMMANDS}
        modules |= {name: f"export.{name}" for name in FORMATS}
        for name, module in modules.items():  # noqa: B007 - for `started`
            with forgotten(module):
                runpy.run_module(module, run_name="__main__")
        for name in SCRIPTS:
            runpy.run_path(str(ROOT / f"benchmarks/{name}.py"), run_name="__main__")
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_of_a_page_exists_with_its_flags(page, flags_of, monkeypatch):
    monkeypatch.chdir(ROOT)  # the flagfiles
    bad = []
    for line in COMMANDS_OF[page]:
        words = shlex.split(line)
        name = pathlib.Path(words[1]).stem if words[0] == "python" else words[1]
        flags = [word for word in words[2:] if word != "--help"]
        if name == "export" and words[0] == "tfstargan":
            name, *flags = flags
        try:
            kinds = flags_of[name]
            if flags:
                parse(kinds, flags)
        except (KeyError, UserError) as error:
            bad.append(f"{line}: {error}")
    assert bad == []


def texts_of(source: pathlib.Path) -> Iterator[str]:
    """Every string of a module; a formatted value is a null character."""
    for node in ast.walk(ast.parse(source.read_text("utf-8"))):
        if isinstance(node, ast.JoinedStr):
            parts = (getattr(part, "value", None) for part in node.values)
            yield "".join(p if isinstance(p, str) else "\0" for p in parts)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def test_every_message_in_the_table_of_troubles_is_one():
    sources = [
        p for room in ("tfstargan", "export") for p in (ROOT / room).rglob("*.py")
    ]
    texts = "\n".join(text for source in sources for text in texts_of(source))
    scripts = (ROOT / "web_demo" / "js").glob("*.js")
    texts += "\n".join(script.read_text("utf-8") for script in scripts)
    page = (ROOT / "docs" / "troubleshooting.md").read_text("utf-8")
    quoted = re.findall(r"^\| `([^`]+)` \|", page, re.M)
    bad = []
    for message in quoted:
        parts = PLACEHOLDER.split(message.removeprefix("--"))
        if not re.search(".*".join(map(re.escape, parts)), texts):
            bad.append(message)
    assert quoted
    assert bad == []
