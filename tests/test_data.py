"""Folders, augmentation and the stream of batches."""

import collections
import pathlib
import platform
import resource
import subprocess
import sys

import numpy as np
import pytest
from conftest import tiny
from PIL import Image

from tfstargan import images
from tfstargan.data import critters, patience
from tfstargan.data.augment import augment, random_box
from tfstargan.data.folder import Folder
from tfstargan.data.image_set import ImageSet
from tfstargan.data.stream import batches, example, examples_of, open_images
from tfstargan.errors import UserError
from tfstargan.images.reading import UnreadableError


class One(ImageSet):
    """A set of one image."""

    domains = ("one",)

    def __init__(self, pixels: np.ndarray):
        self.whole = Image.fromarray(pixels)

    def count(self, domain: int) -> int:
        return 1

    def image(self, domain: int, index: int, least: int = 0) -> Image.Image:
        return self.whole


def paint(path: pathlib.Path, color: tuple[int, ...], size=(40, 30)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, color).save(path)


@pytest.fixture
def photographs(tmp_path: pathlib.Path) -> pathlib.Path:
    """Two domains of very different sizes, told by colour."""
    for i in range(9):
        paint(tmp_path / "train" / "red" / f"{i}.jpg", (255, 0, 0))
    paint(tmp_path / "train" / "green" / "0.PNG", (0, 255, 0))
    paint(tmp_path / "val" / "red" / "deep" / "er.jpeg", (200, 0, 0))
    paint(tmp_path / "val" / "green" / "0.png", (0, 200, 0))
    (tmp_path / "train" / "red" / "notes.txt").write_text("not an image")
    return tmp_path


def test_domains_are_the_sorted_folders_and_suffixes_are_in_any_case(photographs):
    train, val = (Folder(photographs, split) for split in ("train", "val"))
    assert train.domains == val.domains == ("green", "red")
    assert [train.count(k) for k in range(2)] == [1, 9]
    assert [val.count(k) for k in range(2)] == [1, 1]
    assert train.image(0, 0).getpixel((3, 3)) == (0, 255, 0)


def test_chosen_domains_keep_their_order(photographs):
    assert Folder(photographs, "train", ("red", "green")).count(0) == 9
    with pytest.raises(UserError, match="blue: no such folder; found"):
        Folder(photographs, "train", ("red", "blue"))


def test_without_a_val_folder_training_images_are_shown(photographs):
    config = tiny(dataset="folder", data_dir=str(photographs), domains=())
    assert open_images(config, "val").count(1) == 1
    (photographs / "val").rename(photographs / "elsewhere")
    assert open_images(config, "val").count(1) == 9


def test_every_domain_is_equally_likely_however_few_its_images(photographs):
    config = tiny(dataset="folder", data_dir=str(photographs), domains=())
    image_set = open_images(config, "train")
    drawn = [example(image_set, config, i) for i in range(400)]
    for labels in ([b.y_src for b in drawn], [b.y_trg for b in drawn]):
        counts = collections.Counter(int(y) for y in labels)
        assert 160 < counts[0] < 240
    for batch in drawn[:50]:  # green is domain 0
        for image, label in (
            (batch.x_src, batch.y_src),
            (batch.x_ref, batch.y_trg),
            (batch.x_ref2, batch.y_trg),
        ):
            assert image[0, 0].argmax() == 1 - label


def test_the_two_references_are_drawn_apart():
    config = tiny(crop_probability=0.0, flip_probability=0.0)
    image_set = open_images(config, "train")
    drawn = [example(image_set, config, i) for i in range(60)]
    same = sum(np.array_equal(b.x_ref, b.x_ref2) for b in drawn)
    assert 0 < same < 30  # one in five, being drawn with replacement


def test_a_resumed_stream_continues_where_it_stopped():
    config = tiny(iterations=4)
    image_set = open_images(config, "train")
    whole = list(batches(image_set, config))
    rest = list(batches(image_set, config, start=2))
    assert len(whole) == 4
    assert len(rest) == 2
    for a, b in zip(whole[2:], rest, strict=True):
        for x, y in zip(a, b, strict=True):
            np.testing.assert_array_equal(x, y)
    assert not np.array_equal(whole[0].z, whole[1].z)


def test_another_seed_gives_another_stream():
    image_set = open_images(tiny(), "train")
    a, b = (example(image_set, tiny(seed=seed), 0) for seed in (1, 2))
    assert not np.array_equal(a.z, b.z)


def test_batches_are_floats_from_minus_one_to_one():
    config = tiny(crop_probability=0.0)
    image_set = open_images(config, "train")
    batch = next(iter(batches(image_set, config)))
    assert batch.x_src.shape == (4, 32, 32, 3)
    assert batch.z.shape == (4, 5)
    one = example(image_set, config, 0)
    np.testing.assert_allclose(batch.x_src[0], one.x_src / 127.5 - 1, atol=1e-6)
    assert batch.x_src.numpy().min() >= -1
    assert 0.5 < batch.x_src.numpy().max() <= 1


