"""Clips: what is read of every kind, what is kept when one is written."""

import itertools
import pathlib
import sys
from fractions import Fraction

import av
import numpy as np
import pytest
from clip_files import heard, make, moving, packets, pictures, stamps, tones

from tfstargan.errors import UserError
from tfstargan.video import clip as clips
from tfstargan.video import opening
from tfstargan.video.clip import Clip
from tfstargan.video.writing import writable, writing

UNEVEN = [0, 40, 90, 95, 180, 300, 333, 366, 500, 620, 621, 700]  # milliseconds


def copied(
    source: pathlib.Path, name: str, error: type[BaseException] | None = None
) -> pathlib.Path:
    """Write a clip's frames to a new clip, which keeps times and sound.

    Args:
        source: the clip.
        name: of the new one, beside it.
        error: raised after the last frame.
    """
    clip = Clip.open(source)
    out = writable(source.with_name(name), clip)
    with writing(out, clip) as writer:
        for frame in clip.frames():
            writer.write(np.asarray(frame.image()), frame.tick, frame.length)
        if error:
            raise error
    return out


def length(path: pathlib.Path) -> float:
    return Clip.open(path).end


@pytest.mark.parametrize("name", ["out.mp4", "out.mov", "out.mkv", "out.webm"])
def test_uneven_timestamps_and_the_length_are_kept(name, tmp_path):
    source = make(tmp_path / "a.mkv", times=UNEVEN)
    out = copied(source, name)
    expected = [time / 1000 for time in UNEVEN]
    assert stamps(out) == pytest.approx(expected, abs=1e-6)
    assert length(out) == pytest.approx(length(source), abs=0.002)


def test_a_constant_rate_stays_one(tmp_path):
    out = copied(make(tmp_path / "a.mp4"), "out.mp4")
    assert np.diff(stamps(out)) == pytest.approx(0.04)
    assert length(out) == pytest.approx(12 / 25)
    assert Clip.open(out).rate == 25


def test_a_clip_that_begins_late_begins_at_0_with_its_sound_in_step(tmp_path):
    source = make(tmp_path / "a.ts", sound="aac")
    assert Clip.open(source).start > 0
    out = copied(source, "out.mp4")
    late = [heard(path)[1] - stamps(path)[0] for path in (source, out)]
    assert late[0] == pytest.approx(late[1], abs=0.002)
    assert min(stamps(out)[0], heard(out)[1]) == pytest.approx(0, abs=0.002)


@pytest.mark.parametrize(("sound", "name"), [("aac", "out.mp4"), ("flac", "out.mkv")])
def test_sound_is_copied_where_the_container_allows_it(sound, name, tmp_path):
    source = make(tmp_path / "a.mkv", sound=sound)
    assert packets(copied(source, name)) == packets(source)


def test_other_sound_is_encoded(tmp_path):
    source = make(tmp_path / "a.mp4", sound="aac")
    codec, first, last = heard(copied(source, "out.webm"))
    assert codec == "opus"
    assert first == pytest.approx(0, abs=0.03)
    assert last == pytest.approx(heard(source)[2], abs=0.05)


def test_sound_that_is_longer_than_the_picture_is_kept_to_its_end(tmp_path):
    source = make(tmp_path / "a.mkv", moving(3), sound="aac", times=[0, 900, 950])
    two = make(tmp_path / "b.mkv", moving(25), sound="aac")
    assert packets(copied(source, "out.mp4")) == packets(source)
    assert packets(copied(two, "out.mp4")) == packets(two)


