"""The feeds: where their items lie, what their bytes must look like, and whose terms they stand under."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.fetch import FEEDS, feed_of, treasury
from pipelines.fetch.acceptance import accept, accepted_on, require_accepted
from pipelines.fetch.address import is_safe
from pipelines.fetch.feed import Feed, FeedError
from pipelines.operator_settings import Follow
from pipelines.settings import Paths
from pipelines.sources.page import Unreadable

NOW = datetime(2024, 6, 20, 20, 30)
CBOE, TREASURY, INDEX = FEEDS["cboe"], FEEDS["treasury"], FEEDS["index"]


@pytest.mark.parametrize("feed", FEEDS.values(), ids=FEEDS)
def test_every_feed_names_terms_and_lies_behind_encryption(feed: Feed) -> None:
    assert feed is feed_of(feed.name)
    for item in feed.example.split():
        assert is_safe(feed.url_of(feed.item_of(item)))
    assert feed.terms.url.startswith("https://") and len(feed.terms.text) > 50


@pytest.mark.parametrize(
    ("typed", "path"),
    [
        ("SPX", "options/_SPX.json"),
        ("spx", "options/_SPX.json"),
        ("^VIX", "options/_VIX.json"),
        ("_SPX", "options/_SPX.json"),
        ("_OEX", "options/_OEX.json"),
        ("SPY", "options/SPY.json"),
        ("brk.b", "options/BRK.B.json"),
    ],
)
def test_an_index_is_asked_for_with_an_underscore(typed: str, path: str) -> None:
    assert CBOE.url_of(CBOE.item_of(typed)).endswith(f"https://cdn.cboe.com/api/global/delayed_quotes/{path}")


def test_an_index_typed_in_two_ways_is_one_item() -> None:
    assert {CBOE.item_of(typed) for typed in ("SPX", "^SPX", "_spx", " spx ")} == {"SPX"}


@pytest.mark.parametrize("feed", FEEDS.values(), ids=FEEDS)
@given(typed=st.text(max_size=20))
def test_nothing_that_is_typed_leaves_the_folder_of_the_vendor(feed: Feed, typed: str) -> None:
    try:
        item = feed.item_of(typed)
    except FeedError:
        return
    example = httpx.URL(feed.url_of(feed.item_of(feed.example.split()[0])))
    url = httpx.URL(feed.url_of(item))
    assert (url.scheme, url.host) == (example.scheme, example.host)
    assert url.path.count("/") == example.path.count("/") and ".." not in url.path


@pytest.mark.parametrize("typed", ["", "../SPX", "SPX.json", "S PX", "SPX?x", "TOOLONGSYMBOL", "_", "1NVDA"])
def test_what_is_no_symbol_is_told(typed: str) -> None:
    with pytest.raises(FeedError, match="is not a symbol"):
        CBOE.item_of(typed)


def test_the_curves_of_a_year_are_one_file() -> None:
    url = httpx.URL(TREASURY.url_of("2024"))
    assert url.host == "home.treasury.gov" and url.path.endswith("/daily-treasury-rates.csv/2024/all")
    assert url.params["field_tdr_date_value"] == "2024" and url.params["_format"] == "csv"
    for typed in ("1989", "24", "20x4", "2046", "２０２４"):
        with pytest.raises(FeedError, match="is not a year"):
            TREASURY.item_of(typed)


@pytest.mark.parametrize(
    ("now", "years"),
    [
        (datetime(2024, 6, 20, 23), ["2024"]),
        (datetime(2026, 1, 2, 15), ["2025"]),  # before the first curve of the year
        (datetime(2026, 1, 3, 0), ["2025", "2026"]),  # 19:00 in New York on its day
        (datetime(2026, 1, 12, 23), ["2026"]),
    ],
)
def test_without_a_year_those_of_the_newest_curves_are_fetched(now: datetime, years: list[str]) -> None:
    assert treasury.items_now(Follow(), now) == years


def test_the_history_of_an_index_is_declared_to_be_its_own() -> None:
    assert INDEX.url_of("VIX") == "https://cdn.cboe.com/api/global/us_indices/daily_prices/VIX_History.csv"
    assert INDEX.item_of("^vix") == "VIX"
    assert INDEX.declared_of("VIX").underlying == "VIX"
    with pytest.raises(FeedError, match="is not an index"):
        INDEX.item_of("../VIX")


CURVES = b'Date,"1 Mo","10 Yr"\n06/20/2024,5.37,4.25\n'


@pytest.mark.parametrize(
    ("feed", "item", "data"),
    [
        (CBOE, "SPX", b'{"timestamp": "2024-06-20 20:30:00", "data": {"symbol": "^SPX"}, "symbol": "_SPX"}'),
        (CBOE, "BRK.B", b'{"symbol": "BRKB", "data": {}}'),
        (TREASURY, "2024", CURVES),
        (INDEX, "VIX", b"DATE,OPEN,HIGH,LOW,CLOSE\n06/20/2024,13,14,12,13\n"),
        (INDEX, "VVIX", b"DATE,VVIX\n06/20/2024,80.1\n"),
    ],
)
def test_the_answer_to_the_question_is_taken(feed: Feed, item: str, data: bytes) -> None:
    feed.check(data, item)


@pytest.mark.parametrize("feed", FEEDS.values(), ids=FEEDS)
@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "sent nothing"),
        (b" \n", "sent nothing"),
        (b"\n<!DOCTYPE html><html>", "a web page"),
        (b"<?xml version='1.0'?><Error/>", "a web page"),
        (b"Service unavailable", "the vendor sent"),
        (b"\xff\xfe\x00", "the vendor sent"),
    ],
)
def test_anything_but_data_is_told_in_a_line(feed: Feed, data: bytes, words: str) -> None:
    item = feed.item_of(feed.example.split()[0])
    with pytest.raises(Unreadable, match=words) as refused:
        feed.check(data, item)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b'{"symbol": "QQQ", "data": {}}', "the chain of 'QQQ' instead of SPY"),
        (b'{"data": {}}', "names no symbol"),
        (b"[1, 2]", "names no symbol"),
        (b'{"symbol": 7}', "names no symbol"),
        (b'{"symbol": "SPY", "data": {"opt', "no whole JSON"),
        (b"[" * 100_000, "no whole JSON"),
        (json.dumps({"symbol": "A\n" * 5000}).encode(), "the chain of"),
    ],
)
def test_a_chain_of_another_symbol_or_a_damaged_one_is_refused(data: bytes, words: str) -> None:
    with pytest.raises(Unreadable, match=words) as refused:
        CBOE.check(data, "SPY")
    assert len(str(refused.value)) < 120 and "\n" not in str(refused.value)


def test_only_stand_ins_on_this_machine_replace_a_vendor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEALERFLOW_VENDOR_URLS", '{"cboe": "http://127.0.0.1:8080/"}')
    assert CBOE.url_of("SPY").startswith("http://127.0.0.1:8080/api/")
    assert INDEX.url_of("VIX").startswith("https://cdn.cboe.com/")
    for url in ("http://example.com", "https://example.com", "http://127.0.0.1@example.com", "file:///etc", 7, ""):
        monkeypatch.setenv("DEALERFLOW_VENDOR_URLS", json.dumps({"cboe": url}))
        with pytest.raises(FeedError, match="not on this machine"):
            CBOE.url_of("SPY")
    for text in ("cboe=http://127.0.0.1", "[]", '"cboe"'):
        monkeypatch.setenv("DEALERFLOW_VENDOR_URLS", text)
        with pytest.raises(FeedError, match="not a JSON object"):
            CBOE.url_of("SPY")


def test_an_unknown_feed_is_answered_with_the_known_ones() -> None:
    with pytest.raises(FeedError, match="no feed 'cbeo'; there are cboe, treasury, index"):
        feed_of("cbeo")


def test_terms_are_accepted_feed_by_feed_and_version_by_version(tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    with pytest.raises(FeedError, match="dealerflow fetch cboe --accept-terms"):
        require_accepted(paths, CBOE)
    accept(paths, CBOE, NOW)
    require_accepted(paths, CBOE)
    assert accepted_on(paths, CBOE) == "2024-06-20"
    assert accepted_on(paths, TREASURY) is None
    newer = replace(CBOE, terms=replace(CBOE.terms, version=CBOE.terms.version + 1))
    assert accepted_on(paths, newer) is None
    accept(paths, TREASURY, NOW)
    assert accepted_on(paths, CBOE) == "2024-06-20"


@pytest.mark.parametrize("text", ["{", "[]", '{"cboe": 1}', '{"cboe": null}'])
def test_a_damaged_record_of_acceptance_accepts_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "accepted_terms.json").write_text(text)
    with pytest.raises(FeedError, match="damaged; remove it"):
        accepted_on(Paths(tmp_path), CBOE)
