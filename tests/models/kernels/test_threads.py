"""Work over threads: every entry once, whatever the cut; errors come out, after the rest has ended."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.engine import set_threads
from models.kernels.threads import spread


@given(st.integers(0, 300), st.integers(1, 60), st.integers(1, 5))
def test_every_entry_is_done_once_in_equal_pieces_of_at_most_a_piece(size: int, piece: int, threads: int):
    set_threads(threads)
    done = np.zeros(size, np.int64)
    lengths: list[int] = []

    def task(start: int, end: int) -> None:
        done[start:end] += 1
        lengths.append(end - start)

    spread(task, size, piece=piece)
    np.testing.assert_array_equal(done, 1)
    assert all(lengths) if size else lengths == []
    if threads > 1 and size > piece:
        assert max(lengths) <= piece
        assert len(set(lengths)) <= 2  # the last may be shorter


def test_one_thread_is_the_callers_own_and_does_all_at_once():
    set_threads(1)
    seen: list[tuple[int, int, int]] = []
    spread(lambda start, end: seen.append((start, end, threading.get_ident())), 100, piece=7)
    assert seen == [(0, 100, threading.get_ident())]


def test_pieces_run_side_by_side():
    set_threads(2)
    meeting = threading.Barrier(2, timeout=60)
    spread(lambda *_: meeting.wait(), 2, piece=1)  # would never meet, one after the other


def test_an_error_in_a_piece_is_raised_after_all_pieces_have_ended():
    set_threads(3)
    ended: list[int] = []

    def task(start: int, end: int) -> None:
        if start == 0:
            raise ZeroDivisionError("of the first piece")
        ended.append(start)

    with pytest.raises(ZeroDivisionError, match="of the first piece"):
        spread(task, 30, piece=1)
    assert sorted(ended) == list(range(1, 30))


def test_the_number_of_threads_may_change_between_calls():
    for threads in (2, 5, 1, 3, 2):
        set_threads(threads)
        done: list[int] = []
        spread(lambda start, end, done=done: done.extend(range(start, end)), 50, piece=3)
        assert sorted(done) == list(range(50))


@pytest.mark.parametrize("count", [1.5, 2.0, float("nan"), "3", None])
def test_a_number_of_threads_is_a_whole_number(count):
    with pytest.raises(TypeError):
        set_threads(count)
