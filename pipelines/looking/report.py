"""`dealerflow report`: one page for a session, all underlyings."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import polars as pl

from pipelines.looking import words
from pipelines.looking.frames import Published, View, newest_snapshot
from pipelines.looking.heatmap import heatmap_figure
from pipelines.looking.page import Page, Part, Points, Section, Table
from pipelines.looking.plot import footer, simulated_banner, told_model
from pipelines.looking.profile import profile_figure
from pipelines.looking.rolloff import rolloff_figure, rolloff_finding
from pipelines.warehouse.connection import QueryError

Row = dict[str, Any]
SESSIONS_BACK, DAYS_BACK = 12, 31
MOST_COLUMNS = 60


def report_page(published: Published, session: date | None) -> Page:
    """The report of a session under the venue's default model. QueryError if nothing is published for it."""
    names = published.underlyings(session) if session else []
    if session is None or not names:
        newest = published.newest_session()
        there = f"; the newest is {newest}" if newest else ": load files and run `dealerflow run` first"
        raise QueryError(f"no session{f' {session}' if session else ''} is published{there}")
    model = published.default_model()
    found: list[tuple[Row, Section]] = []
    files: list[str] = []
    for name in names:
        view = View(name, model)
        row = newest_snapshot(published.levels(view, session, session))
        if row is not None:
            row |= {"quality": published.quality(name, row["snapshot_ts"])}
            found.append((row, _section(published, view, row)))
            files += published.files(name, [row["snapshot_ts"]])
    rows = [row for row, _ in found]
    return Page(
        title=f"Dealer positioning, {session:%A} {words.day(session)}",
        subtitle=f"All expiries, {told_model(model)}. {words.SIGN}",
        parts=[_key_numbers(rows)],
        sections=[section for _, section in found],
        banner=simulated_banner(files),
        footer=footer(model, "all", rows, files),
    )


def _section(published: Published, view: View, row: Row) -> Section:
    parts: list[Part] = [_paragraph(row)]
    strikes = published.strikes(view, row["snapshot_ts"])
    expiries = published.rolloff(view, row["snapshot_ts"])
    if row["scope_status"] == "ok" and not strikes.is_empty():
        curve = published.curve(view, row["snapshot_ts"])
        parts.append(profile_figure(row, curve, strikes, view.underlying))
        parts += _history(published, view, row)
        if expiries["gross_gex_usd_per_1pct"].drop_nulls().sum():
            parts += [Points(f"What goes away: {rolloff_finding(expiries)}", ()), rolloff_figure(expiries)]
    parts.append(Points("Quality of the input", quality_notes(row, row["quality"])))
    parts.append(_versions(published.versions(view.underlying, row["session_date"])))
    return Section(f"{view.underlying}: {words.finding(row)}", parts)


def _paragraph(row: Row) -> str:
    at = f"At {words.clock(row['snapshot_ts'])} New York spot stood at {words.price(row['spot'])}"
    if row["scope_status"] != "ok":
        return f"{at}. No exposure is told: {words.finding(row)}."
    share = row["zero_dte_share_frac"]
    same_day = "" if share is None else f" Same-day expiries hold {words.percent(100 * share)} of all gamma."
    off = row["distance_to_flip_pct"]
    away = "" if off is None else f", {words.percent(abs(off))} {'above' if off >= 0 else 'below'} the flip"
    return (
        f"{at}{away}; net gamma was {words.dollars(row['net_gex_usd_per_1pct'])} {words.PER_1PCT}. The largest call "
        f"gamma lies at {words.price(row['call_wall'])}, the largest put gamma at {words.price(row['put_wall'])}."
        f"{same_day}"
    )


def _history(published: Published, view: View, row: Row) -> list[Part]:
    """The heatmap of the last sessions: every snapshot of this one, the last whole one of each before."""
    oldest = row["session_date"] - timedelta(days=DAYS_BACK)
    levels = published.levels(view, oldest, row["session_date"]).filter(~pl.col("is_partial"))
    is_now = pl.col("session_date") == row["session_date"]
    is_close = pl.col("snapshot_ts") == pl.col("snapshot_ts").max().over("session_date")
    is_recent = pl.col("session_date").rank("dense", descending=True) <= SESSIONS_BACK
    rows = levels.filter((is_now | is_close) & is_recent).sort("snapshot_ts").tail(MOST_COLUMNS).to_dicts()
    if not rows:
        return []
    cells = published.cells(view, [each["snapshot_ts"] for each in rows])
    if cells["net_gex_usd_per_1pct"].drop_nulls().is_empty():
        return []
    period = words.period(rows[0]["session_date"], rows[-1]["session_date"])
    return [Points(f"{period}: {words.course(rows)}", ()), heatmap_figure(cells, rows, view.underlying)]


