"""Vendor pages -> canonical chains: which page speaks for a snapshot, what it lists, whose open interest it shows."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable
from datetime import datetime

import polars as pl

from models.clock import header_clock_offset_days
from models.conventions import METHOD_VERSIONS
from models.forwards import NoSpot, mark_snapshot
from pipelines.calendar import us_sessions
from pipelines.lake.catalogue import Refusal
from pipelines.lake.partitions import empty
from pipelines.lake.stage import Inputs, Output, Stage
from pipelines.markets import US, root_of, underlying_of
from pipelines.sources import CHAIN_SOURCE_NAMES
from pipelines.stages import curves
from pipelines.stages.memo import remembered
from pipelines.stages.open_interest import OpenInterestEvidence, date_by_repetition, find_evidence
from pipelines.stages.placed import PlacedPage, place
from pipelines.stages.session_bar import session_bar
from pipelines.stages.snapshots import conformed
from pipelines.tables import TABLES

_log = logging.getLogger(__name__)
LARGEST_CLOCK_OFFSET_DAYS = 1.5
EARLIER_DATES_FOR_EVIDENCE = 2


def compute(inputs: Inputs) -> Output:
    """One version of a session's chains: per snapshot and source, the newest page that passes the clock gate."""
    earlier = _evidence_pages(inputs)
    placed = [page for sighting in inputs.sightings for page in place(inputs.lake, sighting)]
    refusals: list[Refusal] = []
    passed: list[PlacedPage] = []
    standing: dict[tuple[datetime, str], tuple[PlacedPage, pl.DataFrame, float]] = {}
    for page in placed:
        chain = _chain(page)
        offset = _clock_offset(inputs, page, chain)
        if page.placement.session_basis != "declared" and abs(offset) > LARGEST_CLOCK_OFFSET_DAYS:
            if page.known_at == inputs.known_at:
                refusals.append(_contradicted(page, offset))
            continue
        spotless = _spotless(page, chain)
        if spotless is not None:
            if page.known_at == inputs.known_at:
                refusals.append(Refusal("no_spot", f"{page.sighting.raw_sha256[:12]} {page.snapshot_ts}: {spotless}"))
            continue
        passed.append(page)
        standing[page.snapshot_ts, page.sighting.source] = (page, chain, offset)
    published = {snapshot: _first_ranked(snapshot, standing) for snapshot, _ in standing}
    evidence = {key: find_evidence(page, [*earlier, *placed]) for key, (page, _, _) in standing.items()}
    page_rows = [
        _page_row(page, chain, offset, evidence[key], is_published=published[key[0]] == key[1])
        | session_bar(page, passed)
        for key, (page, chain, offset) in sorted(standing.items())
    ]
    chains = [conformed(chain, "chains") for _, (_, chain, _) in sorted(standing.items())]
    frames = {
        "chains": pl.concat([empty("chains"), *chains]),
        "pages": pl.DataFrame(page_rows, schema=TABLES["pages"].schema()),
        "quarantine": pl.concat([empty("quarantine"), *(_quarantine(page) for page in placed)]),
    }
    return Output(frames, {"rows": _account(frames["pages"])}, refusals)


def _evidence_pages(inputs: Inputs) -> list[PlacedPage]:
    """Pages of earlier sessions. One whose raw object is gone proves nothing, but this session is not its fault."""
    found: list[PlacedPage] = []
    for sighting in inputs.earlier_sightings:
        try:
            found += place(inputs.lake, sighting)
        except FileNotFoundError:
            _log.warning("raw object %s of %s is gone: no evidence from it", sighting.raw_sha256, sighting.key)
    return found


def _chain(page: PlacedPage) -> pl.DataFrame:
    """The page's rows with what their roots and the calendar say of them."""
    calendar = us_sessions()
    rows = page.page.rows.filter(pl.col("expiry_date") >= page.session_date)
    series = rows.select("root", "expiry_date").unique().sort("root", "expiry_date")
    declared = [root_of(root) for root in series["root"]]
    expiries = zip(series["expiry_date"], declared, strict=True)
    instants = [calendar.expiry_instant(day, root.settlement) for day, root in expiries]
    series = series.with_columns(
        expiry_ts=pl.Series(instants, dtype=pl.Datetime("us")),
        settlement=pl.Series([root.settlement for root in declared], dtype=pl.String),
        exercise=pl.Series([root.exercise for root in declared], dtype=pl.String),
        declared_multiplier=pl.Series([root.multiplier for root in declared], dtype=pl.Float64),
        is_standard=pl.Series([root.is_standard for root in declared], dtype=pl.Boolean),
    )
    return rows.join(series, on=["root", "expiry_date"], how="left", maintain_order="left").with_columns(
        underlying=pl.lit(page.page.underlying),
        snapshot_ts=pl.lit(page.snapshot_ts, dtype=pl.Datetime("us")),
        source=pl.lit(page.sighting.source),
        known_at=pl.lit(page.known_at, dtype=pl.Datetime("us")),
        multiplier=pl.coalesce("multiplier", "declared_multiplier"),
        is_standard=pl.col("is_standard") & ~pl.col("is_adjusted"),
    ).sort("expiry_ts", "root", "strike", "option_type")  # fmt: skip


