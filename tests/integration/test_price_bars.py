"""Daily bars: from the pages of a close, and from histories that are loaded again and again."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from itertools import permutations
from pathlib import Path

import polars as pl
import pytest

from pipelines.calendar import us_sessions
from pipelines.lake.store import Lake, opened
from pipelines.load import Arrival, load_arrivals, load_files
from pipelines.settings import Paths
from pipelines.sources import cboe_quotedata_csv
from pipelines.sources.page import ChainPage, DailyBar, Declared
from pipelines.stages import parsed
from tests.integration.spine import current, derive, land, refusals
from tests.samples import needs_samples, sample

VIX = Declared(underlying="VIX")


def history(folder: Path, name: str, closes: dict[str, float], extra: str = "") -> Path:
    rows = [f"{day}/2024,{close - 1},{close + 1},{close - 1},{close}" for day, close in closes.items()]
    path = folder / f"{name}.csv"
    path.write_text("\n".join(["DATE,OPEN,HIGH,LOW,CLOSE", *rows, extra, ""]))
    return path


def load_vix(lake: Lake, *files: Path) -> list[str]:
    return [loaded.fate for loaded in load_files(lake, files, declared=VIX, progress=lambda _: None)]


def closes(lake: Lake, known_at: datetime = datetime(9999, 1, 1)) -> list[tuple[int, int, float]]:
    """Month, day and close of the bars known at an instant."""
    bars = current(lake, "price_bars", known_at).sort("bar_ts")
    return [(ts.month, ts.day, close) for ts, close in bars.select("bar_ts", "close").iter_rows()]


def test_a_page_of_the_close_gives_its_underlyings_bar(
    lake: Lake, market: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    read = cboe_quotedata_csv.pages

    def pages(data: bytes, declared: Declared) -> list[ChainPage]:
        """The vendor states a bar of SPX; the last of one page was traded later, above the range."""
        [page] = read(data, declared)
        last = page.underlying_last or 0
        bar = DailyBar(last - 5, last + 5 if page.underlying == "SPX" else last - 1, last - 9, None, None)
        return [replace(page, bar=bar)]

    monkeypatch.setitem(parsed._PARSERS, cboe_quotedata_csv.NAME, pages)
    names = ("treasury", "spx_quotedata_2024-06-21", "spy_quotedata_2024-06-21")
    land(lake, [path for path in market if any(name in path.name for name in names)])
    assert refusals(derive(lake)) == []
    stated = current(lake, "pages").filter(pl.col("snapshot_ts") == datetime(2024, 6, 21, 20)).sort("underlying")
    bars = current(lake, "price_bars").sort("underlying")
    assert stated["underlying"].to_list() == bars["underlying"].to_list() == ["SPX", "SPY"]
    assert bars["bar_ts"].to_list() == stated["snapshot_ts"].to_list()
    assert bars["close"].to_list() == stated["underlying_last"].to_list()
    assert bars["known_at"].to_list() == stated["known_at"].to_list()
    assert bars["high"].to_list() == [stated["underlying_last"][0] + 5, None]
    assert bars["low"].to_list() == [stated["underlying_last"][0] - 9, None]


def test_a_session_seen_only_before_its_close_has_no_bar_yet(lake: Lake, market: list[Path]) -> None:
    land(lake, [path for path in market if "treasury" in path.name or "2024-06-21_1245" in path.name])
    derive(lake)
    assert current(lake, "pages").height == 1
    assert current(lake, "price_bars").is_empty()


def test_a_history_lands_by_month_and_the_next_days_file_touches_only_its_own(lake: Lake, tmp_path: Path) -> None:
    first = history(tmp_path, "first", {"05/31": 13, "06/18": 12, "06/20": 13}, extra="06/19/2024,x,1,1,1")
    assert load_vix(lake, first, first) == ["landed", "duplicate_bytes"]
    assert refusals(derive(lake)) == []
    bars = current(lake, "price_bars")
    assert bars["session_date"].to_list() == [date(2024, 5, 31), date(2024, 6, 30), date(2024, 6, 30)]
    assert bars["bar_ts"].to_list() == [us_sessions().close_of(ts.date()) for ts in bars["bar_ts"]]
    assert current(lake, "quarantine")["reason"].to_list() == ["unreadable_number"]
    load_vix(lake, history(tmp_path, "next", {"05/31": 13, "06/18": 12, "06/20": 13, "06/21": 14}))
    derive(lake)
    versions = [(version.key.session_date.month, version.v) for version in lake.catalogue.versions(["price_bars"])]
    assert versions == [(5, 1), (6, 1), (6, 2)]
    assert closes(lake) == [(5, 31, 13), (6, 18, 12), (6, 20, 13), (6, 21, 14)]
    assert all(not report.written for report in derive(lake))


def test_a_restated_day_is_known_when_its_file_was_complete_and_not_before(tmp_path: Path) -> None:
    files = [
        history(tmp_path, "first", {"06/18": 12, "06/20": 13}),
        history(tmp_path, "restated", {"06/18": 11, "06/20": 13, "06/21": 14, "07/02": 15}),
        history(tmp_path, "short", {"06/21": 14, "07/02": 15, "07/03": 16}),
    ]
    for number, order in enumerate(permutations(files)):
        with opened(Paths(tmp_path / f"data{number}")) as lake:
            for file in order:
                load_vix(lake, file)
                assert refusals(derive(lake)) == []
            assert closes(lake, datetime(2024, 6, 20, 22)) == [(6, 18, 12), (6, 20, 13)]
            assert closes(lake, datetime(2024, 7, 1)) == [(6, 18, 12), (6, 20, 13)]
            assert closes(lake) == [(6, 18, 11), (6, 20, 13), (6, 21, 14), (7, 2, 15), (7, 3, 16)]
            known = dict(current(lake, "price_bars").select(pl.col("bar_ts").dt.date(), "known_at").iter_rows())
            assert known[date(2024, 6, 18)] == datetime(2024, 7, 2, 22)
            assert known[date(2024, 6, 20)] == datetime(2024, 6, 20, 22)


def test_a_history_declared_anew_leaves_the_symbol_it_was_taken_for(lake: Lake, tmp_path: Path) -> None:
    file = history(tmp_path, "first", {"06/18": 12})
    load_vix(lake, file)
    derive(lake)
    list(load_files(lake, [file], declared=Declared(underlying="VXN"), progress=lambda _: None))
    derive(lake)
    assert current(lake, "price_bars")["underlying"].to_list() == ["VXN"]


@needs_samples
@pytest.mark.samples
def test_the_whole_history_of_vix_loads_at_once(lake: Lake) -> None:
    file = sample("cboe_index/VIX_History_dorive.csv")
    assert load_vix(lake, file) == ["landed"]
    [report] = [report for report in derive(lake) if report.stage == "file_bars"]
    bars = current(lake, "price_bars")
    assert bars.height == file.read_bytes().count(b"\n") - 1
    assert len(report.written) == bars["session_date"].n_unique() < 500


def test_a_page_pulled_in_the_morning_leaves_the_bar_of_the_evening(lake: Lake, market: list[Path]) -> None:
    evening, morning = (
        next(path for path in market if name in path.name) for name in ("spy_quotedata_2024-06-17", "2024-06-18_0828")
    )
    land(lake, [evening, morning])
    assert refusals(derive(lake)) == []
    pages = current(lake, "pages")
    assert (pages.height, pages["known_at"].item()) == (1, datetime(2024, 6, 18, 12, 28))
    [bar] = current(lake, "price_bars").to_dicts()
    last = cboe_quotedata_csv.parse(evening.read_bytes()).underlying_last
    assert (bar["close"], bar["known_at"]) == (last, datetime(2024, 6, 18, 0, 35))
    assert last != cboe_quotedata_csv.parse(morning.read_bytes()).underlying_last


def test_a_morning_page_alone_tells_no_bar(lake: Lake, market: list[Path]) -> None:
    land(lake, [path for path in market if "2024-06-18_0828" in path.name])
    derive(lake)
    assert current(lake, "price_bars").is_empty()


def test_of_two_histories_of_one_evening_the_one_fetched_later_counts_and_not_before(
    lake: Lake, tmp_path: Path
) -> None:
    for close, captured_at in ((13.0, datetime(2024, 6, 22, 16)), (14.0, datetime(2024, 6, 20, 20, 5))):
        data = history(tmp_path, f"at{close}", {"06/20": close}).read_bytes()
        arrival = Arrival(f"at{close}", lambda data=data: data, captured_at=captured_at)  # type: ignore[misc]
        assert [one.fate for one in load_arrivals(lake, [arrival], declared=VIX, progress=lambda _: None)] == ["landed"]
    derive(lake)
    assert closes(lake, datetime(2024, 6, 22, 15)) == [(6, 20, 14.0)]
    assert closes(lake) == [(6, 20, 13.0)]
