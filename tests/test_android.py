"""The Android app, as far as it can be tested without Android.

The reason of a skipped test names the missing tool (`pytest -rs`).
"""

import base64
import json
import os
import pathlib
import re
import shutil
import struct
import subprocess
import tomllib
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from android import frames, signatures, toolchain
from android.toolchain import APP, DEMO, PACKAGE
from PIL import Image
from write_vectors import image

from export.apps.assets import write_assets
from export.litert import exporting
from tfstargan import images
from tfstargan.errors import UserError
from tfstargan.exported import runtime
from tfstargan.exported.contract import Contract
from tfstargan.exported.latents import seeded_latent
from tfstargan.exported.runtime import Endpoints
from tfstargan.runs.run import open_run
from tfstargan.translation.translator import Translator

ANDROID = "{http://schemas.android.com/apk/res/android}"


def needs(*tools: str) -> pytest.MarkDecorator:
    reason = toolchain.absent(*tools)
    return pytest.mark.skipif(bool(reason), reason=reason)


def needs_file(variable: str, what: str) -> pytest.MarkDecorator:
    there = pathlib.Path(os.environ.get(variable, "/nowhere")).exists()
    return pytest.mark.skipif(not there, reason=f"${variable} does not name {what}")


@pytest.fixture(scope="module")
def apk(tmp_path_factory) -> pathlib.Path:
    return toolchain.link_resources(tmp_path_factory.mktemp("resources") / "linked")


@pytest.fixture(scope="module")
def classes(apk, tmp_path_factory) -> pathlib.Path:
    """The app, compiled against the signatures of Android 10 and of LiteRT."""
    folder = tmp_path_factory.mktemp("app")
    android = toolchain.api_stubs(signatures.EXCERPT.read_text(), folder / "android")
    out = folder / "classes"
    said = toolchain.compile_app(
        [toolchain.LITERT_STUB], [android, apk.with_name("r")], out
    )
    assert said == ""  # no warning either
    return out


@pytest.fixture(scope="module")
def pure(tmp_path_factory) -> pathlib.Path:
    """The app's pure part and its tests, compiled without anything of Android's."""
    return toolchain.compile_pure(tmp_path_factory.mktemp("pure"))


@pytest.mark.slow
@needs("JDK", "Kotlin", "JUnit")
@pytest.mark.process
def test_the_pure_part_passes_its_unit_tests_and_the_vectors(pure):
    said = toolchain.unit_tests(pure)
    count = re.search(r"^OK \((\d+) tests\)$", said, re.MULTILINE)
    written = sum(
        file.read_text().count("@Test\n")
        for file in toolchain.kotlin_files(toolchain.UNIT_TESTS)
    )
    assert count is not None, said
    assert int(count[1]) == written


def test_the_pure_part_does_not_use_android():
    for file in toolchain.kotlin_files(toolchain.PURE):
        assert not re.search(r"\b(android\.|com\.google)", file.read_text()), file


@pytest.mark.slow
@needs("JDK", "Kotlin", "aapt2", "Android's resources")
@pytest.mark.process
def test_manifest_and_layouts_name_classes_of_the_compiled_app(classes):
    named = {
        element.get(f"{ANDROID}name")
        for element in ET.parse(APP / "AndroidManifest.xml").iter()
        if element.tag in ("activity", "provider")
    }
    for layout in APP.glob("res/layout*/*.xml"):
        named |= {e.tag for e in ET.parse(layout).iter() if "." in e.tag}
    assert len(named) == 3
    for name in named:
        full = PACKAGE + name if name.startswith(".") else name
        assert (classes / f"{full.replace('.', '/')}.class").is_file(), name