def test_latents_are_standard_normal():
    config = tiny(latent_dim=16)
    image_set = open_images(config, "train")
    z = np.stack([(b := example(image_set, config, i)).z for i in range(300)])
    assert abs(z.mean()) < 0.05
    assert abs(z.std() - 1) < 0.05
    assert not np.array_equal(b.z, b.z2)


def test_crops_keep_area_and_aspect_ratio_in_bounds():
    rng = np.random.default_rng(0)
    boxes = np.array([random_box(300, 300, rng) for _ in range(500)])
    assert boxes.min() >= 0
    assert boxes.max() <= 300
    w, h = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    area, aspect = w * h / 300**2, w / h
    assert area.min() == pytest.approx(0.8, abs=0.01)
    assert area.max() > 0.95
    assert aspect.min() == pytest.approx(0.9, abs=0.01)
    assert aspect.max() == pytest.approx(1.1, abs=0.01)
    assert len(np.unique(boxes[:, 0])) > 10


def test_an_image_too_narrow_for_any_crop_is_cropped_in_the_centre():
    left, top, right, bottom = random_box(400, 100, np.random.default_rng(0))
    assert (top, bottom) == (0, 100)
    assert right - left == 110
    assert left == 145


def test_augmentation_is_what_its_probabilities_say():
    ramp = np.tile(np.arange(64, dtype=np.uint8)[None, :, None], (64, 1, 3))
    rng = np.random.default_rng(0)

    def augmented(*probabilities: float) -> np.ndarray:
        return augment(One(ramp), 0, 0, 64, rng, *probabilities)

    np.testing.assert_array_equal(augmented(0.0, 0.0), ramp)
    np.testing.assert_array_equal(augmented(0.0, 1.0), ramp[:, ::-1])
    cropped = [augmented(1.0, 0.0) for _ in range(20)]
    assert {crop.shape for crop in cropped} == {(64, 64, 3)}
    assert min(np.ptp(crop) for crop in cropped) < 58
    mirrored = [augmented(0.5, 0.5)[0, 0, 0] > 31 for _ in range(200)]
    assert 70 < sum(mirrored) < 130


def test_resizing_is_antialiased():
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::2] = 255
    small = One(stripes).squeezed(0, 0, 16)
    assert abs(np.asarray(small).astype(int) - 127).max() < 20


def test_a_draft_is_smaller_and_nearly_the_same(tmp_path):
    for label, species in enumerate(critters.SPECIES):
        file = tmp_path / "train" / species / "a.jpg"
        file.parent.mkdir(parents=True)
        animal = critters.nth_critter("train", label, 0, seed=0)
        Image.fromarray(critters.draw(animal, 150)).save(file, quality=95)
    assert images.read(file).size == (150, 150)
    assert images.read(file, least=64).size == (75, 75)
    assert images.read(file, least=76).size == (150, 150)
    settings = {"dataset": "folder", "data_dir": str(tmp_path), "domains": ()}
    settings |= {"crop_probability": 0.0}
    exact, draft = (tiny(**settings, jpeg_draft=on) for on in (False, True))
    image_set = open_images(exact, "train")
    for i in range(4):
        a = example(image_set, exact, i).x_src.astype(float)
        b = example(image_set, draft, i).x_src.astype(float)
        assert 0 < abs(a - b).mean() < 2


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another malloc")
@pytest.mark.process
def test_freed_memory_of_images_is_kept(tmp_path):
    script = (
        "import resource\n"
        "from tfstargan.data.stream import keep_freed_memory\n"
        "keep_freed_memory()\n"
        "def faults(): return resource.getrusage(resource.RUSAGE_SELF).ru_minflt\n"
        "before = faults()\n"
        "for _ in range(40): del [bytearray(4 << 20) for _ in range(3)][:]\n"
        "print(faults() - before)\n"
    )
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    pages = (4 << 20) / resource.getpagesize()
    assert int(done.stdout) < 8 * pages  # not for each of the 120


def away(image_set: ImageSet, error: Exception, times: int) -> list[int]:
    """Let reading fail so often with an error; returns what counts the attempts."""
    read, attempts = image_set.image, []

    def failing(*arguments: int) -> Image.Image:
        attempts.append(1)
        if len(attempts) <= times:
            raise error
        return read(*arguments)

    image_set.image = failing
    return attempts


def test_a_drive_that_is_away_for_a_moment_changes_no_batch(photographs, monkeypatch):
    monkeypatch.setattr(patience, "PAUSES", (0, 0, 0))
    config = tiny(dataset="folder", data_dir=str(photographs), domains=())
    image_set = open_images(config, "train")
    expected = example(image_set, config, 0)
    missing = UnreadableError("a.jpg", "not a file")
    attempts = away(image_set, missing, times=3)
    for found, wanted in zip(example(image_set, config, 0), expected, strict=True):
        np.testing.assert_array_equal(found, wanted)
    assert len(attempts) == 6  # of three images
    attempts = away(image_set, missing, times=9)
    with pytest.raises(UserError, match=r"a\.jpg: not a readable .* \(not a file\)"):
        example(image_set, config, 0)
    assert len(attempts) == 4


