"""Alignment of faces: the map, the padding, the interpolation, and the command."""

import json

import numpy as np
import pytest
import pytorch_writer
from commands import command as run_command
from parity import GOLDENS, formula
from PIL import Image

from tfstargan import images
from tfstargan.errors import UserError
from tfstargan.faces import cutting as command
from tfstargan.faces import warp
from tfstargan.faces.alignment import (
    Face,
    align,
    axis,
    flaw,
    in_photograph,
    map_of,
    similarity,
)

DOTS = {96: (255, 0, 0), 97: (0, 255, 0), 57: (0, 0, 255), 76: (255, 255, 0)}
DOTS[82] = (0, 255, 255)


def arc(centre, radii, degrees, count):
    angles = np.radians(np.linspace(*degrees, count))
    return np.stack([np.cos(angles), np.sin(angles)], axis=-1) * radii + centre


@pytest.fixture(scope="module")
def mean_landmarks():
    """A drawn face by WFLW's numbering, about as large as CelebA-HQ's."""
    jitter = np.random.default_rng(0).normal(0, 0.5, (98, 2))  # no symmetry to hide in
    return jitter + np.concatenate(
        [
            arc((128, 130), (72, 95), (180, 0), 33),  # 0-32: sides and chin
            arc((97, 108), (22, 12), (180, 360), 9),  # 33-41: eyebrows
            arc((160, 107), (22, 12), (180, 360), 9),  # 42-50
            np.linspace((128, 118), (129, 150), 4),  # 51-54: nose
            arc((129, 152), (14, 6), (180, 0), 5),  # 55-59
            arc((97, 120), (12, 5), (180, 540), 8),  # 60-67: eyes
            arc((160, 119), (12, 5), (180, 540), 8),  # 68-75
            arc((129, 185), (25, 10), (180, 450), 12),  # 76-87: mouth
            arc((129, 185), (16, 5), (180, 540), 8),  # 88-95
            [(97, 120), (160, 119)],  # 96, 97: pupils
        ]
    )


@pytest.fixture(scope="module")
def points(mean_landmarks):
    """The same face turned by 17 degrees, larger, at the side of 700 x 560."""
    return moved(mean_landmarks, turn(17, 1.45), (262, 70))


def turn(degrees, scale):
    a = np.radians(degrees)
    return scale * np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]])


def moved(points, matrix, shift):
    return points @ matrix.T + shift


def apply(matrix, points):
    return points @ matrix[:, :2].T + matrix[:, 2]


def photograph(points, width=700, height=560):
    """A dark image with a round coloured dot at some of the points."""
    y, x = np.mgrid[:height, :width] + 0.5
    image = np.full((height, width, 3), 20.0)
    for index, colour in DOTS.items():
        distance = np.hypot(x - points[index, 0], y - points[index, 1])
        share = np.exp(-((distance / 7) ** 2))[..., None]
        image += share * (np.array(colour) - image)
    return Image.fromarray(np.round(image).astype(np.uint8))


def found(image, near):
    """The centroid of the dot near a point of an image."""
    y, x = np.mgrid[: image.shape[0], : image.shape[1]] + 0.5
    window = np.hypot(x - near[0], y - near[1]) < 10 * image.shape[0] / 256
    light = (image.astype(float) - 20).clip(0).sum(axis=-1) * window
    return np.array([(light * x).sum(), (light * y).sum()]) / light.sum()


# The map


@pytest.mark.parametrize("degrees", [-160, -35, 0, 8, 90])
def test_a_known_rotation_scale_and_shift_are_recovered(mean_landmarks, degrees):
    face = moved(mean_landmarks, turn(degrees, 2.3), (-50, 31))
    matrix = similarity(face, mean_landmarks)
    np.testing.assert_allclose(apply(matrix, face), mean_landmarks, atol=1e-9)
    np.testing.assert_allclose(matrix[:, :2], turn(-degrees, 1 / 2.3), atol=1e-12)


