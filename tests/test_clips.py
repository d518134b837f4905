"""Translating clips: every frame, in a style that stays or moves."""

import os
import pathlib
import shutil
import signal

import numpy as np
import pytest
from clip_files import make, moving, packets, pictures, stamps
from commands import command, refusal

from tfstargan import cli, images
from tfstargan.errors import Preempted, UserError
from tfstargan.translation import clips
from tfstargan.translation.clips import AT_ONCE, translate_clip
from tfstargan.translation.steadiness import KEEP, Flicker, Steady
from tfstargan.translation.style_path import EVERY, StylePath, style_path
from tfstargan.translation.translator import Translator

COUNT = 40  # more than a batch


@pytest.fixture(scope="module")
def translator(run_dir) -> Translator:
    return Translator.load(str(run_dir))


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> pathlib.Path:
    """A clip of 40 frames, 64 x 48, in a folder of its own; with sound."""
    return make(tmp_path_factory.mktemp("clip") / "a.mp4", moving(COUNT), sound="aac")


def apart(found: np.ndarray, expected: np.ndarray) -> float:
    """The mean difference of two images, in levels."""
    return np.abs(found.astype(int) - expected).mean()


def test_every_frame_is_translated_at_its_time_with_its_sound(
    translator, clip, tmp_path
):
    out = tmp_path / "b.mp4"
    done = translate_clip(translator, clip, out, "bear", seeds=[3])
    x = np.stack([translator.read(frame) for frame in pictures(clip)])
    expected = translator.apply_styles(x, translator.random_style("bear", 3))
    # Encoded, too: that halves the resolution of colour.
    encoded = pictures(make(tmp_path / "c.mp4", images.to_uint8(expected)))
    found = pictures(out)
    assert done.frames == len(found) == COUNT
    table = np.array([[apart(a, b) for b in encoded[::10]] for a in found[::10]])
    assert table.argmin(axis=1).tolist() == [0, 1, 2, 3]
    assert table.diagonal().max() < 12
    assert stamps(out) == stamps(clip)
    # All but the encoder's first, which the file says not to play.
    assert packets(out) == packets(clip)[1:]
    assert done.size == (32, 32)
    change = 127.5 * np.abs(np.diff(np.clip(expected, -1, 1), axis=0)).mean()
    assert done.change == pytest.approx(change, rel=1e-3)
    assert done.source_change == pytest.approx(
        127.5 * np.abs(np.diff(x, axis=0)).mean(), rel=1e-3
    )
    assert str(done).startswith(f"{out}: {COUNT} frames of 32 x 32, ")


def test_the_style_moves_from_one_seed_to_the_next(translator):
    path = style_path(translator, 10.0, "cat", seeds=[1, 5, 1])
    one, five = (translator.random_style("cat", seed)[0] for seed in (1, 5))
    expected = [one, (one + five) / 2, five, (one + five) / 2, one, one]
    found = path.at([0, 2.5, 5, 7.5, 10, 11])
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert found.dtype == np.float32


def test_one_style_stays(translator):
    path = style_path(translator, 10.0, "cat", seeds=[4], psi=0.5)
    expected = translator.random_style("cat", 4, 0.5)
    np.testing.assert_allclose(path.at([0, 3, 99]), np.repeat(expected, 3, 0))


def test_references_are_images_or_a_clip(translator, clip, tmp_path):
    (tmp_path / "cat").mkdir()
    reference = shutil.copy(clip, tmp_path / "cat" / "r.mp4")
    frames = [frame.image() for frame in clips.Clip.open(clip).frames()]
    for i in (0, 39):
        frames[i].save(tmp_path / "cat" / f"{i:02d}.png")
    codes = translator.encode_styles(np.stack([*map(translator.read, frames)]), "cat")
    ends = style_path(translator, 8.0, "", reference=tmp_path / "cat")
    np.testing.assert_allclose(ends.at([0, 8]), codes[[0, 39]], atol=1e-4)
    path = style_path(translator, 8.0, "", reference=reference)
    steps = round(25 * EVERY) + 1  # 13 frames of 1/25 s
    assert path.times[1] == pytest.approx(steps / 25)
    found = path.at([0, steps / 25, 99])
    last = (COUNT - 1) // steps * steps
    np.testing.assert_allclose(found, codes[[0, steps, last]], atol=1e-4)
    assert len(style_path(translator, 0.1, "", reference=reference).times) == 1