@pytest.mark.parametrize("turn", [90, 180, -90])
def test_frames_are_upright(turn, tmp_path):
    frames = moving()
    clip = Clip.open(make(tmp_path / "a.mp4", frames, turn=turn))
    image = next(clip.frames()).image()
    expected = np.rot90(frames[0], turn // 90)
    assert clip.size == image.size == expected.shape[1::-1]
    assert np.abs(np.asarray(image, int) - expected).mean() < 6
    out = copied(tmp_path / "a.mp4", "out.mp4")
    assert pictures(out)[0].shape == expected.shape
    assert Clip.open(out).size == clip.size  # not turned once more


def test_odd_sides_are_read_and_written(tmp_path):
    frames = moving(sides=(49, 65))
    source = make(tmp_path / "a.mkv", frames, codec="ffv1", pixels="bgr0")
    np.testing.assert_array_equal(next(Clip.open(source).frames()).image(), frames[0])
    written = pictures(copied(source, "out.mp4"))
    assert {frame.shape for frame in written} == {(50, 66, 3)}
    assert np.abs(written[0][:49, :65].astype(int) - frames[0]).mean() < 6


def test_pixels_that_are_not_square_are_stretched(tmp_path):
    source = make(tmp_path / "a.mp4", sample_aspect_ratio=Fraction(3, 2))
    clip = Clip.open(source)
    assert clip.size == next(clip.frames()).image().size == (96, 48)


def test_colours_are_those_of_the_source(tmp_path):
    colours = [(200, 30, 30), (30, 180, 60), (30, 60, 220), (128, 128, 128)]
    frames = [np.full((64, 64, 3), colour, np.uint8) for colour in colours]
    written = copied(make(tmp_path / "a.mp4", frames), "out.mp4")
    for frame, colour in zip(Clip.open(written).frames(), colours, strict=True):
        found = np.asarray(frame.image(), int)
        assert np.abs(found - colour).max() <= 4


@pytest.mark.parametrize(("transfer", "white"), [(16, 0.58), (18, 0.75)])
def test_hdr_colours_are_converted(transfer, white, tmp_path):
    """The signals of reference white are those of ITU-R BT.2408, table 1."""
    levels = [round(255 * part * white) for part in (1, 0.7, 0.3)]
    frames = [np.full((64, 64, 3), level, np.uint8) for level in levels]
    colours = {"color_trc": transfer, "color_primaries": 9, "colorspace": 9}
    path = make(tmp_path / "a.mp4", frames, pixels="yuv420p10le", **colours)
    found = [np.mean(frame.image()) for frame in Clip.open(path).frames()]
    assert found[0] == pytest.approx(254, abs=3)
    assert found[0] > found[1] > found[2] > 0


def test_very_large_frames_are_reduced(tmp_path, monkeypatch):
    monkeypatch.setattr(clips, "MOST_LARGE", 32 * 32)
    clip = Clip.open(make(tmp_path / "a.mp4", turn=90))
    assert clip.size == next(clip.frames()).image().size == (24, 32)  # half


def test_frames_are_decoded_when_they_are_wanted(tmp_path, monkeypatch):
    decoded = []
    wait = clips.decoded

    def counted(*arguments: object):
        for raw in wait(*arguments):
            decoded.append(raw)
            yield raw

    clip = Clip.open(make(tmp_path / "a.mp4", moving(60)))
    monkeypatch.setattr(clips, "decoded", counted)
    for _ in itertools.islice(clip.frames(), 5):
        pass
    assert len(decoded) <= 6


def cut_short(path: pathlib.Path) -> pathlib.Path:
    """A clip of which the last third is missing."""
    whole = make(path.with_name("whole.mkv"), moving(50), sound="aac")
    content = whole.read_bytes()
    path.write_bytes(content[: len(content) * 2 // 3])
    return path


def written(content: bytes):
    def write(path: pathlib.Path) -> pathlib.Path:
        path.write_bytes(content)
        return path

    return write


def song(path: pathlib.Path) -> pathlib.Path:
    return make(path, [], sound="aac")


def playlist(path: pathlib.Path) -> pathlib.Path:
    make(path.with_name("other.ts"))
    path.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nother.ts\n")
    return path


def without_frames(path: pathlib.Path) -> pathlib.Path:
    """A clip with a picture's head, and sound alone behind it."""
    with av.open(path, "w") as container:
        picture = container.add_stream("libx264", 25)
        picture.height = picture.width = 64
        sound = container.add_stream("aac", 44_100)
        container.mux(sound.encode(tones(0.5)))
        container.mux(sound.encode())
    return path


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (written(b""), "not a readable clip (empty)"),
        (written(b"<html>" * 99), "not a readable clip (Invalid data"),
        (cut_short, "s of 2.0"),
        (song, "not a readable clip (sound without a picture)"),
        (playlist, "not a readable clip"),
        (without_frames, "not a readable clip"),
        (lambda path: path.mkdir() or path, "not a readable clip (not a file)"),
        (lambda path: path, "no such file"),
    ],
    ids="empty text short song playlist frameless folder missing".split(),
)
def test_clips_that_cannot_be_used_are_refused_in_a_line(made, why, tmp_path):
    path = made(tmp_path / "clip.mkv")
    with pytest.raises(UserError) as refused:
        Clip.open(path)
    assert f"{path}: " in str(refused.value)
    assert why in str(refused.value)
    assert "\n" not in str(refused.value)


def test_frames_of_too_many_pixels_are_refused(tmp_path, monkeypatch):
    path = make(tmp_path / "a.mp4")
    monkeypatch.setattr(opening, "MOST_PIXELS", 1000)
    with pytest.raises(UserError, match="64 x 48 pixels are too many"):
        Clip.open(path)


def test_what_can_be_read_of_a_damaged_clip_is_taken_if_wanted(tmp_path):
    path = cut_short(tmp_path / "clip.mkv")
    with pytest.raises(UserError, match="or add skip_broken"):
        Clip.open(path)
    clip = Clip.open(path, skip_broken=True)
    assert 10 < len([*clip.frames()]) <= clip.count < 50
    assert "it ends after" in clip.damage


def test_damage_inside_a_clip_is_found_when_it_is_decoded(tmp_path):
    path = make(tmp_path / "a.mp4", moving(40))
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 200] = bytes(200)
    path.write_bytes(content)
    clip = Clip.open(path, skip_broken=True)
    assert 0 < len([*clip.frames()]) < 40
    with pytest.raises(UserError, match="damaged after"):
        [*Clip.open(path).frames()]


