"""The page as a new user finds it: sizes, words, errors, networks, servers."""

import dataclasses
import functools
import http.server
import io
import json
import re
import shutil
import threading

import numpy as np
import pytest
import webpage
from conftest import benchmark
from PIL import Image
from webpage import assert_same, choose_file, photo, random_style, saved, settle

from export.apps.server import server
from tfstargan import images
from tfstargan.config import Config
from tfstargan.images.pasting import paste
from tfstargan.runs.distilled import open_light
from tfstargan.runs.run import open_run

Plain = benchmark("live").Plain
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True}
SHIFTS = """
    window.shifts = 0;
    new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) {
            if (!entry.hadRecentInput) window.shifts += entry.value;
        }
    }).observe({type: 'layout-shift', buffered: true});"""


def test_on_a_phone_the_result_stays_in_sight(open_page):
    page = open_page(**PHONE)
    for kind, control in (
        ("reference", "#references"),
        ("seed", "#psi"),
        ("seed", "#mix"),
    ):
        page.check(f"#kinds [value={kind}]")
        page.locator(control).scroll_into_view_if_needed()
        page.evaluate("scrollBy(0, 80)")
        top, bottom, height = page.evaluate("""() => {
            const after = document.getElementById('after');
            const {top, bottom} = after.getBoundingClientRect();
            return [top, bottom, innerHeight];
        }""")
        assert top >= 0
        assert bottom <= 0.6 * height


@pytest.mark.parametrize("size", [(390, 844), (820, 1180), (1440, 900)])
def test_nothing_jumps_while_it_loads(open_page, size):
    width, height = size
    page = open_page(viewport={"width": width, "height": height}, script=SHIFTS)
    page.wait_for_timeout(1500)
    assert page.evaluate("window.shifts") < 0.02


def test_what_is_touched_is_large_enough(open_page):
    page = open_page(**PHONE, has_touch=True)
    page.check("#mix")
    page.check("#kinds [value=reference]")
    small = page.evaluate("""() => [...document.querySelectorAll(
        'button, select, .pills label, .tile, .switch, [type=range]')]
        .filter((e) => e.checkVisibility())
        .map((e) => [e.outerHTML, e.getBoundingClientRect()])
        .filter(([, {width, height}]) => width < 44 || height < 44)""")
    assert small == []


def test_it_says_what_the_model_was_trained_on(page):
    assert "drawings of animals (bear, cat, rabbit)" in page.inner_text("#trained")
    assert not page.is_visible("#unlike")
    choose_file(page, "#sources", "mine.png", photo(1))
    page.wait_for_selector("#unlike:has-text('images unlike those give poor results')")
    page.check("#sources label:not([data-own]) input >> nth=0")
    page.wait_for_selector("#unlike", state="hidden")


def test_at_first_all_of_the_image_is_translated(page):
    assert page.input_value("#divider") == "0"
    assert [page.is_visible(f".tag.{side}") for side in ("left", "right")] == [
        False,
        True,
    ]
    page.fill("#divider", "50")
    assert page.is_visible(".tag.left")


def test_a_small_image_is_shown_and_saved_sharp(page):
    exact = saved(page)
    np.testing.assert_array_equal(webpage.drawn(page, "after", 32), exact)
    assert (
        page.evaluate(
            "getComputedStyle(document.getElementById('after')).imageRendering"
        )
        == "pixelated"
    )
    enlarged = exact.repeat(4, 0).repeat(4, 1)
    np.testing.assert_array_equal(saved(page, "4"), enlarged)


def test_it_is_saved_in_the_photograph_as_by_python(page):
    content = photo(1)
    whole = images.decode(io.BytesIO(content), "mine")
    choose_file(page, "#sources", "mine.png", content)
    left = (199 - 150) // 2
    box = (left, 0, left + 150, 150)
    expected = np.asarray(paste(whole, Image.fromarray(saved(page)), box), int)
    pasted = saved(page, "photo").astype(int)
    assert pasted.shape == expected.shape == (150, 199, 3)
    outside = np.r_[:left, left + 150 : 199]
    np.testing.assert_array_equal(pasted[:, outside], expected[:, outside])
    assert np.abs(pasted - expected).mean() < 6  # browsers enlarge otherwise
    for edge in (left, left + 147):  # nearly transparent there
        near = slice(edge, edge + 3)
        assert np.abs(pasted[:, near] - expected[:, near]).mean() < 2


def test_an_upright_photograph_is_pasted_upright(page):
    choose_file(page, "#sources", "mine.jpg", photo(1, "jpg", orientation=6))
    settle(page)
    assert saved(page, "photo").shape == (199, 150, 3)


def test_the_console_has_no_errors(browser, address):
    context = browser.new_context()
    page = context.new_page()
    said = []
    page.on("console", lambda message: said.append((message.type, message.text)))
    page.goto(address)
    page.wait_for_selector(webpage.LOADED)
    page.click("#sources button:has-text('Live')")
    page.wait_for_selector("#stats:has-text('frames/s')")
    context.close()
    assert [text for kind, text in said if kind in ("error", "warning")] == []
    assert said  # LiteRT's notes are still there


