"""The page while it translates a camera or a video: Chromium's camera plays a file."""

import io
import itertools
from collections.abc import Iterator

import av
import numpy as np
import pytest
import webpage
from conftest import benchmark
from PIL import Image
from webpage import MEAN, choose_file, drawn, photo, random_style, saved, settle

from tfstargan import images

live = benchmark("live")
NEAR = 6  # largest mean difference, of 255, of a frame that went through YUV


@pytest.fixture(scope="module")
def scenes() -> np.ndarray:
    return live.scenes(40, 160, 120)


@pytest.fixture(scope="module")
def inputs(scenes) -> np.ndarray:
    """The network input that Python makes of each frame, uint8."""
    small = [np.asarray(images.square(Image.fromarray(s), 32)) for s in scenes]
    return np.stack(small)


@pytest.fixture(scope="module")
def browser(playwright, scenes, tmp_path_factory) -> Iterator:
    """Chromium with a camera."""
    camera = tmp_path_factory.mktemp("camera") / "camera.y4m"
    live.write_camera(camera, scenes)
    browser = playwright.chromium.launch(
        executable_path=webpage.CHROMIUM, args=live.flags(camera)
    )
    yield browser
    browser.close()


@pytest.fixture
def camera(page):
    """A page that translates the camera."""
    page.click("#sources button:has-text('Live')")
    page.wait_for_selector("#stats:has-text('frames/s')")
    return page


def clip(frames: np.ndarray, sound: bool = False) -> bytes:
    """A WebM file of frames, uint8 [N, H, W, 3]; or of sound alone."""
    file = io.BytesIO()
    with av.open(file, "w", format="webm") as out:
        if sound:
            stream = out.add_stream("libopus", rate=48_000)
            silence = av.AudioFrame(format="s16", layout="stereo", samples=960)
            silence.sample_rate = 48_000
            for plane in silence.planes:
                plane.update(bytes(plane.buffer_size))
            out.mux(stream.encode(silence))
        else:
            stream = out.add_stream("libvpx", rate=30)
            _, stream.height, stream.width, _ = frames.shape
            stream.pix_fmt, stream.bit_rate = "yuv420p", 2_000_000
            for frame in frames:
                out.mux(stream.encode(av.VideoFrame.from_ndarray(frame, "rgb24")))
        out.mux(stream.encode(None))
    return file.getvalue()


def distances(image: np.ndarray, others: np.ndarray) -> np.ndarray:
    return np.abs(others.astype(int) - image).mean((1, 2, 3))


def translations(endpoints, inputs: np.ndarray, style: np.ndarray) -> np.ndarray:
    """What Python makes of network inputs, uint8."""
    fakes = [
        endpoints["translate"](x_src=images.to_float(x)[None], s=style)["x_fake"][0]
        for x in inputs
    ]
    return images.to_uint8(np.stack(fakes))


def test_frames_of_the_camera_differ_and_are_translated_as_by_python(
    camera, inputs, endpoints
):
    style = random_style(endpoints, 0, 1)
    seen = []
    for _ in range(2):
        camera.click("#pause")
        settle(camera)
        source = drawn(camera, "before", 32)
        apart = distances(source, inputs)
        assert apart.min() < NEAR
        seen.append(apart.argmin())
        (expected,) = translations(endpoints, source[None], style)
        assert distances(saved(camera), expected[None]) <= MEAN
        camera.click("#pause")  # goes on
        camera.wait_for_timeout(700)
    assert seen[0] != seen[1]


def test_a_style_that_is_chosen_meanwhile_is_that_of_the_next_frames(
    camera, inputs, endpoints
):
    camera.fill("#seed", "42")
    camera.wait_for_selector("#status:has-text('Live: camera as cat, style 42')")
    camera.wait_for_timeout(1000)
    image = drawn(camera, "after", 32)
    then, now = (
        distances(image, translations(endpoints, inputs, style)).min()
        for style in (random_style(endpoints, 0, 1), random_style(endpoints, 42, 1))
    )
    assert now < NEAR
    assert now < then
    camera.check("#kinds [value=reference]")
    camera.wait_for_selector("#status:has-text('Live: camera as cat, style of cat')")
    camera.check("#domains [value=rabbit]")
    camera.wait_for_selector("#status:has-text('Live: camera as rabbit')")
    assert camera.is_visible("#pause")


def test_a_recording_shows_what_was_seen(camera, tmp_path):
    camera.click("#record")
    camera.wait_for_selector("#record:has-text('Stop · 0:02')")
    with camera.expect_download() as download:
        camera.click("#record")
    assert download.value.suggested_filename == "camera-as-cat-style-0.webm"
    with av.open(str(download.value.path())) as file:
        frames = [f.to_ndarray(format="rgb24") for f in file.decode(video=0)]
    assert len(frames) > 10
    assert frames[0].shape == (512, 512, 3)
    changed = [np.any(a != b) for a, b in itertools.pairwise(frames)]
    assert sum(changed) > 5


