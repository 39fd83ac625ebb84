"""Quote pages: what is taken, what is set aside and why, what is refused whole."""

from __future__ import annotations

from collections import Counter
from datetime import date

import pytest

from pipelines.sources import recognise
from pipelines.sources.cboe_quotedata_csv import parse
from pipelines.sources.page import ChainPage, Unreadable
from tests.pipelines.quote_pages import COLUMNS, line, page


def reasons(parsed: ChainPage) -> Counter[str]:
    return Counter(parsed.rejected["reason"])


def test_a_page_is_recognised_by_its_columns() -> None:
    assert recognise(page()).NAME == "cboe_quotedata_csv"
    assert recognise(b"some,other,file\n1,2,3\n") is None


def test_every_line_gives_a_call_and_a_put() -> None:
    parsed = parse(page())
    assert parsed.rows_in == parsed.rows.height == 42
    assert sorted(parsed.rows["option_type"].unique()) == ["call", "put"]
    assert parsed.rows["contract_id"][0] == "ABC240719C00090000"
    assert (parsed.underlying, parsed.underlying_last, parsed.underlying_volume) == ("ABC", 100.0, 1234)


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (line(101, bid="nan"), "not_finite"),
        (line(101, ask="inf"), "not_finite"),
        (line(101, bid="-1"), "negative_price"),
        (line(101, interest="-5"), "negative_quantity"),
        (line(101, interest="2.5"), "not_a_quantity"),
        (line(101, volume="1e300"), "not_a_quantity"),
        (line(101, bid=""), "unreadable_number"),
        (line(101, bid="abc"), "unreadable_number"),
        (line(101, iv="-0.2"), "negative_volatility"),
        (line(101).replace(",101.00,", ",0.00,"), "strike_not_positive"),
        (line(101).replace(",101.00,", ",105.00,"), "symbol_contradicts_columns"),
        (line(101).replace("Fri Jul 19 2024", "Fri Jul 26 2024"), "symbol_contradicts_columns"),
        (line(101).replace("ABC2407", "abc2407"), "unreadable_symbol"),
        (line(101) + ",7", "wrong_column_count"),
        ("Fri Jul 19 2024,ABC240719C001", "wrong_column_count"),
    ],
)
def test_a_broken_line_is_set_aside_with_its_reason_and_the_others_stand(broken: str, reason: str) -> None:
    parsed = parse(page(*(line(strike) for strike in range(90, 100)), broken))
    assert reasons(parsed) == {reason: 2}
    assert parsed.rows.height == 20
    assert parsed.rejected["row_number"].to_list() == [15, 15]
    assert parsed.rejected["row_part"].to_list() == ["call", "put"]


def test_an_exact_repeat_is_a_duplicate_and_a_differing_one_is_set_aside() -> None:
    parsed = parse(page(line(100), line(105), line(100), line(105, interest=99)))
    assert (parsed.rows.height, parsed.rows_duplicate, reasons(parsed)) == (4, 2, {"conflicting_duplicate": 2})
    assert parsed.rows_in == parsed.rows.height + parsed.rows_duplicate + parsed.rejected.height


def test_one_stray_early_expiry_does_not_date_the_page() -> None:
    stray = line(100, date(2001, 1, 19))
    assert parse(page(*(line(k) for k in range(90, 100)), stray)).first_expiry == date(2024, 7, 19)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (page(line(100), line(100, root="XYZ")), "mixes underlyings: ABC, XYZ"),
        (page(line(100)).decode().encode("utf-16"), "UTF-16"),
        (page(line(100)).replace(b"ABC Inc", b"ABC \xe9"), "not UTF-8"),
        (page(last="n/a"), "no last price"),
        (page().replace(b"Strike,", b""), "column names"),
        (f"\nname\n\n{COLUMNS}\n".encode(), "lists no contracts"),
        (COLUMNS.encode(), "no name and date lines"),
        (page(line(100, bid="x"), line(101, bid="x")), "none of 4 rows can be read"),
    ],
)
def test_a_page_that_cannot_be_whole_is_refused_in_one_line(data: bytes, message: str) -> None:
    with pytest.raises(Unreadable, match=message) as caught:
        parse(data)
    assert "\n" not in str(caught.value)


def test_the_body_is_the_page_without_its_clock() -> None:
    early, late = page(clock="June 17, 2024 at 4:31 PM EDT"), page(clock="18 June 2024, 7:00 UTC\u22124")
    assert parse(early).body_sha256 == parse(late).body_sha256
    assert parse(page(last=101.0)).body_sha256 != parse(early).body_sha256


def test_adjusted_roots_belong_to_the_underlying_of_their_letters() -> None:
    parsed = parse(page(*(line(k) for k in range(90, 100)), line(100, root="ABC1"), line(100, root="2ABC")))
    assert parsed.underlying == "ABC"
