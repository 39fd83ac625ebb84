"""The comparison with peers: its chains, its truth, each peer's units, and how its tables come about."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.peers import accuracy, report
from benchmarks.peers.__main__ import DOCUMENT
from benchmarks.peers.adapters import OWN, PEERS
from benchmarks.peers.chains import MINUTES_A_YEAR, Chain, make_chain, solvable
from benchmarks.peers.measure import Comparison, Row, Size
from benchmarks.peers.peer import Call, Peer
from benchmarks.peers.ratios import Contender, Ratio, Timing, interleaved
from benchmarks.peers.surfaces import (
    CORES,
    GRID,
    MERGED,
    NUMPY,
    ONE,
    OURS,
    PLAIN,
    PROFILE,
    TWO,
    Surface,
    make_book,
    merged,
    numpy_grid,
    numpy_row,
    own_grid,
)  # fmt: skip
from benchmarks.peers.truth import as_columns, truth_rows
from tests.models.facts import OWN as GOLDEN
from tests.models.facts import column, read_rows

LEAST_DIGITS = {"polars-vol": 2e-2}  # its distribution function has no more
UNTRUE = {("polars-greeks", "charm")}
MARKS = {"vanilla-option-pricers": pytest.mark.slow}  # it compiles itself


@pytest.fixture(scope="module")
def chain() -> Chain:
    return make_chain(contracts=8_000, days=2)


@pytest.fixture(scope="module")
def near(chain: Chain) -> Chain:
    """Contracts out of the money that are worth a dollar or more: every peer has them right."""
    is_out = chain.is_call == (chain.strike >= chain.forward)
    rows = np.flatnonzero(is_out & (chain.price > 1.0) & (chain.t_years > 0.01))
    return chain.take(rows[:: rows.size // 60])


@pytest.fixture(scope="module")
def exact(near: Chain) -> dict[str, np.ndarray]:
    return as_columns(list(truth_rows(near, with_volatility=True)))


def test_a_seed_makes_one_chain_from_minutes_to_years(chain: Chain):
    np.testing.assert_array_equal(chain.mid, make_chain(contracts=8_000, days=2).mid)
    assert chain.t_years.min() * MINUTES_A_YEAR == pytest.approx(15.0)
    assert 4.5 < chain.t_years.max() < 5.0
    assert abs(chain.size - 8_000) < 800


def test_a_run_shares_what_peers_take_as_one_number(chain: Chain):
    runs = chain.runs()
    assert sum(run.stop - run.start for run in runs) == chain.size
    for run in runs[::7]:
        for name in ("spot", "t_years", "rate", "dividend", "is_call"):
            assert np.unique(getattr(chain, name)[run]).size == 1
        assert np.all(np.diff(chain.strike[run]) > 0)


def test_mids_that_are_timed_all_have_a_volatility(chain: Chain):
    timed = solvable(chain)
    assert 0.5 * chain.size < timed.size < chain.size
    sample = timed.take(np.arange(0, timed.size, 301))
    assert np.isfinite(OWN[0].implied_vol(sample).run()).all()


def test_truth_inverts_the_price_that_was_rounded(near: Chain, exact: dict[str, np.ndarray]):
    np.testing.assert_allclose(exact["price"], near.price, rtol=1e-9)
    np.testing.assert_allclose(exact["iv_frac"], near.iv_frac, rtol=1e-12)


def test_truth_agrees_with_the_golden_table():
    rows = read_rows(GOLDEN / "high_precision_greeks.csv")
    contracts = Chain(
        *(column(rows, name) for name in ("spot", "strike", "t_years", "r", "q", "sigma")),
        is_call=column(rows, "is_call") > 0, price=column(rows, "price"), mid=column(rows, "price"),
        open_interest=np.ones(len(rows)),
    )  # fmt: skip
    found = as_columns(list(truth_rows(contracts, with_volatility=False)))
    for name, stated in (("price", "price"), ("vanna", "vanna"), ("charm", "charm_per_year")):
        np.testing.assert_allclose(found[name], column(rows, stated), rtol=1e-15)


@pytest.mark.parametrize(
    "peer", [pytest.param(peer, id=peer.name, marks=MARKS.get(peer.name, ())) for peer in (*OWN, *PEERS)]
)
def test_each_peer_answers_in_our_units(peer: Peer, near: Chain, exact: dict[str, np.ndarray]):
    pytest.importorskip(peer.module)
    tolerance = LEAST_DIGITS.get(peer.name, 1e-5)
    if peer.implied_vol:
        call = peer.implied_vol(replace(near, mid=exact["price"]))
        np.testing.assert_allclose(call.read(call.run()), exact["iv_frac"], rtol=tolerance)
    if peer.greeks:
        call = peer.greeks(near)
        for name, values in call.read(call.run()).items():
            if (peer.name, name) not in UNTRUE:
                is_live = np.abs(exact[name]) > 1e-9
                np.testing.assert_allclose(values[is_live], exact[name][is_live], rtol=tolerance, err_msg=name)


def test_errors_are_told_by_group_and_what_is_missing_is_counted(near: Chain, exact: dict[str, np.ndarray]):
    answers = exact["iv_frac"] * (1 + 1e-9)
    answers[:2] = np.nan, 2 * answers[1]
    found = accuracy.implied_vol_errors(lambda _: Call(lambda: answers, lambda told: told), near, exact)
    assert sum(group.count for group in found.values()) == near.size
    assert sum(group.missing for group in found.values()) == 1
    assert sum(group.wrong for group in found.values()) == 1
    assert max(group.worst for group in found.values() if group.worst is not None) == pytest.approx(1.0)


def test_ours_is_right_in_every_corner_and_a_number_where_none_exists_is_not():
    ours = accuracy.corner_answers(OWN[0].implied_vol, raises=False)
    assert [corner.case for corner in ours if not corner.is_right] == []
    always = accuracy.corner_answers(lambda _: Call(lambda: [0.15], np.array), raises=False)
    assert not any(corner.is_right for corner in always if not corner.is_solvable)

    def refuse(_: Chain) -> Call:
        raise ValueError

    assert [c.is_right for c in accuracy.corner_answers(refuse, raises=True)] == [not c.is_solvable for c in always]


@pytest.mark.parametrize(("is_by_wall", "seconds"), [(False, 4.5), (True, 3.0)])
def test_a_ratio_is_of_times_in_the_same_round(monkeypatch: pytest.MonkeyPatch, is_by_wall: bool, seconds: float):
    now = [0.0]
    monkeypatch.setattr("time.perf_counter" if is_by_wall else "time.process_time", lambda: now[0])

    def lasting(each: list[float]) -> Contender:
        def run() -> None:
            now[0] += each.pop(0)

        return Contender(f"lasts {each[0]}", run, 1)

    # A machine that slows down by half: warm-up, then two rounds; the base is timed beside itself and the other.
    base, other = lasting([1.0, 1.0, 1.0, 2.0, 2.0]), lasting([3.0, 3.0, 6.0])
    found = interleaved([base, other], [base], rounds=2, is_by_wall=is_by_wall)
    assert found[other.name].ratios[base.name] == Ratio(3.0, 3.0, 3.0)
    assert found[other.name].rate == pytest.approx(1 / seconds)


def test_numpy_computes_what_ours_does():
    book = make_book(Size(contracts=4_000))
    book = replace(book, spots=book.spots[::20], times=book.times[::20])
    for found, expected in zip(own_grid(book), numpy_grid(book, threads=2), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-10 * np.abs(expected).max())
    (gamma,) = numpy_row(merged(book), 0.0, with_charm=False)
    np.testing.assert_allclose(gamma, numpy_grid(book)[0][0], rtol=1e-9)


def surface(**milliseconds: float) -> Surface:
    bases = (OURS, MERGED, ONE, TWO)
    timings = {
        name: Timing(1e9 / taken, {base: Ratio(taken / milliseconds[base], 0.0, 9.0) for base in bases})
        for name, taken in milliseconds.items()
    }
    return Surface(10**6, bases, timings, dict.fromkeys(timings, 1e-14))


def compared(**ratios: float) -> Comparison:
    """Canned figures: everybody accurate but `wrong`."""
    rows = []
    for name, ratio in {"dealerflow": 1.0, "dealerflow, plain": 4.0, **ratios}.items():
        both = {base: Ratio(ratio, ratio * 0.9, ratio * 1.1) for base in ("dealerflow", "dealerflow, plain")}
        worst = 0.5 if name == "wrong" else 1e-14
        errors = {group: accuracy.Deviation(worst, int(name == "wrong"), 0, 9) for group in ("OTM", "deep OTM", "ITM")}
        corners = [accuracy.Corner("T=0", "inf", is_solvable=False, is_right=False)]
        timing = Timing(30e6 / ratio, both)
        rows.append(Row(name, "1.0", "MIT", "F", "", 10 if "dealer" in name else 5, timing, errors, corners))
    return Comparison(rows, 1000)


def test_the_peer_to_beat_is_the_fastest_of_those_that_are_right():
    figures = compared(wrong=2.0, slow=30.0, fair=11.0)
    assert report.fastest_accurate(figures).name == "fair"
    assert report.fastest(figures).name == "wrong"
    assert report.per_number(report.fastest(figures), figures).value == pytest.approx(4.0)


def test_tables_have_a_row_each_and_mark_what_is_wrong():
    figures = compared(wrong=2.0, fair=11.0)
    lines = report.implied_vol_table(figures).splitlines()
    assert {line.count("|") for line in lines} == {13}
    assert "| wrong | 1.0 | MIT | F | 15 | 2.00 (1.80 to 2.20)" in lines[4]
    assert "**5e-1**" in lines[4]
    assert "1e-14" in lines[5]
    assert "**inf**" in report.corners_table(figures)


def test_promises_are_held_against_the_fairest_rival():
    same = surface(**{OURS: 2.0, MERGED: 1.0, ONE: 2.0, TWO: 1.25, NUMPY: 8.0, PLAIN: 6.0})
    figures = compared(wrong=2.0, fair=11.0)
    kept = report.promises_of({"implied_vol": figures, "greeks": figures}, {PROFILE: same, GRID: same, CORES: same})
    assert [promise.measured.value for promise in kept] == [11.0, 11.0, 2.0, 4.0, 4.0, 8.0, 3.0, 1.6]
    assert [promise.is_kept for promise in kept] == [True, True, False, False, True, True, False, False]
    assert "| gamma profile | ms |" in report.figures({}, {}, {PROFILE: same})
    assert "promise" not in report.figures({"date": "today"}, {"greeks": figures}, None)


def test_the_document_has_a_place_for_figures():
    assert report.BEGIN in report.between_markers(DOCUMENT.read_text(encoding="utf-8"), "new")


def test_figures_replace_those_of_the_document_and_nothing_else():
    document = f"Before.\n{report.BEGIN}\nold\n{report.END}\nAfter.\n"
    assert report.between_markers(document, "new\n") == f"Before.\n{report.BEGIN}\nnew\n{report.END}\nAfter.\n"
    with pytest.raises(ValueError, match="no lines"):
        report.between_markers("Before and after.", "new")