def test_an_image_that_is_chosen_ends_it(camera):
    camera.click("#record")
    camera.wait_for_timeout(500)
    with camera.expect_download():  # what was recorded is not lost
        choose_file(camera, "#sources", "mine.png", photo(1))
    camera.wait_for_selector("#status:has-text('mine as cat')")
    assert not camera.is_visible("#live")
    assert camera.evaluate("document.getElementById('video').srcObject") is None
    assert camera.get_attribute("#after", "aria-label") == "mine as cat, style 0"


def test_at_its_end_the_last_frame_stays_as_an_image(camera):
    camera.click("#end")
    camera.wait_for_selector("#status:has-text('camera frame as cat, style 0 ·')")
    assert not camera.is_visible("#live")
    assert camera.is_checked("#sources [data-own] input")
    camera.fill("#seed", "3")
    camera.wait_for_selector("#status:has-text('camera frame as cat, style 3 ·')")
    assert camera.is_disabled("#save-as [value=photo]")


def test_a_camera_that_is_unplugged_is_reported(camera):
    camera.evaluate("""() => {
        const [track] = document.getElementById('video').srcObject.getTracks();
        track.dispatchEvent(new Event('ended'));
    }""")
    camera.wait_for_selector("#alert:has-text('The camera was disconnected')")
    camera.fill("#seed", "3")
    camera.wait_for_selector("#status:has-text('camera frame as cat, style 3 ·')")


def test_it_is_worked_by_keyboard(camera):
    for key, text in (("Enter", "Resume"), ("Space", "Pause")):
        camera.focus("#pause")
        camera.keyboard.press(key)
        camera.wait_for_selector(f"#pause:has-text('{text}')")
    camera.focus("#divider")
    camera.keyboard.press("End")
    assert camera.input_value("#divider") == "100"
    assert camera.is_visible("#video")


def test_a_video_file_is_translated(page, scenes):
    choose_file(page, "#sources", "mine.webm", clip(scenes), "video/webm")
    page.wait_for_selector("#stats:has-text('frames/s')")
    assert page.inner_text("#status") == "Live: mine as cat, style 0"
    assert not page.is_visible("#turn-live")
    first = drawn(page, "after", 32)
    for _ in range(20):
        page.wait_for_timeout(100)
        if np.any(drawn(page, "after", 32) != first):
            break
    else:
        raise AssertionError("nothing moves")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"no video", "mine.webm can't be played"),
        (clip(np.zeros((0, 0, 0, 0)), sound=True), "mine.webm has no picture"),
    ],
    ids=["broken", "sound alone"],
)
def test_a_video_without_a_picture_is_refused_in_words(page, content, said):
    choose_file(page, "#sources", "mine.webm", content, "video/webm")
    page.wait_for_selector(f"#alert:has-text({said!r})")
    assert not page.is_visible("#live")
    page.fill("#seed", "3")
    page.wait_for_selector("#status:has-text('bear 1 as cat, style 3 ·')")


def test_a_video_gives_no_style(page, scenes):
    page.check("#kinds [value=reference]")
    choose_file(page, "#references", "mine.webm", clip(scenes), "video/webm")
    page.wait_for_selector("#alert:has-text('a style needs an image')")


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--use-fake-device-for-media-stream"], "Camera access was denied"),
        (["--use-fake-ui-for-media-stream"], "No camera found"),
    ],
    ids=["refused", "none"],
)
def test_without_a_camera_it_says_so(playwright, address, flags, said):
    browser = playwright.chromium.launch(
        executable_path=webpage.CHROMIUM, args=["--no-sandbox", "--disable-gpu", *flags]
    )
    page = webpage.Pages(browser, address)()
    page.click("#sources button:has-text('Live')")
    page.wait_for_selector(f"#alert:has-text({said!r})")
    page.fill("#seed", "3")
    page.wait_for_selector("#status:has-text('bear 1 as cat, style 3 ·')")
    browser.close()


def test_the_camera_s_file_is_what_was_drawn(tmp_path, scenes):
    """The .y4m that all of this is compared with."""
    live.write_camera(tmp_path / "camera.y4m", scenes)
    with av.open(str(tmp_path / "camera.y4m")) as file:
        frames = [f.to_ndarray(format="rgb24") for f in file.decode(video=0)]
    assert len(frames) == len(scenes)
    assert distances(frames[7], scenes[7][None]) < 3
