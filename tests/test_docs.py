"""README and docs: links lead somewhere, code runs, captions name commands.

The code blocks of a page are run in order, in a folder of its own, with small settings.
The folder has the configurations with smaller sizes, a few drawn animals in place of
photographs, and a run of two iterations. A comment before a block that can't be run
says why:

    <!-- not run: needs a GPU -->

`python -m pytest -s -k not_run tests/test_docs.py` lists those.
"""

import importlib.util
import json
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest
from commands import ROOT, command, process
from conftest import train_eagerly

from tfstargan.config import Config
from tfstargan.data.drawing import draw_set
from tfstargan.metrics import probe
from tfstargan.training import loop

pytestmark = pytest.mark.all

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
OTHERS = [
    "benchmarks/README.md",
    "web_demo/README.md",
    "android_demo/README.md",
    "tests/vectors/README.md",
    "tests/compatibility/0.1.0/README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "docs/tour.ipynb",
]
LINKED = [*PAGES, *(ROOT / name for name in OTHERS)]
INDENTED = ("web_demo", "android_demo", "vectors")  # pages with indented code
FENCED = [p for p in LINKED if p.suffix == ".md" and p.parent.name not in INDENTED]
LINK = re.compile(r"\]\(([^)\s]+)\)")
IMAGE = re.compile(r"!\[[^\]]*\]\(([^)\s]+)\)")
CAPTION = re.compile(r"\*[^*]*`(?:make|tfstargan|python) [^`]+`[^*]*\*", re.DOTALL)
NOT_RUN = re.compile(r"<!-- not run: (.+) -->")
NOT_CODE = ("text",)
LONGEST_README = 180

SMALL = """
--iterations=2
--ds_iterations=10
--img_size=32
--channel_base=128
--channel_max=12
--hidden_dim=16
--style_dim=6
--batch_size=4
--critters_per_domain=5
--sample_every=2
--save_every=2
--nojit
"""
SMALLER = {  # flags appended to a command
    "distill": ["--iterations=1"],
    "draw": ["--img_size=32"],
    "export tflite": ["--force"],  # untrained networks are below the floors
}
NEEDS = {"translate_corpus": "apache_beam", "export onnx": "tf2onnx"}
OWN_PROCESS = ("translate_corpus",)  # Beam starts threads that outlive it


class Skipped(UserWarning):
    """A command that was not run; pytest lists it at the end."""


class Block(NamedTuple):
    """A fenced code block. `reason` says why it is not run; empty if it is."""

    page: pathlib.Path
    line: int
    language: str
    code: str
    reason: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks_of(page: pathlib.Path) -> Iterator[Block]:
    lines = page.read_text("utf-8").splitlines()
    fences = [i for i, line in enumerate(lines) if line.startswith("```")]
    for first, last in zip(fences[::2], fences[1::2], strict=True):
        mark = NOT_RUN.fullmatch(lines[first - 1])
        language = lines[first].removeprefix("```")
        code = "\n".join(lines[first + 1 : last])
        yield Block(page, first + 1, language, code, mark[1] if mark else "")


BLOCKS = [block for page in PAGES for block in blocks_of(page)]
RUN = [block for block in BLOCKS if not block.reason and block.language not in NOT_CODE]


def prose_of(page: pathlib.Path) -> str:
    """The text of a page or notebook without its code."""
    if page.suffix == ".ipynb":
        cells = json.loads(page.read_text("utf-8"))["cells"]
        texts = [cell["source"] for cell in cells if cell["cell_type"] == "markdown"]
        return "\n\n".join("".join(text) for text in texts)
    return re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.M | re.S)


