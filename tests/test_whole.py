"""Whole photographs: the ways in which a source fits, and pasting the translation."""

import json
import pathlib

import numpy as np
import pytest
from commands import command, refusal
from conftest import tiny
from PIL import Image

from tfstargan import images
from tfstargan.errors import UserError
from tfstargan.images import fitting
from tfstargan.networks.build import build_networks
from tfstargan.translation import compiled, memory
from tfstargan.translation.exported import ExportedTranslator
from tfstargan.translation.fit_options import FitOptions
from tfstargan.translation.folders import translate_folder
from tfstargan.translation.styles import NamedStyle
from tfstargan.translation.translator import Translator

MODEL = pathlib.Path(__file__).parent / "compatibility/0.1.0/run/export/float32"
WHOLE = FitOptions(fit="whole")


@pytest.fixture(scope="module")
def translator(run_dir) -> Translator:
    return Translator.load(run_dir)


def soft(width, height, seed=0) -> np.ndarray:
    """An image without fine detail, [height, width, 3] uint8."""
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 256, (5, 7, 3), np.uint8))
    return np.asarray(small.resize((width, height), Image.Resampling.BICUBIC))


def levels(image) -> np.ndarray:
    return np.asarray(image).astype(int)


def translated(translator, canvas) -> np.ndarray:
    """A canvas as the generator translates it into cat 1, [H, W, 3] of levels."""
    style = translator.random_style("cat", 1)
    x = images.to_float(canvas)[None]
    fake = translator.networks["generator"](x, style)
    return images.to_uint8(np.asarray(fake)[0]).astype(int)


# What is translated


def test_pad_translates_the_whole_image_within_a_reflected_square(translator):
    photo = soft(80, 40)
    found = translator.translate(photo, "cat", seed=1, fit="pad")
    assert found.size == (32, 16)
    small = Image.fromarray(photo).resize((32, 16), Image.Resampling.BILINEAR)
    square = np.pad(np.asarray(small), [(8, 8), (0, 0), (0, 0)], "reflect")
    expected = translated(translator, square)[8:24]
    assert abs(levels(found) - expected).max() <= 1


def test_whole_translates_an_image_of_any_aspect(translator):
    photo = soft(100, 60)
    found = translator.translate(photo, "cat", seed=1, fit="whole")
    assert found.size == (53, 32)
    small = Image.fromarray(photo).resize((53, 32), Image.Resampling.BILINEAR)
    canvas = np.pad(np.asarray(small), [(0, 0), (5, 6), (0, 0)], "reflect")
    expected = translated(translator, canvas)[:, 5:-6]
    assert abs(levels(found) - expected).max() <= 1
    larger = translator.translate(photo, "cat", seed=1, fit="whole", size=60)
    assert larger.size == (100, 60)


def test_of_a_square_every_fit_is_the_crop(translator):
    photo = soft(50, 50)
    crop, *others = (
        translator.translate(photo, "cat", seed=1, fit=fit) for fit in fitting.FITS
    )
    for other in others:
        np.testing.assert_array_equal(other, crop)


def test_images_of_many_aspects_are_translated_as_each_alone(translator):
    photos = [soft(w, h, w) for w, h in [(64, 32), (70, 35), (32, 64), (90, 30)] * 2]
    rows = translator.translate(photos, "cat", seeds=(1, 2), fit="whole")
    assert [row[0].size for row in rows[:4]] == [(64, 32), (64, 32), (32, 64), (96, 32)]
    for photo, row in zip(photos, rows, strict=True):
        for seed, found in zip((1, 2), row, strict=True):
            alone = translator.translate(photo, "cat", seed=seed, fit="whole")
            assert abs(levels(found) - levels(alone)).max() <= 1


@pytest.mark.parametrize("generator", ["full", "light"])
def test_both_generators_translate_other_aspects(generator):
    config = tiny(generator=generator, img_size=64)
    networks = build_networks(config, ("generator",))
    x = np.random.default_rng(0).uniform(-1, 1, (1, 64, 96, 3)).astype(np.float32)
    style = np.zeros((1, 6), np.float32)
    fake = Translator(config, networks).apply_styles(x, style)
    assert fake.shape == x.shape
    assert np.isfinite(fake).all()


def test_sides_are_multiples_of_the_generator_s_own_factor():
    for img_size, multiple in ((32, 32), (256, 32), (512, 32), (1024, 64)):
        config = tiny(img_size=img_size, channel_base=2048)
        translator = Translator(config, {})
        assert translator.multiple() == multiple
        fit = translator.fit_of((1100, 1000), FitOptions(fit="whole", size=96))
        assert all(side % multiple == 0 for side in fit.canvas)