def _key_numbers(rows: Sequence[Row]) -> Table:
    return Table(
        caption="Key numbers at the newest whole snapshot of the session; net GEX in USD per 1 % move of the spot",
        header=(
            "", "spot", "flip", "distance", "net GEX", "call wall", "put wall", "band of the flip", "same-day",
            "max pain", "New York time", "known at",
        ),
        rows=[
            (
                row["underlying"] + (" (partial page)" if row["is_partial"] else ""),
                words.price(row["spot"]),
                words.flip_words(row),
                words.distance(row),
                words.dollars(row["net_gex_usd_per_1pct"]),
                words.price(row["call_wall"]),
                words.price(row["put_wall"]),
                _band(row),
                "none" if row["zero_dte_share_frac"] is None else words.percent(100 * row["zero_dte_share_frac"]),
                words.price(row["max_pain"]),
                words.clock(row["snapshot_ts"]),
                words.moment(row["known_at"]),
            )
            for row in rows
        ],
    )  # fmt: skip


def _band(row: Row) -> str:
    if row["gamma_flip_low"] is None:
        return "none"
    return f"{words.price(row['gamma_flip_low'])} to {words.price(row['gamma_flip_high'])}"


def quality_notes(row: Row, quality: Row) -> list[str]:
    """What a reader should know of the page behind the numbers; the first lines are the warnings."""
    if not quality:
        return ["The quality of this page is not recorded."]
    notes = _warnings(row, quality)
    dated = quality["open_interest_date"]
    of_day = "of an unknown date" if dated is None else f"of the close of {words.day(dated)}"
    notes.append(f"Open interest {of_day}; {words.count(quality['rows_live'])} live contracts.")
    notes.append(
        f"Volatilities: {words.count(quality['contracts_solved_mid'] + quality['contracts_solved_pair'])} solved from "
        f"quotes, {words.count(quality['contracts_vendor'])} the vendor's, "
        f"{words.count(quality['contracts_interpolated'])} interpolated, {words.count(quality['contracts_none'])} none."
    )
    if quality["discount_curve_date"] is not None:
        notes.append(f"Discounted by the Treasury curve of {words.day(quality['discount_curve_date'])}.")
    return notes


def _warnings(row: Row, quality: Row) -> list[str]:
    zeroed = quality["zeroed_quote_share_frac"] or 0.0
    quarantined = quality["rows_quarantined"] or 0
    uncounted = row["contracts_not_counted"] or 0
    found = {
        f"Partial page ({quality['partial_reason']}): in no table of newest levels.": quality["is_partial"],
        f"{words.percent(100 * zeroed)} of the quotes are zero: volatilities are mostly the vendor's.": zeroed > 0.25,
        "No Treasury curve was known: rates count as zero.": quality["discount_source"] == "none",
        f"The Treasury curve is {quality['discount_age_sessions']} sessions old.": quality["is_discount_stale"],
        "The spot comes from put-call parity, for the vendor's last is too far from its own quotes.": (
            quality["spot_source"] == "parity_spot"
        ),
        "Carry is a default: too few quotes for parity.": quality["smooth_carry_source"] == "default",
        f"{words.count(quarantined)} rows were held back; `quarantine` says why.": quarantined > 0,
        f"{words.count(uncounted)} contracts have no volatility or no open interest and are not counted.": uncounted
        > 0,
    }
    return [text for text, holds in found.items() if holds]


def _versions(versions: Sequence[Row]) -> Table:
    return Table(
        caption="What was known when: the versions of this session's levels",
        header=("version", "known at", "by", "now"),
        rows=[
            (
                str(version["v"]),
                words.moment(version["known_at"]),
                words.BASES.get(version["known_at_basis"], str(version["known_at_basis"])),
                "current" if version["is_current"] else "superseded",
            )
            for version in versions
        ],
        is_words=True,
    )