@needs("aapt2", "Android's resources", "JDK")
@pytest.mark.process
def test_resources_and_manifest_link(apk):
    badging = toolchain.run("aapt2", "dump", "badging", apk)
    assert f"package: name='{PACKAGE}'" in badging
    assert f"launchable-activity: name='{PACKAGE}.MainActivity'" in badging
    # As android_demo/README.md promises; and phones without a camera can have the app.
    permissions = re.findall("uses-permission: name='(.*?)'", badging)
    assert permissions == ["android.permission.CAMERA"]
    assert set(re.findall(r"uses-(?:implied-)?feature: name='(.*?)'", badging)) <= {
        "android.hardware.faketouch"
    }


def test_the_colors_of_a_frame_are_those_of_jpeg():
    levels = np.arange(0, 256, 17, np.uint8)
    y, u, v = (c.reshape(1, -1).repeat(2, 1) for c in np.meshgrid(*[levels] * 3))
    found = frames.to_rgb(y, u[:, ::2], v[:, ::2])
    expected = Image.fromarray(np.stack([y, u, v], -1), "YCbCr").convert("RGB")
    assert np.abs(found.astype(int) - np.asarray(expected)).max() <= 1


@pytest.mark.parametrize(
    ("sensor", "display", "front", "rows"),
    [
        (0, 0, False, "ABC DEF"),
        (90, 0, False, "DA EB FC"),  # the back camera of a phone held upright
        (90, 90, False, "ABC DEF"),  # sideways
        (90, 270, False, "FED CBA"),
        (270, 0, True, "FC EB DA"),  # the front camera: in a mirror
        (270, 90, True, "CBA FED"),
    ],
)
def test_a_frame_is_turned_upright(sensor, display, front, rows):
    stored = np.frombuffer(b"ABCDEF", np.uint8).reshape(2, 3)
    found = frames.turned(stored, sensor, display, front)
    assert " ".join(bytes(row).decode() for row in found) == rows


def test_every_resource_is_used():
    texts = [
        file.read_text()
        for folder, suffix in ((APP / "res", "xml"), (APP / "kotlin", "kt"))
        for file in folder.rglob(f"*.{suffix}")
    ]
    text = (APP / "AndroidManifest.xml").read_text() + "".join(texts)
    for file in APP.glob("res/values/*.xml"):
        for element in ET.parse(file).getroot():
            kind, name = element.tag, element.get("name")
            uses = rf"@{kind}/{name}\b|R\.{kind}\.{name}\b|parent=\"{name}\""
            assert re.search(uses, text), f"{kind} {name} of {file.name}"


def test_the_version_catalogue_lists_exactly_what_the_build_uses():
    catalogue = tomllib.loads((DEMO / "gradle" / "libs.versions.toml").read_text())
    builds = "".join(f.read_text() for f in DEMO.rglob("*.gradle.kts"))
    used = set(re.findall(r"\blibs\.([\w.]+)", builds))
    plugins = {f"plugins.{name}" for name in catalogue["plugins"]}
    named = {name.replace("-", ".") for name in (*catalogue["libraries"], *plugins)}
    assert used == named
    entries = [*catalogue["libraries"].values(), *catalogue["plugins"].values()]
    assert {entry["version"]["ref"] for entry in entries} == set(catalogue["versions"])
    for version in catalogue["versions"].values():
        assert re.fullmatch(r"\d+\.\d+\.\d+", version), version


def test_the_wrapper_has_the_gradle_that_the_plugin_needs():
    wrapper = DEMO / "gradle" / "wrapper" / "gradle-wrapper.properties"
    gradle = re.search(r"gradle-([\d.]+)-bin\.zip", wrapper.read_text())
    catalogue = tomllib.loads((DEMO / "gradle" / "libs.versions.toml").read_text())
    assert catalogue["versions"]["agp"].startswith(f"{gradle[1]}.")  # 8.13.2, 8.13


@needs_file("ANDROID_SIGNATURES", "Android 10's api/current.txt")
def test_the_excerpt_is_what_android_says():
    current = pathlib.Path(os.environ["ANDROID_SIGNATURES"]).read_text()
    source = "\n".join(f.read_text() for f in toolchain.kotlin_files(APP))
    found = signatures.excerpt(signatures.parse(current), source)
    assert found == signatures.EXCERPT.read_text()


