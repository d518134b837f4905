"""The sound of a clip, carried over into another file."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from tfstargan.video.clip import Clip, opened

FOREVER = float("inf")


class Sound:
    """Brings a clip's first track of sound into a container, as far as it is wanted.

    Packets are copied where the container allows their codec. Elsewhere the sound is
    decoded and encoded, in stereo or mono. The clip is opened once more for it, so that
    nothing has to be kept, however picture and sound are interleaved in the file.

    Args:
        clip: whose sound it is; without sound, nothing is done.
        container: PyAV's, open for writing.
        encoder: used where packets can't be copied.
    """

    def __init__(self, clip: Clip, container: Any, encoder: str):
        self.clip = clip
        self.container = container
        self.waiting: Any = None
        self.packets: Iterator[Any] = iter(())
        with opened(clip.path) as source:
            for track in source.streams.audio[:1]:
                if track.codec_context.name in container.supported_codecs:
                    stream = container.add_stream_from_template(track)
                    self.packets = self._copied(stream)
                else:
                    self.packets = self._encoded(self._add(track, encoder))

    def carry(self, seconds: float = FOREVER) -> None:
        """Write the packets that begin before a time, by default all."""
        while (packet := self.waiting or next(self.packets, None)) is not None:
            self.waiting = None
            if packet.dts is not None and packet.dts * packet.time_base > seconds:
                self.waiting = packet
                return
            self.container.mux(packet)

    def _copied(self, stream: Any) -> Iterator[Any]:
        """Yield the clip's packets for a stream of the container."""
        with opened(self.clip.path) as source:
            track = source.streams.audio[0]
            offset = self._offset(track.time_base)
            for packet in source.demux(track):
                if packet.dts is None or packet.is_discard:
                    continue  # the last one is empty; the file says not to play others
                packet.pts -= offset
                packet.dts -= offset
                packet.stream = stream
                yield packet

    def _add(self, track: Any, encoder: str) -> Any:
        """A new stream of the container for sound like that of a track."""
        context = track.codec_context
        rate = 48_000 if encoder == "libopus" else context.sample_rate
        stream = self.container.add_stream(encoder, rate)
        stream.layout = "mono" if context.layout.nb_channels == 1 else "stereo"
        return stream

    def _encoded(self, stream: Any) -> Iterator[Any]:
        """Yield new packets for a stream of the container."""
        with opened(self.clip.path) as source:
            track = source.streams.audio[0]
            offset = self._offset(track.time_base)
            for frame in source.decode(track):
                if frame.pts is not None:
                    frame.pts -= offset
                yield from stream.encode(frame)
        yield from stream.encode()

    def _offset(self, time_base: Fraction) -> int:
        return round(self.clip.start / time_base)