def test_the_map_of_another_face_takes_mean_to_mean_axis_to_axis(mean_landmarks):
    face = moved(mean_landmarks, turn(17, 1.4), (5, 9))
    face += np.random.default_rng(1).normal(0, 6, face.shape)
    matrix = similarity(face, mean_landmarks)
    aligned = apply(matrix, face)
    np.testing.assert_allclose(aligned.mean(axis=0), mean_landmarks.mean(axis=0))
    np.testing.assert_allclose(axis(aligned), axis(mean_landmarks))

    def far(points):
        centred = points - points.mean(axis=0)
        return np.array([np.hypot(*centred[i]) for i in (96, 97, 76, 82)])

    scale = np.sqrt(np.linalg.det(matrix[:, :2]))
    np.testing.assert_allclose(scale, np.mean(far(mean_landmarks) / far(face)))


def test_the_axis_weighs_eyes_and_the_way_to_the_mouth(mean_landmarks):
    face = mean_landmarks.copy()
    face[[*range(60, 68), 96]] = 100, 120
    face[[*range(68, 76), 97]] = 160, 110
    face[[76, 82]] = [(110, 180), (140, 190)]
    # Eyes (60, -10); from mouth to eyes (5, -70), which is (70, 5) turned to the right.
    np.testing.assert_allclose(axis(face), np.array([130, -5]) / np.hypot(130, -5))


# The image


@pytest.mark.parametrize("size", [128, 256, 400])
def test_dots_of_a_photograph_come_to_lie_on_the_average_face(
    mean_landmarks, points, size
):
    image = align(photograph(points), points, mean_landmarks, size)
    assert image.shape == (size, size, 3)
    assert image.dtype == np.uint8
    for index, colour in DOTS.items():
        expected = mean_landmarks[index] * size / 256
        np.testing.assert_allclose(found(image, expected), expected, atol=0.3)
        x, y = expected.astype(int)
        np.testing.assert_allclose(image[y, x], colour, atol=40)


def test_small_faces_lose_no_pixels_to_the_reduction(mean_landmarks):
    # 64 stripes of 4 pixels across the eyes of a face that is half as large as usual,
    # in 1024 x 1024: in one reduced to 256, they would be gone.
    face = moved(mean_landmarks, turn(0, 2.0), (256, 256))
    stripes = np.zeros((1024, 1024, 3), np.uint8)
    stripes[:, np.arange(1024) % 8 < 4] = 255
    image = align(Image.fromarray(stripes), face, mean_landmarks, 256)
    assert image[100:150, 100:150].std() > 80


def test_a_square_photograph_is_reduced_padded_and_moved_as_by_the_authors(
    mean_landmarks,
):
    noise = np.random.default_rng(0).integers(0, 256, (300, 300, 3), np.uint8)
    face = moved(mean_landmarks, turn(-5, 300 / 256 * 1.1), (-10, -20))
    reduced = Image.fromarray(noise).resize((256, 256), Image.Resampling.BILINEAR)
    padded = warp.pad(np.asarray(reduced, np.float32))
    matrix = similarity(face * (256 / 300) + 128, mean_landmarks)
    expected = warp.lanczos(padded, matrix, 256).round().clip(0, 255)
    image = align(Image.fromarray(noise), face, mean_landmarks, 256)
    np.testing.assert_array_equal(image, expected)


def test_sizes_show_the_same(mean_landmarks, points):
    small, large = (
        align(photograph(points), points, mean_landmarks, n) for n in (128, 256)
    )

    def distance(large):
        halved = Image.fromarray(large).resize((128, 128), Image.Resampling.BOX)
        return np.abs(np.subtract(halved, small, dtype=float)).mean()

    # Half a pixel of the smaller would be seen.
    for axis_of_image in (0, 1):
        shifted = np.roll(large, 1, axis_of_image)
        assert distance(large) < distance(shifted) / 4