LITERT = "Model TensorBuffer Common Environment LiteRtException AcceleratorProvider"


@pytest.mark.slow
@needs("JDK", "Kotlin", "aapt2", "Android's resources")
@needs_file("ANDROID_SIGNATURES", "Android 10's api/current.txt")
@needs_file("LITERT_SOURCES", "the folder of LiteRT's Model.kt")
@pytest.mark.process
def test_against_litert_itself_the_app_compiles_to_the_same(classes, apk, tmp_path):
    litert = tmp_path / "litert"
    litert.mkdir()
    folder = pathlib.Path(os.environ["LITERT_SOURCES"])
    for name in LITERT.split():  # without constants of Android 12
        text = (folder / f"{name}.kt").read_text()
        text = text.replace("Build.VERSION_CODES.S", "31")
        text = re.sub(r"Build\.SOC_\w+", '""', text)
        (litert / f"{name}.kt").write_text(text)
    sources = toolchain.kotlin_files(APP, litert)
    current = pathlib.Path(os.environ["ANDROID_SIGNATURES"]).read_text()
    text = "\n".join(file.read_text() for file in sources)
    excerpt = signatures.excerpt(signatures.parse(current), text)
    android = toolchain.api_stubs(excerpt, tmp_path / "android")
    out = tmp_path / "classes"
    toolchain.compile_app(litert.iterdir(), [android, apk.with_name("r")], out)
    ours = sorted((classes / PACKAGE.replace(".", "/")).rglob("*.class"))
    assert ours
    for file in ours:
        again = out / file.relative_to(classes)
        assert again.read_bytes() == file.read_bytes(), file.name


@pytest.fixture(scope="module")
def assets(run_dir, tmp_path_factory) -> pathlib.Path:
    """The assets that the command writes of a run of three iterations."""
    folder = tmp_path_factory.mktemp("android")
    run = open_run(str(shutil.copytree(run_dir, folder / "run")))
    export = exporting.Export(run, None)
    model = export.write("float32", export.make("float32"), {})
    write_assets(run, model, folder / "assets", references=2)
    return folder / "assets"


def test_the_app_gets_a_file_for_each_signature(assets):
    contract = Contract.load(assets / "model")
    assert contract.signature_files == {
        name: f"{name}.tflite" for name in ("map_latent", "encode_style", "translate")
    }
    references = {str(f.relative_to(assets)) for f in assets.rglob("references/*/*")}
    assert references == {
        f"references/{label}/0{index}.png" for label in range(3) for index in range(2)
    }


def test_the_test_image_is_the_model_s_translation(assets, run_dir):
    translator = Translator.load(str(run_dir))
    style = translator.map_latents(seeded_latent(0, 5), "bear")
    source = translator.read(assets / "check" / "source.png")
    expected = images.to_uint8(translator.apply_styles(source[None], style)[0])
    found = np.asarray(Image.open(assets / "check" / "expected.png"))
    assert np.abs(found.astype(int) - expected).max() <= 1


def test_assets_are_replaced_atomically(assets, run_dir, tmp_path):
    run, folder = open_run(str(run_dir)), tmp_path / "assets"
    write_assets(run, assets / "model", folder, references=1)
    write_assets(run, assets / "model", folder, references=0)
    before = sorted(folder.rglob("*"))
    assert not any("references/" in str(f) for f in before)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").touch()
    with pytest.raises(UserError, match="has no assets of the app"):
        write_assets(run, assets / "model", tmp_path / "mine", references=0)
    broken = tmp_path / "broken"
    shutil.copytree(assets / "model", broken)
    (broken / "translate.tflite").write_bytes(b"")
    with pytest.raises(UserError, match=r"translate\.tflite"):
        write_assets(run, broken, folder, references=1)
    assert sorted(folder.rglob("*")) == before


