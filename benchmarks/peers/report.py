"""Tables in Markdown from what was measured, and the promises they are held against."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.peers.measure import Comparison, Row
from benchmarks.peers.ratios import Ratio, Timing
from benchmarks.peers.surfaces import CORES, GRID, MERGED, NUMPY, ONE, PROFILE, TWO, Surface, Surfaces

BEGIN, END = "<!-- figures: made by `make bench` -->", "<!-- end of figures -->"
OURS, PLAIN = "dealerflow", "dealerflow, plain"
_OWN = {OURS, PLAIN}
_ACCURATE, _ACCURATE_ITM = 1e-11, 1e-10


@dataclass(frozen=True, slots=True)
class Promise:
    """What is claimed, what was measured, and the least that would keep it."""

    claim: str
    least: float
    measured: Ratio
    remark: str = ""

    @property
    def is_kept(self) -> bool:
        """By the one figure, not by its best round."""
        return self.measured.value >= self.least


def implied_vol_table(compared: Comparison) -> str:
    """Speed and accuracy of implied volatility."""
    head = [
        "implied volatility", "version", "licence", "takes", "M contracts/s", "times our time", "times plain NumPy's",
        "max rel. error OTM", "deep OTM", "ITM", "off by > 0.1 %", "NaN",
    ]  # fmt: skip
    rows = []
    for row in compared.rows:
        worst = [_error(deviation.worst) for deviation in row.errors.values()]
        wrong, missing = (sum(getattr(d, name) for d in row.errors.values()) for name in ("wrong", "missing"))
        rows.append([*_named(row), row.takes, *_speed(row.timing), *worst, str(wrong), str(missing)])
    return table(head, rows)


def corners_table(compared: Comparison) -> str:
    """What each candidate says where no volatility exists: only NaN, or an exception, is no wrong number."""
    cases = [corner.case for corner in compared.rows[0].corners if not corner.is_solvable]
    rows = []
    for row in compared.rows:
        hard = [corner.is_right for corner in row.corners if corner.is_solvable]
        answers = {corner.case: corner for corner in row.corners}
        told = [answers[case].answer if answers[case].is_right else f"**{answers[case].answer}**" for case in cases]
        rows.append([row.name, f"{sum(hard)} of {len(hard)}", *told])
    return table(["where none exists", "hard cases solved", *cases], rows)


def greeks_table(compared: Comparison) -> str:
    """Speed and accuracy of greeks."""
    names = list(compared.rows[0].errors)
    head = [
        "greeks", "version", "licence", "M contracts/s", "times our time", "times plain NumPy's", "numbers a contract",
        "times our time a number", *(f"max rel. error {name}" if name == names[0] else name for name in names),
    ]  # fmt: skip
    rows = []
    for row in compared.rows:
        worst = [_error(row.errors[name].worst) if name in row.errors else "-" for name in names]
        rows.append([*_named(row), *_speed(row.timing), str(row.outputs), _ratio(per_number(row, compared)), *worst])
    return table(head, rows)


def per_number(row: Row, compared: Comparison) -> Ratio:
    """How many times our time for each number that a candidate computes; ours computes more of them."""
    ratio, share = row.timing.ratios[OURS], compared.rows[0].outputs / row.outputs
    return Ratio(ratio.value * share, ratio.low * share, ratio.high * share)


def differences_list(*compared: Comparison) -> str:
    """How the units and inputs of peers differ, once each."""
    told = {row.name: row.differs for comparison in compared for row in comparison.rows if row.differs}
    return "\n".join(f"* {name}: {differs}." for name, differs in told.items())


def surface_table(title: str, surface: Surface) -> str:
    """Milliseconds a run, and how many times the time of each base."""
    head = [title, "ms", "10^9 evaluations/s", *(f"times {base}" for base in surface.bases), "deviation"]
    rows = []
    for name, timing in surface.timings.items():
        against = [_ratio(timing.ratios[base]) for base in surface.bases]
        speed = [f"{surface.work / timing.rate * 1e3:.3g}", f"{timing.rate / 1e9:.2f}"]
        rows.append([name, *speed, *against, _error(surface.deviations[name])])
    return table(head, rows)


def promises_of(compared: Mapping[str, Comparison], surfaces: Surfaces) -> list[Promise]:
    """What the project claims of its kernels, by what was just measured."""
    peer, greeks_peer = fastest_accurate(compared["implied_vol"]), fastest(compared["greeks"])
    greeks = compared["greeks"]
    equal = fastest_accurate(greeks)
    profile, grid, cores = (surfaces[name] for name in (PROFILE, GRID, CORES))
    by_number = min((row for row in greeks.rows if row.name not in _OWN), key=lambda r: per_number(r, greeks).value)
    return [
        Promise("implied volatility, times the fastest peer of equal accuracy", 8, peer.timing.ratios[OURS], peer.name),
        Promise("greeks, times the fastest peer of equal accuracy", 10, equal.timing.ratios[OURS], equal.name),
        Promise("greeks, times the fastest peer", 10, greeks_peer.timing.ratios[OURS], greeks_peer.name),
        Promise("greeks, times the fastest peer, a number", 10, per_number(by_number, greeks), by_number.name),
        Promise("profile, times NumPy in place", 3, profile.timings[NUMPY].ratios[OURS]),
        Promise("profile, calls and puts merged", 7, profile.timings[NUMPY].ratios[MERGED]),
        Promise("grid of gamma and charm, times plain NumPy", 5, grid.timings[PLAIN].ratios[OURS]),
        Promise("grid on two cores, times one", 1.7, cores.timings[ONE].ratios[TWO]),
    ]


def figures(facts: Mapping[str, str], compared: Mapping[str, Comparison], surfaces: Surfaces | None) -> str:
    """All tables of what was measured."""
    parts = [table(["", ""], [[name, value] for name, value in facts.items()])]
    if surfaces and len(compared) == len(_TABLES):
        parts.append(promises_table(promises_of(compared, surfaces)))
    for kind, tables in _TABLES.items():
        if kind in compared:
            parts += [make(compared[kind]) for make in tables]
    if compared:
        parts.append(differences_list(*compared.values()))
    parts += [surface_table(title, surface) for title, surface in (surfaces or {}).items()]
    return "\n\n".join(parts)


def promises_table(promises: Iterable[Promise]) -> str:
    """Kept or not, by the same run."""
    rows = [
        [p.claim, f">= {p.least:g}", _ratio(p.measured), "yes" if p.is_kept else "**no**", p.remark] for p in promises
    ]
    return table(["promise", "", "measured (least to greatest round)", "kept", ""], rows)


def fastest_accurate(compared: Comparison) -> Row:
    """The fastest peer as accurate as ours in what it gives: nothing wrong or missing, within 1e-11 (ITM 1e-10)."""
    return min(
        (row for row in compared.rows if row.name not in _OWN and _is_accurate(row)),
        key=lambda row: row.timing.ratios[OURS].value,
    )


def fastest(compared: Comparison) -> Row:
    """The fastest peer, however accurate."""
    peers = [row for row in compared.rows if row.name not in _OWN]
    return min(peers, key=lambda row: row.timing.ratios[OURS].value)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; words to the left, figures to the right."""
    aligned = ["--:" if column and _is_figure(rows, column) else "---" for column in range(len(head))]
    lines = ["| " + " | ".join(cells) + " |" for cells in [head, aligned, *rows]]
    return "\n".join(lines)