def test_the_views_places_are_found_in_the_photograph(points):
    for size in ((700, 560), (561, 700)):
        dots = photograph(points, *size)
        view = np.asarray(images.square(dots, 256))
        places = in_photograph(np.array([[128.0, 128.0], [0, 0]]), *size)
        side = min(size)
        corner = np.array([(n - side) // 2 for n in size])
        np.testing.assert_allclose(places, [corner + side / 2, corner])
        near = (points[57] - corner) * 256 / side
        back = in_photograph(found(view, near), *size)
        np.testing.assert_allclose(back, points[57], atol=0.5)


# Interpolation and padding


def test_lanczos_of_the_identity_is_the_identity():
    image = np.random.default_rng(0).random((9, 9, 3), np.float32)
    matrix = np.eye(2, 3)
    np.testing.assert_allclose(warp.lanczos(image, matrix, 9), image, atol=1e-6)
    shift = np.array([[1, 0, -2.0], [0, 1, -3]])
    np.testing.assert_allclose(
        warp.lanczos(image, shift, 6), image[3:9, [2, 3, 4, 5, 6, 7]], atol=1e-6
    )


def test_lanczos_of_a_constant_is_constant_beyond_the_border_too():
    matrix = np.column_stack([turn(33, 1.7), (4, -9)])
    image = np.full((7, 11, 2), 0.3, np.float32)
    np.testing.assert_allclose(warp.lanczos(image, matrix, 20), 0.3, atol=1e-6)


def test_lanczos_turns_and_enlarges_a_smooth_image_as_a_formula_would():
    def wave(x, y):
        return np.stack([np.sin(0.4 * x), np.cos(0.3 * y + 0.1 * x)], axis=-1)

    y, x = np.mgrid[:60, :70] + 0.5
    matrix = np.column_stack([turn(25, 1.6), (-20, -50)])
    result = warp.lanczos(wave(x, y).astype(np.float32), matrix, 30)
    y, x = np.mgrid[:30, :30] + 0.5
    back = (np.stack([x, y], axis=-1) - matrix[:, 2]) @ np.linalg.inv(turn(25, 1.6)).T
    assert back.min() > 4  # well inside
    assert back.max() < 56
    np.testing.assert_allclose(result, wave(*np.moveaxis(back, -1, 0)), atol=5e-3)


def test_padding_is_mirrored_and_fades_into_a_halved_blurred_doubled_copy():
    image = np.random.default_rng(0).random((290, 342, 3), np.float32)
    mirrored = np.pad(image, [(145, 145), (171, 171), (0, 0)], mode="reflect")
    half = mirrored.reshape(290, 2, 342, 2, 3).mean(axis=(1, 3))
    offsets = np.arange(-8, 9)  # sigma 2 of 290 // 100, to four of it
    kernel = np.exp(-(offsets**2) / 8)

    def blurred(rows):
        wide = np.pad(rows, [(8, 8), (0, 0)], mode="symmetric")
        taps = [
            k * wide[8 + o : 8 + o + len(rows)]
            for k, o in zip(kernel, offsets, strict=True)
        ]
        return sum(taps) / kernel.sum()

    def doubled(rows):
        places, new = np.arange(len(rows)), (np.arange(2 * len(rows)) - 0.5) / 2
        return np.stack([np.interp(new, places, c) for c in rows.T], axis=-1)

    padded = warp.pad(image)
    y, x = np.mgrid[:580, :684]
    distance = np.min([y, 579 - y, x, 683 - x], axis=0)
    weight = np.clip(distance / (580 / 4), 0, 1)[..., None] ** 4
    copy = np.stack(
        [doubled(blurred(doubled(blurred(c)).T)).T for c in np.moveaxis(half, -1, 0)],
        axis=-1,
    )
    expected = weight * mirrored + (1 - weight) * copy
    np.testing.assert_allclose(padded, expected, atol=1e-5)
    np.testing.assert_allclose(padded[145:435, 171:513], image, atol=1e-6)


@pytest.mark.parametrize("shape", [(7, 40), (41, 9)])
def test_narrow_images_do_not_fade_inside_their_borders(shape):
    image = np.random.default_rng(0).random((*shape, 3), np.float32)
    height, width = shape
    padded = warp.pad(image)
    assert padded.shape[:2] == (height + height // 2 * 2, width + width // 2 * 2)
    inside = padded[height // 2 :, width // 2 :][1 : height - 1, 1 : width - 1]
    np.testing.assert_allclose(inside, image[1:-1, 1:-1], atol=1e-6)


# The way back


@pytest.mark.parametrize("size", [64, 256])
def test_the_map_leads_from_the_photograph_to_the_face(mean_landmarks, points, size):
    matrix = map_of((700, 560), points, mean_landmarks, size)
    np.testing.assert_allclose(
        apply(matrix, points)[[96, 97]],
        apply(similarity(points, mean_landmarks), points)[[96, 97]] / 256,
        atol=0.01,
    )
    image = align(photograph(points), points, mean_landmarks, size)
    for index in DOTS:
        place = apply(matrix, points[index]) * size
        np.testing.assert_allclose(found(image, place), place, atol=0.3)


# Plausibility, files and the command


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda face: face, ""),
        (lambda face: moved(face, turn(40, 1.2), (0, -40)), ""),
        (lambda face: moved(face, turn(0, 0.45), (70, 70)), "face too small: 0.45"),
        (lambda face: moved(face, turn(0, 2.2), (-150, -150)), "face too large: 2.20"),
        (lambda face: moved(face, turn(180, 1), (256, 256)), "not upright"),
        (lambda face: np.stack([256 - face[:, 0], face[:, 1]], -1), "not upright"),
        (lambda face: face * 0 + 128, "not upright"),
    ],
)
def test_a_face_is_plausible_upright_and_of_the_usual_size(
    mean_landmarks, change, reason
):
    found = flaw(Face(change(mean_landmarks), 0.8), mean_landmarks)
    assert found.startswith(reason)
    assert bool(found) == bool(reason)


def test_a_face_needs_clear_landmarks_in_about_their_places(mean_landmarks):
    assert "faint: 0.25 of 1" in flaw(Face(mean_landmarks, 0.25), mean_landmarks)
    assert not flaw(Face(mean_landmarks, 0.25), mean_landmarks, min_peak=0.2)
    assert "faint" in flaw(Face(mean_landmarks, float("nan")), mean_landmarks)
    scattered = np.random.default_rng(0).uniform(0, 256, (98, 2))
    eyes_and_mouth = [*range(60, 76), 96, 97, 76, 82]
    scattered[eyes_and_mouth] = mean_landmarks[eyes_and_mouth]
    assert "not the shape" in flaw(Face(scattered, 0.8), mean_landmarks)


def test_photographs_are_written_at_every_size_or_said_why_not(
    tmp_path, mean_landmarks, points
):
    folder, out = tmp_path / "photos", tmp_path / "faces"
    (folder / "ann").mkdir(parents=True)
    photograph(points).save(folder / "ann" / "one.png")
    photograph(points).save(folder / "two.png")
    (folder / "broken.jpg").write_bytes(b"no image")
    seen = (points - [70, 0]) * 256 / 560
    peaks = iter([0.9, 0.1])
    targets = command.plan(folder, out, [64, 96])
    outcomes = {
        file: command.align_file(
            file, of_sizes, lambda view: Face(seen, next(peaks)), mean_landmarks
        )
        for file, of_sizes in targets.items()
    }
    one, broken, two = command.entries(outcomes, targets, out)
    written = [out / "64" / "ann" / "one.png", out / "96" / "ann" / "one.png"]
    assert [*one.pop("maps")] == ["64/ann/one.png", "96/ann/one.png"]
    assert one == {
        "photograph": str(folder / "ann" / "one.png"),
        "size": (700, 560),
        "peak": 0.9,
        "written": [str(path) for path in written],
    }
    assert broken["left_out"].startswith("not a readable image")
    assert "faint" in two["left_out"]
    assert sorted(out.rglob("*.png")) == written
    image = np.asarray(Image.open(written[1]))
    expected = mean_landmarks[96] * 96 / 256
    np.testing.assert_allclose(found(image, expected), expected, atol=0.5)


def test_no_file_is_overwritten_or_taken_for_a_photograph(tmp_path):
    def image(name):
        Image.new("RGB", (8, 8)).save(tmp_path / name)
        return tmp_path / name

    file = image("a.png")
    with pytest.raises(UserError, match="would overwrite"):
        command.plan(file, tmp_path, [256])
    assert command.plan(file, tmp_path / "o", [256]) == {
        file: {256: tmp_path / "o" / "a.png"}
    }
    with pytest.raises(UserError, match="lies in source"):
        command.plan(tmp_path, tmp_path / "faces", [256])
    other, out = image("a.jpg"), tmp_path.parent / "faces"
    assert command.plan(tmp_path, out, [256]) == {
        other: {256: out / "a.jpg.png"},
        file: {256: out / "a.png.png"},
    }


def test_bad_files_and_sizes_are_named(tmp_path):
    path = tmp_path / "mean.npz"
    with pytest.raises(UserError, match=r"no such file; celeba_lm_mean\.npz .*github"):
        command.read_mean_landmarks(str(path))
    for write in (
        lambda: path.write_bytes(b"PK\x03\x04 damaged"),
        lambda: path.write_text("text"),
        lambda: np.savez(path, median=np.zeros((98, 2))),
        lambda: np.savez(path, mean=np.zeros((68, 2))),
        lambda: np.savez(path, mean=np.full((98, 2), np.nan)),
    ):
        write()
        with pytest.raises(UserError, match=r"^mean_landmarks=.*: (no mean|mean)"):
            command.read_mean_landmarks(str(path))
    with pytest.raises(UserError, match=r"wing_weights: wing\.ckpt is needed.*github"):
        command.load_finder("")
    for texts in ([], ["big"], ["16"], ["256", "-1"], ["2048"]):
        with pytest.raises(UserError, match=r"^size="):
            command.parse_sizes(texts)
    assert command.parse_sizes(["256", "128", "256"]) == [256, 128]


@pytest.mark.slow  # FAN is built three times
def test_the_command_aligns_by_what_fan_sees(tmp_path):
    # FAN with made-up weights sees faces nowhere. What it sees in this noise happens to
    # be upright, and serves as the average face, too.
    shapes = json.loads((GOLDENS / "hpf.json").read_text())["shapes"]["fan"]
    wing, mean = tmp_path / "wing.ckpt", tmp_path / "mean.npz"
    pytorch_writer.write(wing, {"state_dict": formula.weights("fan", shapes)})
    source = tmp_path / "one.png"
    noise = np.random.default_rng(22).integers(0, 256, (8, 8, 3), np.uint8)
    Image.fromarray(noise).resize((256, 256), Image.Resampling.BICUBIC).save(source)
    face = command.load_finder(str(wing))(images.read(source))
    np.savez(mean, mean=face.points)

    def run(min_peak):
        paths = (
            f"--source={source}",
            f"--out={tmp_path / 'out'}",
            f"--wing_weights={wing}",
        )
        rest = "--size=64", f"--mean_landmarks={mean}", f"--min_peak={min_peak}"
        return run_command("tfstargan.align", *paths, *rest, cwd=tmp_path)

    assert not flaw(face, face.points, min_peak=-1)
    refused = run(min_peak=face.peak + 0.1)
    assert refused.returncode == 2
    line = f"error: {source}: not aligned, landmarks are faint"
    assert refused.stderr.splitlines()[-1].startswith(line)
    assert not (tmp_path / "out").exists()
    result = run(min_peak=-1)
    assert result.returncode == 0, result.stderr
    assert "1 of 1 photographs aligned" in result.stdout
    (entry,) = json.loads((tmp_path / "out" / command.REPORT).read_text())
    assert entry["peak"] == pytest.approx(face.peak, abs=2e-3)
    small = images.square(images.read(source), 64)  # aligned with itself: only reduced
    difference = np.abs(
        np.subtract(Image.open(entry["written"][0]), small, dtype=float)
    )
    assert difference.max() <= 2
