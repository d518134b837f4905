"""Time the live translation of a page in headless Chromium, with a camera from a file.

    python benchmarks/live.py --sites=site,site-light

The sites are folders that `tfstargan export web` wrote. For each, the page translates
a camera of 640 x 480 and 30 frames/s, with and without threads. The table has what the
page shows: frames/s, latency and dropped frames. Latency is the time from the capture
of a frame to the drawing of its translation, the mean of the last two seconds. The last
column is the median time of the generator in LiteRT in Python with two threads, right
after that: it tells how busy the machine is.
"""

import dataclasses
import functools
import http.server
import pathlib
import re
import shutil
import sys
import tempfile
import threading
import time

sys.path[0] = str(pathlib.Path(__file__).parents[1])  # else `export` were its neighbour

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from export.apps import server
from export.litert import latency
from tfstargan import cli
from tfstargan.data.critters import draw, nth_critter
from tfstargan.settings import Settings, setting

RATE = 30
FIGURES = re.compile(r"([\d.]+) frames/s · (\d+) ms · (-?\d+) dropped")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(Settings):
    """The flags of this benchmark."""

    sites: tuple[str, ...] = setting(
        (), "folders of sites", required="give --sites, folders that export web wrote"
    )
    seconds: int = setting(15, "that each is translated", at_least=3)
    turns: int = setting(3, "times that each is measured")


class Plain(server.Handler):
    """Serves as most static servers do: without the headers that allow threads."""

    def send_header(self, keyword: str, value: str) -> None:
        """Send the other headers."""
        if keyword not in server.ISOLATED:
            super().send_header(keyword, value)


def scenes(count: int, width: int, height: int) -> np.ndarray:
    """Frames of an animal that moves to the right, uint8 [count, height, width, 3]."""
    animal = draw(nth_critter("val", 0, 0, seed=5), height)
    field = np.pad(animal, [(0, 0), (width - height, width - height), (0, 0)], "edge")
    steps = np.linspace(width - height, 0, count).astype(int)
    frames = np.stack([field[:, left : left + width] for left in steps])
    shade = np.linspace(0.6, 1, count)[:, None, None, None]  # no two frames are alike
    return (frames * shade).astype(np.uint8)


def write_camera(file: pathlib.Path, frames: np.ndarray) -> None:
    """Write frames, uint8 RGB, as the .y4m that Chromium reads as a camera.

    It is uncompressed YUV of BT.601 in limited range, with half the colors in each
    direction.
    """
    _, height, width, _ = frames.shape
    weights = np.array(
        [[65.481, 128.553, 24.966], [-37.797, -74.203, 112], [112, -93.786, -18.214]]
    )
    with file.open("wb") as out:
        out.write(f"YUV4MPEG2 W{width} H{height} F{RATE}:1 Ip A1:1 C420\n".encode())
        for frame in frames:
            y, u, v = np.moveaxis(frame / 255 @ weights.T + [16, 128, 128], -1, 0)
            out.write(b"FRAME\n" + np.round(y).astype(np.uint8).tobytes())
            for plane in (u, v):
                halves = plane.reshape(height // 2, 2, width // 2, 2).mean((1, 3))
                out.write(np.round(halves).astype(np.uint8).tobytes())


def flags(camera: pathlib.Path) -> list[str]:
    """Chromium's flags for a camera that plays a file."""
    return [
        "--no-sandbox",
        "--disable-gpu",
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-video-capture={camera}",
    ]


def measure(browser, site: pathlib.Path, handler: type, seconds: int) -> list:
    """What the page shows after some seconds: device, frames/s, latency, dropped."""
    serving = functools.partial(handler, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), serving) as web:
        threading.Thread(target=web.serve_forever, daemon=True).start()
        page = browser.new_page()
        page.goto(f"http://localhost:{web.server_port}/")
        page.wait_for_selector("#compare[data-state=both][aria-busy=false]")
        page.wait_for_timeout(2000)  # the gallery
        page.click("#sources button:has-text('Live')")
        page.wait_for_timeout(1000 * seconds)
        shown = FIGURES.fullmatch(page.inner_text("#stats"))
        device = re.search(r"\((.*)\)", page.inner_text("#about"))[1]
        page.close()
        web.shutdown()
    return [device, *map(float, shown.groups())]


def native(site: pathlib.Path) -> float:
    """The median time of the generator in LiteRT in Python, in milliseconds."""
    model = site / "model" / "translate.tflite"
    run = latency.on_noise(Interpreter(model_path=str(model), num_threads=2), None)
    times = []
    for _ in range(15):
        start = time.perf_counter()
        run()
        times.append(1000 * (time.perf_counter() - start))
    return float(np.median(times))


def main(options: Options) -> None:
    """Measure, and print the table."""
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    print("| site | computes on | frames/s | latency, ms | dropped | in Python, ms |")
    print("|---|---|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        camera = pathlib.Path(folder) / "camera.y4m"
        write_camera(camera, scenes(2 * RATE, 640, 480))
        browser = playwright.chromium.launch(
            executable_path=chromium, args=flags(camera)
        )
        for site in options.sites * options.turns:
            for handler in (server.Handler, Plain):
                path = pathlib.Path(site)
                device, *figures = measure(browser, path, handler, options.seconds)
                rate, latency, dropped = figures
                print(
                    f"| {path.name} | {device} | {rate:.1f} | {latency:.0f} "
                    f"| {dropped / options.seconds / RATE:.0%} | {native(path):.1f} |",
                    flush=True,
                )
        browser.close()


if __name__ == "__main__":
    cli.start(main, Options, about=__doc__, tensorflow=False)
