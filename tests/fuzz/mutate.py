"""Spoilt files: what editors, networks, programs and malice do to a document."""

from __future__ import annotations

import gzip
import io
import json
import random
import re
import zipfile
from collections.abc import Callable, Sequence
from typing import Any

_NUMBER = re.compile(rb"-?\d+(?:\.\d+)?")
# Cells that are no plain number or date, or one that nobody meant.
_ODD_TEXTS = (
    "", " ", "-", "NaN", "nan", "inf", "-inf", "Infinity", "1e308", "-1e308", "1e309", "1e-320", "-0", "-0.0", "0",
    "-1", "0x1", "1_000", "1,000", "1.2.3", "+5", "5e", ".5", "٣٤", "１２", "9" * 400, "0" * 300 + "1", "0.12345678901",
    "9223372036854775807", "-9223372036854775809", "18446744073709551616", "9007199254740993", "99999999", "1e18",
    "null", "true", "NULL", "0001-01-01", "1899-12-31", "9999-12-31", "2026-02-30", "20260230", "99991231", "+12026",
    "12/31/9999", "+12026-01-02", "-0001-01-01", "2026-01-01T00:00:00Z", "253402300800000", "é", "\u202e", "\x1b[31m",
    "\x00", "\ufeff", "\ud800", "\u2028", "\x85", "\x0b", "\x1c", '"', '""', "'", "\\", "|", ",", ";", "\t", "=1",
    "../../x", "x" * 5000, "A", "a",
)  # fmt: skip
_OFTEN = ("inf", "-inf", "NaN", "1e308", "-1", "0", "+12026-01-02")
_ODD = [text.encode("utf-8", "surrogatepass") for text in (*_ODD_TEXTS, *3 * _OFTEN)]
_BYTES = [b"\0", b"\xff", b"\r", b"\n", b'"', b",", b"|", b"\x1a", b"\xc3", b"\xed\xa0\x80", b"{", b"[", b"-", b"9"]
_VALUES: list[Any] = [
    None, True, False, 0, -1, -0.0, -1.5, 1e308, 10**18, 10**400, -(10**25), 2**63, 2**53 + 1, 0.1, 253402300800000,
    float("nan"), float("inf"), [], {}, [[]], [{}], [None], {"": None}, [1] * 300, "\n", "9" * 5000, *_ODD_TEXTS,
]  # fmt: skip
Mutation = Callable[[random.Random, bytes, Sequence[bytes]], bytes]


def example(name: str, number: int, document: bytes, others: Sequence[bytes]) -> bytes:
    """The document, spoilt in one to four ways that only the name and the number choose."""
    rng = random.Random(f"{name}:{number}")
    data = gzip.decompress(document) if document[:2] == b"\x1f\x8b" else document
    for _ in range(rng.choice((1, 1, 1, 2, 2, 3, 4))):
        data = rng.choice(_MUTATIONS)(rng, data, others)
    return rng.choice(_PACKINGS)(rng, data) if rng.random() < 0.06 else data


def _flip(rng: random.Random, data: bytes, others: Sequence[bytes]) -> bytes:
    spoilt = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 8)) if data else 0):
        spoilt[rng.randrange(len(spoilt))] ^= 1 << rng.randrange(8)
    return bytes(spoilt)


def _insert(rng: random.Random, data: bytes, others: Sequence[bytes]) -> bytes:
    place = rng.randrange(len(data) + 1)
    return data[:place] + rng.choice(rng.choice((_ODD, _BYTES))) + data[place + rng.choice((0, 0, 1)) :]


def _cut(rng: random.Random, data: bytes, others: Sequence[bytes]) -> bytes:
    first, second = sorted(rng.randrange(len(data) + 1) for _ in "ab")
    return rng.choice((data[:first], data[second:], data[:first] + data[second:]))


def _splice(rng: random.Random, data: bytes, others: Sequence[bytes]) -> bytes:
    other = rng.choice(others)
    if rng.random() < 0.5:  # at lines
        mine, theirs = data.splitlines(keepends=True), other.splitlines(keepends=True)
        return b"".join(mine[: rng.randrange(len(mine) + 1)] + theirs[rng.randrange(len(theirs) + 1) :])
    return data[: rng.randrange(len(data) + 1)] + other[rng.randrange(len(other) + 1) :]


def _lines(rng: random.Random, data: bytes, others: Sequence[bytes]) -> bytes:
    lines = data.split(b"\n")
    first, second = rng.randrange(len(lines)), rng.randrange(len(lines))
    how = rng.randrange(5)
    if how == 0:
        del lines[first]
    elif how == 1:
        lines.insert(second, lines[first])
    elif how == 2:
        lines[first], lines[second] = lines[second], lines[first]
    elif how == 3:
        lines[first : first + 1] = [lines[first]] * rng.choice((2, 3, 50))
    else:
        lines.insert(first, rng.choice((b"", b" ", b"\r", *_ODD)))
    return b"\n".join(lines)


def _ends(rng: random.Random, data: bytes, others: Sequence[bytes]) -> bytes:
    if rng.random() < 0.5:
        return data.replace(b"\n", rng.choice((b"\r\n", b"\r", b"\n\n", b"\n\r", b"\x0b", b"\xe2\x80\xa8", b" \n ")))
    return re.sub(rb"\n", lambda _: rng.choice((b"\n", b"\r\n", b"\r")), data)


