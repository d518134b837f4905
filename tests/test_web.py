"""The page in a real browser: what it translates, saves, says, and how it is used.

Skipped, with the reason, where Chromium, Playwright or npm are not there.
"""

import dataclasses
import io
import json
import pathlib
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image

from export.apps.server import server
from export.apps.site import find_litert, write_site
from export.litert.exporting import exported
from tfstargan import images, resources
from tfstargan.data.critters import draw, nth_critter
from tfstargan.errors import UserError
from tfstargan.exported import runtime
from tfstargan.exported.contract import Contract
from tfstargan.exported.latents import seeded_latent
from tfstargan.runs.run import Run, open_run

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync "
    "--disable-background-networking --disable-component-update "
    "--use-fake-device-for-media-stream --use-fake-ui-for-media-stream"
).split()
MEAN = 2  # largest mean difference from Python's picture, of 255
LOADED = "#compare[data-state=both][aria-busy=false]"


@pytest.fixture(scope="module")
def run(run_dir, tmp_path_factory) -> Run:
    path = tmp_path_factory.mktemp("web") / "run"  # one's own, to export into
    return open_run(str(shutil.copytree(run_dir, path)))


@pytest.fixture(scope="module")
def site(run, tmp_path_factory) -> pathlib.Path:
    try:
        find_litert()
    except UserError as error:
        pytest.skip(str(error))
    out = tmp_path_factory.mktemp("web") / "site"
    write_site(run, out, references=2)
    return out


@pytest.fixture(scope="module")
def endpoints(site):
    return runtime.load(site / "model")


@pytest.fixture(scope="module")
def browser() -> Iterator:
    if not CHROMIUM:
        pytest.skip("Chromium is not installed (Debian: apt install chromium)")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def address(site) -> Iterator[str]:
    yield from serve(site)


def serve(folder: pathlib.Path) -> Iterator[str]:
    with server(folder, port=0) as web:
        threading.Thread(target=web.serve_forever, daemon=True).start()
        yield f"http://localhost:{web.server_port}/"
        web.shutdown()


@pytest.fixture
def open_page(browser, address) -> Iterator:
    """Return a function that opens the page, and waits for its first picture."""
    contexts = []

    def open_(url=address, wait=LOADED, script="", **options):
        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(20_000)
        if script:
            page.add_init_script(script)
        page.problems = []
        page.on("pageerror", lambda error: page.problems.append(str(error)))
        page.on(
            "request",
            lambda request: (
                page.problems.append(request.url)
                if not request.url.startswith((url, "blob:"))
                else None
            ),
        )
        page.goto(url)
        page.wait_for_selector(wait)
        return page

    yield open_
    for context in contexts:
        context.close()


@pytest.fixture
def page(open_page):
    page = open_page()
    yield page
    assert page.problems == []


def photo(index: int, suffix: str = "png", orientation: int = 1) -> bytes:
    """Return a file of a drawn animal that is wider than high."""
    animal = nth_critter("val", index % 3, index, seed=5)
    wide = np.pad(draw(animal, 150), [(0, 0), (31, 18), (0, 0)], "edge")
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = io.BytesIO()
    format = {"jpg": "jpeg"}.get(suffix, suffix)
    Image.fromarray(wide).save(file, format, exif=exif, quality=90)
    return file.getvalue()


def seen(file: bytes) -> np.ndarray:
    """Return what Python's networks see of a file."""
    picture = images.decode(io.BytesIO(file), "test")
    return images.to_float(images.square(picture, 32))[None]


def choose_file(page, strip: str, name: str, content: bytes) -> None:
    with page.expect_file_chooser() as chooser:
        page.click(f"{strip} button:has-text('Choose')")
    payload = {"name": name, "mimeType": "image/png", "buffer": content}
    chooser.value.set_files([payload])


def settle(page) -> None:
    """Wait until the picture belongs to what is chosen."""
    page.wait_for_timeout(100)
    page.wait_for_selector(LOADED)


def saved(page) -> np.ndarray:
    settle(page)
    with page.expect_download() as download:
        page.click("#save")
    picture = np.asarray(Image.open(download.value.path()))
    assert np.all(picture[..., 3] == 255)
    return picture[..., :3]