def test_fewer_images_of_a_larger_size_are_computed_at_once(translator):
    assert translator.batch_of((32, 32, 3)) == translator.batch == 32
    assert translator.batch_of((64, 128, 3)) == 4
    assert translator.batch_of((3200, 3200, 3)) == 1


def test_graphs_of_the_newest_eight_shapes_are_kept():
    traced = []

    def double(x):
        traced.append(tuple(x.shape))
        return 2 * x

    function = compiled.Compiled(double)
    for side in range(1, 13):
        for _ in range(compiled.EAGER_CALLS + 2):
            assert float(function(np.ones((side, 2), np.float32))[0, 0]) == 2
    assert len(function.graphs) == compiled.MOST_GRAPHS
    assert not function.calls
    before = len(traced)
    function(np.ones((12, 2), np.float32))
    function(np.ones((5, 2), np.float32))
    assert len(traced) == before


def test_graphs_of_many_translators_bring_no_warning_of_tensorflow(caplog):
    def double(x):
        return 2 * x

    for _ in range(8):  # as in a training that draws a grid now and then
        function = compiled.Compiled(double)
        for _ in range(compiled.EAGER_CALLS + 2):
            function(np.ones((1, 2), np.float32))
    assert "retracing" not in caplog.text


# What can't be


def test_what_would_take_too_much_memory_is_refused_with_a_size_that_fits(monkeypatch):
    translator = Translator(tiny(img_size=64, channel_base=4096), {})
    translator.fit_of((1100, 1000), WHOLE)
    wanted = FitOptions(fit="whole", size=4000)
    with pytest.raises(UserError, match=r"pano\.jpg would be .* 6400 x 4000.*GiB") as e:
        translator.fit_of((1600, 1000), wanted, "pano.jpg")
    size = int(str(e.value).rpartition("size=")[2])
    translator.fit_of((1600, 1000), FitOptions(fit="whole", size=size))
    with pytest.raises(UserError, match="use size="):
        translator.fit_of((1600, 1000), FitOptions(fit="whole", size=size + 32))
    with pytest.raises(UserError, match="use fit=crop"):
        translator.fit_of((1, 9000), WHOLE)
    # What training does is never refused.
    monkeypatch.setattr(memory, "MOST", 1)
    translator.fit_of((1600, 1000))


def test_a_strip_is_refused_by_pad_and_cropped_by_default(translator):
    strip = soft(1, 4000)
    with pytest.raises(
        UserError, match=r"fit=pad: of the image, 1 x 4000 pixels, only"
    ):
        translator.translate(strip, "cat", seed=1, fit="pad")
    assert translator.translate(strip, "cat", seed=1).size == (32, 32)
    pasted = translator.translate(strip, "cat", seed=1, paste=True)
    assert pasted.size == (1, 4000)


def test_a_run_with_masks_of_faces_takes_squares_only():
    translator = Translator(tiny(img_size=256, channel_base=256, w_hpf=1.0), {})
    with pytest.raises(UserError, match="masks of faces"):
        translator.fit_of((300, 200), WHOLE)
    assert translator.fit_of((300, 200), FitOptions(fit="pad")).canvas == (256, 256)


