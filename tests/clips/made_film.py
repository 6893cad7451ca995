"""A film as people keep them: a clip with subtitles, further sound, chapters, a title, a cover and a font."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
from av.packet import Packet
from av.stream import Disposition

TITLE = "A film \N{MUSICAL NOTE}"
CHAPTERS = (("one", 0, 400), ("two", 400, 1000))  # ms
SUBTITLES = ((100, 300, "first"), (500, 400, "second"))  # start and length in ms
FONT = b"not really a font"


def make_film(
    path: Path,
    clip: Path,
    *,
    subtitles: str | None = "subrip",
    title: str | None = TITLE,
    chapters: bool = True,
    font: bool = False,
    extra: dict[str, str] | None = None,
    sounds: Sequence[Path] = (),
) -> Path:
    """The streams of `clip` as they are, then those of `sounds`, and the rest as asked for."""
    sources = [av.open(str(file)) for file in (clip, *sounds)]
    with av.open(str(path), "w") as out:
        out.metadata.update(({"title": title} if title else {}) | (extra or {}))
        if chapters:
            base = Fraction(1, 1000)
            out.set_chapters(
                [
                    {"id": number, "start": start, "end": end, "time_base": base, "metadata": {"title": name}}
                    for number, (name, start, end) in enumerate(CHAPTERS, start=1)
                ]
            )
        added = {}
        for source in sources:
            for stream in source.streams:
                added[stream] = out.add_stream_from_template(stream, opaque=True)
                added[stream].disposition = Disposition.default  # of every sound: so it is in many files
        text = out.add_mux_stream(subtitles, time_base=Fraction(1, 1000)) if subtitles else None
        if text is not None:
            text.metadata["language"] = "fin"
        if font:
            out.add_attachment("font.ttf", "application/x-truetype-font", FONT)
        for source in sources:
            for packet in source.demux():
                if packet.size:
                    packet.stream = added[packet.stream]
                    out.mux(packet)
        for start, length, words in SUBTITLES:
            if text is None:
                break
            size = len(words).to_bytes(2, "big") if subtitles == "mov_text" else b""
            packet = Packet(size + words.encode())
            packet.stream, packet.time_base = text, Fraction(1, 1000)
            packet.pts = packet.dts = start
            packet.duration = length
            out.mux(packet)
    for source in sources:
        source.close()
    return path


def subtitles_of(path: Path) -> list[tuple[float, str]]:
    """When each subtitle begins (s), and its words."""
    with av.open(str(path)) as container:
        stream = container.streams.subtitles[0]
        packets = [packet for packet in container.demux(stream) if packet.size > 2]  # mov_text has empty ones between
        skip = 2 if stream.codec_context.name == "mov_text" else 0
        return [(_seconds(packet.pts, packet.time_base), bytes(packet)[skip:].decode()) for packet in packets]


def chapters_of(path: Path) -> list[tuple[str, float, float]]:
    """Title, start and end (s)."""
    with av.open(str(path)) as container:
        return [
            (one["metadata"]["title"], _seconds(one["start"], one["time_base"]), _seconds(one["end"], one["time_base"]))
            for one in container.chapters()
        ]


def _seconds(ticks: int | None, tick: Fraction | None) -> float:
    return round(float((ticks or 0) * (tick or 0)), 3)
