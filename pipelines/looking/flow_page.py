"""`dealerflow plot flow`: the premium tape of an underlying on a page of its own."""

from __future__ import annotations

from datetime import date

from pipelines.looking import words
from pipelines.looking.figure import Figure
from pipelines.looking.flow import bin_words, flow_figure, flow_finding
from pipelines.looking.frames import Published
from pipelines.looking.page import Page, Part, Table
from pipelines.looking.plot import Window, simulated_banner
from pipelines.looking.tape import Tape, read_tape, trade_files
from pipelines.warehouse.connection import QueryError

_FILES_NAMED = 4


def flow_page(published: Published, market: str, underlying: str, window: Window, *, is_same_day: bool) -> Page:
    """The page of a tape. QueryError if no session of the window has trades."""
    tape, first, last = read_tape(published, market, underlying, window.first, window.last, is_same_day=is_same_day)
    if tape.rows.is_empty():
        of = "same-day trade" if is_same_day else "trade"
        raise QueryError(f"no {of} of {underlying} is known {_when(first, last)}; `dealerflow sql` shows what there is")
    files = trade_files(published, market, underlying, first, last)
    figure: Figure = flow_figure(tape)
    what = words.scope("0dte", market) if is_same_day else "all expiries"
    parts: list[Part] = [figure, _table(tape)]
    return Page(
        title=f"{underlying}, {words.period(first, last)}: {flow_finding(tape)}",
        subtitle=(
            f"Premium of {what} by {bin_words(tape.minutes)}, by who crossed the spread. It says what takers did, not "
            "what dealers hold: whether a taker was a customer is not known."
        ),
        parts=parts,
        footer=_footer(tape, files),
        banner=simulated_banner(files),
    )


def _when(first: date, last: date) -> str:
    return f"on {words.day(first)}" if first == last else f"from {words.day(first)} to {words.day(last)}"


def _table(tape: Tape) -> Table:
    """The totals behind the picture, a line a flow class."""
    lines = [("all flow", tape.classes), *((words.FLOW_CLASSES[name], [name]) for name in tape.classes)]
    totals = [(name, tape.totals(classes)) for name, classes in lines]
    unit = words.scale_of([totals[0][1][name] for name in ("call_buy", "call_sell", "put_buy", "put_sell")])
    size = unit[0]

    def row(name: str, total: dict[str, float]) -> list[str]:
        calls = total["call_buy"] + total["call_sell"] + total["call_unknown"]
        puts = total["put_buy"] + total["put_sell"] + total["put_unknown"]
        amounts = [f"{total[column] / size:,.2f}" for column in ("call_buy", "call_sell", "put_buy", "put_sell")]
        return [
            name,
            *amounts,
            words.in_unit(total["call_buy"] - total["call_sell"], size),
            words.in_unit(total["put_buy"] - total["put_sell"], size),
            words.percent(100 * puts / (calls + puts)) if calls + puts else words.UNKNOWN,
            words.in_unit(total["delta_usd"], size),
            words.count(total["trades"]),
            words.count(total["spikes"]),
        ]

    told = " ".join(part for part in (unit[1], "USD") if part)
    return Table(
        caption=f"Takers' premium and delta of the whole window, in {told}",
        header=(
            "flow", "calls bought", "calls sold", "puts bought", "puts sold", "net calls", "net puts", "put share",
            "net delta", "trades", "spikes",
        ),
        rows=[row(name, total) for name, total in totals],
    )  # fmt: skip


def _footer(tape: Tape, files: list[str]) -> list[str]:
    named = ", ".join(files[-_FILES_NAMED:]) or "not recorded"
    more = f" and {len(files) - _FILES_NAMED} more" if len(files) > _FILES_NAMED else ""
    return [
        f"Known at {words.moment(tape.rows['known_at'].max())}. Files: {named}{more}.",  # type: ignore[arg-type]
        "Premium is price x quantity in USD at each trade's own index price; delta is quantity x delta x index by each "
        "trade's own volatility (METHODS 7). Combos count by their legs.",
    ]