def test_an_exported_model_pads_and_pastes_but_has_one_size():
    exported = ExportedTranslator.load(MODEL)
    photo = soft(64, 48)
    domain, side = exported.domains[0], exported.config.img_size
    found = exported.translate(photo, domain, seed=1, fit="pad")
    assert found.size == (side, side * 3 // 4)
    pasted = exported.translate(photo, domain, seed=1, paste=True)
    assert pasted.size == (64, 48)
    with pytest.raises(UserError, match="exported model translates images of one size"):
        exported.translate(photo, domain, seed=1, fit="whole")


def test_settings_that_mean_nothing_are_refused(translator):
    for settings, says in (
        ({"fit": "squeeze"}, "fit=squeeze must be one of crop, pad, whole"),
        ({"size": 64}, r"size=64: applies to fit=whole"),
        ({"fit": "whole", "size": 31}, "size=31 must be at least 32"),
        ({"fit": "whole", "size": "large"}, "size: must be a whole number"),
    ):
        with pytest.raises(UserError, match=says):
            translator.translate(soft(40, 30), "cat", seed=1, **settings)


# Pasting


def test_a_pasted_crop_keeps_the_rest_of_the_photograph(translator, tmp_path):
    photo = soft(300, 120)
    images.save(photo, tmp_path / "a.png")
    for source in (tmp_path / "a.png", Image.fromarray(photo), photo):
        found = levels(translator.translate(source, "cat", seed=1, paste=True))
        assert found.shape == photo.shape
        np.testing.assert_array_equal(found[:, :90], photo[:, :90])
        np.testing.assert_array_equal(found[:, 210:], photo[:, 210:])
        fake = translator.translate(photo, "cat", seed=1)
        large = fake.resize((120, 120), Image.Resampling.BICUBIC)
        np.testing.assert_array_equal(found[:, 105:195], levels(large)[:, 15:105])


@pytest.mark.parametrize("fit", ["pad", "whole"])
def test_a_whole_image_is_pasted_at_the_photograph_s_size(translator, fit):
    photo = soft(100, 60)
    found = translator.translate(photo, "cat", seed=1, fit=fit, paste=True)
    fake = translator.translate(photo, "cat", seed=1, fit=fit)
    expected = fake.resize((100, 60), Image.Resampling.BICUBIC)
    np.testing.assert_array_equal(found, expected)


@pytest.fixture
def faces(tmp_path) -> pathlib.Path:
    """A folder with a photograph, and a face that `align` might have cut from it."""
    photo = soft(120, 80)
    images.save(photo, tmp_path / "photos" / "a.png")
    images.save(photo[20:60, 50:90], tmp_path / "faces" / "sub" / "a.png")
    report = [
        {
            "photograph": str(tmp_path / "photos" / "a.png"),
            "written": ["faces/sub/a.png"],
            "size": [120, 80],
            "maps": {"sub/a.png": [[1 / 40, 0, -50 / 40], [0, 1 / 40, -20 / 40]]},
        },
        {"photograph": "photos/b.png", "left_out": "not upright"},
    ]
    (tmp_path / "faces" / "align.json").write_text(json.dumps(report))
    return tmp_path


def test_a_face_goes_back_into_its_photograph(translator, faces):
    face = faces / "faces" / "sub" / "a.png"
    found = levels(translator.translate(face, "cat", seed=1, paste=True))
    photo = levels(images.read(faces / "photos" / "a.png"))
    assert found.shape == photo.shape
    outside = np.ones(photo.shape[:2], bool)
    outside[20:60, 50:90] = False
    np.testing.assert_array_equal(found[outside], photo[outside])
    large = translator.translate(face, "cat", seed=1).resize((40, 40), 3)
    inside = found[26:54, 56:84], levels(large)[6:34, 6:34]
    assert abs(np.subtract(*inside)).max() <= 12  # another bicubic filter
    assert abs(np.subtract(*inside)).mean() <= 2
    assert translator.translate(face, "cat", seed=1).size == (32, 32)


def one_style(translator):
    return [NamedStyle("cat", translator.random_style("cat", 1))]


def test_faces_without_their_photographs_are_named(translator, faces):
    folder, styles = faces / "faces", one_style(translator)
    how = FitOptions(paste=True)

    def refused(says, out="out"):
        with pytest.raises(UserError, match=says):
            translate_folder(translator, folder, styles, faces / out, how=how)
        assert not (faces / "out").exists()

    report = folder / "align.json"
    text = report.read_text()
    images.save(soft(40, 40), folder / "new.png")
    refused(r"new\.png: .*align\.json does not say where it was cut; run `tfstargan")
    (folder / "new.png").unlink()
    entries = json.loads(text)
    entries[0]["maps"]["sub/b.png"] = entries[0]["maps"]["sub/a.png"]
    images.save(soft(40, 40), folder / "sub" / "b.png")
    report.write_text(json.dumps(entries))
    refused(r"a\.png and .*b\.png: both were cut from .*photos/a\.png, and paste puts")
    (folder / "sub" / "b.png").unlink()
    report.write_text(text + " ")
    refused(r"out=.*photos/a\.png: is the photograph", out="photos/a.png")
    entries[0]["size"] = [121, 80]
    report.write_text(json.dumps(entries) + "  ")
    with pytest.raises(UserError, match=r"photos/a\.png: has another size than when"):
        translator.translate(folder / "sub" / "a.png", "cat", seed=1, paste=True)
    entries[0]["maps"]["sub/a.png"] = [[0, 0, 0], [0, 0, 0]]
    for damaged in ("[3]", "{", json.dumps(entries)):
        report.write_text(damaged + 4 * " ")
        refused(r"align\.json: can't be read")
    report.write_text(text + "   ")
    (faces / "photos" / "a.png").unlink()
    refused(r"photos/a\.png: the photograph of .*a\.png isn't there")


# The command and its files


@pytest.fixture
def photos(tmp_path) -> pathlib.Path:
    """A folder with photos/: one is wide, one is tall and stored on its side."""
    (tmp_path / "photos").mkdir()
    images.save(soft(100, 60), tmp_path / "photos" / "wide.png")
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(soft(90, 45)).save(tmp_path / "photos" / "tall.jpg", exif=exif)
    return tmp_path


def run(photos, run_dir, *flags, source="photos"):
    given = f"--run_dir={run_dir}", f"--source={source}", "--domain=cat", "--seed=1"
    return command("tfstargan.translate", *given, *flags, cwd=photos)


def sizes(folder):
    return {path.name: images.read(path).size for path in folder.iterdir()}


@pytest.mark.parametrize(
    ("flags", "tall", "wide"),
    [
        ((), (32, 32), (32, 32)),
        (("--fit=pad",), (16, 32), (32, 19)),
        (("--fit=whole",), (32, 64), (53, 32)),
        (("--fit=whole", "--size=48"), (48, 96), (80, 48)),
        (("--paste",), (45, 90), (100, 60)),
    ],
)
def test_the_command_writes_what_fits(photos, run_dir, flags, tall, wide):
    result = run(photos, run_dir, "--out=out", *flags)
    assert result.returncode == 0, result.stderr
    found = sizes(photos / "out")
    assert found == {"tall-to-cat-seed1.png": tall, "wide-to-cat-seed1.png": wide}


def test_files_are_written_in_the_wanted_format_and_quality(photos, run_dir):
    of_bytes = {}
    for format, quality in (("jpeg", 95), ("jpeg", 30), ("webp", 80), ("webp", 20)):
        out = photos / f"{format}{quality}"
        flags = f"--out={out}", f"--format={format}", f"--quality={quality}"
        result = run(photos, run_dir, *flags, "--paste")
        assert result.returncode == 0, result.stderr
        (file,) = out.glob("wide-to-cat-seed1.*")
        assert file.suffix == {"jpeg": ".jpg", "webp": ".webp"}[format]
        with Image.open(file) as image:
            assert image.format == format.upper()
            assert "icc_profile" not in image.info
        of_bytes[format, quality] = file.stat().st_size
    assert of_bytes["jpeg", 30] < of_bytes["jpeg", 95]
    assert of_bytes["webp", 20] < of_bytes["webp", 80]


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (("--size=big", "--fit=whole"), "--size"),
        (("--size=16", "--fit=whole"), "--size=16: must be at least 32"),
        (("--size=64",), "--size=64: applies to --fit=whole"),
        (("--fit=half",), "--fit=half: must be one of crop, pad, whole"),
        (("--fit=pad",), "strip.png, 1 x 4000 pixels, only 1 x 32 would be left"),
        (("--fit=whole", "--size=8000"), "strip.png would be translated at"),
        (("--format=gif",), "--format=gif: must be one of png, jpeg, webp"),
        (("--format=webp", "--out=a.png"), "--out=a.png: has another ending than"),
        (("--out=a.heic",), "--out=a.heic: HEIC is only read; name a .png"),
        (("--quality=0",), "--quality=0: must be from 1 to 100"),
    ],
)
def test_bad_flags_are_one_line_and_nothing_is_written(tmp_path, run_dir, flags, says):
    Image.new("RGB", (1, 4000)).save(tmp_path / "strip.png")
    given = f"--run_dir={run_dir}", "--source=strip.png", "--domain=cat", "--seed=1"
    line = refusal("tfstargan.translate", *given, *flags, cwd=tmp_path)
    assert says in line


def test_a_full_disk_is_one_line_and_leaves_no_part_of_a_file(
    photos, run_dir, monkeypatch
):
    def full(self, path, *arguments, **options):
        pathlib.Path(path).write_bytes(b"a part")
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Image.Image, "save", full)
        result = run(photos, run_dir, "--out=out", "--fit=whole", "--paste")
    assert result.returncode == 2
    assert "can't be written ([Errno 28] No space left on device)" in result.stderr
    assert "Traceback" not in result.stderr
    assert not list((photos / "out").iterdir())