def random_style(endpoints, seed: int, label: int) -> np.ndarray:
    y = np.array([label], np.int32)
    return endpoints["map_latent"](z=seeded_latent(seed, 5), y=y)["s"]


def translated(endpoints, file: bytes, style: np.ndarray) -> np.ndarray:
    return endpoints["translate"](x_src=seen(file), s=style)["x_fake"]


def assert_same(picture: np.ndarray, fake: np.ndarray) -> None:
    expected = images.to_uint8(fake[0]).astype(int)
    assert picture.shape == expected.shape
    assert np.mean(abs(picture - expected)) <= MEAN


def test_a_photograph_in_a_random_style_is_pythons(page, endpoints):
    file = photo(1, "jpg", orientation=6)  # upright only by its EXIF
    choose_file(page, "#sources", "mine.jpg", file)
    page.check("#domains [value=rabbit]")
    page.fill("#seed", "42")
    fake = translated(endpoints, file, random_style(endpoints, 42, 2))
    assert_same(saved(page), fake)
    assert Image.fromarray(saved(page)).size == (32, 32)


def test_a_photograph_in_the_style_of_another_is_pythons(page, endpoints):
    source, reference = photo(1), photo(2)
    choose_file(page, "#sources", "mine.png", source)
    page.check("#domains [value=cat]")
    page.check("#kinds [value=reference]")
    choose_file(page, "#references", "theirs.png", reference)
    y = np.array([1], np.int32)
    style = endpoints["encode_style"](x_ref=seen(reference), y=y)["s"]
    assert_same(saved(page), translated(endpoints, source, style))


def test_two_styles_are_mixed_and_tempered_as_by_python(page, endpoints, site):
    contract = json.loads((site / "model" / "stargan.json").read_text())
    mean = np.float32(contract["mean_styles"]["bear"])
    file = photo(2)
    choose_file(page, "#sources", "mine.png", file)
    page.check("#domains [value=bear]")
    page.fill("#seed", "5")
    page.fill("#psi", "70")
    page.check("#mix")
    page.fill("#seed", "9")  # of the second style
    page.fill("#share", "25")
    first, second = (
        mean + np.float32(0.7) * (random_style(endpoints, seed, 0) - mean)
        for seed in (5, 9)
    )
    style = first + np.float32(0.25) * (second - first)
    assert_same(saved(page), translated(endpoints, file, style))


def test_styles_differ_enough_for_these_comparisons(endpoints):
    a, b = (
        translated(endpoints, photo(1), random_style(endpoints, seed, 2))
        for seed in (41, 42)
    )
    assert np.mean(abs(images.to_uint8(a).astype(int) - images.to_uint8(b))) > MEAN


def test_an_example_and_its_reference_can_be_taken(page):
    before = saved(page)
    page.check("#sources label:nth-of-type(3) input")
    page.check("#kinds [value=reference]")
    page.check("#references label:nth-of-type(2) input")
    settle(page)
    assert re.match(r"rabbit 1 as \w+, style of \w+ 4", page.inner_text("#status"))
    assert np.any(saved(page) != before)


def test_the_gallery_shows_styles_and_gives_them(page):
    page.check("#looks label:nth-of-type(8) input")
    settle(page)
    assert page.input_value("#seed") == "7"
    shown = page.evaluate("""() => {
        const canvas = document.querySelector('#looks [value="7"] + canvas');
        const {data} = canvas.getContext('2d').getImageData(0, 0, 32, 32);
        return [...data];
    }""")
    looked = np.reshape(shown, (32, 32, 4))[..., :3]
    np.testing.assert_array_equal(looked, saved(page))


def test_a_dropped_picture_is_translated(page):
    content = list(photo(4))
    page.evaluate(
        """(content) => {
            const transfer = new DataTransfer();
            transfer.items.add(new File([new Uint8Array(content)], 'dropped.png'));
            document.getElementById('compare').dispatchEvent(new DragEvent(
                'drop', {dataTransfer: transfer, bubbles: true, cancelable: true}));
        }""",
        content,
    )
    page.wait_for_selector("#status:has-text('dropped as')")