def test_without_pyav_the_line_says_what_to_install(tmp_path, monkeypatch):
    path = make(tmp_path / "a.mp4")
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(UserError, match=r"pip install 'tfstargan\[video\]'"):
        Clip.open(path)


def test_a_clip_is_written_where_it_can_be(tmp_path):
    source = make(tmp_path / "a.mp4")
    clip = Clip.open(source)
    (tmp_path / "folder.mp4").mkdir()
    for name, why in {
        "b.gif": "a clip is written as .mp4, .m4v, .mov, .mkv, .webm; choose one",
        "b": "a clip is written as",
        "folder.mp4": "is a folder",
        "a.mp4": "is the source",
    }.items():
        with pytest.raises(UserError, match=why):
            writable(tmp_path / name, clip)
    assert writable(str(tmp_path / "b.MP4"), clip) == tmp_path / "b.MP4"


@pytest.mark.parametrize("error", [KeyError, KeyboardInterrupt])
def test_an_old_clip_is_kept_until_the_new_one_is_complete(error, tmp_path):
    source = make(tmp_path / "a.mp4", sound="aac")
    (tmp_path / "out.mp4").write_text("old")
    with pytest.raises(error):
        copied(source, "out.mp4", error)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mp4", "out.mp4"]
    assert (tmp_path / "out.mp4").read_text() == "old"


def test_a_full_disk_is_an_error_and_leaves_nothing(tmp_path, monkeypatch):
    full = pathlib.Path("/dev/full")
    if not full.exists():
        pytest.skip("no /dev/full")
    source = make(tmp_path / "a.mp4", moving(40), sound="aac")
    opened = pathlib.Path.open

    def open_full(path: pathlib.Path, *arguments: object):
        return opened(path if path == source else full, *arguments)

    monkeypatch.setattr(pathlib.Path, "open", open_full)
    with pytest.raises(OSError, match="No space left"):
        copied(source, "out.mp4")
    assert [*tmp_path.iterdir()] == [source]
