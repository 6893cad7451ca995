"""Ways in which bytes, texts and JSON values get spoilt, each drawn from a generator of a fixed seed."""

import copy
import json
import os
from random import Random
from typing import Any

TIMES = int(os.environ.get("CMMD_FUZZ", "1"))
"""A longer run: so many times the number of mutants."""
EXTREMES = (
    0,
    1,
    0x7F,
    0xFF,
    0x7FFF,
    0xFFFF,
    0x7FFFFFFF,
    0x80000000,
    0xFFFFFFFF,
    0x7FFFFFFFFFFFFFFF,
    0xFFFFFFFFFFFFFFFF,
)
LONG = "a number of 5000 digits"
VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 3, 2**31, -(2**31), 2**63, 10**9, 10**50, LONG),
    *(0.5, -0.0, 1e-300, 1e300, float("inf"), float("-inf"), float("nan")),
    *("", "0", "nan", "2024-01-01", "../up", "/etc/passwd", "a\0b", "\udcff", "\x1b[2J", "x" * 140_000, "é🎵"),
    *([], [None], [0] * 20_000, [[[]]], {}, {"a": {"b": {}}}, [1, "2", None]),
)


def spoilt_bytes(data: bytes, random: Random) -> bytes:
    """One to three changes: bytes, blocks, lengths, the end."""
    for _ in range(random.randint(1, 3)):
        data = random.choice(BYTE_CHANGES)(bytearray(data or b"\0"), random)
    return data


def _flip(data: bytearray, random: Random) -> bytes:
    for _ in range(random.randint(1, 20)):
        data[random.randrange(len(data))] ^= 1 << random.randrange(8)
    return bytes(data)


def _number(data: bytearray, random: Random) -> bytes:
    """A field of the header, or of anywhere, becomes an extreme number."""
    reach = len(data) if random.random() < 0.3 else min(len(data), 600)
    size, order = random.choice((1, 2, 4, 8)), random.choice(("big", "little"))
    place = random.randrange(max(1, reach - size))
    data[place : place + size] = (random.choice(EXTREMES) % 256**size).to_bytes(size, order)
    return bytes(data)


def _truncate(data: bytearray, random: Random) -> bytes:
    return bytes(data[: random.randrange(len(data))])


def _block(data: bytearray, random: Random) -> tuple[int, int]:
    start = random.randrange(len(data))
    return start, min(len(data), start + random.choice((1, 4, 16, 188, 1000, 5000)))


def _repeat(data: bytearray, random: Random) -> bytes:
    start, end = _block(data, random)
    return bytes(data[:end] + data[start:end] * random.randint(1, 5) + data[end:])


def _drop(data: bytearray, random: Random) -> bytes:
    start, end = _block(data, random)
    return bytes(data[:start] + data[end:])


def _fill(data: bytearray, random: Random) -> bytes:
    start, end = _block(data, random)
    data[start:end] = random.choice((b"\0", b"\xff")) * (end - start)
    return bytes(data)


def _insert(data: bytearray, random: Random) -> bytes:
    start, _ = _block(data, random)
    return bytes(data[:start] + random.randbytes(random.choice((1, 3, 100))) + data[start:])


BYTE_CHANGES = (_flip, _flip, _number, _number, _number, _truncate, _repeat, _drop, _fill, _insert)


def spoilt_value(value: Any, random: Random) -> Any:
    """One to three changes anywhere in a JSON value: another value, a key that is gone or new, a list of other
    length."""
    value = copy.deepcopy(value)
    for _ in range(random.randint(1, 3)):
        value = _changed(value, random)
    return value


def _changed(value: Any, random: Random) -> Any:
    if isinstance(value, dict) and value and random.random() < 0.85:
        key = random.choice(sorted(value))
        chance = random.random()
        if chance < 0.1:
            del value[key]
        elif chance < 0.15:
            value[random.choice(("foreign", "", "a\0b", "\udcff"))] = random.choice(VALUES)
        else:
            value[key] = _changed(value[key], random)
        return value
    if isinstance(value, list) and value and random.random() < 0.6:
        place = random.randrange(len(value))
        if random.random() < 0.2:
            return value[:place] if random.random() < 0.5 else value + value[place:]
        value[place] = _changed(value[place], random)
        return value
    if isinstance(value, int | float) and not isinstance(value, bool) and random.random() < 0.4:
        return random.choice((-value, value + 1, value * 1000, float(value), str(value)))
    return random.choice(VALUES)


def json_text(value: Any) -> str:
    """With a number that is longer than Python writes."""
    return json.dumps(value).replace(json.dumps(LONG), "9" * 5000)


INSERTED = (
    *(
        '"',
        ",",
        ",,,,",
        "\0",
        "\r",
        "\n\n",
        "\u2028",
        "\t",
        "\ufeff",
        "- ",
        ": ",
        "2024-01-01",
        "NaN",
        "-Infinity",
        "1e999",
    ),
    *(
        "[" * 50_000,
        "{" * 5000,
        "x" * 140_000,
        "9" * 5000,
        "&a [*a]",
        "2024-01-01",
        "!!python/object:os.system x",
        "<<: {}",
    ),
)


def spoilt_text(text: str, random: Random) -> bytes:
    """As people and programs spoil tables: encodings, line ends, quotes, cells, nesting, lengths."""
    chance = random.random()
    if chance < 0.4:
        return spoilt_bytes(text.encode("utf-8", "surrogatepass"), random)
    place = random.randrange(len(text) + 1)
    inserted = random.choice(INSERTED)
    text = text[:place] + inserted + text[place:]
    encoding = random.choice(("utf-8", "utf-8", "utf-8", "utf-8-sig", "utf-16", "latin-1"))
    if random.random() < 0.2:
        text = text.replace("\n", "\r\n")
    return text.encode(encoding, "replace")
