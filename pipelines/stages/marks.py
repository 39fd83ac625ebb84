"""Chains -> spot, discounting, carry and forwards of every snapshot, and whether its page is whole."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from functools import partial

import polars as pl

from models.conventions import METHOD_VERSIONS, AmericanQuotes, Floats
from models.forwards import carry_to_store, mark_snapshot
from models.partial import partial_reason
from pipelines.calendar import us_sessions
from pipelines.lake.stage import Earlier, Inputs, Output, Stage
from pipelines.markets import underlying_of
from pipelines.stages import curves
from pipelines.stages.american import de_americanised
from pipelines.stages.memo import remembered
from pipelines.stages.snapshots import Stamp, gathered

PAGES_COMPARED = 20
_MARK_COLUMNS = ("snapshot_ts", "source", "rows_in", "is_partial", "spot", "parity_spot")
_FORWARD_COLUMNS = ("snapshot_ts", "t_years", "forward_source", "carry_frac")


def compute(inputs: Inputs, *, american_quotes: AmericanQuotes = "european") -> Output:
    pages = inputs.read("pages").filter(pl.col("fate") == "published").sort("snapshot_ts")
    chains = inputs.read("chains")
    earlier_rows = _rows_of_earlier_pages(inputs)
    marks, forwards = [], []
    for page in pages.iter_rows(named=True):
        stamp = Stamp.of(page)
        chain = stamp.rows_of(chains)
        live = chain.filter(pl.col("expiry_ts") > stamp.snapshot_ts)
        curve = curves.newest_curve(inputs, stamp.snapshot_ts)
        declared = underlying_of(stamp.underlying)
        expiry_forwards, mark = remembered(
            mark_snapshot,
            live,
            snapshot_ts=stamp.snapshot_ts,
            spot_last=page["underlying_last"],
            curve=curve.arrays if curve else None,
            default_carry_frac=declared.default_carry_frac,
            stored_carry=_stored_carry(inputs),
            spot_rule=declared.spot_rule,
            has_smooth_carry=declared.has_smooth_carry,
            american_quotes=american_quotes,
        )
        same_source = earlier_rows.get(stamp.source, [])[-PAGES_COMPARED:]
        reason = partial_reason(live, spot=mark.spot, rows_in=page["rows_in"], earlier_rows_in=same_source)
        earlier_rows.setdefault(stamp.source, []).append(page["rows_in"])
        row = {
            **asdict(mark),
            **_discounting(curve, inputs.key.session_date),
            "rows_in": page["rows_in"],
            "is_partial": reason is not None,
            "partial_reason": reason,
        }
        marks.append(stamp.stamp(pl.DataFrame([row], infer_schema_length=None), "snapshot_marks"))
        forwards.append(stamp.stamp(expiry_forwards, "expiry_forwards"))
    return Output(
        {"snapshot_marks": gathered("snapshot_marks", marks), "expiry_forwards": gathered("expiry_forwards", forwards)}
    )


def _rows_of_earlier_pages(inputs: Inputs) -> dict[str, list[int]]:
    """Rows of the pages of earlier sessions by source, oldest first."""
    rows: dict[str, list[int]] = {}
    for version in inputs.earlier["snapshot_marks"]:
        frame = inputs.lake.read_small(version, _MARK_COLUMNS).sort("snapshot_ts")
        for source, count in frame.select("source", "rows_in").iter_rows():
            rows.setdefault(source, []).append(count)
    return rows


def _stored_carry(inputs: Inputs) -> tuple[Floats, Floats] | None:
    """The parity carries of the last whole snapshot of an earlier session that had any."""
    forwards_of = {version.key.session_date: version for version in inputs.earlier["expiry_forwards"]}
    for version in reversed(inputs.earlier["snapshot_marks"]):
        if version.key.session_date not in forwards_of:
            continue  # no live contract that day
        mark = inputs.lake.read_small(version, _MARK_COLUMNS).filter(~pl.col("is_partial"))
        forwards = inputs.lake.read_small(forwards_of[version.key.session_date], _FORWARD_COLUMNS)
        for row in mark.sort("snapshot_ts", descending=True).iter_rows(named=True):
            of_snapshot = forwards.filter(pl.col("snapshot_ts") == row["snapshot_ts"])
            stored = carry_to_store(of_snapshot, spot=row["spot"], parity_spot=row["parity_spot"])
            if stored is not None:
                return stored
    return None


def _discounting(curve: curves.Curve | None, session: date) -> dict[str, object]:
    if curve is None:
        return {
            "discount_source": "none", "discount_curve_date": None,
            "discount_age_sessions": None, "is_discount_stale": None,
        }  # fmt: skip
    age = us_sessions().count_between(curve.curve_date, session)
    return {
        "discount_source": "treasury",
        "discount_curve_date": curve.curve_date,
        "discount_age_sessions": age,
        "is_discount_stale": age > curves.STALE_AFTER_SESSIONS,
    }


MARKS = Stage(
    name="marks",
    method_version=METHOD_VERSIONS["marks"],
    outputs=("snapshot_marks", "expiry_forwards"),
    same=("chains", "pages"),
    earlier=(
        curves.CURVE_INPUT,
        Earlier("snapshot_marks", PAGES_COMPARED),
        Earlier("expiry_forwards", PAGES_COMPARED),
    ),
    compute=compute,
    alternative=de_americanised("marks", partial(compute, american_quotes="de_americanised")),
)
