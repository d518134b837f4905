"""The Android app: all of it that can be checked where Android is not.

What is missing is named in the reason of a skipped test (`pytest -rs`).
"""

import os
import pathlib
import re
import tomllib
import xml.etree.ElementTree as ET

import pytest
from android import signatures, toolchain
from android.toolchain import APP, DEMO, PACKAGE

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


@pytest.mark.slow
@needs("a JDK", "Kotlin", "JUnit")
def test_the_pure_part_passes_its_unit_tests_and_the_vectors(tmp_path):
    said = toolchain.unit_tests(tmp_path)
    count = re.search(r"^OK \((\d+) tests\)$", said, re.MULTILINE)
    written = sum(
        file.read_text().count("@Test\n")
        for file in toolchain.kotlin_files(toolchain.UNIT_TESTS)
    )
    assert count is not None, said
    assert int(count[1]) == written


def test_the_pure_part_names_nothing_of_androids():
    for file in toolchain.kotlin_files(toolchain.PURE):
        assert not re.search(r"\b(android\.|com\.google)", file.read_text()), file


@pytest.mark.slow
@needs("a JDK", "Kotlin", "aapt2", "Android's resources")
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


@needs("aapt2", "Android's resources", "a JDK")
def test_resources_and_manifest_link(apk):
    badging = toolchain.run("aapt2", "dump", "badging", apk)
    assert f"package: name='{PACKAGE}'" in badging
    assert f"launchable-activity: name='{PACKAGE}.MainActivity'" in badging
    assert "uses-permission" not in badging  # as android_demo/README.md promises


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


def test_the_version_catalogue_has_what_the_build_uses_and_no_more():
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


def test_the_wrapper_asks_for_the_gradle_that_the_plugin_takes():
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
@needs("a JDK", "Kotlin", "aapt2", "Android's resources")
@needs_file("ANDROID_SIGNATURES", "Android 10's api/current.txt")
@needs_file("LITERT_SOURCES", "the folder of LiteRT's Model.kt")
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