def anchors_of(page: pathlib.Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", prose_of(page), re.M)
    plain = [re.sub(r"[^\w\s-]", "", title).strip().lower() for title in titles]
    return {re.sub(r"\s", "-", title) for title in plain}


def test_the_readme_is_short():
    lines = (ROOT / "README.md").read_text("utf-8").splitlines()
    assert len(lines) <= LONGEST_README


@pytest.mark.parametrize("page", LINKED, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_link_leads_somewhere(page):
    bad = []
    for target in LINK.findall(prose_of(page)):
        path, _, anchor = target.partition("#")
        if re.match(r"[a-z]+:", path):
            continue
        file = (page.parent / path).resolve() if path else page
        if not file.exists() or (anchor and anchor not in anchors_of(file)):
            bad.append(target)
    assert bad == []


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_figure_names_the_command_that_made_it(page):
    text = prose_of(page)
    for image in IMAGE.finditer(text):
        assert CAPTION.match(text[image.end() :].lstrip()), image[1]


@pytest.mark.parametrize("page", FENCED, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_code_block_is_fenced_and_names_its_language(page):
    assert [str(block) for block in blocks_of(page) if not block.language] == []
    assert re.findall(r"\n\n    \S.*", prose_of(page)) == []


def test_every_page_is_in_the_navigation():
    listed = re.findall(r": ([\w-]+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.M)
    assert {page.name for page in PAGES[1:]} <= set(listed)


def test_what_is_not_run_says_why(capsys):
    skipped = [block for block in BLOCKS if block.reason]
    with capsys.disabled():
        print(f"\n{len(RUN)} blocks are run, {len(skipped)} are not:")
        for block in skipped:
            print(f"  {block}: {block.reason}")
    assert all(len(block.reason) > 3 for block in skipped)


def make_example(folder: pathlib.Path) -> None:
    """Make the folder in which the code of the pages runs."""
    folder.mkdir()
    for file in (ROOT / "configs").glob("*.flags"):
        text = file.read_text("utf-8") + SMALL
        (folder / "configs").mkdir(exist_ok=True)
        (folder / "configs" / file.name).write_text(text)
    for name in ("benchmarks", "tests"):
        (folder / name).symlink_to(ROOT / name)
    draw_set(folder / "data" / "critters", 10, 32)
    for split in ("train", "val"):
        animals = folder / "data" / "critters" / split
        for species, name in (("cat", "apples"), ("bear", "pears")):
            shutil.copytree(animals / species, folder / "data" / "mine" / split / name)
    shutil.copytree(folder / "data" / "critters" / "val" / "cat", folder / "photos")
    with pytest.MonkeyPatch.context() as patch:
        train_eagerly(patch)
        config = Config.from_flagfile(folder / "configs" / "critters.flags")
        loop.train_run(config, folder / "runs" / "critters")
    shutil.copytree(folder / "runs" / "critters", folder / "runs" / "critters64")


@pytest.fixture
def example(
    once: Callable[..., pathlib.Path],
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    eager: None,
    small_grids: None,
) -> pathlib.Path:
    """A copy of that folder; the probe is untrained."""
    made = once("example", make_example)
    folder = shutil.copytree(made, tmp_path / "example", symlinks=True)
    untrained = probe.Probe(probe.make_network(32))
    monkeypatch.setattr(probe, "of_run", lambda config, quick=False: untrained)
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.filterwarnings("default::test_docs.Skipped")
@pytest.mark.parametrize(
    "page",
    sorted({block.page for block in RUN}),
    ids=lambda page: str(page.relative_to(ROOT)),
)
def test_the_code_of_a_page_runs(page, example):
    for block in (block for block in RUN if block.page == page):
        if block.language == "python":
            code = compile(block.code, str(block), "exec")
            exec(code, {"__name__": "__main__"})
        else:
            assert block.language == "bash", f"{block}: run it, or say why not"
            for line in commands_of(block.code):
                run_line(line, block, example)


def commands_of(code: str) -> list[list[str]]:
    """The words of each command; no comments, no shell syntax."""
    lines = code.replace("\\\n", " ").splitlines()
    return [words for line in lines if (words := shlex.split(line, comments=True))]


def run_line(words: list[str], block: Block, folder: pathlib.Path) -> None:
    if words[0] == "python":
        done = subprocess.run(
            [sys.executable, *words[1:]],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{block}: {words}\n{done.stdout}{done.stderr}"
        return
    assert words[0] == "tfstargan", f"{block}: {words[0]}: run it, or say why not"
    name = " ".join(words[1:3]) if words[1] == "export" else words[1]
    flags = [*words[1 + len(name.split()) :], *SMALLER.get(name, [])]
    if name in NEEDS and importlib.util.find_spec(NEEDS[name]) is None:
        warnings.warn(
            f"{block}: {name} not run: no {NEEDS[name]}", Skipped, stacklevel=1
        )
        return
    if name == "draw":  # into a new folder only
        for flag in flags:
            if flag.startswith("--out="):
                shutil.rmtree(folder / flag.removeprefix("--out="), ignore_errors=True)
    module = name.replace(" ", ".") if " " in name else f"tfstargan.{name}"
    start = process if name in OWN_PROCESS else command
    done = start(module, *flags, cwd=folder)
    assert done.returncode == 0, f"{block}: {words}\n{done.stdout}{done.stderr}"
