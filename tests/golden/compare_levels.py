"""Every reference page through the models, beside the levels of an independent implementation.

Run as a script to print the differences: python -m tests.golden.compare_levels (with the sample folders set).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from time import perf_counter

import polars as pl

from models.forwards import SnapshotMark, mark_snapshot
from models.scopes import monthly_expiry_dates
from models.snapshot import SnapshotExposures, expose
from models.surface import IV_SOURCES, build_surface
from pipelines.calendar import LAST_DAY, us_sessions
from tests.golden.pages import Page, find_sample, newest_curve, read_curves, read_golden, read_page

TABLE = "reference_levels_us_samples.csv"
ETFS = ("SPY", "QQQ")
LEVELS = ("call_wall", "put_wall", "call_wall_above_spot", "put_wall_below_spot", "max_pain", "zero_dte_magnet")


@dataclass(frozen=True, slots=True)
class Computed:
    page: Page
    curve_date: date
    forwards: pl.DataFrame
    mark: SnapshotMark
    contracts: pl.DataFrame
    surface: pl.DataFrame
    exposures: SnapshotExposures
    seconds: tuple[float, float, float]  # marks, surface, exposures


@dataclass(frozen=True, slots=True)
class Difference:
    """One compared number. `size` is what `allowed` limits: relative, of gross or of spot, as METHODS 12 says."""

    file: str
    dealer_model: str
    scope: str
    quantity: str
    ours: object
    theirs: object
    size: float
    allowed: float

    @property
    def is_within(self) -> bool:
        return self.size <= self.allowed


def compute(page: Page, curves: dict[date, tuple]) -> Computed:
    """The whole numeric chain of one page, without any earlier page."""
    curve_date, curve = newest_curve(curves, page.snapshot_ts)
    started = perf_counter()
    forwards, mark = mark_snapshot(
        page.chain, snapshot_ts=page.snapshot_ts, spot_last=page.underlying_last, curve=curve,
        default_carry_frac=page.default_carry_frac, spot_rule=page.spot_rule, has_smooth_carry=page.has_smooth_carry,
    )  # fmt: skip
    marked = perf_counter()
    contracts, surface = build_surface(page.chain, forwards, mark, session_date=page.session_date)
    built = perf_counter()
    is_over = (pl.col("expiry_date") == page.session_date) & (pl.col("expiry_ts") <= page.snapshot_ts)
    exposures = expose(
        contracts, session_date=page.session_date, spot=mark.spot, monthly_expiries=monthly_dates(page),
        has_expired_session_contracts=not page.chain.filter(is_over).is_empty(),
    )  # fmt: skip
    seconds = (marked - started, built - marked, perf_counter() - built)
    return Computed(page, curve_date, forwards, mark, contracts, surface, exposures, seconds)


def monthly_dates(page: Page) -> list[date]:
    last = page.chain["expiry_date"].max()
    assert isinstance(last, date)
    return monthly_expiry_dates(
        page.session_date, last,
        is_closed=lambda day: day <= LAST_DAY and not us_sessions().is_session(day),
        rule="vix" if page.underlying == "VIX" else "third_friday",
    )  # fmt: skip


@cache
def reference_rows() -> dict[str, list[dict[str, str]]]:
    rows: dict[str, list[dict[str, str]]] = {}
    for row in read_golden(TABLE):
        rows.setdefault(row["file"], []).append(row)
    return rows


@cache
def sample_curves() -> dict[date, tuple]:
    return read_curves()


@cache
def computed(file: str) -> Computed:
    head = reference_rows()[file][0]
    instant = datetime.fromisoformat(head["snapshot_ts"]).replace(tzinfo=None)
    return compute(read_page(find_sample(file), instant, date.fromisoformat(head["session_date"])), sample_curves())


def differences(file: str) -> Iterator[Difference]:
    result = computed(file)
    rows = reference_rows()[file]
    yield from _page_differences(file, result, rows[0])
    for row in rows:
        yield from _row_differences(file, result, row)


def _page_differences(file: str, result: Computed, row: dict[str, str]) -> Iterator[Difference]:
    live = result.contracts.height
    exact = {
        "rows_in": (result.page.rows_in, int(row["rows_in"])),
        "live": (live, int(row["live"])),
        "expired": (result.page.chain.height - live, int(row["expired"])),
        "rate_date": (str(result.curve_date), row["rate_date"]),
        "underlying": (result.page.underlying, row["underlying"]),
        "spot_source": (result.mark.spot_source, row["spot_source"].replace("vendor_last", "underlying_last")),
    }
    for name, (ours, theirs) in exact.items():
        yield Difference(file, "", "", name, ours, theirs, float(ours != theirs), 0.0)
    for source in IV_SOURCES:
        # The reference knows no American reading, and nobody asked for one: there are none of that source.
        theirs = 0 if source == "solved_american" else int(row[f"iv_{source}"])
        ours = int(result.surface[f"contracts_{source}"].sum())
        yield Difference(file, "", "", f"iv_{source}", ours, theirs, abs(ours - theirs) / live, 0.002)
    yield _of_spot(file, "spot_last", result.page.underlying_last, row["spot_last"], result.mark.spot, 0.0)
    yield _of_spot(file, "spot", result.mark.spot, row["spot"], result.mark.spot, 3e-4)
    yield _of_spot(file, "spot_parity", result.mark.parity_spot, row["spot_parity"], result.mark.spot, 3e-4)


def _row_differences(file: str, result: Computed, row: dict[str, str]) -> Iterator[Difference]:
    model, scope = row["dealer_model"], row["scope"]
    chosen = (pl.col("dealer_model") == model) & (pl.col("scope") == scope)
    summary = result.exposures.exposure_summary.row(by_predicate=chosen, named=True)
    levels = result.exposures.key_levels.row(by_predicate=chosen, named=True)
    loose = 0.003 if is_thin(result) else 0.001 if result.page.underlying in ETFS else 0.0002
    flip_loose = 3e-4 if is_thin(result) else 1e-4 if result.page.underlying in ETFS else 5e-5
    gross = float(row["gross_gex_usd_per_1pct"])
    amounts = [
        ("gross_gex_usd_per_1pct", "gross_gex_usd_per_1pct", gross, loose),
        ("net_gex_usd_per_1pct", "net_gex_usd_per_1pct", gross, loose),
        ("net_dex_usd", "net_dex_usd", None, max(loose, 0.0005)),
        ("net_vex_usd_per_volpt", "net_vex_usd_per_volpt", None, max(loose, 0.0005)),
        ("net_chex_usd_per_day", "net_chex_usd_per_day_smooth_carry", summary["gross_chex_usd_per_day"], 0.005),
    ]
    for ours, theirs, base, allowed in amounts:
        stated = float(row[theirs])
        size = abs(summary[ours] - stated) / (abs(stated) if base is None else base)
        yield Difference(file, model, scope, ours, summary[ours], stated, size, allowed)
    if not row["gamma_flip_root_count"]:
        return  # a row for which only the amounts were published
    count = int(row["gamma_flip_root_count"])
    wrong = float(levels["gamma_flip_root_count"] != count)
    yield Difference(file, model, scope, "gamma_flip_root_count", levels["gamma_flip_root_count"], count, wrong, 0.0)
    for name in ("gamma_flip", "gamma_flip_low", "gamma_flip_high"):
        yield _of_spot(file, name, levels[name], row[name], result.mark.spot, flip_loose, model, scope)
    for name in LEVELS:
        yield _of_spot(file, name, levels[name], row[name], result.mark.spot, 0.0, model, scope)


def is_thin(result: Computed) -> bool:
    """Pages whose quotes are zeroed or whose forwards rest on a default."""
    parity = (result.forwards["forward_source"] == "parity").mean()
    return not isinstance(parity, float) or parity < 0.5


def _of_spot(
    file: str, name: str, ours: float | None, stated: str, spot: float, allowed: float, model: str = "", scope: str = ""
) -> Difference:
    theirs = float(stated) if stated else None
    both_or_neither = 0.0 if ours is theirs else float("inf")
    size = both_or_neither if ours is None or theirs is None else abs(ours - theirs) / spot
    return Difference(file, model, scope, name, ours, theirs, size, allowed)


def main() -> None:
    for file in reference_rows():
        found = list(differences(file))
        worst: dict[str, float] = {}
        for difference in found:
            worst[difference.quantity] = max(worst.get(difference.quantity, 0.0), difference.size)
        outside = [d for d in found if not d.is_within]
        seconds = " ".join(f"{s:.3f}" for s in computed(file).seconds)
        print(f"{file}: {len(found)} numbers, {len(outside)} outside, seconds {seconds}")
        print("  " + ", ".join(f"{name} {size:.1e}" for name, size in worst.items() if size > 0))
        for d in outside:
            print(f"  OUTSIDE {d.dealer_model} {d.scope} {d.quantity}: {d.ours} against {d.theirs} ({d.size:.2e})")


if __name__ == "__main__":
    main()