def test_the_camera_gives_a_picture_and_is_switched_off(page):
    page.click("#sources button:has-text('Camera')")
    page.click("#turn-camera")
    page.click("#shoot")
    page.wait_for_selector("#status:has-text('camera picture as')")
    assert page.evaluate("document.querySelector('video').srcObject") is None
    page.click("#sources button:has-text('Camera')")
    page.wait_for_selector("#camera")
    page.keyboard.press("Escape")
    page.wait_for_selector("#camera", state="hidden")
    for _ in range(100):  # the dialog tells of its closing a moment later
        stream = page.evaluate("document.querySelector('video').srcObject")
        if stream is None:
            break
        page.wait_for_timeout(100)
    assert stream is None


def test_everything_is_reached_and_moved_by_keyboard(page):
    reached = []
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.append(
            page.evaluate("""() => {
            const {id, name, value, textContent} = document.activeElement;
            return id || name || value || textContent;
        }""")
        )
        if reached[-1] == "mix":
            break
    wanted = ["divider", "save", "looks", "Choose", "Camera", "sources", "domain"]
    wanted += ["kind", "seed", "surprise", "psi", "mix"]
    assert [name for name in reached if name in wanted] == wanted
    for key, control in (("ArrowRight", "#seed"), ("ArrowLeft", "#divider")):
        before = page.input_value(control)
        page.focus(control)
        page.keyboard.press(key)
        assert page.input_value(control) != before
    page.focus("#domains input:checked")
    page.keyboard.press("ArrowRight")
    page.wait_for_selector("#status:has-text('as rabbit')")


def test_every_control_has_a_name(page):
    nameless = page.evaluate("""() => [...document.querySelectorAll(
        'input:not(.unseen), button, [role=radiogroup], [role=img], dialog')]
        .filter((e) => ![e, ...e.labels ?? []].some((named) =>
            named.textContent.trim() || named.ariaLabel ||
            named.hasAttribute('aria-labelledby') ||
            named.querySelector('[alt], [aria-label]')))
        .map((e) => e.outerHTML)""")
    assert nameless == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_phone(open_page, scheme):
    page = open_page(
        viewport={"width": 360, "height": 740},
        is_mobile=True,
        has_touch=True,
        color_scheme=scheme,
    )
    page.check("#kinds [value=reference]")
    page.check("#mix")
    settle(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    small = page.evaluate("""() => [...document.querySelectorAll('button, .pills span')]
        .filter((e) => e.checkVisibility() && e.getBoundingClientRect().height < 32)
        .map((e) => e.outerHTML)""")
    assert small == []


def test_a_broken_and_a_huge_picture_are_refused_in_words(page):
    huge = io.BytesIO()
    Image.new("1", (12_000, 9_000)).save(huge, "png")
    files = {
        "cut.png": (photo(1)[:-500], "cut.png can't be read"),
        "words.jpg": (b"no picture", "words.jpg can't be read"),
        "huge.png": (huge.getvalue(), "huge.png is too large: 12000"),
    }
    for name, (content, message) in files.items():
        choose_file(page, "#sources", name, content)
        page.wait_for_selector(f"#alert:has-text({json.dumps(message)})")
    page.click("#alert button")
    assert not page.is_visible("#alert")
    saved(page)  # what was there before still is


def test_it_says_what_it_loads(open_page):
    page = open_page(
        script="""
            window.phases = [];
            addEventListener('DOMContentLoaded', () => {
                const phase = document.getElementById('phase');
                new MutationObserver(() => window.phases.push(phase.textContent))
                    .observe(phase, {childList: true});
            });"""
    )
    said = "\n".join(page.evaluate("window.phases"))
    assert re.search(r"Loading the runtime: \d.\d of 9.\d MB", said)
    assert re.search(r"Loading the model: 0.\d of 0.\d MB", said)
    assert "Preparing the model" in said
    assert not page.is_visible("#loading")


def test_without_webassembly_it_says_so(open_page):
    page = open_page(
        script="delete window.WebAssembly", wait="#compare[data-state=failed]"
    )
    assert "no WebAssembly" in page.inner_text("#phase")
    assert page.is_disabled("#seed")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda m: (m / "stargan.tflite").unlink(), "stargan.tflite can't be loaded"),
        (lambda m: spoil_byte(m / "stargan.tflite"), "SHA-256 differs"),
        (lambda m: (m / "stargan.json").write_text("{}"), "not the description"),
        (lambda m: (m.parent / "site.json").unlink(), "site.json can't be loaded"),
    ],
    ids=["no model", "another model", "another description", "no site.json"],
)
def test_a_site_that_is_not_whole_says_so(open_page, site, tmp_path, spoil, message):
    shutil.copytree(site, tmp_path / "site")
    spoil(tmp_path / "site" / "model")
    for url in serve(tmp_path / "site"):
        page = open_page(url, wait="#compare[data-state=failed]")
        assert message in page.inner_text("#phase")
        assert page.is_visible("#retry")