def between_markers(document: str, figures: str) -> str:
    """The document with the figures in their place. ValueError if it has none."""
    before, begin, rest = document.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"the document has no lines {BEGIN!r} and {END!r}")
    return f"{before}{BEGIN}\n{figures.strip()}\n{END}{after}"


_TABLES: dict[str, tuple[Callable[[Comparison], str], ...]] = {
    "implied_vol": (implied_vol_table, corners_table),
    "greeks": (greeks_table,),
}


def _is_accurate(row: Row) -> bool:
    return all(
        deviation.worst is not None
        and deviation.worst <= (_ACCURATE_ITM if group == "ITM" else _ACCURATE)
        and not deviation.wrong + deviation.missing
        for group, deviation in row.errors.items()
    )


def _named(row: Row) -> list[str]:
    return [row.name, row.version, row.licence]


def _speed(timing: Timing) -> list[str]:
    rate = timing.rate / 1e6
    return [f"{rate:.3g}", _ratio(timing.ratios[OURS]), _ratio(timing.ratios[PLAIN])]


def _ratio(ratio: Ratio) -> str:
    if ratio.low == ratio.high:
        return _short(ratio.value)
    return f"{_short(ratio.value)} ({_short(ratio.low)} to {_short(ratio.high)})"


def _short(number: float) -> str:
    return f"{number:.0f}" if number >= 100 else f"{number:.1f}" if number >= 10 else f"{number:.2f}"


def _error(worst: float | None) -> str:
    if worst is None:
        return "none found"
    if math.isinf(worst):
        return "**inf**"
    told = f"{worst:.0e}".replace("e-0", "e-").replace("e+00", "")
    return f"**{told}**" if worst > 1e-3 else told


def _is_figure(rows: Sequence[Sequence[str]], column: int) -> bool:
    return all(cells[column].strip("*")[:1].isdigit() or cells[column] in {"-", "NaN"} for cells in rows)
