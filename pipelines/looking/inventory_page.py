"""`dealerflow plot inventory`: what dealers hold by strike, on a page of its own."""

from __future__ import annotations

from models.conventions import COIN_DEALER_MODELS
from pipelines.looking import words
from pipelines.looking.frames import Published
from pipelines.looking.inventory import Inventory, inventory_figure, inventory_finding, read_inventory
from pipelines.looking.page import Page, Part, Points, Table
from pipelines.looking.plot import Window, simulated_banner
from pipelines.looking.tape import trade_files
from pipelines.warehouse.connection import QueryError

_CONTRACTS_NAMED = 12
_FILES_NAMED = 4
_NEWEST = """
select max(session_date) from dealer_inventory
where market = $market and underlying = $underlying and ($last is null or session_date <= $last)
  and ($first is null or session_date >= $first)"""


def inventory_page(published: Published, market: str, underlying: str, window: Window, scope: str) -> Page:
    """The page of the newest state in the window. QueryError if there is none."""
    if scope not in words.SCOPES:
        raise QueryError(f"no scope {scope!r}; there are: {', '.join(sorted(words.SCOPES))}")
    here = {"market": market, "underlying": underlying, "first": window.first, "last": window.last}
    session = published.column(_NEWEST, **here)[0]
    found = None if session is None else read_inventory(published, market, underlying, session, scope)
    if found is None or session is None:
        raise QueryError(f"no trade of {underlying} is known in these sessions; `dealerflow sql` shows what there is")
    files = trade_files(published, market, underlying, session, session)
    zone = words.zone(market)
    told = words.scope(scope, market)
    nothing = f"There is nothing to draw: no contract of {told} has traded."
    parts: list[Part] = [
        nothing if found.held.is_empty() else inventory_figure(found),
        _models(found),
        Points("How far to trust it", _diagnostics(found)),
    ]
    if not found.above_open_interest.is_empty():
        parts.append(_above(found))
    return Page(
        title=f"{underlying}, {words.day(session)}: {inventory_finding(found)}",
        subtitle=(
            f"Dealers' inventory of {told} at {words.dated_clock(found.at, zone)} {zone}, if "
            f"{words.MODELS['taker_flow']}. An assumption: a taker may have been a dealer."
        ),
        parts=parts,
        footer=_footer(found, files),
        banner=simulated_banner(files),
    )


def _models(found: Inventory) -> Table:
    """The four models side by side."""

    def amount(value: float | None) -> str:
        return words.UNKNOWN if value is None else f"{value:+,.1f}".replace("-", "−")

    def gex(model: str) -> str:
        row = found.summary.get(model)
        if row is None:
            return words.UNKNOWN
        return words.dollars(row["net_gex_usd_per_1pct"]) if row["scope_status"] == "ok" else words.BLANK.get(
            row["scope_status"], str(row["scope_status"])
        )  # fmt: skip

    return Table(
        caption=f"What dealers hold by each model, {found.unit}, positive long; net GEX in {words.PER_1PCT}",
        header=("model", "calls", "puts", "net GEX"),
        rows=[
            (model, amount(found.total(model, "call")), amount(found.total(model, "put")), gex(model))
            for model in COIN_DEALER_MODELS
        ],
    )


def _diagnostics(found: Inventory) -> list[str]:
    mine = found.held.filter(found.held["dealer_model"] == "taker_flow")
    share = (found.summary.get("taker_flow") or {}).get("history_complete_share_frac")
    judged = mine["inventory_to_open_interest"].drop_nulls().len()
    complete, numbered = mine["is_history_complete"].sum(), mine["is_history_complete"].drop_nulls().len()
    known = words.UNKNOWN if share is None else words.percent(100 * share)
    lines = [
        f"Share of the open interest in contracts whose every trade since listing is known: {known}.",
        f"{found.above_open_interest.height:,} of {judged:,} contracts would be held beyond their open interest: there "
        "trades are missing, or both sides of one were customers.",
    ]
    if numbered:
        lines.append(
            f"{complete:,} of {numbered:,} contracts have a history without a hole; by the venue's numbers "
            f"{mine['trades_missing'].sum():,} trades are missing."
        )
    else:
        lines.append("The venue numbers no trades, so holes in the history cannot be told.")
    if unknown := mine["trades_of_unknown_side"].sum():
        lines.append(f"{unknown:,} trades of unknown side count as nothing.")
    return lines


def _above(found: Inventory) -> Table:
    rows = found.above_open_interest
    more = f", the first {_CONTRACTS_NAMED} of {rows.height:,}" if rows.height > _CONTRACTS_NAMED else ""
    return Table(
        caption=f"Contracts held beyond their open interest{more}",
        header=("contract", f"inventory, {found.unit}", "open interest", "ratio", "trades missing"),
        rows=[
            (
                row["contract_id"],
                f"{row['inventory_quantity']:+,.1f}".replace("-", "−"),
                words.UNKNOWN if row["open_interest"] is None else f"{row['open_interest']:,.1f}",
                f"{row['inventory_to_open_interest']:,.2f}",
                words.count(row["trades_missing"]),
            )
            for row in rows.head(_CONTRACTS_NAMED).iter_rows(named=True)
        ],
    )


def _footer(found: Inventory, files: list[str]) -> list[str]:
    named = ", ".join(files[-_FILES_NAMED:]) or "not recorded"
    more = f" and {len(files) - _FILES_NAMED} more" if len(files) > _FILES_NAMED else ""
    known = "" if found.held.is_empty() else f"Known at {words.moment(found.held['known_at'].max())}. "  # type: ignore[arg-type]
    beside = "" if found.snapshot is None else f" Open interest of the chain of {words.moment(found.snapshot)}."
    return [
        f"{known}Files of the day: {named}{more}.{beside}",
        "Inventory is minus the cumulated net quantity of takers since the first trade known; expired contracts are "
        "gone (METHODS 5).",
    ]
