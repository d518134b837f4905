"""The tools that check the Android app.

Android's Gradle plugin is not one of them: it needs repositories that are not available
here. android_demo/README.md lists what is not tested for that reason.
"""

import os
import pathlib
import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterable

from android import signatures

HERE = pathlib.Path(__file__).parent
DEMO = HERE.parents[1] / "android_demo"
APP = DEMO / "app" / "src" / "main"
PURE = APP / "kotlin" / "org" / "tfstargan" / "demo" / "core"
UNIT_TESTS = DEMO / "app" / "src" / "test"
VECTORS = HERE.parent / "vectors"
LITERT_STUB = HERE / "LiteRt.kt"
PACKAGE = "org.tfstargan.demo"
PIPELINE = f"{PACKAGE}.core.PipelineKt"

KOTLIN = HERE / "node_modules" / "kotlin-compiler"
KOTLIN_TEST = [KOTLIN / "lib" / f"kotlin-test{kind}.jar" for kind in ("", "-junit")]
JUNIT = [
    pathlib.Path("/usr/share/java") / f"{n}.jar" for n in ("junit4", "hamcrest-core")
]
LIBRARIES = [*KOTLIN_TEST, *JUNIT]
FRAMEWORK = pathlib.Path("/usr/share/android-framework-res/framework-res.apk")
# {tool: (its files or commands, how to install it)}
TOOLS = {
    "JDK": (["java", "javac"], "apt-get install openjdk-17-jdk-headless"),
    "Kotlin": ([KOTLIN / "bin" / "kotlinc"], "npm ci --prefix tests/android"),
    "JUnit": (JUNIT, "apt-get install junit4"),
    "aapt2": (["aapt2"], "apt-get install aapt"),
    "Android's resources": ([FRAMEWORK], "apt-get install android-framework-res"),
}


def absent(*wanted: str) -> str:
    """The missing tools and how to install them; empty if all are there."""
    lacking = [
        f"no {tool} ({source})"
        for tool, (parts, source) in TOOLS.items()
        if tool in wanted
        and not all(shutil.which(part) or _is_file(part) for part in parts)
    ]
    return ", ".join(lacking)


def _is_file(part: str | pathlib.Path) -> bool:
    return pathlib.Path(part).is_file()


def run(*command: object, **environment: str) -> str:
    """Run a command with some variables set, and return its output.

    Raises:
        AssertionError: with the output, if it fails.
    """
    result = subprocess.run(
        list(map(str, command)),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=os.environ | environment,
        text=True,
    )
    assert result.returncode == 0, f"{command[0]}:\n{result.stdout}"
    return result.stdout


def kotlin(
    sources: Iterable[pathlib.Path],
    classpath: Iterable[pathlib.Path],
    out: pathlib.Path,
) -> str:
    """Compile Kotlin with the settings of the app's Gradle file; return the output."""
    catalogue = tomllib.loads((DEMO / "gradle" / "libs.versions.toml").read_text())
    language = ".".join(catalogue["versions"]["kotlin"].split(".")[:2])
    target = re.search(r"JVM_(\d+)", (DEMO / "app" / "build.gradle.kts").read_text())
    return run(
        *("bash", KOTLIN / "bin" / "kotlinc"),
        *("-language-version", language, "-api-version", language),
        *("-jvm-target", target[1], f"-Xjdk-release={target[1]}"),
        *("-cp", joined(classpath), "-d", out),
        *sources,
        # Saves a third of the time of a short run.
        JAVA_OPTS="-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
    )


def kotlin_files(*folders: pathlib.Path) -> list[pathlib.Path]:
    """The Kotlin files in folders and their subfolders."""
    return sorted(file for folder in folders for file in folder.rglob("*.kt"))


def joined(classpath: Iterable[pathlib.Path]) -> str:
    """A class path in Java's form."""
    return os.pathsep.join(map(str, classpath))


def java(sources: pathlib.Path, out: pathlib.Path) -> pathlib.Path:
    """Compile a folder of Java files; return the folder of classes."""
    files = sorted(sources.rglob("*.java"))
    quiet = ("-proc:none", "-Xlint:none", "-nowarn")
    run("javac", "--release", 11, *quiet, "-d", out, *files)
    return out


def compile_pure(folder: pathlib.Path) -> pathlib.Path:
    """Compile the app's pure part, its unit tests and Pipeline.kt into a folder."""
    kotlin([*kotlin_files(PURE, UNIT_TESTS), HERE / "Pipeline.kt"], LIBRARIES, folder)
    return folder


def with_libraries(classes: pathlib.Path) -> str:
    """The class path to run compiled classes, without Android."""
    return joined([classes, KOTLIN / "lib" / "kotlin-stdlib.jar", *LIBRARIES])


def unit_tests(classes: pathlib.Path) -> str:
    """Run the compiled unit tests; return JUnit's output."""
    names = [
        ".".join(file.relative_to(classes).with_suffix("").parts)
        for file in sorted(classes.rglob("*Test.class"))
    ]
    runner = "org.junit.runner.JUnitCore"
    classpath = with_libraries(classes)
    return run("java", f"-Dvectors={VECTORS}", "-cp", classpath, runner, *names)


def link_resources(folder: pathlib.Path) -> pathlib.Path:
    """Compile and link resources and manifest as Gradle does; return the APK.

    The R class is put into `folder`/r.
    """
    folder.mkdir(parents=True)
    manifest = (APP / "AndroidManifest.xml").read_text()
    manifest = manifest.replace("<manifest ", f'<manifest package="{PACKAGE}" ')
    manifest = manifest.replace("${applicationId}", PACKAGE)
    manifest = re.sub(r'<uses-[^>]*tools:node="remove"\s*/>', "", manifest)
    (folder / "AndroidManifest.xml").write_text(manifest)
    run("aapt2", "compile", "--dir", APP / "res", "-o", folder / "res.zip")
    build = (DEMO / "app" / "build.gradle.kts").read_text()
    minimum = re.search(r"minSdk = (\d+)", build)
    run(
        *("aapt2", "link", "-I", FRAMEWORK),
        *("--manifest", folder / "AndroidManifest.xml"),
        *("--min-sdk-version", minimum[1], "--target-sdk-version", 29),
        *("--java", folder / "gen", "-o", folder / "app.apk", folder / "res.zip"),
    )
    java(folder / "gen", folder / "r")
    return folder / "app.apk"


def api_stubs(text: str, folder: pathlib.Path) -> pathlib.Path:
    """Compile stubs of the signatures in a text; return the folder of classes."""
    signatures.write_java(signatures.parse(text), folder / "src")
    return java(folder / "src", folder / "classes")


def compile_app(
    litert: Iterable[pathlib.Path], classpath: Iterable[pathlib.Path], out: pathlib.Path
) -> str:
    """Compile all of the app with LiteRT's classes; return the compiler's output.

    Args:
        litert: Kotlin files with LiteRT's signatures.
        classpath: Android's classes and the app's R class.
        out: folder for the classes.
    """
    return kotlin([*kotlin_files(APP / "kotlin"), *litert], classpath, out)
