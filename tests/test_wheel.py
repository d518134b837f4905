"""The wheel: what is in it, and that it works where there is no checkout."""

import os
import pathlib
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile

import pytest
from PIL import Image

import tfstargan

pytestmark = pytest.mark.all

ROOT = pathlib.Path(__file__).parents[1]
SMALL = (
    "--iterations=2 --img_size=32 --channel_base=128 --channel_max=12 --hidden_dim=16 "
    "--style_dim=6 --latent_dim=5 --batch_size=4 --critters_per_domain=5 --nojit "
    "--sample_every=2"
).split()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> pathlib.Path:
    """A wheel made of a copy: a build leaves its files in the folder."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    left_out = shutil.ignore_patterns("__pycache__", "node_modules")
    for name in ("tfstargan", "export", "configs", "web_demo"):
        shutil.copytree(ROOT / name, source / name, ignore=left_out)
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    pip("wheel", "--no-deps", "--no-build-isolation", ".", "-w", folder, cwd=source)
    (made,) = folder.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """What runs a command in an empty folder, with the wheel alone installed.

    The dependencies are this environment's: its packages are on the path, but no .pth
    file among them is followed, such as that of an editable tfstargan.
    """
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder / "venv", with_pip=False)
    program = folder / "venv" / "bin"
    paths = {"base": str(folder / "venv"), "platbase": str(folder / "venv")}
    packages = pathlib.Path(sysconfig.get_path("purelib", "venv", paths))
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    options = ("--no-deps", "--no-index", "--ignore-installed")
    pip("install", *options, wheel, python=program / "python", cwd=folder)
    empty = folder / "empty"
    empty.mkdir()
    kept = {key: os.environ[key] for key in os.environ if key != "PYTHONPATH"}
    kept["XDG_CACHE_HOME"] = str(folder / "cache")

    def run(name: str, *arguments: str) -> str:
        return output(program / name, *arguments, cwd=empty, env=kept)

    run.folder, run.packages = empty, packages
    return run


@pytest.fixture(scope="module")
def trained(installed):
    """The same, with a run in the folder."""
    installed("tfstargan", "train", "--flagfile=configs/critters.flags", *SMALL)
    return installed


def output(*words: object, **options: object) -> str:
    result = subprocess.run(
        [str(word) for word in words], capture_output=True, text=True, **options
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def pip(*words: object, cwd: pathlib.Path, python: object = sys.executable) -> None:
    output(python, "-m", "pip", *words, cwd=cwd)


def test_it_holds_the_code_the_configurations_and_the_page(wheel):
    places = {"configs": "tfstargan/configs", "web_demo": "tfstargan/web_demo"}
    patterns = (
        "tfstargan/**/*.py export/**/*.py tfstargan/py.typed configs/*.flags "
        "tfstargan/metrics/lpips_alex.npz tfstargan/metrics/lpips_alex.LICENSE.txt "
        "tfstargan/presets/**/*.* "
        "web_demo/index.html web_demo/style.css web_demo/icon.svg web_demo/*.js "
        "web_demo/js/*.js web_demo/package.json web_demo/package-lock.json "
        "web_demo/.npmrc"
    ).split()
    expected = set()
    for pattern in patterns:
        found = [file.relative_to(ROOT).as_posix() for file in ROOT.glob(pattern)]
        assert found, pattern
        for name in found:
            top, _, rest = name.partition("/")
            expected.add(f"{places.get(top, top)}/{rest}")
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {name for name in names if ".dist-info/" not in name} == expected


def test_it_is_this_version_and_not_the_checkout_that_runs(installed):
    assert installed("tfstargan", "--version").split()[-1] == tfstargan.__version__
    code = "import export, tfstargan; print(export.__file__, tfstargan.__file__)"
    for file in installed("python", "-c", code).split():
        assert pathlib.Path(file).is_relative_to(installed.packages)


def test_a_named_configuration_trains_and_translates(trained):
    run = trained.folder / "runs" / "critters"
    assert (run / "checkpoints" / "iteration-0000002.weights.h5").is_file()
    trained("tfstargan", "draw", "--out=animals", "--img_size=32", "--per_domain=5")
    cat = "--source=animals/val/cat/0000.png"
    trained("tfstargan", "translate", cat, "--domain=bear", "--seed=3")
    (made,) = (run / "translations").iterdir()
    with Image.open(made) as image:
        assert image.size == (32, 32)


def test_a_run_is_exported(trained):
    trained("tfstargan", "export", "tflite", "--noreport")
    folder = trained.folder / "runs" / "critters" / "export" / "float32"
    assert sorted(p.name for p in folder.iterdir()) == [
        "stargan.json",
        "stargan.tflite",
    ]
    code = (
        "from tfstargan.exported import runtime; import sys; "
        f"print(sorted(runtime.load({str(folder)!r})), 'tensorflow' in sys.modules)"
    )
    expected = "['encode_style', 'map_latent', 'translate'] False\n"
    assert trained("python", "-c", code) == expected


@pytest.mark.skipif(not shutil.which("npm"), reason="npm is not installed")
def test_a_page_is_made_with_npm_s_packages_in_the_cache(trained):
    trained("tfstargan", "export", "web", "--out=site", "--examples=1")
    for name in ("index.html", "js/app.js", "vendor/litert.js", "model/stargan.json"):
        assert (trained.folder / "site" / name).is_file()
    web = trained.folder.parent / "cache" / "tfstargan" / "web"
    assert (web / "node_modules" / "@litertjs" / "core").is_dir()
    assert not list(trained.packages.rglob("node_modules"))
