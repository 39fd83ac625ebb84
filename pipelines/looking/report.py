"""`dealerflow report`: one page for a session, all underlyings."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import polars as pl

from pipelines.looking import thin, words
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
COIN_DAYS_BACK, COIN_COLUMNS = 6, 170  # a week by the hour
VERSIONS_TOLD = 8
_STALE = timedelta(days=7)


def newest_sessions(published: Published) -> dict[str, date]:
    """The newest session of every market, but of none that ended long before the others."""
    newest = published.newest_sessions()
    last = max(newest.values(), default=None)
    return {market: day for market, day in newest.items() if last and last - day <= _STALE}


def report_page(published: Published, session: date | None) -> Page:
    """The report of a session, or of the newest of every market, under the venues' default models.

    QueryError if nothing is published for it.
    """
    days = newest_sessions(published)
    if session is not None:
        days = {market: session for market, _ in published.places(session)}
    places = [(day, *place) for day in sorted(set(days.values())) for place in published.places(day)]
    if not places:
        newest = max(published.newest_sessions().values(), default=None)
        there = f"; the newest is {newest}" if newest else ": load files and run `dealerflow run` first"
        raise QueryError(f"no session{f' {session}' if session else ''} is published{there}")
    found: list[tuple[Row, View, Section]] = []
    files: list[str] = []
    for day, market, name in places:
        if days.get(market) != day:
            continue
        view = published.view(name, None, "all", market, first=day, last=day)
        row = newest_snapshot(published.levels(view, day, day))
        if row is not None:
            row |= {"quality": published.quality(view, row["snapshot_ts"])}
            found.append((row, view, _section(published, view, row)))
            files += published.files(view, [row["snapshot_ts"]])
    found.sort(key=lambda item: item[1].market != "us")
    rows = [row for row, _, _ in found]
    models = list(dict.fromkeys(view.model for _, view, _ in found))
    told = "; ".join(told_model(model) for model in models)
    return Page(
        title=f"Dealer positioning, {max(days.values()):%A} {words.day(max(days.values()))}",
        subtitle=f"All expiries, {told}. {words.SIGN}",
        parts=[_key_numbers(rows)],
        sections=[section for _, _, section in found],
        banner=simulated_banner(files),
        footer=footer(models[0], "all", rows, files) if len(models) == 1 else _footers(found, files),
    )


def _footers(found: Sequence[tuple[Row, View, Section]], files: Sequence[str]) -> list[str]:
    """The small print of a page of several models: a line for each, the rest once."""
    by_model: dict[str, list[Row]] = {}
    for row, view, _ in found:
        by_model.setdefault(view.model, []).append(row)
    rest = footer("", "all", [row for row, _, _ in found], files)[1:]
    assumed = [
        f"{', '.join(row['underlying'] for row in rows)}: {footer(model, 'all', rows, files)[0]}"
        for model, rows in by_model.items()
    ]
    return [*assumed, *rest]


def _section(published: Published, view: View, row: Row) -> Section:
    parts: list[Part] = [_paragraph(row)]
    strikes = published.strikes(view, row["snapshot_ts"])
    expiries = published.rolloff(view, row["snapshot_ts"])
    if row["scope_status"] == "ok" and not strikes.is_empty():
        parts += _profile(published, view, row)
        parts += _history(published, view, row)
        if expiries["gross_gex_usd_per_1pct"].drop_nulls().sum():
            parts += [Points(f"What goes away: {rolloff_finding(expiries)}", ()), rolloff_figure(expiries)]
    parts.append(Points("Quality of the input", quality_notes(row, row["quality"])))
    parts.append(_versions(published.versions(view, row["session_date"])))
    return Section(f"{view.underlying}: {words.finding(row)}", parts)


def _profile(published: Published, view: View, row: Row) -> list[Part]:
    """The profile at this snapshot or, where coin venues keep one an hour, at the last that has it."""
    kept = published.curve_snapshot(view, row["session_date"], row["snapshot_ts"])
    if kept is not None and kept != row["snapshot_ts"]:
        found = published.levels(view, row["session_date"], row["session_date"]).filter(pl.col("snapshot_ts") == kept)
        earlier = found.row(0, named=True)
        if earlier["scope_status"] == "ok" and not earlier["is_partial"]:
            at = words.clock(kept, words.zone(view.market))
            curve, strikes = published.curve(view, kept), published.strikes(view, kept)
            said = f"Profile at {at} {words.time_words(words.zone(view.market))}, the last that is kept"
            return [Points(said, ()), profile_figure(earlier, curve, strikes, view.underlying)]
    curve, strikes = published.curve(view, row["snapshot_ts"]), published.strikes(view, row["snapshot_ts"])
    return [profile_figure(row, curve, strikes, view.underlying)]


def _paragraph(row: Row) -> str:
    zone = words.zone(row["market"])
    at = f"At {words.clock(row['snapshot_ts'], zone)} {zone} spot stood at {words.price(row['spot'])}"
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
    """The heatmap of the last sessions up to this one."""
    is_coin = words.zone(view.market) == words.UTC
    oldest = row["session_date"] - timedelta(days=COIN_DAYS_BACK if is_coin else DAYS_BACK)
    levels = published.levels(view, oldest, row["session_date"]).filter(~pl.col("is_partial"))
    rows, said = _closes(levels, row["session_date"]), ""
    if is_coin:
        rows, said = thin.columns(levels, view.market, COIN_COLUMNS)
    if not rows:
        return []
    cells = published.cells(view, [each["snapshot_ts"] for each in rows])
    if cells["net_gex_usd_per_1pct"].drop_nulls().is_empty():
        return []
    period = words.period(rows[0]["session_date"], rows[-1]["session_date"])
    told = [said.strip()] if said else []
    return [Points(f"{period}: {words.course(rows)}", ()), *told, heatmap_figure(cells, rows, view.underlying)]


def _closes(levels: pl.DataFrame, session: date) -> list[Row]:
    """Every snapshot of this session, the last whole one of each before."""
    is_now = pl.col("session_date") == session
    is_close = pl.col("snapshot_ts") == pl.col("snapshot_ts").max().over("session_date")
    is_recent = pl.col("session_date").rank("dense", descending=True) <= SESSIONS_BACK
    return levels.filter((is_now | is_close) & is_recent).sort("snapshot_ts").tail(MOST_COLUMNS).to_dicts()


def _key_numbers(rows: Sequence[Row]) -> Table:
    return Table(
        caption="Key numbers at the newest whole snapshot of the session; net GEX in USD per 1 % move of the spot",
        header=(
            "", "spot", "flip", "distance", "net GEX", "call wall", "put wall", "band of the flip", "same-day",
            "max pain", "at", "known at",
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
                f"{words.dated_clock(row['snapshot_ts'], words.zone(row['market']))} {words.zone(row['market'])}",
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
    notes.append(f"Open interest {_of_day(row, quality)}; {words.count(quality['rows_live'])} live contracts.")
    # Versions made before American quotes were solved do not count them.
    solved = sum(quality[f"contracts_solved_{how}"] or 0 for how in ("mid", "american", "pair"))
    notes.append(
        f"Volatilities: {words.count(solved)} solved from quotes, "
        f"{words.count(quality['contracts_vendor'])} the vendor's, "
        f"{words.count(quality['contracts_interpolated'])} interpolated, {words.count(quality['contracts_none'])} none."
    )
    if quality["discount_curve_date"] is not None:
        notes.append(f"Discounted by the Treasury curve of {words.day(quality['discount_curve_date'])}.")
    return notes


def _of_day(row: Row, quality: Row) -> str:
    if words.zone(row["market"]) == words.UTC:
        return "as the venue stated it at the snapshot"
    dated = quality["open_interest_date"]
    return "of an unknown date" if dated is None else f"of the close of {words.day(dated)}"


def _warnings(row: Row, quality: Row) -> list[str]:
    zeroed = quality["zeroed_quote_share_frac"] or 0.0
    quarantined = quality["rows_quarantined"] or 0
    uncounted = row["contracts_not_counted"] or 0
    found = {
        f"Partial page ({quality['partial_reason']}): in no table of newest levels.": quality["is_partial"],
        f"{words.percent(100 * zeroed)} of the quotes are zero: volatilities are mostly the vendor's.": zeroed > 0.25,
        "No Treasury curve was known: rates count as zero.": (
            quality["discount_source"] == "none" and words.zone(row["market"]) != words.UTC
        ),
        "The spot is the forward of the nearest expiry, for the source states no index.": (
            quality["spot_source"] == "forward"
        ),
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
    earlier = len(versions) - VERSIONS_TOLD
    more = f", the last {VERSIONS_TOLD} of {len(versions)}" if earlier > 0 else ""
    return Table(
        caption=f"What was known when: the versions of this session's levels{more}",
        header=("version", "known at", "by", "now"),
        rows=[
            (
                str(version["v"]),
                words.moment(version["known_at"]),
                words.BASES.get(version["known_at_basis"], str(version["known_at_basis"])),
                "current" if version["is_current"] else "superseded",
            )
            for version in versions[-VERSIONS_TOLD:]
        ],
        is_words=True,
    )
