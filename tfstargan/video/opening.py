"""Opening clips with PyAV; what can't be read is a `UserError` of one line."""

import contextlib
import pathlib
from collections.abc import Iterator
from typing import Any

from tfstargan.errors import UserError

# A file can name others to be read (a playlist): only these formats, and only files.
OPTIONS = {
    "format_whitelist": "mov,matroska,avi,mpeg,mpegts,asf,flv,ogg",
    "protocol_whitelist": "file",
}
MOST_PIXELS = 8192 * 4320  # of a frame; decoders hold several of them
COVER = 0x400  # FFmpeg's AV_DISPOSITION_ATTACHED_PIC


def unreadable(path: pathlib.Path, why: str) -> UserError:
    """The error about a clip that can't be used."""
    return UserError(f"{path}: not a readable clip ({why})")


def broken(path: pathlib.Path, damage: str) -> UserError:
    """The error about a clip of which a part can be used."""
    return UserError(f"{unreadable(path, damage).as_flags}; or add --skip_broken")


def pyav(path: pathlib.Path) -> Any:
    """The module PyAV.

    Raises:
        UserError: if it is not installed.
    """
    try:
        import av
    except ImportError:
        raise UserError(
            f"{path}: clips need PyAV (pip install 'tfstargan[video]')"
        ) from None
    return av


@contextlib.contextmanager
def opened(path: pathlib.Path) -> Iterator[Any]:
    """Yield PyAV's container of a clip; what FFmpeg can't read is a `UserError`."""
    av = pyav(path)
    if not path.exists():
        raise UserError(f"{path}: no such file")
    if not path.is_file():
        raise unreadable(path, "not a file")
    try:
        with av.open(f"file:{path}", options=OPTIONS) as container:
            yield container
    except av.FFmpegError as error:
        why = "empty" if not path.stat().st_size else error.strerror or error
        raise unreadable(path, str(why)) from error


def picture(container: Any, path: pathlib.Path) -> Any:
    """The stream of frames; the cover of a song is none."""
    streams = [s for s in container.streams.video if not s.disposition & COVER]
    if not streams:
        kind = "sound without a picture" if container.streams.audio else "no picture"
        raise unreadable(path, kind)
    stream = streams[0]
    width, height = stream.codec_context.width, stream.codec_context.height
    if width * height > MOST_PIXELS:
        raise UserError(
            f"{path}: {width} x {height} pixels are too many; reduce it to 8192 x 4320"
        )
    return stream


def decoded(container: Any, stream: Any) -> Iterator[Any]:
    """Yield PyAV's frames, and None for a packet that can't be decoded."""
    av = pyav(pathlib.Path())
    for packet in container.demux(stream):
        try:
            yield from packet.decode()
        except av.error.InvalidDataError:
            yield None
