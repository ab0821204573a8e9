"""A screenshot as a PNG of at most 256 colours: a third of the bytes, and no tool to install.

Pages have few colours and many blends of them along the edges of letters. The most frequent
colours become the palette; every other one takes the nearest of them, which nobody sees.
"""

import struct
import zlib
from collections import Counter
from collections.abc import Iterator

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
Colour = tuple[int, ...]


def with_few_colours(png: bytes) -> bytes:
    """`png`, 8-bit RGB without interlacing as Chromium writes it, with a palette."""
    width, height, rows = _pixels(png)
    counted = Counter(pixel for row in rows for pixel in row)
    palette = [colour for colour, _ in counted.most_common(256)]
    position = {colour: at for at, colour in enumerate(palette)}
    for colour in counted:
        if colour not in position:
            position[colour] = position[min(palette, key=lambda one: _distance(one, colour))]
    lines = b"".join(b"\0" + bytes(position[pixel] for pixel in row) for row in rows)
    return (
        _SIGNATURE
        + _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0))
        + _chunk(b"PLTE", b"".join(bytes(colour) for colour in palette))
        + _chunk(b"IDAT", zlib.compress(lines, 9))
        + _chunk(b"IEND", b"")
    )


def _pixels(png: bytes) -> tuple[int, int, list[list[Colour]]]:
    """Width, height and rows of colours."""
    chunks = list(_chunks(png))
    width, height, depth, kind, _, _, interlaced = struct.unpack(">IIBBBBB", chunks[0][1])
    if (depth, kind, interlaced) != (8, 2, 0):
        raise ValueError("This PNG is not 8-bit RGB without interlacing.")
    packed = zlib.decompress(b"".join(body for name, body in chunks if name == b"IDAT"))
    stride = 3 * width
    line, rows = bytearray(stride), []
    for start in range(0, len(packed), stride + 1):
        line = _unfiltered(packed[start], packed[start + 1 : start + 1 + stride], line)
        rows.append(list(zip(line[0::3], line[1::3], line[2::3], strict=True)))
    return width, height, rows


def _chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(_SIGNATURE)
    while at < len(png):
        length = int.from_bytes(png[at : at + 4], "big")
        yield png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        at += length + 12


def _unfiltered(kind: int, line: bytes, above: bytearray) -> bytearray:
    """A line as it was before PNG's filters 0 to 4 made it smaller."""
    out = bytearray(line)
    for at, value in enumerate(line):
        left = out[at - 3] if at >= 3 else 0
        corner = above[at - 3] if at >= 3 else 0
        guesses = (0, left, above[at], (left + above[at]) // 2, _paeth(left, above[at], corner))
        out[at] = (value + guesses[kind]) & 255
    return out


def _paeth(left: int, above: int, corner: int) -> int:
    estimate = left + above - corner
    return min((left, above, corner), key=lambda one: abs(estimate - one))


def _distance(one: Colour, other: Colour) -> int:
    return sum((a - b) ** 2 for a, b in zip(one, other, strict=True))


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
