"""The page in a real browser: what it translates, saves, says, and how it is used.

Skipped, with the reason, where Chromium, Playwright or npm are not there.
"""

import functools
import gzip
import http.server
import io
import json
import pathlib
import re
import shutil
import subprocess
import threading

import numpy as np
import pytest
from PIL import Image
from test_image_kinds import kinds
from webpage import (
    MEAN,
    assert_same,
    choose_file,
    photo,
    random_style,
    saved,
    seen,
    serve,
    settle,
    translated,
)

from export.apps.server import Handler
from export.apps.site import find_litert, write_site
from tfstargan import images, resources
from tfstargan.errors import UserError
from tfstargan.runs.run import open_run


def test_a_photo_in_a_random_style_is_that_of_python(page, endpoints):
    file = photo(1, "jpg", orientation=6)  # upright only by its EXIF
    choose_file(page, "#sources", "mine.jpg", file)
    page.check("#domains [value=rabbit]")
    page.fill("#seed", "42")
    fake = translated(endpoints, file, random_style(endpoints, 42, 2))
    assert_same(saved(page), fake)
    assert Image.fromarray(saved(page)).size == (32, 32)


def test_a_photo_in_the_style_of_another_is_that_of_python(page, endpoints):
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


def test_variation_leaves_the_style_of_an_image_alone(page):
    page.check("#kinds [value=reference]")
    choose_file(page, "#references", "theirs.png", photo(2))
    before = saved(page)
    page.check("#kinds [value=seed]")
    page.fill("#psi", "0")
    page.check("#kinds [value=reference]")
    assert not page.is_visible("#psi")
    np.testing.assert_array_equal(saved(page), before)


def test_styles_differ_enough_for_these_comparisons(endpoints):
    a, b = (
        translated(endpoints, photo(1), random_style(endpoints, seed, 2))
        for seed in (41, 42)
    )
    assert np.mean(abs(images.to_uint8(a).astype(int) - images.to_uint8(b))) > MEAN


def test_an_example_and_its_reference_can_be_chosen(page):
    before = saved(page)
    page.check("#sources label:nth-of-type(3) input")
    page.check("#kinds [value=reference]")
    page.check("#references label:nth-of-type(2) input")
    settle(page)
    assert re.match(r"rabbit 1 as \w+, style of \w+ 4", page.inner_text("#status"))
    assert np.any(saved(page) != before)


def test_the_gallery_shows_styles_to_choose(page):
    page.check("#tiles label:nth-of-type(8) input")
    assert page.input_value("#seed") == "7"
    image = saved(page)
    for psi in (100, 95) * 15:  # a slow tile ends it, another psi begins it again
        page.fill("#psi", str(psi))
        settle(page)
        page.wait_for_timeout(300)
        if psi == 100 and page.is_visible(
            "#tiles label:nth-of-type(8):not([data-number])"
        ):
            shown = page.evaluate("""() => {
                const canvas = document.querySelector('#tiles [value="7"] + canvas');
                const {data} = canvas.getContext('2d').getImageData(0, 0, 32, 32);
                return [...data];
            }""")
            if np.array_equal(np.reshape(shown, (32, 32, 4))[..., :3], image):
                return
    raise AssertionError("the tile does not show the style")


def test_a_dropped_image_is_translated(page):
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


def test_the_camera_takes_a_photo_and_is_turned_off(page):
    page.click("#sources button:has-text('Camera')")
    page.click("#turn-camera")
    page.click("#shoot")
    page.wait_for_selector("#status:has-text('camera photo as')")
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
    wanted = ["divider", "save", "tiles", "Choose", "Camera", "sources", "domain"]
    wanted += ["kind", "seed", "surprise", "psi", "mix"]
    assert [name for name in reached if name in wanted] == wanted
    for key, control in (("ArrowRight", "#seed"), ("ArrowRight", "#divider")):
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


def test_a_damaged_and_a_huge_image_are_refused_in_words(page):
    huge = io.BytesIO()
    Image.new("1", (12_000, 9_000)).save(huge, "png")
    files = {
        "cut.png": (photo(1)[:-500], "cut.png can't be read"),
        "words.jpg": (b"no image", "words.jpg can't be read"),
        "huge.png": (huge.getvalue(), "huge.png is too large: 12000"),
    }
    for name, (content, message) in files.items():
        choose_file(page, "#sources", name, content)
        page.wait_for_selector(f"#alert:has-text({json.dumps(message)})")
    page.click("#alert button")
    assert not page.is_visible("#alert")
    saved(page)  # the earlier translation is still there


