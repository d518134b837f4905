"""The plan of the house: which module may import which, and who may read flags."""

import ast
import pathlib
from collections.abc import Iterator

import pytest

from tfstargan.__main__ import COMMANDS, FORMATS

ROOT = pathlib.Path(__file__).parents[1]
# A room imports rooms of lower floors, and itself. The modules of floor 1 may import
# each other, in this order.
BASE = "errors files progress resources settings config backend".split()
FLOORS = {
    **{f"tfstargan.{name}": 1 for name in BASE},
    "tfstargan.images": 2,
    "tfstargan.exported": 3,
    "tfstargan.networks": 3,
    "tfstargan.data": 3,
    "tfstargan.runs": 3,
    "tfstargan.video": 3,
    "tfstargan.translation": 4,
    "tfstargan.reference": 4,
    "tfstargan.metrics": 5,
    "tfstargan.faces": 5,
    "tfstargan.training": 6,
    "export.model": 6,
    "export.checks": 7,
    "export.litert": 8,
    "export.apps": 9,
    "tfstargan.cli": 10,
    **{f"tfstargan.{name}": 11 for name in COMMANDS},
    **{f"export.{name}": 11 for name in FORMATS},
}
COMMAND_FLOOR = 11
FACADES = ("tfstargan.__init__", "tfstargan.__main__", "export.__init__")
# What a command may import at its top: nothing of it needs TensorFlow.
LIGHT = {"cli", "config", "settings", "errors", "faces", "exported.variants"}
LIGHT |= {"translation.fit_options", "video.names"}


def modules() -> list[str]:
    files = [*ROOT.glob("tfstargan/**/*.py"), *ROOT.glob("export/**/*.py")]
    return [".".join(f.relative_to(ROOT).with_suffix("").parts) for f in sorted(files)]


def tree_of(module: str) -> ast.Module:
    return ast.parse((ROOT / module.replace(".", "/")).with_suffix(".py").read_text())


def imports(tree: ast.AST) -> Iterator[str]:
    """Yield the full names of what is imported, at any depth."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports are not ours"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def room_of(name: str) -> str:
    """The room, or the module beside the rooms, that a full name belongs to."""
    return ".".join(name.split(".")[:2])


def ours(tree: ast.AST) -> list[str]:
    found = [x for x in imports(tree) if x.split(".")[0] in ("tfstargan", "export")]
    return [name for name in found if room_of(name) in FLOORS]


RENAMED = ("tfstargan.translator", "tfstargan.data.check", "tfstargan.data.records")
INSIDE = [m for m in modules() if m not in (*FACADES, *RENAMED)]


def test_every_module_has_its_floor():
    assert [m for m in INSIDE if room_of(m) not in FLOORS] == []


def runs_up(room: str, other: str) -> bool:
    if FLOORS[room] == FLOORS[other] == 1:
        order = [f"tfstargan.{base}" for base in BASE]
        return order.index(other) > order.index(room)
    return other != room and FLOORS[other] >= FLOORS[room]


def test_no_import_runs_up():
    found = [
        f"{module} imports {name}"
        for module in INSIDE
        for name in ours(tree_of(module))
        if runs_up(room_of(module), room_of(name))
    ]
    assert found == []


def test_no_command_is_imported():
    found = [
        f"{module} imports {name}"
        for module in INSIDE
        for name in ours(tree_of(module))
        if FLOORS[room_of(name)] == COMMAND_FLOOR
    ]
    assert found == []


def test_flags_are_read_by_settings_alone():
    readers = {
        module
        for module in modules()
        for name in imports(tree_of(module))
        if name.split(".")[0] == "absl"
    }
    assert readers == {"tfstargan.settings"}


def test_keras_is_imported_behind_our_backend():
    rooms = {
        module.rpartition(".")[0]
        for module in modules()
        for name in imports(tree_of(module))
        if name.split(".")[0] in ("keras", "tensorflow")
        and module != "tfstargan.backend"
    }
    assert rooms
    for room in rooms:
        assert "tfstargan.backend" in imports(tree_of(f"{room}.__init__")), room


@pytest.mark.parametrize(
    "module",
    [*(f"tfstargan.{n}" for n in COMMANDS), *(f"export.{n}" for n in FORMATS)],
)
def test_a_command_is_short_and_light_and_says_how_it_is_used(module):
    tree = tree_of(module)
    text = (ROOT / module.replace(".", "/")).with_suffix(".py").read_text()
    assert len(text.splitlines()) < 100
    usage = module.replace(".", " ")
    if module.startswith("export"):
        usage = f"tfstargan {usage}"
    assert f"    {usage} --" in ast.get_docstring(tree)
    top = [n for n in tree.body if isinstance(n, ast.Import | ast.ImportFrom)]
    for name in ours(ast.Module(top, [])):
        assert any(name.startswith(f"tfstargan.{light}") for light in LIGHT), name


def test_layers_are_not_changed_from_outside():
    walkers = [
        module
        for module in modules()
        for node in ast.walk(tree_of(module))
        if isinstance(node, ast.Attribute) and node.attr == "_flatten_layers"
    ]
    assert walkers == []


@pytest.mark.parametrize(
    "file", sorted(ROOT.glob("benchmarks/*.py")), ids=lambda f: f.name
)
def test_benchmarks_take_their_flags_from_settings(file):
    text = file.read_text()
    assert "absl" not in text
    assert "cli.start(" in text or "argparse" in text or "__main__" not in text