def test_a_model_whose_tensors_differ_from_its_contract_is_refused(
    assets, run_dir, tmp_path
):
    model = tmp_path / "model"
    shutil.copytree(assets / "model", model)
    wrong = model / "encode_style.tflite"
    shutil.copyfile(model / "map_latent.tflite", wrong)
    (model / "stargan.json").unlink()
    Contract.load(assets / "model").seal(model)
    with pytest.raises((UserError, ValueError), match="encode_style"):
        write_assets(open_run(str(run_dir)), model, tmp_path / "assets", 0)


def answers(process: subprocess.Popen, endpoints: Endpoints) -> list[np.ndarray]:
    """Compute the networks for Pipeline.kt; return its translations."""
    assert process.stdin is not None
    assert process.stdout is not None

    def integer() -> int:
        return struct.unpack(">i", process.stdout.read(4))[0]

    def floats(*shape: int) -> np.ndarray:
        count = integer()
        raw = np.frombuffer(process.stdout.read(4 * count), ">f4")
        return raw.astype(np.float32).reshape(1, *shape)

    translated = []
    while length := process.stdout.read(2):
        name = process.stdout.read(struct.unpack(">h", length)[0]).decode()
        if name == "translated":
            pixels = process.stdout.read(integer())
            translated.append(np.frombuffer(pixels, np.uint8).reshape(32, 32, 3))
            continue
        y = np.array([integer()], np.int32)
        if name == "map_latent":
            result = endpoints[name](z=floats(-1), y=y)["s"]
        elif name == "encode_style":
            result = endpoints[name](x_ref=floats(32, 32, 3), y=y)["s"]
        else:
            source, style = floats(32, 32, 3), floats(-1)
            result = endpoints[name](x_src=source, s=style)["x_fake"]
        answer = result.astype(">f4").tobytes()
        process.stdin.write(struct.pack(">i", result.size) + answer)
        process.stdin.flush()
    return translated


@pytest.mark.slow
@needs("JDK", "Kotlin", "JUnit")
@pytest.mark.process
def test_the_app_s_pipeline_gives_the_images_of_python(assets, pure, run_dir):
    endpoints = runtime.load(assets / "model")
    source, reference = (image(w, h, w) for w, h in ((53, 41), (32, 50)))
    frame = frames.case(60, 44, 32, 7, "nv21", 4, (270, 0, True))
    command = ["java", "-cp", toolchain.with_libraries(pure), toolchain.PIPELINE]
    with subprocess.Popen(
        [*command, str(assets / "model")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        for pixels in (source, reference):
            height, width, _ = pixels.shape
            process.stdin.write(struct.pack(">ii", width, height) + pixels.tobytes())
        text = json.dumps(frame).encode()
        process.stdin.write(struct.pack(">H", len(text)) + text)
        process.stdin.flush()
        found = answers(process, endpoints)
    assert process.returncode == 0

    x, x_ref = (
        images.to_float(images.square(Image.fromarray(pixels), 32))[None]
        for pixels in (source, reference)
    )
    y = np.array([1], np.int32)
    random = endpoints["map_latent"](z=seeded_latent(3, 5), y=y)["s"]
    own = endpoints["encode_style"](x_ref=x_ref, y=y)["s"]
    mean = np.float32(Contract.load(assets / "model").mean_styles["cat"])
    half, quarter = np.float32(0.5), np.float32(0.25)
    styles = (
        random,
        mean + half * (random - mean),
        own,
        random + quarter * (own - random),
    )
    square = np.frombuffer(base64.b64decode(frame["square"]), np.uint8)
    x_frame = images.to_float(square.reshape(1, 32, 32, 3))
    expected = [
        images.to_uint8(endpoints["translate"](x_src=x_src, s=style)["x_fake"][0])
        for x_src, style in [*((x, style) for style in styles), (x_frame, random)]
    ]
    np.testing.assert_array_equal(np.stack(found), np.stack(expected))
