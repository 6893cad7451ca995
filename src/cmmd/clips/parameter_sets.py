"""H.264 and HEVC parameter sets in the sample entry, where MP4 players expect them (ISO/IEC 14496-15).

With the sample entries `hev1` and `avc3` the packets alone may hold them. `hvc1` and `avc1`, which all players support,
do not allow this.
"""

from collections.abc import Iterator

H264_TYPES = (7, 8)  # NAL unit types of SPS, PPS (ISO/IEC 14496-10, table 7-1)
HEVC_TYPES = (32, 33, 34)  # VPS, SPS, PPS (ISO/IEC 23008-2, table 7-1)
AVCC_HEADER, HVCC_HEADER = 5, 22  # bytes before the number of parameter sets


def lacks_parameter_sets(codec: str, extradata: bytes | None) -> bool:
    """Whether the setup data of a stream of `codec` ("h264", "hevc") has no parameter sets. False for other codecs."""
    if codec not in ("h264", "hevc"):
        return False
    if not extradata:
        return True
    if extradata[0] != 1:  # Annex B: start codes and the sets themselves
        return False
    header = AVCC_HEADER if codec == "h264" else HVCC_HEADER
    return len(extradata) <= header or extradata[header] & (31 if codec == "h264" else 255) == 0


def with_parameter_sets(codec: str, extradata: bytes | None, packet: bytes) -> bytes | None:
    """Fills a decoder configuration record (avcC, hvcC) with the parameter sets of the stream's first packet.

    Returns None if `extradata` is not such a record, or if the packet lacks a kind of set.
    """
    header = AVCC_HEADER if codec == "h264" else HVCC_HEADER
    if extradata is None or extradata[0] != 1 or len(extradata) < header:
        return None
    length_bytes = 1 + (extradata[4 if codec == "h264" else 21] & 3)
    types = H264_TYPES if codec == "h264" else HEVC_TYPES
    found: dict[int, list[bytes]] = {kind: [] for kind in types}
    for unit in _units(packet, length_bytes):
        kind = unit[0] & 31 if codec == "h264" else unit[0] >> 1 & 63
        if kind in found and unit not in found[kind]:
            found[kind].append(unit)
    if not all(found.values()):
        return None
    if codec == "h264":
        sequence, picture = ([len(unit).to_bytes(2, "big") + unit for unit in found[kind]] for kind in types)
        return b"".join([extradata[:header], bytes([0xE0 | len(sequence)]), *sequence, bytes([len(picture)]), *picture])
    arrays = [
        bytes([0x80 | kind]) + len(units).to_bytes(2, "big") + b"".join(len(u).to_bytes(2, "big") + u for u in units)
        for kind, units in found.items()
    ]
    return b"".join([extradata[:header], bytes([len(arrays)]), *arrays])


def _units(packet: bytes, length_bytes: int) -> Iterator[bytes]:
    """Yields the NAL units of a packet, each of which follows its length, up to the first invalid length."""
    offset = 0
    while offset + length_bytes < len(packet):
        end = offset + length_bytes + int.from_bytes(packet[offset : offset + length_bytes], "big")
        if not offset + length_bytes < end <= len(packet):
            return
        yield packet[offset + length_bytes : end]
        offset = end
