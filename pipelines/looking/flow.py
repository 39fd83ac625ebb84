"""The premium tape as a picture: calls and puts, bought and sold, their running net, and the delta with it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import polars as pl

from pipelines.looking import words
from pipelines.looking.figure import (
    INK,
    MUTED,
    NEGATIVE,
    POSITIVE,
    SURFACE,
    Figure,
    Json,
    axis,
    layout,
    note,
    panel_title,
    plain,
    trace,
)
from pipelines.looking.tape import KINDS, TRAIL, Tape

Row = dict[str, Any]
HEIGHT, SAME_DAY_HEIGHT = 820, 960
MOST_SPIKES = 80
_SCREEN = ("screen", "combo")
_SERIES = (("call", POSITIVE), ("put", NEGATIVE))
_FEW_DAYS = 3
_NIGHT = [16.5, 9]  # New York, outside the hours of options


def flow_figure(tape: Tape) -> Figure:
    """The picture of a tape that has at least one trade."""
    panels = _panels(tape)
    everything = tape.bins(tape.classes)
    units = {
        "premium": words.scale_of(everything.select(pl.col("^(call|put)_(buy|sell)$").max()).row(0)),
        "net": words.scale_of(everything.select(pl.col("call_net", "put_net").abs().max()).row(0)),
        "delta": words.scale_of(everything.select(pl.col("delta_net").abs().max()).row(0)),
    }
    data = _spot(tape, panels)
    always = list(range(len(data)))
    choices = []
    for name, classes in _options(tape):
        traces = _Drawn(tape, tape.bins(classes), panels, units).traces()
        choices.append({"name": name, "shown": [*always, *range(len(data), len(data) + len(traces))]})
        shown = {} if len(choices) == 1 else {"visible": False}
        data += [each | shown for each in traces]
    frame = _frame(tape, panels, units)
    return Figure(
        data, frame, f"The premium tape: {flow_finding(tape)}.", _caption(tape), _narrow(frame),
        choices if len(choices) > 1 else [],
    )  # fmt: skip


def flow_finding(tape: Tape) -> str:
    """What takers did over the whole window: "takers paid net 3.10 mn for calls and received net 1.20 mn for puts"."""
    total = tape.totals(tape.classes)
    nets = {kind: total[f"{kind}_buy"] - total[f"{kind}_sell"] for kind in KINDS}
    (calls, puts), (of_calls, of_puts) = (
        ["paid" if net >= 0 else "received" for net in nets.values()],
        [f"{words.size(net)} USD for {kind}s" for kind, net in nets.items()],
    )
    return f"takers {calls} net {of_calls} and {of_puts if calls == puts else f'{puts} net {of_puts}'}"


def _options(tape: Tape) -> list[tuple[str, list[str]]]:
    """All flow, what is left without blocks and the like, and each class alone."""
    present = tape.classes
    screen = [name for name in present if name in _SCREEN]
    found = [("all flow", present)]
    if len(present) > 1 and len(screen) > 1 and screen != present:
        found.append(("screen and combos: no blocks, no liquidations", screen))
    return found + [(f"{words.FLOW_CLASSES[name]} only", [name]) for name in present if len(present) > 1]


def _panels(tape: Tape) -> dict[str, tuple[str, list[float]]]:
    """For every panel its axis and its place, from the top."""
    wanted = {"spot": 0.8, "call": 1.0, "put": 1.0, "net": 1.0, "delta": 1.0}
    if tape.spots.is_empty():
        del wanted["spot"]
    if tape.is_same_day:
        wanted["share"] = 0.8
    gap = 0.055
    room = (1 - gap * (len(wanted) - 1)) / sum(wanted.values())
    found, top = {}, 1.0
    for n, (name, share) in enumerate(wanted.items(), 1):
        found[name] = ("y" if n == 1 else f"y{n}", [max(0.0, top - share * room), top])
        top -= share * room + gap
    return found


def _spot(tape: Tape, panels: dict[str, tuple[str, list[float]]]) -> list[Json]:
    if "spot" not in panels:
        return []
    return [
        trace(
            "scatter", "spot", mode="lines", x=_times(tape.spots["at"]), y=tape.spots["spot"].to_list(),
            yaxis=panels["spot"][0], line={"color": INK, "width": 2},
            hovertemplate=f"%{{x|%e %b %Y, %H:%M}} {tape.zone}<br>spot %{{y:,.2f}}<extra></extra>",
        )
    ]  # fmt: skip


def _times(at: pl.Series) -> list[str]:
    return at.dt.strftime("%Y-%m-%d %H:%M:%S").to_list()


class _Drawn:
    """The traces of one choice of classes."""

    def __init__(
        self,
        tape: Tape,
        bins: pl.DataFrame,
        panels: dict[str, tuple[str, list[float]]],
        units: dict[str, tuple[float, str]],
    ) -> None:
        self._tape, self._bins, self._panels, self._units = tape, bins, panels, units
        self._width = tape.minutes * 60_000
        self._ends = _times(bins["bin"] + timedelta(minutes=tape.minutes))
        self._middles = _times(bins["bin"] + timedelta(minutes=tape.minutes) / 2)
        self._cards = [_card(tape, row) for row in bins.iter_rows(named=True)]

    def traces(self) -> list[Json]:
        bars = [self._bar(kind, side, colour) for kind, colour in _SERIES for side in ("buy", "sell")]
        lines = [self._line(f"{kind}_net", "net", f"{kind}s", colour) for kind, colour in _SERIES]
        lines.append(self._line("delta_net", "delta", "delta", INK))
        return [*bars, *self._spikes(), *lines, *self._share()]

    def _bar(self, kind: str, side: str, colour: str) -> Json:
        sign = 1 if side == "buy" else -1
        values = [words.scaled(sign * value, self._units["premium"][0]) for value in self._bins[f"{kind}_{side}"]]
        told = (
            {"text": self._cards, "textposition": "none", "hovertemplate": "%{text}<extra></extra>"}
            if side == "buy"
            else {"hoverinfo": "skip"}
        )
        return trace(
            "bar", f"{kind}s {'bought' if side == 'buy' else 'sold'}", x=self._middles, y=values, width=self._width,
            yaxis=self._panels[kind][0], marker={"color": colour, "line": {"width": 0}}, **told,
        )  # fmt: skip

    def _spikes(self) -> list[Json]:
        found = []
        for kind, _ in _SERIES:
            points = []
            for side, sign in (("buy", 1), ("sell", -1)):
                hit = pl.Series(self._middles).to_frame("x").with_columns(y=sign * self._bins[f"{kind}_{side}"])
                points.append(hit.filter(self._bins[f"{kind}_{side}_spike"]))
            marks = pl.concat(points).top_k(MOST_SPIKES, by=pl.col("y").abs()).sort("x")
            if not marks.is_empty():
                ys = [words.scaled(value, self._units["premium"][0]) for value in marks["y"]]
                found.append(
                    trace(
                        "scatter", f"spikes of {kind}s", mode="markers", x=marks["x"].to_list(), y=ys,
                        yaxis=self._panels[kind][0], hoverinfo="skip",
                        marker={"symbol": "diamond-open", "size": 8, "color": INK, "line": {"width": 1.5}},
                    )
                )  # fmt: skip
        return found

    def _line(self, column: str, panel: str, name: str, colour: str) -> Json:
        size, word = self._units[panel]
        unit = " ".join(part for part in (word, "USD") if part)
        return trace(
            "scatter", f"net {name}", mode="lines", x=self._ends, yaxis=self._panels[panel][0],
            y=[words.scaled(value, size) for value in self._bins[column]],
            line={"color": colour, "width": 2, "shape": "hv"},
            hovertemplate=f"%{{x|%e %b, %H:%M}} {self._tape.zone}<br>{name} %{{y:+,.4~r}} {unit}<extra></extra>",
        )  # fmt: skip

    def _share(self) -> list[Json]:
        """Steps that end where an hour without a trade leaves nothing to tell."""
        if "share" not in self._panels:
            return []
        xs: list[str | None] = []
        ys: list[float | None] = []
        longest = max(TRAIL, timedelta(minutes=self._tape.minutes))
        starts, middles = self._bins["bin"].to_list(), self._middles
        for n, value in enumerate(self._bins["put_share"].to_list()):
            if n and starts[n] - starts[n - 1] > longest:
                xs += [f"{starts[n - 1] + longest}", None]
                ys += [ys[-1], None]
            xs.append(middles[n])
            ys.append(words.scaled(value, 1.0))
        return [
            trace(
                "scatter", "put share", mode="lines", x=xs, y=ys, yaxis=self._panels["share"][0], connectgaps=False,
                line={"color": NEGATIVE, "width": 2, "shape": "hv"},
                hovertemplate=f"%{{x|%e %b, %H:%M}} {self._tape.zone}<br>puts %{{y:.0f}} % of premium<extra></extra>",
            )
        ]  # fmt: skip


def _card(tape: Tape, row: Row) -> str:
    """Everything about one bin."""
    start = row["bin"]
    end = start + timedelta(minutes=tape.minutes)
    spikes = [name for name in ("call_buy", "call_sell", "put_buy", "put_sell") if row[f"{name}_spike"]]
    told = [
        f"<b>{words.day(start)}, {start:%H:%M} to {end:%H:%M} {tape.zone}</b>",
        *(
            f"{kind}s bought {words.size(row[f'{kind}_buy'])}, sold {words.size(row[f'{kind}_sell'])} USD"
            for kind in ("call", "put")
        ),
        f"net delta {words.dollars(row['delta_usd'])} USD, {row['trades']:,} trades",
    ]
    if row["trades_without_premium"]:
        told.append(f"{row['trades_without_premium']:,} trades without a known premium")
    if spikes:
        named = ", ".join(
            f"{name.split('_')[0]}s {'bought' if name.endswith('buy') else 'sold'}" for name in spikes
        )  # fmt: skip
        told.append(f"spike: {named}")
    return "<br>".join(told)


def bin_words(minutes: int) -> str:
    if minutes == 1:
        return "minute"
    return f"{minutes} minutes" if minutes < 60 else "hour" if minutes == 60 else f"{minutes // 60} hours"


def _frame(
    tape: Tape, panels: dict[str, tuple[str, list[float]]], units: dict[str, tuple[float, str]]
) -> Json:  # fmt: skip
    per = f"{_unit(units['premium'])} per {bin_words(tape.minutes)}"
    titles = {
        "spot": f"{plain(tape.underlying)} spot, USD",
        "call": f"calls: premium bought up, sold down, {per}",
        "put": f"puts: premium bought up, sold down, {per}",
        "net": f"running net premium (bought less sold), {_unit(units['net'])}",
        "delta": f"running net delta that takers bought, {_unit(units['delta'])}",
        "share": "puts’ share of all premium in the hour before, %",
    }
    axes: Json = {}
    for name, (of, domain) in panels.items():
        ends = {"range": [0, 100], "tickvals": [0, 50, 100]} if name == "share" else {}
        has_zero = name not in ("spot", "share")
        axes["yaxis" + of[1:]] = axis(domain=domain, zeroline=has_zero, nticks=5, tickformat=",~r", **ends)
    last_axis = list(panels.values())[-1][0]
    frame = layout(
        SAME_DAY_HEIGHT if tape.is_same_day else HEIGHT,
        barmode="overlay", bargap=0, hovermode="x", hoverdistance=-1,
        xaxis=axis(type="date", anchor=last_axis, tickangle=0, nticks=9, showgrid=True, **_shut(tape), **_dates(tape)),
        shapes=_rolls(tape),
        annotations=[
            *(panel_title(titles[name], domain) for name, (_, domain) in panels.items()),
            *_names(tape, panels, units),
        ],
        **axes,
    )  # fmt: skip
    frame["margin"] = frame["margin"] | {"r": 70}
    return frame


def _unit(unit: tuple[float, str]) -> str:
    return " ".join(part for part in (unit[1], "USD") if part)


def _dates(tape: Tape) -> Json:
    """The hour with its date below, or of long windows the date with its year."""
    days = tape.rows["session_date"].n_unique()
    return {"tickformat": "%H:%M\n%e %b %Y" if days <= _FEW_DAYS else "%e %b\n%Y"}


def _shut(tape: Tape) -> Json:
    """Nights and weekends of an exchange take no room."""
    if tape.zone == words.UTC or tape.rows["session_date"].n_unique() < 2:
        return {}
    hours = tape.rows.select(hour=pl.col("at").dt.hour() + pl.col("at").dt.minute() / 60)["hour"]
    if hours.min() < _NIGHT[1] or hours.max() > _NIGHT[0]:  # type: ignore[operator]
        return {}
    return {"rangebreaks": [{"bounds": ["sat", "mon"]}, {"bounds": _NIGHT, "pattern": "hour"}]}


def _rolls(tape: Tape) -> list[Json]:
    """Where the same day's expiry of a coin venue changes: 08:00 UTC."""
    if not tape.is_same_day or tape.zone != words.UTC:
        return []
    days = tape.rows["at"].dt.date().unique().sort().to_list()
    first, last = tape.rows["at"].min(), tape.rows["at"].max()
    instants = [f"{day} 08:00:00" for day in days if str(first) < f"{day} 08:00:00" <= str(last)]
    return [
        {"type": "line", "xref": "x", "yref": "paper", "x0": at, "x1": at, "y0": 0, "y1": 1,
         "line": {"width": 1, "dash": "dash", "color": MUTED}}
        for at in instants
    ]  # fmt: skip