def test_threads_are_used_where_the_server_allows_them(open_page, site, endpoints):
    page = open_page()
    assert page.evaluate("crossOriginIsolated")
    threads = page.evaluate("Math.min(navigator.hardwareConcurrency, 4)")
    assert f"CPU, {threads} thread" in page.inner_text("#about")
    handler = functools.partial(Plain, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as web:
        threading.Thread(target=web.serve_forever, daemon=True).start()
        page = open_page(f"http://localhost:{web.server_port}/")
        assert "CPU, 1 thread)" in page.inner_text("#about")
        choose_file(page, "#sources", "mine.png", photo(1))
        style = random_style(endpoints, 0, 1)
        assert_same(saved(page), webpage.translated(endpoints, photo(1), style))
        # On another host than localhost, the second visit has them.
        other = f"http://page.localhost:{web.server_port}/"
        page = open_page(other)
        wait_until_kept(page)
        page.reload()
        page.wait_for_selector(webpage.LOADED)
        assert page.evaluate("crossOriginIsolated")
        assert f"CPU, {threads} thread" in page.inner_text("#about")
        web.shutdown()


def wait_until_kept(page) -> None:
    page.wait_for_selector("#offline:has-text('Opens without a network')")


def test_it_opens_without_a_network(open_page, site):
    with server(site, port=0) as web:
        threading.Thread(target=web.serve_forever, daemon=True).start()
        page = open_page(f"http://localhost:{web.server_port}/")
        wait_until_kept(page)
        web.shutdown()
    page.reload()  # the server is gone
    page.wait_for_selector(webpage.LOADED)
    page.check("#kinds [value=reference]")
    page.wait_for_selector("#status:has-text('bear 1 as cat, style of cat')")


def test_a_site_that_was_made_again_is_seen_at_once(open_page, site, tmp_path):
    shutil.copytree(site, tmp_path / "site")
    with server(tmp_path / "site", port=0) as web:
        threading.Thread(target=web.serve_forever, daemon=True).start()
        page = open_page(f"http://localhost:{web.server_port}/")
        wait_until_kept(page)
        about = tmp_path / "site" / "site.json"
        made = json.loads(about.read_text()) | {"trained_on": "something else"}
        about.write_text(json.dumps(made))
        page.reload()
        page.wait_for_selector("#trained:has-text('something else')")
        web.shutdown()


def test_it_works_below_a_path(open_page, site, tmp_path):
    shutil.copytree(site, tmp_path / "a" / "b c")
    for url in webpage.serve(tmp_path):
        page = open_page(f"{url}a/b%20c/")
        wait_until_kept(page)
        assert page.problems == []


def test_the_style_encoder_is_not_waited_for(open_page, site, tmp_path):
    shutil.copytree(site, tmp_path / "site")
    (tmp_path / "site" / "model" / "encode_style.tflite").unlink()
    for url in webpage.serve(tmp_path / "site"):
        page = open_page(url)
        page.check("#kinds [value=reference]")
        page.wait_for_selector(
            "#alert:has-text('encode_style.tflite can\\'t be loaded')"
        )
        page.check("#kinds [value=seed]")
        settle(page)
        assert re.match("bear 1 as cat, style 0", page.inner_text("#status"))


# ---- without a browser ----


def test_a_light_run_is_found_next_to_its_teacher(run_dir, tmp_path):
    shutil.copytree(run_dir, tmp_path / "mine")
    run = open_run(tmp_path / "mine")
    assert open_light(run, tmp_path / "mine") is run
    light = tmp_path / "mine-light"
    shutil.copytree(run_dir, light)
    assert open_light(run, tmp_path / "mine") is run  # not light
    config = json.loads((light / "config.json").read_text()) | {"generator": "light"}
    (light / "config.json").write_text(json.dumps(config))
    assert open_light(run, tmp_path / "mine").path == light
    other = Config.load(light / "config.json")
    other = dataclasses.replace(other, domains=("bear", "fox"))
    other.save(light / "config.json")
    assert open_light(run, tmp_path / "mine") is run  # of other domains
    (light / "config.json").write_text(json.dumps(config))
    shutil.rmtree(light / "checkpoints")
    assert open_light(run, tmp_path / "mine") is run  # not trained yet


def test_the_light_preset_of_a_preset_is_found(run_dir, tmp_path, monkeypatch):
    monkeypatch.setattr("tfstargan.resources.presets_dir", lambda: tmp_path)
    for name in ("mine", "mine-light"):
        shutil.copytree(run_dir, tmp_path / name)
    file = tmp_path / "mine-light" / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"generator": "light"}))
    light = open_light(open_run("preset:mine"), "preset:mine")
    assert light.path.name == "preset-mine-light"
    assert light.checkpoints()


@pytest.mark.parametrize("kind", [ConnectionResetError, BrokenPipeError, ValueError])
def test_a_browser_that_leaves_is_no_error_of_the_server(tmp_path, capsys, kind):
    with server(tmp_path, port=0) as web:
        try:
            raise kind("gone")
        except kind:
            web.handle_error(None, ("127.0.0.1", 1))
    assert bool(capsys.readouterr().err) == (kind is ValueError)
