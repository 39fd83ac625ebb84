"""What a version, a raw object and an amount of bytes are called in front of people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipelines.lake.catalogue import Version


def version_name(version: Version) -> str:
    key = version.key
    return place_name(version.table, key.market, key.session_date, key.part, version.v)


def place_name(table: str, market: str, session_date: object, part: str, v: int) -> str:
    return f"{table} {market} {session_date} {part} v{v}"


def raw_path(sha256: str) -> str:
    """Where an object lies below the data folder."""
    return f"raw/{sha256[:2]}/{sha256}"


def raw_name(row: Mapping[str, Any]) -> str:
    return f"raw object of {row['original_name']} ({row['source']})"


def size(count: float) -> str:
    """Bytes for people."""
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"