def _cells(rng: random.Random, data: bytes, others: Sequence[bytes]) -> bytes:
    lines = data.split(b"\n")
    place = rng.choice((0, rng.randrange(len(lines)), rng.randrange(len(lines))))
    separator = max(b",", b"|", b";", b"\t", key=lines[place].count)
    cells = lines[place].split(separator)
    first, second = rng.randrange(len(cells)), rng.randrange(len(cells))
    how = rng.randrange(8)
    if how == 0:
        del cells[first]
    elif how == 1:
        cells.insert(second, cells[first])
    elif how == 2:
        cells[first], cells[second] = cells[second], cells[first]
    elif how == 3:
        cells[first] = b'"' + cells[first] + rng.choice((b'"', b"", b'""', b'"x'))
    elif how == 4:
        cells[first] += separator * rng.choice((1, 2, 40))
    else:
        cells[first] = rng.choice(_ODD)
    lines[place] = separator.join(cells)
    return b"\n".join(lines)


def _numbers(rng: random.Random, data: bytes, others: Sequence[bytes]) -> bytes:
    found = list(_NUMBER.finditer(data))
    for match in sorted(rng.sample(found, min(len(found), rng.choice((1, 1, 2, 6)))), key=lambda one: -one.start()):
        digits = match[0]
        said = (rng.choice(_ODD), digits * 30, digits[:-1], b"-" + digits, digits + b"0", rng.choice(found)[0])
        data = data[: match.start()] + rng.choice((said[0], *said)) + data[match.end() :]
    return data


def _bytes_of_all(rng: random.Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """The whole file in another encoding, behind a mark, empty, or many times over."""
    text = data.decode("utf-8", "replace")
    return rng.choice(
        (
            b"", b" ", b"\n", b"\0" * 64, b"\xef\xbb\xbf" + data, b"\xef\xbb\xbf\xef\xbb\xbf" + data, b"\n\n \n" + data,
            text.encode("utf-16"), text.encode("utf-16-be"), text.encode("cp037", "replace"), data + b"\0" * 512,
            data.replace(b'"', b"'"), data.replace(b'"', b""), data * 2, data.upper(), data.lower(), data[::-1],
        )
    )  # fmt: skip


def _json(rng: random.Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """The file, or one of its lines, as JSON with a part of another type; else a cell."""
    for place, line in [(None, data), *rng.sample(list(enumerate(lines := data.split(b"\n"))), min(3, len(lines)))]:
        try:
            content = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(content, dict | list):
            spoilt = _written(rng, _with_another(rng, content, others))
            if place is None:
                return spoilt
            return b"\n".join([*lines[:place], spoilt, *lines[place + 1 :]])
    return _cells(rng, data, others)


def _with_another(rng: random.Random, value: Any, others: Sequence[bytes], depth: int = 0) -> Any:
    """Somewhere in the value something is another. Texts that hold a document are spoilt as such."""
    if isinstance(value, str) and len(value) > 60:
        spoilt = rng.choice((_json, _json, *_MUTATIONS[:9]))(rng, value.encode("utf-8", "surrogatepass"), others)
        return spoilt.decode("utf-8", "replace")
    if not isinstance(value, dict | list) or not value or rng.random() < 0.06 * depth:
        return [value] * rng.choice((1, 2)) if rng.random() < 0.1 else rng.choice(_VALUES)
    keys: list[Any] = list(value) if isinstance(value, dict) else list(range(len(value)))
    key, how = rng.choice(keys), rng.randrange(10)
    changed: Any = value.copy()
    if how == 0:
        del changed[key]
    elif how == 1 and isinstance(changed, list):
        changed.insert(rng.choice(keys), rng.choice((changed[key], *_VALUES)))
    elif how == 1:
        changed[rng.choice((*keys, "", "__class__", "x"))] = changed[key]
    elif how == 2:
        changed[key] = changed[rng.choice(keys)]
    else:
        changed[key] = _with_another(rng, value[key], others, depth + 1)
    return changed


def _written(rng: random.Random, value: Any) -> bytes:
    text = json.dumps(value, ensure_ascii=rng.random() < 0.8)
    how = rng.randrange(20)
    if how == 0:
        deep = rng.choice((50, 3000, 200_000))
        text = "[" * deep + text + "]" * deep
    elif how == 1:
        text = re.sub(
            r'("\w+": )', lambda found: found[1] + "0, " + found[1], text, count=rng.choice((1, 5))
        )  # a key twice
    elif how == 2:
        text = re.sub(r"\d{4,}", lambda found: found[0] * 200, text, count=1)
    return text.encode("utf-8", "surrogatepass")


def _zipped(rng: random.Random, data: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))) as archive:
        for name in ("a.csv", "../b")[: rng.choice((1, 1, 1, 2))]:
            archive.writestr(zipfile.ZipInfo(name), data)
    return packed.getvalue()


def _half_packed(rng: random.Random, data: bytes) -> bytes:
    pack = rng.choice((_zipped, lambda _, plain: gzip.compress(plain, 1, mtime=0)))
    return rng.choice((_flip, _cut, _insert))(rng, pack(rng, data), [])


_MUTATIONS: tuple[Mutation, ...] = (
    _cells, _cells, _numbers, _numbers, _lines, _flip, _insert, _cut, _ends, _json, _json, _splice, _bytes_of_all,
)  # fmt: skip
_PACKINGS: tuple[Callable[[random.Random, bytes], bytes], ...] = (
    _zipped, lambda _, data: gzip.compress(data, 1, mtime=0), _half_packed
)  # fmt: skip
