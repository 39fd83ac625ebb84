"""What all figures share: the frame of a Plotly figure as plain data, its colours and its time axis.

Colours are CSS variables of the page; the page's script puts in their values, so one figure suits light and dark.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from html import escape
from itertools import pairwise
from statistics import median
from typing import Any

from pipelines.looking.words import NEW_YORK, UTC, clock, day, local

Json = dict[str, Any]
INK, MUTED, GRID, SURFACE = "var(--ink)", "var(--muted)", "var(--grid)", "var(--surface)"
POSITIVE, NEGATIVE, FLIP, BAND = "var(--positive)", "var(--negative)", "var(--flip)", "var(--band)"
CALL_WALL, PUT_WALL = "var(--call-wall)", "var(--put-wall)"
DIVERGING = [
    [place, f"var(--heat-{name})"]
    for place, name in (
        (0.0, "n4"), (0.125, "n3"), (0.25, "n2"), (0.4, "n1"), (0.5, "zero"),
        (0.6, "p1"), (0.75, "p2"), (0.875, "p3"), (1.0, "p4"),
    )
]  # fmt: skip
_LONG_BREAK_DAYS = 5
_LONG_BREAK_STEPS = 3.5  # of a market that never closes, in its usual distances between snapshots
_FEW_SESSIONS = 3  # so few that their hours are labelled too
BREAK_NOTE = "break"
WIDE_TICKS, NARROW_TICKS = 12, 4


@dataclass(frozen=True, slots=True)
class Figure:
    """Traces and layout as Plotly takes them; `narrow` replaces parts of the layout on a telephone.

    `choices`: what a list above the picture offers, each a name and the places of the traces it shows.
    """

    data: list[Json]
    layout: Json
    label: str  # what a screen reader says instead of the picture
    caption: str
    narrow: Json = field(default_factory=dict)
    choices: list[Json] = field(default_factory=list)

    def as_json(self) -> Json:
        shown = {"data": self.data, "layout": self.layout, "narrow": self.narrow}
        return shown | ({"choices": self.choices} if self.choices else {})


def plain(text: str) -> str:
    """Text from data, with nothing in it that Plotly takes for markup."""
    return escape(text, quote=False)


def layout(height: int, **more: Any) -> Json:
    """The frame: page's colours, no background of its own, numbers as 1,234.5."""
    base: Json = {
        "height": height,
        "margin": {"l": 54, "r": 112, "t": 34, "b": 48},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif", "size": 12, "color": INK},
        "hoverlabel": {"bgcolor": SURFACE, "bordercolor": MUTED, "font": {"color": INK}, "align": "left"},
        "showlegend": False,
        "hovermode": "closest",
        "dragmode": "zoom",
        "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": MUTED, "activecolor": INK},
        "bargap": 0.15,
    }
    return base | more


def room_for(bounds: Sequence[float]) -> int:
    """The margin that the labels of a price axis need."""
    return 64 if max(bounds) >= 100_000 else 54


def axis(**more: Any) -> Json:
    base: Json = {
        "gridcolor": GRID, "linecolor": GRID, "zerolinecolor": MUTED, "zeroline": False, "automargin": False,
        "tickfont": {"color": MUTED},
    }  # fmt: skip
    return base | more


def panel_title(text: str, domain: list[float]) -> Json:
    """What a panel's upright axis shows, written above it: sideways text is hard to read and wide on a telephone."""
    return note(
        text, x=0, xref="paper", xanchor="left", xshift=-46, y=domain[1], yref="paper", yanchor="bottom", yshift=8,
        font={"size": 12, "color": MUTED}, bgcolor=SURFACE,
    )  # fmt: skip


def note(text: str, **more: Any) -> Json:
    """An annotation without an arrow."""
    return {"text": text, "showarrow": False, "font": {"size": 12, "color": INK}} | more


def spread(values: Sequence[float], gap: float) -> list[float]:
    """The values moved apart to at least `gap`, in their order, about where they were."""
    order = sorted(range(len(values)), key=lambda place: values[place])
    moved = [values[place] for place in order]
    for _ in range(len(moved) * 8):
        for lower in range(len(moved) - 1):
            lack = gap - (moved[lower + 1] - moved[lower])
            if lack > 1e-9 * gap:
                moved[lower] -= lack / 2
                moved[lower + 1] += lack / 2
    spaced = dict(zip(order, moved, strict=True))
    return [spaced[place] for place in range(len(values))]