def test_a_faulty_image_is_not_waited_for(photographs):
    config = tiny(dataset="folder", data_dir=str(photographs), domains=())
    image_set = open_images(config, "train")
    attempts = away(image_set, UnreadableError("a.jpg", "damaged"), times=9)
    with pytest.raises(UserError, match="damaged"):
        example(image_set, config, 0)
    assert len(attempts) == 1


def test_examples_repeat_where_a_domain_has_too_few(photographs):
    shown = examples_of(Folder(photographs, "train"), 32, each=3)
    assert shown.shape == (2, 3, 32, 32, 3)
    np.testing.assert_array_equal(shown[0, 0], shown[0, 2])


def test_images_are_read_upright_and_as_rgb(tmp_path):
    sideways = Image.new("RGB", (20, 10))
    sideways.putpixel((0, 0), (255, 255, 255))
    exif = sideways.getexif()
    exif[0x0112] = 6  # the camera was turned: show it rotated clockwise
    sideways.save(tmp_path / "a.png", exif=exif)
    upright = images.read(tmp_path / "a.png")
    assert upright.size == (10, 20)
    assert upright.getpixel((9, 0)) == (255, 255, 255)
    for mode in ("L", "RGBA", "P", "CMYK", "1"):
        Image.new(mode, (8, 9)).save(tmp_path / "b.tif")
        assert images.read(tmp_path / "b.tif").mode == "RGB"


def test_sixteen_bits_become_eight_without_clipping(tmp_path):
    ramp = np.arange(256, dtype=np.uint16).reshape(16, 16) * 257
    Image.fromarray(ramp).save(tmp_path / "deep.png")
    read = np.asarray(images.read(tmp_path / "deep.png"))
    np.testing.assert_array_equal(read[..., 1], np.arange(256).reshape(16, 16))


def test_floats_and_bytes_are_each_others_inverse():
    levels = np.arange(256, dtype=np.uint8)
    np.testing.assert_array_equal(images.to_uint8(images.to_float(levels)), levels)
    np.testing.assert_array_equal(
        images.to_uint8(np.array([-3.0, 3.0, 0.0])), [0, 255, 128]
    )


def test_a_wide_image_gives_its_centred_square():
    wide = np.zeros((10, 30, 3), np.uint8)
    wide[:, 10:20] = 200
    square = images.square(Image.fromarray(wide), 5)
    assert square.size == (5, 5)
    assert np.asarray(square).min() == 200


def test_a_grid_has_images_where_they_belong_and_white_elsewhere():
    red = np.full((96, 96, 3), (255, 0, 0), np.uint8)
    grid = images.grid([[None, red], [red]], gap=4)
    assert grid.shape == (2 * 100 + 4, 2 * 100 + 4, 3)
    assert (grid[50, 50] == 255).all()
    assert tuple(grid[50, 150]) == (255, 0, 0)
    assert tuple(grid[150, 50]) == (255, 0, 0)
    assert (grid[150, 150] == 255).all()
    assert images.grid([[red[:32, :32]]], gap=0).shape == (96, 96, 3)


FRAMES = [np.full((9, 15, 3), 50 * i, np.uint8) for i in range(5)]


@pytest.mark.parametrize("suffix", [".gif", ".webp"])
def test_an_animation_has_all_its_frames_and_no_end(tmp_path, suffix):
    images.save_animation(iter(FRAMES), (tmp_path / "a").with_suffix(suffix))
    with Image.open((tmp_path / "a").with_suffix(suffix)) as animation:
        assert animation.size == (15, 9)
        assert animation.n_frames == 5
        assert animation.info["loop"] == 0


@pytest.mark.parametrize("suffix", [".gif", ".webp"])
def test_what_does_not_move_keeps_its_colours_in_an_animation(tmp_path, suffix):
    rng = np.random.default_rng(0)
    still = rng.integers(0, 256, (40, 64, 3), np.uint8)
    moving = rng.integers(0, 256, (40, 40, 64, 3), np.uint8)
    frames = [np.concatenate([still, x // (1 + i % 3)]) for i, x in enumerate(moving)]
    path = (tmp_path / "a").with_suffix(suffix)
    images.save_animation(frames, path)
    with Image.open(path) as animation:
        assert animation.n_frames == len(frames)
        shown = []
        for frame in range(animation.n_frames):
            animation.seek(frame)
            # of its blocks, those without a pixel that moves
            shown.append(np.asarray(animation.convert("RGB"))[:32])
    for frame in shown:
        np.testing.assert_array_equal(frame, shown[0])


def test_a_video_has_all_its_frames(tmp_path):
    av = pytest.importorskip("av")
    images.save_animation(iter(FRAMES), tmp_path / "a.mp4", milliseconds=40)
    with av.open(tmp_path / "a.mp4") as video:
        assert video.streams.video[0].average_rate == 25
        decoded = [frame.to_ndarray(format="rgb24") for frame in video.decode(video=0)]
    assert [frame.shape for frame in decoded] == [(10, 16, 3)] * 5
    for frame, shown in zip(FRAMES, decoded, strict=True):
        assert abs(shown[:9, :15].astype(int) - frame).max() < 6
