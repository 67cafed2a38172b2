"""Mutations of a file's bytes: each is drawn from a seed, so a number names a mutant for ever."""

from __future__ import annotations

import random

WORDS = (
    b"0", b"-1", b"1e999", b"nan", b"99999999999999999999", b"4.5", b"{", b"}", b"{{", b"[", b"]]",
    b"=", b"\n", b"\r", b"\x00", b"\xff\xfe", b"\xc3\x28", b"../../x", b"'", b'"', b"\\u0000",
    b"true", b"1" * 400, b"\x7fELF", b"#", b";", b",,,,", b"inf", b"[" * 2000, b'{"a":' * 2000,
    b"1e153", b"null", b"[]", b"\"\"", b"0x" + b"f" * 5000, b"rx", b"..", b"%s", b"\xe2\x80\xae",
)  # fmt: skip


def mutate(content: bytes, number: int, text: bool) -> bytes:
    """A mutant of the content: one to six changes, drawn by ``number``.

    Parameters
    ----------
    content
        The right file.
    number
        Of the mutant; the same number gives the same bytes.
    text
        Whether to change it by words and lines too, as a hand would, and not by bytes alone.
    """
    draw = random.Random(number)
    found = bytearray(content)
    for _ in range(draw.choice((1, 1, 1, 2, 3, 6))):
        changes = BY_WORDS + BY_BYTES if text else BY_BYTES
        draw.choice(changes)(found, draw)
    return bytes(found)


def _flip(found: bytearray, draw: random.Random) -> None:
    if found:
        found[_place(found, draw)] ^= 1 << draw.randrange(8)


def _overwrite(found: bytearray, draw: random.Random) -> None:
    """Lengths and offsets are little numbers in headers: extremes do more than random bytes."""
    start = _place(found, draw)
    size = draw.choice((1, 2, 4, 8))
    value = draw.choice((0, 1, 2**7 - 1, 2**31 - 1, 2**32 - 1, 2**63 - 1, draw.getrandbits(64)))
    found[start : start + size] = (value % 2 ** (8 * size)).to_bytes(size, draw.choice(ORDERS))


def _cut(found: bytearray, draw: random.Random) -> None:
    del found[_place(found, draw) :]


def _remove(found: bytearray, draw: random.Random) -> None:
    start = _place(found, draw)
    del found[start : start + draw.randrange(1, 64)]


def _repeat(found: bytearray, draw: random.Random) -> None:
    start = _place(found, draw)
    piece = found[start : start + draw.randrange(1, 256)]
    found[start:start] = piece * draw.choice((1, 2, 50))


def _insert(found: bytearray, draw: random.Random) -> None:
    start = _place(found, draw)
    found[start:start] = draw.randbytes(draw.randrange(1, 32))


def _word(found: bytearray, draw: random.Random) -> None:
    start = _place(found, draw)
    found[start : start + draw.choice((0, 0, 1, 5))] = draw.choice(WORDS)


def _value(found: bytearray, draw: random.Random) -> None:
    """Another value behind an equals sign."""
    lines = bytes(found).split(b"\n")
    chosen = draw.randrange(len(lines))
    key, equals, _ = lines[chosen].partition(b"=")
    if equals:
        lines[chosen] = key + b"= " + draw.choice(WORDS)
    found[:] = b"\n".join(lines)


def _line(found: bytearray, draw: random.Random) -> None:
    """A line less, twice, or at another place."""
    lines = bytes(found).split(b"\n")
    line = lines.pop(draw.randrange(len(lines)))
    for _ in range(draw.randrange(3)):
        lines.insert(draw.randrange(len(lines) + 1), line)
    found[:] = b"\n".join(lines)


def _place(found: bytearray, draw: random.Random) -> int:
    """Half of all places are near the start, where headers are."""
    size = max(1, len(found))
    return draw.randrange(min(size, 512)) if draw.random() < 0.5 else draw.randrange(size)


ORDERS = ("little", "big")
BY_BYTES = (_flip, _flip, _overwrite, _overwrite, _cut, _remove, _repeat, _insert)
BY_WORDS = (_word, _value, _value, _line)