def spoil_byte(file: pathlib.Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def test_without_examples_it_waits_for_a_picture(open_page, site, tmp_path):
    shutil.copytree(site, tmp_path / "site")
    empty = {"model": "model/", "sources": [], "references": {}}
    (tmp_path / "site" / "site.json").write_text(json.dumps(empty))
    for url in serve(tmp_path / "site"):
        page = open_page(url, wait="#compare[data-state=empty]")
        assert page.is_disabled("#save")
        choose_file(page, "#sources", "mine.png", photo(1))
        page.wait_for_selector("#status:has-text('mine as bear, style 0')")
        page.check("#kinds [value=reference]")
        page.wait_for_selector("#status:has-text('Choose a picture for the style')")
        choose_file(page, "#references", "theirs.png", photo(2))
        page.wait_for_selector("#status:has-text('mine as bear, style of theirs')")


def test_the_page_may_not_send_anything_elsewhere(open_page):
    page = open_page()
    refused = page.evaluate("""async () => {
        const violation = new Promise((resolve) =>
            addEventListener('securitypolicyviolation', resolve, {once: true}));
        await fetch('http://127.0.0.1:9/').catch(() => null);
        return (await violation).effectiveDirective;
    }""")
    assert refused == "connect-src"


def test_the_model_runs_off_the_pages_thread(page):
    assert [worker.url.split("/")[-1] for worker in page.workers] == ["worker.js"]


# ---- the folder, without a browser ----


def test_a_site_is_whole_and_loads_nothing_from_elsewhere(site):
    for name in ("index.html", "model/stargan.json", "vendor/litert.js", "site.json"):
        assert (site / name).is_file()
    page = (site / "index.html").read_text()
    assert "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'" in page
    for file in [site / "index.html", site / "style.css", *site.glob("js/*.js")]:
        assert not re.search(r"https?://(?!www\.w3\.org)", file.read_text()), file


def test_a_site_is_made_again_but_nothing_else_is_replaced(run, site, tmp_path):
    write_site(run, tmp_path / "site", references=0)
    assert json.loads((tmp_path / "site" / "site.json").read_text())["sources"] == []
    assert not (tmp_path / "site" / "examples").exists()
    write_site(run, tmp_path / "site", references=1)
    assert len(list((tmp_path / "site" / "examples").iterdir())) == 9
    (tmp_path / "other").mkdir()
    with pytest.raises(UserError, match="no site of this command"):
        write_site(run, tmp_path / "other", references=0)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["other", "site"]


@pytest.mark.slow
def test_a_model_of_another_checkpoint_is_exported_anew(run, site):
    folder = exported(run, "float32")
    written = (folder / "stargan.tflite").stat().st_mtime_ns
    assert exported(run, "float32") == folder
    assert (folder / "stargan.tflite").stat().st_mtime_ns == written
    older = dataclasses.replace(Contract.load(folder), iteration=1)
    (folder / "stargan.json").unlink()
    older.seal(folder)
    exported(run, "float32")
    assert Contract.load(folder).iteration == 3


def test_without_npm_it_says_what_to_do(monkeypatch, tmp_path):
    shutil.copy(resources.page_dir() / "package-lock.json", tmp_path)
    monkeypatch.setattr("tfstargan.resources.page_dir", lambda: tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match="npm is needed once"):
        find_litert()


@pytest.mark.skipif(not shutil.which("node"), reason="Node.js is not installed")
@pytest.mark.process
def test_the_pages_pure_parts_pass_the_vectors():
    page = resources.page_dir()
    tests = sorted(map(str, (page / "test").glob("*.mjs")))
    result = subprocess.run(
        ["node", "--test", *tests], capture_output=True, text=True, cwd=page
    )
    assert result.returncode == 0, result.stdout
