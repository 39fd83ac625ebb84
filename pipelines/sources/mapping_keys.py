"""What the keys of a mapping may hold, whichever kind of file it is for."""

from __future__ import annotations

import re
from datetime import time
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from pipelines.sources.chain_rows import plain_symbol


def _clock(value: Any) -> Any:
    if isinstance(value, str) and re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", value):
        return time.fromisoformat(value)
    if value != "close":
        raise ValueError('write "close", or a New York clock such as "15:45"')
    return value


def _zone(value: str) -> str:
    try:
        return ZoneInfo(value).key
    except (KeyError, ValueError, OSError):
        raise ValueError('no such time zone; write one such as "America/New_York" or "UTC"') from None


def _symbol(value: str) -> str:
    if not (plain := plain_symbol(value)):
        raise ValueError("not the symbol of an underlying")
    return plain


Name = Annotated[str, Field(min_length=1)]
Words = Annotated[list[str], Field(min_length=1)]
Numbers = Annotated[list[float], Field(min_length=1)]
Symbol = Annotated[str, AfterValidator(_symbol)]
Zone = Annotated[str, AfterValidator(_zone)]
EpochUnit = Literal["s", "ms", "us"]
VolatilityUnit = Literal["fraction", "percent"]


class Table(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Instant(Table):
    """A column of times (`zone`: that of its clock, unless it states one), or of dates (`clock`: in New York)."""

    column: Name
    format: Name | None = None
    clock: Annotated[time | Literal["close"] | None, BeforeValidator(_clock)] = None
    zone: Zone | None = None

    @model_validator(mode="after")
    def _is_one_of_them(self) -> Instant:
        if self.clock is not None and self.zone is not None:
            raise ValueError("dates have a clock, times have a zone; give one of them")
        return self


class Moment(Table):
    """A column of times: clocks as in an Instant, or numbers that count `unit`s since 1970 in UTC."""

    column: Name
    format: Name | None = None
    zone: Zone | None = None
    unit: EpochUnit | None = None

    @model_validator(mode="after")
    def _is_one_of_them(self) -> Moment:
        if self.unit is not None and (self.format is not None or self.zone is not None):
            raise ValueError("numbers since 1970 have a unit, clocks a format and a zone; give one of them")
        return self


class FileMapping(Table):
    """What mappings of all kinds say of the file as such."""

    separator: Literal[",", ";", "|", "\t"] = ","
    missing: Words = Field(default=[""])  # besides the empty one
