"""Helpers of the tests that open the page of web_demo/ in headless Chromium."""

import io
import pathlib
import shutil
import threading
from collections.abc import Iterator

import numpy as np
from PIL import Image

from export.apps.server import server
from tfstargan import images
from tfstargan.data.critters import draw, nth_critter
from tfstargan.exported.latents import seeded_latent

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync "
    "--disable-background-networking --disable-component-update "
    "--use-fake-device-for-media-stream --use-fake-ui-for-media-stream"
).split()
MEAN = 2  # largest mean difference from Python's image, of 255
LOADED = "#compare[data-state=both][aria-busy=false]"


def serve(folder: pathlib.Path) -> Iterator[str]:
    """Yield the address of a folder, served as by `export web --serve`."""
    with server(folder, port=0) as web:
        threading.Thread(target=web.serve_forever, daemon=True).start()
        yield f"http://localhost:{web.server_port}/"
        web.shutdown()


class Pages:
    """Opens pages of a browser, each in a context of its own."""

    def __init__(self, browser, address: str):
        self.browser = browser
        self.address = address
        self.contexts: list = []

    def __call__(self, url: str = "", wait: str = LOADED, script: str = "", **options):
        """Open a page, and wait for its first translation.

        `page.problems` are its errors and its requests to other hosts.
        """
        url = url or self.address
        context = self.browser.new_context(**options)
        self.contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(120_000)
        if script:
            page.add_init_script(script)
        page.problems = []
        page.on("pageerror", lambda error: page.problems.append(str(error)))
        page.on("request", lambda request: self._note(page, url, request.url))
        page.goto(url)
        page.wait_for_selector(wait)
        return page

    @staticmethod
    def _note(page, url: str, requested: str) -> None:
        if not requested.startswith((url, "blob:")):
            page.problems.append(requested)

    def close(self) -> None:
        for context in self.contexts:
            context.close()


def photo(index: int, suffix: str = "png", orientation: int = 1) -> bytes:
    """A file of a drawn animal that is wider than high."""
    animal = nth_critter("val", index % 3, index, seed=5)
    wide = np.pad(draw(animal, 150), [(0, 0), (31, 18), (0, 0)], "edge")
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = io.BytesIO()
    format = {"jpg": "jpeg"}.get(suffix, suffix)
    Image.fromarray(wide).save(file, format, exif=exif, quality=90)
    return file.getvalue()


def seen(file: bytes) -> np.ndarray:
    """The network input that Python makes of a file."""
    image = images.decode(io.BytesIO(file), "test")
    return images.to_float(images.square(image, 32))[None]


def choose_file(
    page, strip: str, name: str, content: bytes, mime: str = "image/png"
) -> None:
    with page.expect_file_chooser() as chooser:
        page.click(f"{strip} button:has-text('Choose')")
    payload = {"name": name, "mimeType": mime, "buffer": content}
    chooser.value.set_files([payload])


def settle(page) -> None:
    """Wait until the translation is that of the choices."""
    page.wait_for_timeout(100)
    page.wait_for_selector(LOADED)


def drawn(page, canvas: str, size: int) -> np.ndarray:
    """What a canvas shows of an image of a size: uint8 [size, size, 3]."""
    pixels = page.evaluate(
        """(id) => {
            const canvas = document.getElementById(id);
            const {width, height} = canvas;
            const {data} = canvas.getContext('2d').getImageData(0, 0, width, height);
            return [width, [...data]];
        }""",
        canvas,
    )
    side, data = pixels
    image = np.reshape(np.uint8(data), (side, side, 4))[..., :3]
    middle = side // size // 2
    return image[middle :: side // size, middle :: side // size]


def saved(page, size: str = "1") -> np.ndarray:
    settle(page)
    page.select_option("#save-as", size)
    with page.expect_download() as download:
        page.click("#save")
    image = np.asarray(Image.open(download.value.path()))
    assert np.all(image[..., 3] == 255)
    return image[..., :3]


def random_style(endpoints, seed: int, label: int) -> np.ndarray:
    y = np.array([label], np.int32)
    return endpoints["map_latent"](z=seeded_latent(seed, 5), y=y)["s"]


def translated(endpoints, file: bytes, style: np.ndarray) -> np.ndarray:
    return endpoints["translate"](x_src=seen(file), s=style)["x_fake"]


def assert_same(image: np.ndarray, fake: np.ndarray) -> None:
    expected = images.to_uint8(fake[0]).astype(int)
    assert image.shape == expected.shape
    assert np.mean(abs(image - expected)) <= MEAN
