"""Which file's word counts for a month of bars, and since when it was known."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, datetime
from itertools import permutations

import pytest

from pipelines.lake.catalogue import PartitionKey, Sighting
from pipelines.lake.files import sha256_of
from pipelines.placing import Origin, place_bars
from pipelines.sources import cboe_index_csv
from pipelines.sources.page import Declared
from pipelines.stages.file_bars import bar_known_at, last_day, resolve

VIX = Declared(underlying="VIX")


def placed(closes: dict[str, float], extra: str = "") -> list[Sighting]:
    """Sightings of a file that states these closes (`MM/DD`: close) of 2024."""
    rows = [f"{day}/2024,{close},{close},{close},{close}" for day, close in closes.items()]
    data = "\n".join(["DATE,OPEN,HIGH,LOW,CLOSE", *rows, extra]).encode()
    return place_bars(cboe_index_csv.bars(data, VIX), Origin(cboe_index_csv.NAME, sha256_of(data), VIX)).sightings


def january(*files: list[Sighting]) -> list[tuple[datetime, int]]:
    """When each file that counts became known, and the days it states."""
    found = resolve([file[0] for file in files])
    return [(sighting.known_at, len(json.loads(sighting.detail)["bars"])) for sighting in found]


def at(month: int, day: int) -> datetime:
    """18:00 New York in winter."""
    return datetime(2024, month, day, 23)


def test_a_file_stands_once_a_symbol_and_month_on_the_months_last_day() -> None:
    sightings = placed({"01/30": 1, "01/31": 2, "02/01": 3})
    assert [sighting.key for sighting in sightings] == [
        PartitionKey("us", date(2024, 1, 31), "VIX.cboe_index_csv"),
        PartitionKey("us", date(2024, 2, 29), "VIX.cboe_index_csv"),
    ]
    assert [sighting.known_at for sighting in sightings] == [at(1, 31), at(2, 1)]
    assert last_day(date(2023, 2, 3)) == date(2023, 2, 28)


def test_a_bar_is_known_in_the_evening_of_its_day_in_summer_too() -> None:
    assert bar_known_at(date(2024, 1, 2)) == datetime(2024, 1, 2, 23)
    assert bar_known_at(date(2024, 7, 2)) == datetime(2024, 7, 2, 22)


def test_a_file_that_adds_days_was_on_time_whenever_it_was_saved() -> None:
    first, later = placed({"01/02": 1, "01/03": 2}), placed({"01/02": 1, "01/03": 2, "01/04": 3, "02/20": 4})
    assert january(first, later) == [(at(1, 3), 2), (at(1, 4), 3)]


def test_a_file_that_says_nothing_new_does_not_count() -> None:
    first, again = placed({"01/02": 1, "01/03": 2}), placed({"01/02": 1, "01/03": 2, "02/20": 4})
    assert january(first, again) == [(at(1, 3), 2)]
    assert len(january(first, placed({"01/02": 1, "02/20": 4}, extra="broken,1,1,1,1"))) == 2  # its broken row does


def test_a_sighting_recorded_without_a_time_of_capture_counts_as_not_fetched() -> None:
    older = [
        replace(one, detail=json.dumps({k: v for k, v in json.loads(one.detail).items() if k != "captured_at"}))
        for one in placed({"01/02": 1, "01/03": 2})
    ]
    assert january(older, placed({"01/02": 9, "01/03": 2, "02/20": 4})) == [(at(1, 3), 2), (at(2, 20), 2)]


@pytest.mark.parametrize("changed", [{"01/02": 9, "01/03": 2}, {"01/01": 5, "01/02": 1, "01/03": 2}])
def test_a_day_stated_otherwise_or_belatedly_is_known_when_its_file_was_complete(changed: dict[str, float]) -> None:
    restated = placed({**changed, "02/20": 4})
    assert january(placed({"01/02": 1, "01/03": 2}), restated) == [(at(1, 3), 2), (at(2, 20), len(changed))]


def test_what_counts_does_not_depend_on_the_order_of_loading() -> None:
    files = [
        placed({"01/02": 1}),
        placed({"01/02": 9, "01/03": 2, "02/20": 4}),
        placed({"01/02": 9, "01/03": 2, "01/04": 3, "02/21": 4}),
        placed({"01/02": 1, "01/03": 2, "01/04": 3, "02/22": 4}),
    ]
    first = january(*files)
    assert [known for known, _ in first] == [at(1, 2), at(2, 20), at(2, 20), at(2, 22)]
    assert all(january(*order) == first for order in permutations(files))