def test_other_fits_show_the_whole_frame(translator, clip, tmp_path):
    sizes = {}
    for name, how in {
        "pad": {"fit": "pad"},
        "whole": {"fit": "whole", "size": 48},
        "paste": {"paste": True},
    }.items():
        out = tmp_path / f"{name}.mp4"
        done = translate_clip(translator, clip, out, "bear", [3], **how)
        sizes[name] = done.size
        assert pictures(out)[0].shape[1::-1] == done.size
    assert sizes == {"pad": (32, 24), "whole": (64, 48), "paste": (64, 48)}
    source, pasted = pictures(clip)[0], pictures(tmp_path / "paste.mp4")[0]
    assert apart(pasted[:, :8], source[:, :8]) < 6  # outside of the square
    assert apart(pasted[:, 16:48], source[:, 16:48]) > 12


class Watched(Translator):
    """Calls `seen` with every batch of sources."""

    def __init__(self, other: Translator, seen):
        super().__init__(other.config, other.networks)
        self.seen = seen

    def apply_styles(self, sources, styles):
        self.seen(sources)
        return sources


def test_few_frames_are_in_memory_however_long_the_clip(
    translator, clip, tmp_path, monkeypatch
):
    read, done, most = [], [], []
    placed = clips._Placed.of.__func__

    def counted(cls, *arguments):
        read.append(1)
        return placed(cls, *arguments)

    def seen(sources):
        most.append(len(read) - len(done))
        done.extend(sources)

    monkeypatch.setattr(clips._Placed, "of", classmethod(counted))
    monkeypatch.setattr(Translator, "batch", 4)
    translate_clip(Watched(translator, seen), clip, tmp_path / "b.mp4", "cat", [1])
    assert len(done) == COUNT
    assert max(most) <= 4 + AT_ONCE + 1


@pytest.mark.parametrize(
    ("number", "raised"),
    [(signal.SIGTERM, Preempted), (signal.SIGINT, KeyboardInterrupt)],
)
def test_an_interrupted_translation_leaves_no_file(
    number, raised, translator, clip, tmp_path, monkeypatch
):
    def seen(sources):
        os.kill(os.getpid(), number)

    def main(settings):
        out = tmp_path / "new" / "b.mp4"
        translate_clip(Watched(translator, seen), clip, out, "cat", [1])

    codes = {Preempted: cli.PREEMPTED, KeyboardInterrupt: cli.INTERRUPTED}
    assert cli.run(main, (cli.Settings,), [], None, tensorflow=False) == codes[raised]
    assert [*(tmp_path / "new").iterdir()] == []


def test_flicker_is_the_mean_change_over_successive_frames():
    x, y = np.zeros((2, 3, 4, 4, 3), np.float32)
    x[1:, :2] = 20 / 127.5  # the upper half changes once, by 20 levels
    y[1:] = 3 / 127.5
    y[2:, :2] = 9  # clipped to 1
    flicker = Flicker()
    for i in range(3):
        flicker.add(x[i : i + 1], y[i : i + 1])
    assert flicker.frames == 3
    assert flicker.source == pytest.approx((20 / 2 + 0) / 2)
    assert flicker.translation == pytest.approx((3 + 124.5 / 2) / 2)
    assert flicker.still == pytest.approx((3 * 8 + 124.5 * 8) / (8 + 16))
    assert Flicker().translation == Flicker().still == 0


def test_steady_averages_where_nothing_moves_and_only_there():
    rng = np.random.default_rng(0)
    sources = np.zeros((30, 16, 16, 3), np.float32)
    sources[::2, :, :6] = 0.5
    fakes = rng.uniform(-0.5, 0.5, sources.shape).astype(np.float32)
    steady = Steady()
    parts = [steady(sources[i : i + 7], fakes[i : i + 7]) for i in range(0, 30, 7)]
    found = np.concatenate(parts)
    np.testing.assert_allclose(found[:, :, :6], fakes[:, :, :6], atol=1e-6)
    expected = KEEP * found[:-1, :, 9:] + (1 - KEEP) * fakes[1:, :, 9:]
    np.testing.assert_allclose(found[1:, :, 9:], expected, atol=1e-6)
    np.testing.assert_array_equal(found[0], fakes[0])


