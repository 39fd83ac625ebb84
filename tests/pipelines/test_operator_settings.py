"""The operator's file: what it means, and that a slip in it never passes silently."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.errors import is_for_users
from pipelines.operator_settings import (
    Follow,
    OperatorSettings,
    Retention,
    SettingsError,
    Surface,
    operator_settings,
    parts_of,
)
from pipelines.settings import Paths


def settings(folder: Path, text: str) -> OperatorSettings:
    (folder / "dealerflow.toml").write_text(text)
    return operator_settings(Paths(folder))


def test_without_a_file_nothing_is_followed_and_nothing_is_thrown_away(tmp_path: Path) -> None:
    assert operator_settings(Paths(tmp_path)) == OperatorSettings()
    assert operator_settings(Paths(tmp_path)).retention.superseded_days is None


def test_every_key_is_read(tmp_path: Path) -> None:
    read = settings(
        tmp_path,
        """
        inbox = ["/archive/chains", "drop"]
        [follow]
        cboe = ["SPX", "spy", "_SPX", "brk.b", "BRKB", "_XEO"]
        index = ["^VIX"]
        treasury = true
        deribit = ["btc", "sol_usdc", "BTC_USDC", "BTC", "SOL"]
        [retention]
        superseded_days = 400
        dagster_days = 30
        [surface]
        american = "de_americanised"
        """,
    )
    deribit = ("BTC", "SOL", "BTC_USDC")
    assert read.follow == Follow(("SPX", "SPY", "BRK.B", "_XEO"), ("^VIX",), treasury=True, deribit=deribit)
    assert parts_of(read.follow.cboe) == ["SPX", "SPY", "BRKB", "XEO"]
    assert read.inbox == (Path("/archive/chains"), tmp_path / "drop")
    assert read.retention == Retention(superseded_days=400, dagster_days=30)
    assert read.surface == Surface(american="de_americanised")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("follow = 3", "follow is a table"),
        ("[follow]\ncboes = []", "unknown key follow.cboes"),
        ("[folow]\ncboe = []", "unknown key folow"),
        ("[surface]\namerican = true", "surface.american is european or de_americanised"),
        ("[surface]\neuropean = 'yes'", "unknown key surface.european"),
        ("[follow]\ncboe = 'SPX'", "follow.cboe is a list of texts"),
        ("[follow]\ncboe = [1]", "follow.cboe is a list of texts"),
        ("[follow]\ncboe = ['S PX']", "follow.cboe: 'S PX' is not a symbol"),
        ("[follow]\nindex = ['../VIX']", "is not a symbol"),
        ("[follow]\nderibit = ['BTC-PERPETUAL']", "follow.deribit: 'BTC-PERPETUAL' is not an underlying"),
        ("[follow]\nderibit = ['123']", "follow.deribit: '123' is not an underlying"),
        ("[follow]\nderibit = ['BTC', 'USDC']", "follow.deribit: 'USDC' is not an underlying"),
        ("[follow]\nderibit = true", "follow.deribit is a list of texts"),
        ("[follow]\ntreasury = 'yes'", "follow.treasury is true or false"),
        ("[follow]\nfinra_weekly = ['T3']", "follow.finra_weekly: 'T3' is not a tier; there are T1, T2, OTCE"),
        ("[follow]\nfinra_weekly = true", "follow.finra_weekly is a list of texts"),
        ("[follow]\nfinra_short_volume = []", "follow.finra_short_volume is true or false"),
        ("[follow]\nocc_open_interest = ['S PX']", "follow.occ_open_interest: 'S PX' is not a symbol"),
        ("[fetch]\nuser = 'x'", "unknown key fetch.user; there are contact"),
        ("[fetch]\ncontact = 'nobody'", "fetch.contact is who asks"),
        ("[fetch]\ncontact = 3", "fetch.contact is who asks"),
        ('[fetch]\ncontact = "a@b.org\\nX-Other: 1"', "fetch.contact is who asks, on one line"),
        ("[fetch]\ncontact = 'Zoë zoe@b.org'", "fetch.contact is who asks, on one line of plain letters"),
        (f"[fetch]\ncontact = 'a@{'b' * 198}'", "fetch.contact is who asks"),
        ("inbox = ['']", "inbox is a list of texts"),
        ("[retention]\nsuperseded_days = 0", "retention.superseded_days is a whole number of days"),
        ("[retention]\ndagster_days = true", "retention.dagster_days is a whole number of days"),
        ("[retention", "not readable as TOML"),
    ],
)
def test_a_slip_is_one_line_that_names_the_file_and_the_key(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(SettingsError, match=named) as caught:
        settings(tmp_path, text)
    assert str(tmp_path / "dealerflow.toml") in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
    assert is_for_users(caught.value)


def test_reports_of_a_whole_market_are_followed_each_by_its_own_key(tmp_path: Path) -> None:
    read = settings(
        tmp_path,
        """
        [follow]
        finra_short_volume = true
        finra_weekly = ["t1", "OTCE", "T1"]
        finra_short_interest = true
        occ_volume = true
        occ_open_interest = ["gme", "BRK.B", "BRKB"]
        occ_totals = true
        sec_fails = true
        [fetch]
        contact = " Ann Example ann@example.org "
        """,
    )
    assert read.follow == Follow(
        finra_short_volume=True, finra_weekly=("T1", "OTCE"), finra_short_interest=True, occ_volume=True,
        occ_open_interest=("GME", "BRK.B"), occ_totals=True, sec_fails=True,
    )  # fmt: skip
    assert read.contact == "Ann Example ann@example.org"


def test_the_mark_that_windows_editors_put_in_front_is_no_part_of_the_text(tmp_path: Path) -> None:
    assert settings(tmp_path, '\ufeff[surface]\namerican = "de_americanised"\n').surface.american == "de_americanised"


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "dealerflow.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SettingsError, match="not readable"):
        operator_settings(Paths(tmp_path))


@pytest.mark.parametrize("folder", [".", "..", "raw", "lake/deeper", "spool", "~nosuchuser/x", "a\\u0000b"])
def test_an_inbox_that_holds_the_warehouse_or_names_no_folder_is_refused(tmp_path: Path, folder: str) -> None:
    (tmp_path / "dealerflow.toml").write_text(f'inbox = ["{folder}"]')
    with pytest.raises(SettingsError, match="inbox: "):
        operator_settings(Paths(tmp_path))


def test_a_retention_of_a_hundred_years_and_a_day_is_refused(tmp_path: Path) -> None:
    (tmp_path / "dealerflow.toml").write_text("[retention]\nsuperseded_days = 36501")
    with pytest.raises(SettingsError, match="1 to 36500"):
        operator_settings(Paths(tmp_path))