def _names(tape: Tape, panels: dict[str, tuple[str, list[float]]], units: dict[str, tuple[float, str]]) -> list[Json]:
    """The names of the two lines of net premium, at their ends."""
    last = tape.bins(tape.classes).row(-1, named=True)
    of = panels["net"][0]
    calls, puts = last["call_net"], last["put_net"]
    return [
        note(
            name, x=1, xref="paper", xanchor="left", xshift=6, y=value / units["net"][0], yref=of,
            yanchor="bottom" if value >= other else "top", font={"size": 12, "color": colour}, bgcolor=SURFACE,
        )
        for name, value, other, colour in (("calls", calls, puts, POSITIVE), ("puts", puts, calls, NEGATIVE))
    ]  # fmt: skip


def _caption(tape: Tape) -> str:
    total = tape.totals(tape.classes)
    told = [
        f"Every bar is {'a minute' if tape.minutes == 1 else bin_words(tape.minutes)}, {words.time_words(tape.zone)}. "
        "Takers are those who met a resting order: above zero what they paid for options they bought, below zero what "
        "they received for options they sold. Running net premium above zero: they paid more than they received. "
        "Running net delta above zero: their trades made them longer of the underlying, and whoever took the other "
        "side shorter."
    ]
    if total["spikes"]:
        told.append("Diamonds mark spikes: minutes of a series far above its own last 24 hours (METHODS 7).")
    if tape.is_same_day and tape.zone == words.UTC:
        told.append("Only the next 08:00 UTC expiry; the dashed line is where it changes.")
    if total["trades_of_unknown_side"]:
        told.append(
            f"{total['trades_of_unknown_side']:,} trades whose taker's side is not known are in no bar and no net."
        )
    without = [
        (total["trades_without_premium"], "premium"), (total["trades_without_delta"], "delta"),
    ]  # fmt: skip
    told += [
        f"Left out: {count:,} trade{'s' * (count != 1)} without a known {what}." for count, what in without if count
    ]
    return " ".join(told)


def _narrow(frame: Json) -> Json:
    return {
        "margin": frame["margin"] | {"l": 50, "r": 44},
        "xaxis": frame["xaxis"] | {"nticks": 4},
        "annotations": [item | {"font": item["font"] | {"size": 10}} for item in frame["annotations"]],
        "dragmode": False,
    }