def _clock_offset(inputs: Inputs, page: PlacedPage, chain: pl.DataFrame) -> float:
    """Days by which the vendor's own volatilities disagree with the page's clock; NaN when nothing can be compared."""
    live = chain.filter((pl.col("expiry_ts") > page.snapshot_ts) & pl.col("is_standard"))
    curve = curves.newest_curve(inputs, page.snapshot_ts)
    underlying = underlying_of(page.page.underlying)
    return remembered(
        header_clock_offset_days,
        live,
        snapshot_ts=page.snapshot_ts,
        spot_last=page.page.underlying_last,
        curve=curve.arrays if curve else None,
        default_carry_frac=underlying.default_carry_frac,
    )


def _spotless(page: PlacedPage, chain: pl.DataFrame) -> str | None:
    """Why nothing can be computed from a page that states no last price; None where parity gives a spot."""
    if page.page.underlying_last is not None:
        return None
    declared = underlying_of(page.page.underlying)
    try:
        mark_snapshot(
            chain,
            snapshot_ts=page.snapshot_ts,
            spot_last=None,
            curve=None,  # which strikes make a parity forward does not depend on it
            default_carry_frac=declared.default_carry_frac,
            spot_rule=declared.spot_rule,
        )
    except NoSpot as error:
        return str(error)
    return None


def _contradicted(page: PlacedPage, offset: float) -> Refusal:
    reason = (
        f"volatilities on the page are {offset:+.1f} days off its clock (session {page.session_date} by"
        f" {page.placement.session_basis}); name the session with load --session"
    )
    return Refusal("header_clock_contradicted", f"{page.sighting.raw_sha256[:12]}: {reason}")


def _first_ranked(snapshot: datetime, standing: Iterable[tuple[datetime, str]]) -> str:
    """The source that the market's declared precedence publishes for a snapshot."""
    offered = [source for ts, source in standing if ts == snapshot]
    return min(offered, key=US.source_precedence.index)


def _page_row(
    page: PlacedPage, chain: pl.DataFrame, offset: float, evidence: OpenInterestEvidence, *, is_published: bool
) -> dict[str, object]:
    parsed_page, dated = page.page, page.open_interest
    if dated.session_date is None:
        dated = date_by_repetition(evidence)
    zeroed = chain.select(((pl.col("bid") == 0) & (pl.col("ask") == 0)).mean()).item() if chain.height else None
    early = parsed_page.rows.height - chain.height
    return {
        "underlying": parsed_page.underlying,
        "snapshot_ts": page.snapshot_ts,
        "source": page.sighting.source,
        "known_at": page.known_at,
        "known_at_basis": page.sighting.known_at_basis,
        "raw_sha256": page.sighting.raw_sha256,
        "header_ts": page.header_ts,
        "session_basis": page.placement.session_basis,
        "fate": "published" if is_published else "outranked",
        "underlying_last": parsed_page.underlying_last,
        "underlying_bid": parsed_page.underlying_bid,
        "underlying_ask": parsed_page.underlying_ask,
        "underlying_volume": parsed_page.underlying_volume,
        "rows_in": parsed_page.rows_in,
        "rows_landed": chain.height,
        "rows_quarantined": parsed_page.rejected.height + early,
        "rows_duplicate": parsed_page.rows_duplicate,
        "expiries_listed": chain["expiry_date"].n_unique(),
        "zeroed_quote_share_frac": zeroed,
        "open_interest_date": dated.session_date,
        "open_interest_date_basis": dated.basis,
        "open_interest_evidence": evidence.kind,
        "open_interest_evidence_share_frac": evidence.share,
        "open_interest_evidence_contracts": evidence.contracts,
        "open_interest_evidence_known_at": evidence.known_at,
        "vendor_clock_offset_days": None if math.isnan(offset) else offset,
    }


def _quarantine(page: PlacedPage) -> pl.DataFrame:
    """Rows that did not become contracts, those with an expiry before the session among them."""
    early = page.page.rows.filter(pl.col("expiry_date") < page.session_date).select(
        "row_number",
        row_part="option_type",
        reason=pl.lit("expiry_before_session"),
        row_text=pl.concat_str(
            "contract_id", pl.col("open_interest").cast(pl.String), separator=" open interest ", ignore_nulls=True
        ),
    )
    return (
        pl.concat([page.page.rejected, early])
        .sort("row_number", "row_part")
        .with_columns(raw_sha256=pl.lit(page.sighting.raw_sha256), source=pl.lit(page.sighting.source))
        .select(empty("quarantine").columns)
    )


def _account(pages: pl.DataFrame) -> dict[str, float]:
    total = pages.select(pl.col("rows_in", "rows_landed", "rows_quarantined", "rows_duplicate").sum()).row(0)
    return dict(zip(("in", "landed", "quarantined", "duplicate"), map(float, total), strict=True))


LANDING = Stage(
    name="landing",
    method_version=METHOD_VERSIONS["landing"],
    outputs=("chains", "pages"),
    by_products=("quarantine",),
    sources=CHAIN_SOURCE_NAMES,
    earlier=(curves.CURVE_INPUT,),
    earlier_sighting_dates=EARLIER_DATES_FOR_EVIDENCE,
    compute=compute,
)