RECORD_PHASES = """
    window.phases = [];
    addEventListener('DOMContentLoaded', () => {
        const phase = document.getElementById('phase');
        new MutationObserver(() => window.phases.push(phase.textContent))
            .observe(phase, {childList: true});
    });"""


def test_it_says_what_it_loads(open_page):
    page = open_page(script=RECORD_PHASES)
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


LONG = "Rindfleischetikettierungsueberwach"  # 34 letters


@pytest.mark.parametrize("width", [360, 390, 1440])
def test_names_of_domains_are_shown_as_they_are_and_fit(
    open_page, site, tmp_path, width
):
    shutil.copytree(site, tmp_path / "site")
    model = tmp_path / "site" / "model" / "stargan.json"
    text = model.read_text().replace('"cat"', '"apple"').replace('"bear"', f'"{LONG}"')
    model.write_text(text)
    for url in serve(tmp_path / "site"):
        page = open_page(url, viewport={"width": width, "height": 900})
        page.check(f"#domains [value={LONG}]")
        settle(page)
        assert page.inner_text("#domains").split() == [LONG, "apple", "rabbit"]
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        wide = page.evaluate("""() => [...document.querySelectorAll('p, span, button')]
            .filter((e) => e.checkVisibility() && e.scrollWidth > e.clientWidth + 1
                && getComputedStyle(e).display !== 'inline')
            .map((e) => e.outerHTML)""")
        assert wide == []


class Compressing(Handler):
    """Sends files in gzip, as many servers do."""

    def do_GET(self) -> None:
        content = pathlib.Path(self.translate_path(self.path)).read_bytes()
        packed = gzip.compress(content, 1)
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(self.path))
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(packed)))
        self.end_headers()
        self.wfile.write(packed)


def test_the_progress_of_a_compressed_download_is_true(open_page, site):
    handler = functools.partial(Compressing, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as web:
        threading.Thread(target=web.serve_forever, daemon=True).start()
        page = open_page(
            f"http://localhost:{web.server_port}/index.html", script=RECORD_PHASES
        )
        said = page.evaluate("window.phases")
        web.shutdown()
    assert any(re.fullmatch(r"Loading the runtime: \d+\.\d MB", line) for line in said)
    for loaded, total in re.findall(r"([\d.]+) of ([\d.]+) MB", "\n".join(said)):
        assert float(loaded) <= float(total)


def test_calls_that_overlap_give_what_each_gives_alone(open_page, address):
    page = open_page()
    alone, together = page.evaluate(
        """async ([folder, vendor]) => {
            const {Model} = await import('./js/model.js');
            const model = new Model(() => {});
            const {contract: {img_size: n}} = await model.load(folder, vendor);
            const square = (k) => Uint8ClampedArray.from(
                {length: n * n * 3}, (_, i) => (i * (k + 3)) % 256);
            const asks = [...Array(24).keys()].map((k) => async () => {
                const style = await (k % 2 ? model.seededStyle(k, k % 3)
                    : model.encodeStyle(square(k), k % 3));
                return [...await model.translate(square(k), style)];
            });
            const alone = [];
            for (const ask of asks) alone.push(await ask());
            return [alone, await Promise.all(asks.map((ask) => ask()))];
        }""",
        [f"{address}model/", f"{address}vendor/wasm/"],
    )
    assert together == alone
    assert len({tuple(image) for image in alone}) == len(alone)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_webp_file_is_upright(page, orientation):
    """The margins are odd, so that mirroring moves the center."""
    content = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 255, (11, 18, 3), np.uint8)
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(noise).save(content, "webp", lossless=True, exif=exif)
    data = page.evaluate(
        """async (bytes) => {
            const {readPhoto} = await import('./js/photos.js');
            return [...(await readPhoto(new Blob([new Uint8Array(bytes)]), 'a')).data];
        }""",
        list(content.getvalue()),
    )
    image = images.decode(content, "test")
    found = np.reshape(data, (11, 11, 4))[..., :3]
    np.testing.assert_array_equal(found, images.square(image, 11))


def test_a_label_out_of_range_is_refused(open_page, address):
    page = open_page()
    said = page.evaluate(
        """async ([folder, vendor]) => {
            const {Model} = await import('./js/model.js');
            const model = new Model(() => {});
            const {contract: {img_size: n}} = await model.load(folder, vendor);
            const image = new Uint8ClampedArray(n * n * 3);
            const asks = [3, -1, 0.5, undefined].flatMap((label) =>
                [model.seededStyle(0, label), model.encodeStyle(image, label)]);
            return (await Promise.allSettled(asks)).map(({reason}) => reason?.message);
        }""",
        [f"{address}model/", f"{address}vendor/wasm/"],
    )
    assert all(re.fullmatch(r"label .*: must be 0 to 2", line) for line in said)
    assert len(said) == 8


