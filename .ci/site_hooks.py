"""Pages outside docs/, the notebook, links that leave the site, the table of settings.

The READMEs of some folders are pages of the site, and so is the notebook. A link to one
of them becomes a link to its page. A link to any other file of the repository becomes a
link to `repo_url`, or its text alone if none is configured. A link to a file that does
not exist stays, and fails the strict build.
"""

import ast
import json
import os
import pathlib
import posixpath
import re

from mkdocs.structure.files import File

ROOT = pathlib.Path(__file__).parents[1]
PAGES = {  # in the repository: in the site
    "docs/tour.ipynb": "tour.md",
    "benchmarks/README.md": "benchmarks.md",
    "web_demo/README.md": "web_demo.md",
    "android_demo/README.md": "android_demo.md",
    "tests/vectors/README.md": "tests-vectors.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
}
SETTINGS = "<!-- settings of tfstargan/config.py -->"
LINK = re.compile(r"(?<!!)\[([^\]]*)\]\(([^)\s]+)\)")


def on_files(files, config):
    """Add the pages that are not Markdown files in docs/."""
    for name, page in PAGES.items():
        if (ROOT / name).exists() and not files.get_file_from_path(page):
            text = (ROOT / name).read_text("utf-8")
            if name.endswith(".ipynb"):
                text = notebook_markdown(text)
            files.append(File.generated(config, page, content=text))
    return files


def on_page_markdown(markdown, page, config, files):
    """Rewrite the links of a page to pages of the site, or to the repository."""
    own = f"docs/{page.file.src_uri}"
    if page.file.generated_by:
        own = next(name for name in PAGES if PAGES[name] == page.file.src_uri)

    def replaced(match):
        text, target = match.groups()
        path, hash_, anchor = target.partition("#")
        if not path or re.match(r"[a-z]+:", path):
            return match[0]
        name = posixpath.normpath(posixpath.join(posixpath.dirname(own), path))
        if name in PAGES:
            return f"[{text}]({PAGES[name]}{hash_}{anchor})"
        if name.startswith("docs/"):
            return f"[{text}]({os.path.relpath(name, 'docs')}{hash_}{anchor})"
        if not (ROOT / name).exists():
            return match[0]
        if not config.repo_url:
            return text
        return f"[{text}]({config.repo_url.rstrip('/')}/blob/main/{name})"

    return LINK.sub(replaced, markdown).replace(SETTINGS, settings_table())


def notebook_markdown(text):
    """A notebook as Markdown, with the outputs that are stored in it."""
    parts = []
    for cell in json.loads(text)["cells"]:
        source = "".join(cell["source"])
        code = cell["cell_type"] == "code"
        parts.append(f"```python\n{source}\n```" if code else source)
        parts += [output_markdown(output) for output in cell.get("outputs", [])]
    return "\n\n".join(parts)


def output_markdown(output):
    """An image or a text that a cell of a notebook returned or printed."""
    data = output.get("data", {"text/plain": output.get("text", "")})
    for kind in ("image/jpeg", "image/png"):
        if kind in data:
            encoded = "".join(data[kind]).strip()
            return f"![Output of the cell](data:{kind};base64,{encoded})"
    return f"```text\n{''.join(data['text/plain']).rstrip()}\n```"


def settings_table():
    """The settings of `Config` with default and help, as a Markdown table."""
    tree = ast.parse((ROOT / "tfstargan" / "config.py").read_text("utf-8"))
    (config,) = (n for n in tree.body if getattr(n, "name", None) == "Config")
    lines = ["| setting | default | meaning |", "|---|---|---|"]
    for node in config.body:
        if isinstance(node, ast.AnnAssign):
            default, meaning = node.value.args
            cells = f"`{node.target.id}`", f"`{ast.unparse(default)}`"
            lines.append(f"| {' | '.join(cells)} | {ast.literal_eval(meaning)} |")
    return "\n".join(lines)