def test_steady_reduces_the_change_of_a_clip(translator, tmp_path):
    rng = np.random.default_rng(0)
    noise = rng.integers(-9, 10, (20, 48, 64, 3))
    source = make(tmp_path / "a.mp4", np.uint8(moving(1) + noise))
    plain, steady = (
        translate_clip(translator, source, tmp_path / "b.mp4", "cat", [1], steady=on)
        for on in (False, True)
    )
    assert steady.source_change == plain.source_change
    assert steady.change < 0.6 * plain.change
    assert steady.still_change < 0.6 * plain.still_change


def test_the_command_translates_a_clip_and_says_what_it_wrote(run_dir, clip, tmp_path):
    done = command(
        "tfstargan.translate",
        f"--run_dir={run_dir}",
        f"--source={clip}",
        "--out=new/b.webm",
        "--domain=cat",
        "--seed=1,5,9",
        "--steady",
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"new/b.webm: {COUNT} frames of 32 x 32, ")
    assert "mean change from frame to frame" in done.stdout
    assert "40/40" in done.stderr
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["b.webm"]


def test_several_seeds_give_an_image_each(run_dir, clip, tmp_path):
    next(clips.Clip.open(clip).frames()).image().save(tmp_path / "a.png")
    done = command(
        "tfstargan.translate",
        *(f"--run_dir={run_dir}", "--source=a.png", "--out=new"),
        *("--domain=cat", "--seed=1,5,1"),
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    names = sorted(path.name for path in (tmp_path / "new").iterdir())
    assert names == ["a-to-cat-seed1.png", "a-to-cat-seed5.png"]


def test_the_command_says_what_is_wrong_in_a_line(run_dir, clip, tmp_path):
    shutil.copy(clip, tmp_path / "a.mp4")
    next(clips.Clip.open(clip).frames()).image().save(tmp_path / "a.png")
    (tmp_path / "clips").mkdir()
    shutil.copy(clip, tmp_path / "clips" / "b.mp4")
    (tmp_path / "bad.mp4").write_bytes(clip.read_bytes()[:3000])
    before = sorted(tmp_path.rglob("*"))
    style = ("--domain=cat", "--seed=1")
    for flags, why in {
        ("--source=a.mp4",): "--out: name the clip to write",
        ("--source=a.mp4", "--out=b.avi"): "--out=b.avi: a clip is written as .mp4",
        ("--source=a.mp4", "--out=a.mp4"): "--out=a.mp4: is the source",
        ("--source=a.png", "--out=b.mp4"): "--out=b.mp4: --source is not a clip",
        ("--source=clips", "--out=b.mp4"): "--out=b.mp4: --source is not a clip",
        ("--source=clips",): "clips: no images",
        ("--source=a.png", "--steady"): "--steady=True: applies to clips",
        ("--source=bad.mp4", "--out=b.mp4"): "bad.mp4: not a readable clip (Invalid",
        ("--source=no.mp4", "--out=b.mp4"): "no.mp4: no such file",
        ("--source=a.mp4,a.mp4", "--out=b.mp4"): "a.mp4,a.mp4: no such file",
    }.items():
        run = f"--run_dir={run_dir}"
        line = refusal("tfstargan.translate", run, *flags, *style, cwd=tmp_path)
        assert why in line
    for seed in ("-1", "1,x", "1.5"):
        flags = ("--source=a.png", "--domain=cat", f"--seed={seed}")
        line = refusal("tfstargan.translate", run, *flags, cwd=tmp_path)
        assert f"--seed={seed}: must be whole numbers of at least 0" in line
    assert sorted(tmp_path.rglob("*")) == before


def test_one_of_seeds_and_reference_is_needed(translator, clip, tmp_path):
    for both in ({}, {"seeds": [1], "reference": clip}):
        with pytest.raises(ValueError, match="one of seeds and reference"):
            translate_clip(translator, clip, tmp_path / "b.mp4", "cat", **both)
    with pytest.raises(UserError, match="of which domain is this reference"):
        translate_clip(translator, clip, tmp_path / "b.mp4", reference=clip)


def test_a_path_of_one_style_needs_no_length():
    path = StylePath(np.zeros(1), np.ones((1, 4)))
    assert path.at([]).shape == (0, 4)