@dataclass(frozen=True, slots=True)
class Columns:
    """A time axis without nights and weekends: every snapshot is one column, numbered from 0."""

    snapshots: Sequence[datetime]
    sessions: Sequence[date]
    zone: str = NEW_YORK

    def __len__(self) -> int:
        return len(self.snapshots)

    def title(self, place: int) -> str:
        return self.told(self.snapshots[place])

    def told(self, moment: datetime) -> str:
        return f"{day(local(moment, self.zone))}, {clock(moment, self.zone)} {self.zone}"

    @property
    def starts(self) -> list[int]:
        """The first column of each session."""
        return [n for n in range(len(self)) if n == 0 or self.sessions[n] != self.sessions[n - 1]]

    @property
    def breaks(self) -> list[int]:
        """Columns before which more is missing than a long weekend or, where none is, than a few snapshots."""
        if self.zone != UTC:
            return [n for n in self.starts[1:] if (self.sessions[n] - self.sessions[n - 1]).days > _LONG_BREAK_DAYS]
        gaps = [(after - before).total_seconds() for before, after in pairwise(self.snapshots)]
        usual = median(gaps) if gaps else 0.0
        return [n for n, gap in enumerate(gaps, 1) if gap > _LONG_BREAK_STEPS * usual]

    def ticks(self, most: int) -> tuple[list[float], list[str]]:
        """Readable labels: the session's date, and the hour where there are few sessions with several snapshots."""
        starts = self.starts
        if len(starts) == 1 and len(self) > 1:
            places = thinned(list(range(len(self))), most)
            return [float(n) for n in places], [clock(self.snapshots[n], self.zone) for n in places]
        if len(starts) <= _FEW_SESSIONS and len(self) > 4 * most:
            return self._hours(most)
        ends = [*starts[1:], len(self)]
        chosen = thinned(list(range(len(starts))), most)
        return [(starts[n] + ends[n] - 1) / 2 for n in chosen], dated([self.sessions[starts[n]] for n in chosen])

    def _hours(self, most: int) -> tuple[list[float], list[str]]:
        places = thinned(list(range(len(self))), most)
        moments = [local(self.snapshots[n], self.zone) for n in places]
        before = [None, *(moment.date() for moment in moments)]
        texts = [
            f"{moment:%H:%M}" + (f"<br>{day(moment, has_year=False)}" if moment.date() != last else "")
            for moment, last in zip(moments, before, strict=False)
        ]
        return [float(n) for n in places], texts

    def x_axis(self, **more: Any) -> Json:
        values, texts = self.ticks(WIDE_TICKS)
        return axis(
            range=[-0.5, len(self) - 0.5], showgrid=False, tickmode="array", tickvals=values, ticktext=texts,
            tickangle=0, **more,
        )  # fmt: skip

    def narrow_ticks(self) -> Json:
        values, texts = self.ticks(NARROW_TICKS)
        return {"tickvals": values, "ticktext": texts}

    def separators(self) -> list[Json]:
        """A thin line between sessions, a dashed one where sessions are missing in between."""
        starts, breaks = self.starts[1:], set(self.breaks)
        shown = sorted(breaks if len(starts) > 40 else breaks.union(starts))
        return [
            {
                "type": "line", "xref": "x", "yref": "paper", "x0": n - 0.5, "x1": n - 0.5, "y0": 0, "y1": 1,
                "line": {"width": 1} | ({"color": MUTED, "dash": "dash"} if n in breaks else {"color": GRID}),
            }
            for n in shown
        ]  # fmt: skip

    def break_notes(self) -> list[Json]:
        return [
            note(
                self._distance(n), name=BREAK_NOTE,
                x=n - 0.5, y=1, xref="x", yref="paper", yanchor="bottom", font={"size": 10, "color": MUTED},
            )
            for n in self.breaks
        ]  # fmt: skip

    def _distance(self, place: int) -> str:
        days = (self.sessions[place] - self.sessions[place - 1]).days
        hours = (self.snapshots[place] - self.snapshots[place - 1]) / timedelta(hours=1)
        return f"{days} days" if self.zone != UTC or days > 1 else f"{hours:.0f} hours"

    def line(self, values: Sequence[float | None]) -> Json:
        """x and y of a line through the columns; it does not cross a long break."""
        xs: list[float] = []
        ys: list[float | None] = []
        breaks = set(self.breaks)
        for n, value in enumerate(values):
            if n in breaks:
                xs.append(n - 0.5)
                ys.append(None)
            xs.append(float(n))
            ys.append(value)
        return {"x": xs, "y": ys, "connectgaps": False}

    def steps(self, values: Sequence[float | None]) -> Json:
        """x and y of a level that holds over its column; where it changes, the line is lifted."""
        xs: list[float] = []
        ys: list[float | None] = []
        breaks = set(self.breaks)
        for n, value in enumerate(values):
            if n and (n in breaks or value != values[n - 1]):
                xs.append(n - 0.5)
                ys.append(None)
            xs += [n - 0.5, n + 0.5]
            ys += [value, value]
        return {"x": xs, "y": ys, "connectgaps": False}


def thinned(places: list[int], most: int) -> list[int]:
    """At most `most` of them at an even distance, the last always among them."""
    if not places:
        return []
    every = -(-len(places) // most)
    return places[::-1][::every][::-1]


def dated(days: Sequence[date]) -> list[str]:
    """Labels of dates in their order, with the year below where it is new."""
    years = [None, *(each.year for each in days)]
    return [
        day(each, has_year=False) + (f"<br>{each.year}" if each.year != before else "")
        for each, before in zip(days, years, strict=False)
    ]


def trace(kind: str, name: str, **more: Any) -> Json:
    return {"type": kind, "name": name} | more


def line(name: str, points: Json, colour: str, *, width: float = 2, dash: str = "solid", **more: Any) -> Json:
    """A line that says nothing on hover: the spot speaks for its whole column."""
    style = {"color": colour, "width": width, "dash": dash}
    return trace("scatter", name, mode="lines", line=style, hoverinfo="skip", **points, **more)
