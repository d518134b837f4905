"""The site that translates images in the browser.

It consists of the page of web_demo/, LiteRT.js from the npm package pinned there, the
run's model, and a few images of the run's data as examples.
"""

import dataclasses
import json
import pathlib
import re
import shutil
import subprocess

from export.apps.assets import split
from export.litert.exporting import exported
from tfstargan import images, resources
from tfstargan.config import Config
from tfstargan.data.stream import open_images
from tfstargan.errors import UserError
from tfstargan.exported.contract import Contract
from tfstargan.files import atomic_folder, cache_dir
from tfstargan.runs.run import Run

PAGE_FILES = ("index.html", "style.css", "icon.svg", "sw.js", "js")
PACKAGE_FILES = ("package.json", "package-lock.json", ".npmrc")  # read by npm

# The files of LiteRT.js with threads, without them, and without relaxed SIMD. A browser
# loads one pair of them.
WASM_FILES = [
    f"litert_wasm_{kind}internal.{suffix}"
    for kind in ("threaded_", "", "compat_")
    for suffix in ("js", "wasm")
]

SOURCES = 6  # example images to translate, over all domains
SMALLEST_EXAMPLE = 128  # pixels: animals drawn for a small model are drawn larger


def write_site(
    run: Run,
    out: pathlib.Path,
    references: int,
    variant: str = "float32",
    checkpoint: int | str | None = None,
) -> None:
    """Write the site atomically; an existing one is replaced.

    Args:
        run: the run whose model and images it has.
        out: the folder of the site.
        references: example images of each domain to take a style from; 0: the site has
            no example images.
        variant: of the exported model; see `tfstargan.exported.variants`.
        checkpoint: its iteration, or "best"; by default the newest.

    Raises:
        UserError: if `out` is something else, the model can't be exported, or LiteRT.js
            can't be downloaded.
    """
    if out.exists() and not (out / "site.json").is_file():
        raise UserError(
            f"--out={out}: exists already and is not a site of this command"
        )
    litert = find_litert()
    model = exported(run, variant, checkpoint)
    try:
        with atomic_folder(out) as folder:
            for name in PAGE_FILES:
                copy(resources.page_dir() / name, folder / name)
            copy_litert(litert, folder / "vendor")
            # The generator has a file of its own, which WebGPU can run as a whole.
            split(model, Contract.load(model), folder / "model")
            site = {
                "model": "model/",
                "trained_on": trained_on(run.config),
                "sources": [],
                "references": {},
            }
            if references:
                site |= write_examples(run.config, folder, references)
            (folder / "site.json").write_text(json.dumps(site, indent=1) + "\n")
    except OSError as error:
        raise UserError(f"--out={out}: can't be written ({error})") from error


def copy(source: pathlib.Path, target: pathlib.Path) -> None:
    """Copy a file or a folder."""
    if source.is_dir():
        shutil.copytree(source, target)
    else:
        shutil.copyfile(source, target)


def find_litert() -> pathlib.Path:
    """The folder of LiteRT.js' npm packages, in the pinned versions.

    Raises:
        UserError: if they are missing and npm can't download them.
    """
    packages = npm_dir() / "node_modules" / "@litertjs"
    lock = (resources.page_dir() / "package-lock.json").read_text("utf-8")
    pinned = json.loads(lock)["packages"]
    for name in ("core", "wasm-utils"):
        manifest = packages / name / "package.json"
        wanted = pinned[f"node_modules/@litertjs/{name}"]["version"]
        if (
            not manifest.is_file()
            or json.loads(manifest.read_text("utf-8"))["version"] != wanted
        ):
            fetch_litert()
            break
    return packages


def npm_dir() -> pathlib.Path:
    """The folder that npm installs into: the page's in a checkout, else the cache.

    The user may not be allowed to write into an installed package.
    """
    return cache_dir() / "web" if resources.installed() else resources.page_dir()


def fetch_litert() -> None:
    """Let npm install what web_demo/package-lock.json pins; npm checks the hashes."""
    folder = npm_dir()
    npm = shutil.which("npm")
    if npm is None:
        raise UserError(
            f"npm is needed once, to download LiteRT.js into {folder}/node_modules: "
            "install Node.js, or copy that folder from another machine"
        )
    if folder != resources.page_dir():
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for name in PACKAGE_FILES:
                copy(resources.page_dir() / name, folder / name)
        except OSError as error:
            raise UserError(f"{folder}: can't be written ({error})") from error
    result = subprocess.run([npm, "ci"], cwd=folder, capture_output=True, text=True)
    if result.returncode:
        reason = (result.stderr.strip() or "no reason given").splitlines()[0]
        raise UserError(f"`npm ci` in {folder} failed ({reason})")


def copy_litert(packages: pathlib.Path, vendor: pathlib.Path) -> None:
    """Copy LiteRT.js, and replace its import by name with one by path.

    An import map of the page would not apply to the worker that runs the model.
    """
    (vendor / "wasm").mkdir(parents=True)
    core = (packages / "core" / "dist" / "index.js").read_text("utf-8")
    core, count = re.subn(
        r'from "@litertjs/wasm-utils"', 'from "./wasm-utils.js"', core
    )
    if count != 1:
        raise UserError(
            f"{packages}: not the version of LiteRT.js that web_demo/ needs"
        )
    (vendor / "litert.js").write_text(core, "utf-8")
    copy(packages / "wasm-utils" / "dist" / "index.js", vendor / "wasm-utils.js")
    for name in WASM_FILES:
        copy(packages / "core" / "wasm" / name, vendor / "wasm" / name)


def trained_on(config: Config) -> str:
    """The images that a model was trained on, in words for the page."""
    names = ", ".join(config.domains)
    if config.dataset == "critters":
        return f"drawings of animals ({names})"
    return f"images of {len(config.domains)} domains ({names})"


def write_examples(config: Config, site: pathlib.Path, references: int) -> dict:
    """Write example images of a run's validation data; return them for site.json.

    If the data is not available (a run copied to another machine), there are none.
    """
    side = max(config.img_size, SMALLEST_EXAMPLE)
    try:  # the size at which animals are drawn; photographs keep their own
        reading = dataclasses.replace(config, img_size=side, skip_broken=True)
        image_set = open_images(reading, "val")
    except UserError as error:
        print(f"{error}\nThe page has no example images.")
        return {}
    suffix = "png" if config.dataset == "critters" else "jpg"
    (site / "examples").mkdir()

    def write(label: int, index: int) -> dict[str, str]:
        domain = config.domains[label]
        url = f"examples/{label}-{index:02}.{suffix}"  # not every name is a URL
        image = images.square(image_set.image(label, index), side)
        image.save(site / url, quality=92)
        return {"url": url, "name": f"{domain} {index + 1}", "domain": domain}

    each = -(-SOURCES // len(config.domains))
    written: dict[str, list] = {}
    for label, domain in enumerate(config.domains):
        count = min(each + references, image_set.count(label))
        written[domain] = [write(label, index) for index in range(count)]
    rounds = zip(*(row[:each] for row in written.values()), strict=False)
    sources = [image for row in rounds for image in row][:SOURCES]
    rest = {domain: row[each:] or row for domain, row in written.items()}
    return {"sources": sources, "references": rest}
