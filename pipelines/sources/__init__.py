"""Vendor feeds: one small module each, recognised by content."""

from __future__ import annotations

from types import ModuleType

from pipelines.sources import cboe_quotedata_csv, treasury_par_csv

SOURCES: tuple[ModuleType, ...] = (cboe_quotedata_csv, treasury_par_csv)


def recognise(data: bytes) -> ModuleType | None:
    """The feed whose layout these bytes show, whatever the file is called."""
    return next((source for source in SOURCES if source.recognise(data)), None)
