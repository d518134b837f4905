"""Pages outside docs/, links that leave the site, and the table of settings.

The READMEs of some folders are pages, too. A link to one of them becomes a link to its
page; a link to any other file of the repository becomes a link to `repo_url`, or where
none is configured its text. A link to a file that does not exist stays, and fails the
strict build.
"""

import ast
import os
import pathlib
import posixpath
import re

from mkdocs.structure.files import File

ROOT = pathlib.Path(__file__).parents[1]
PAGES = {  # in the repository: in the site
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
    """Add the pages that lie outside docs/."""
    for name, page in PAGES.items():
        if (ROOT / name).exists() and not files.get_file_from_path(page):
            text = (ROOT / name).read_text("utf-8")
            files.append(File.generated(config, page, content=text))
    return files


def on_page_markdown(markdown, page, config, files):
    """Let the links of a page lead to pages of the site, or to the repository."""
    own = f"docs/{page.file.src_uri}"
    if page.file.generated_by:
        own = next(name for name in PAGES if PAGES[name] == page.file.src_uri)

    def replaced(match):
        text, target = match.groups()
        path, hash_, anchor = target.partition("#")
        if not path or re.match(r"[a-z]+:", path):
            return match[0]
        name = posixpath.normpath(posixpath.join(posixpath.dirname(own), path))
        if name.startswith("docs/"):
            return f"[{text}]({os.path.relpath(name, 'docs')}{hash_}{anchor})"
        if name in PAGES:
            return f"[{text}]({PAGES[name]}{hash_}{anchor})"
        if not (ROOT / name).exists():
            return match[0]
        if not config.repo_url:
            return text
        return f"[{text}]({config.repo_url.rstrip('/')}/blob/main/{name})"

    return LINK.sub(replaced, markdown).replace(SETTINGS, settings_table())


def settings_table():
    """Return the settings of `Config` with default and help, as Markdown."""
    tree = ast.parse((ROOT / "tfstargan" / "config.py").read_text("utf-8"))
    (config,) = (n for n in tree.body if getattr(n, "name", None) == "Config")
    lines = ["| setting | default | meaning |", "|---|---|---|"]
    for node in config.body:
        if isinstance(node, ast.AnnAssign):
            default, meaning = node.value.args
            cells = f"`{node.target.id}`", f"`{ast.unparse(default)}`"
            lines.append(f"| {' | '.join(cells)} | {ast.literal_eval(meaning)} |")
    return "\n".join(lines)