def test_files_of_every_kind_are_read_as_by_python(page):
    """Profiles, transparency, palettes, depths and orientations."""
    wanted = (".png", ".jpg", ".webp", ".gif", ".bmp")
    files = {n: c for n, (c, *_) in kinds().items() if n.endswith(wanted)}
    read = page.evaluate(
        """async (files) => {
            const {readPhoto} = await import('./js/photos.js');
            const read = {};
            for (const [name, bytes] of Object.entries(files)) {
                const file = new Blob([new Uint8Array(bytes)]);
                const {width, data} = await readPhoto(file, name);
                read[name] = [width, [...data]];
            }
            return read;
        }""",
        {name: list(content) for name, content in files.items()},
    )
    for name, (side, data) in read.items():
        found = np.reshape(data, (side, side, 4))[..., :3]
        image = images.decode(io.BytesIO(files[name]), name)
        expected = np.asarray(images.square(image, min(image.size)), int)
        assert np.mean(abs(found - expected)) <= MEAN, name


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (
            lambda m: (m / "translate.tflite").unlink(),
            "translate.tflite can't be loaded",
        ),
        (lambda m: spoil_byte(m / "translate.tflite"), "SHA-256 differs"),
        (lambda m: (m / "stargan.json").write_text("{}"), "does not describe"),
        (lambda m: (m.parent / "site.json").unlink(), "site.json can't be loaded"),
    ],
    ids=["no model", "another model", "another description", "no site.json"],
)
def test_an_incomplete_site_is_reported(open_page, site, tmp_path, spoil, message):
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


def test_without_examples_it_waits_for_an_image(open_page, site, tmp_path):
    shutil.copytree(site, tmp_path / "site")
    empty = {"model": "model/", "sources": [], "references": {}}
    (tmp_path / "site" / "site.json").write_text(json.dumps(empty))
    for url in serve(tmp_path / "site"):
        page = open_page(url, wait="#compare[data-state=empty]")
        assert page.is_disabled("#save")
        choose_file(page, "#sources", "mine.png", photo(1))
        page.wait_for_selector("#status:has-text('mine as bear, style 0')")
        page.check("#kinds [value=reference]")
        page.wait_for_selector("#status:has-text('Choose an image for the style')")
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
    names = [worker.url.split("/")[-1] for worker in page.workers]
    assert names[0] == "worker.js"
    assert set(names[1:]) <= {"litert_wasm_threaded_internal.js"}


# ---- the folder, without a browser ----


def test_a_site_is_complete_and_loads_nothing_from_elsewhere(site):
    for (
        name
    ) in "index.html sw.js model/stargan.json vendor/litert.js site.json".split():
        assert (site / name).is_file()
    page = (site / "index.html").read_text()
    assert "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'" in page
    for file in [site / "index.html", site / "style.css", *site.glob("js/*.js")]:
        assert not re.search(r"https?://(?!www\.w3\.org)", file.read_text()), file


def test_a_site_is_made_again_but_nothing_else_is_replaced(site, tmp_path):
    run = open_run(site.parent / "run")
    write_site(run, tmp_path / "site", references=0)
    assert json.loads((tmp_path / "site" / "site.json").read_text())["sources"] == []
    assert not (tmp_path / "site" / "examples").exists()
    write_site(run, tmp_path / "site", references=1)
    assert len(list((tmp_path / "site" / "examples").iterdir())) == 9
    (tmp_path / "other").mkdir()
    with pytest.raises(UserError, match="not a site of this command"):
        write_site(run, tmp_path / "other", references=0)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["other", "site"]


def test_without_npm_it_says_what_to_do(monkeypatch, tmp_path):
    shutil.copy(resources.page_dir() / "package-lock.json", tmp_path)
    monkeypatch.setattr("tfstargan.resources.page_dir", lambda: tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match="npm is needed once"):
        find_litert()


@pytest.mark.skipif(not shutil.which("node"), reason="Node.js is not installed")
@pytest.mark.process
def test_the_page_s_pure_parts_pass_the_vectors():
    page = resources.page_dir()
    tests = sorted(map(str, (page / "test").glob("*.mjs")))
    result = subprocess.run(
        ["node", "--test", *tests], capture_output=True, text=True, cwd=page
    )
    assert result.returncode == 0, result.stdout
