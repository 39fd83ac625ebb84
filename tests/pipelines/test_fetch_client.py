"""The client against a site that behaves as vendors' sites do on bad days."""

from __future__ import annotations

import gzip
import logging
import re
import socket
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from pipelines.fetch.address import is_safe, shown
from pipelines.fetch.client import Client, FetchFailed, Limits, VendorRefuses
from pipelines.fetch.turns import turn_at
from tests.stand_in import Answer, FakeClock, Site, standing_in

BODY = b'{"symbol": "SPY"}' * 1000


@pytest.fixture
def site() -> Iterator[Site]:
    with standing_in() as serving:
        yield serving


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def get(site: Site, clock: FakeClock, tmp_path: Path) -> Iterator[Callable[[str], bytes]]:
    with Client(tmp_path, clock=clock) as client:
        yield lambda path: client.get(site.url + path, largest_bytes=100_000).data


def test_a_body_arrives_whole_with_its_url_and_the_time_of_its_last_byte(site: Site, tmp_path: Path) -> None:
    site.answers("/a.json", Answer(BODY))
    clock = FakeClock(datetime(2024, 6, 20, 20, 30))
    with Client(tmp_path, clock=clock) as client:
        fetched = client.get(site.url + "/a.json?x=1", largest_bytes=100_000)
    assert fetched.data == BODY
    assert fetched.url == site.url + "/a.json?x=1"
    assert fetched.captured_at == datetime(2024, 6, 20, 20, 30)


def test_the_client_says_who_it_is(site: Site, get: Callable[[str], bytes]) -> None:
    site.answers("/a", Answer(BODY))
    get("/a")
    assert "dealerflow" in site.requests[0].headers["User-Agent"]
    assert "Authorization" not in site.requests[0].headers


def test_a_compressed_body_is_unpacked_and_bounded_by_its_unpacked_size(
    site: Site, get: Callable[[str], bytes]
) -> None:
    site.answers("/small", Answer(gzip.compress(BODY), headers={"Content-Encoding": "gzip"}))
    site.answers("/large", Answer(gzip.compress(BODY * 100), headers={"Content-Encoding": "gzip"}))
    assert get("/small") == BODY
    with pytest.raises(FetchFailed, match="more than 100000 bytes"):
        get("/large")


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_a_passing_failure_is_asked_again(site: Site, get: Callable[[str], bytes], status: int) -> None:
    site.answers("/a", Answer(status=status), Answer(status=status), Answer(BODY))
    assert get("/a") == BODY
    assert len(site.requests) == 3


def test_the_waits_grow_and_are_never_the_same(site: Site, get: Callable[[str], bytes], clock: FakeClock) -> None:
    site.answers("/a", Answer(status=503))
    with pytest.raises(FetchFailed, match=r"HTTP 503 \(5 attempts\)"):
        get("/a")
    assert len(clock.slept) == 4
    assert clock.slept == sorted(set(clock.slept))
    assert 1 <= clock.slept[0] <= 2 and 8 <= clock.slept[-1] <= 9


@pytest.mark.parametrize("asked", ["40", "Thu, 20 Jun 2024 20:30:40 GMT"])
def test_the_wait_that_a_vendor_asks_for_is_waited(
    site: Site, get: Callable[[str], bytes], clock: FakeClock, asked: str
) -> None:
    site.answers("/a", Answer(status=429, headers={"Retry-After": asked}), Answer(BODY))
    assert get("/a") == BODY
    assert 40 <= clock.slept[0] <= 43


@pytest.mark.parametrize(
    "asked", ["soon", "-5", "Thu, 20 Jun 2024 20:00:00 GMT", "", "Fri, 31 Dec 9999 23:59:59 -2300"]
)
def test_an_unreadable_or_past_wait_counts_as_none(
    site: Site, get: Callable[[str], bytes], clock: FakeClock, asked: str
) -> None:
    site.answers("/a", Answer(status=503, headers={"Retry-After": asked}), Answer(BODY))
    assert get("/a") == BODY
    assert clock.slept[0] <= 2


def test_a_vendor_that_asks_for_an_hour_is_not_asked_again(
    site: Site, get: Callable[[str], bytes], clock: FakeClock
) -> None:
    site.answers("/a", Answer(status=429, headers={"Retry-After": "3600"}))
    with pytest.raises(VendorRefuses, match=r"asks to wait 3600 s: try again later"):
        get("/a")
    assert len(site.requests) == 1
    assert clock.slept == []


@pytest.mark.parametrize(
    ("status", "error", "words"),
    [(403, VendorRefuses, "refuses"), (404, FetchFailed, "unknown to the vendor"), (401, FetchFailed, "HTTP 401")],
)
def test_a_final_answer_is_taken_at_its_word(
    site: Site, get: Callable[[str], bytes], status: int, error: type[Exception], words: str
) -> None:
    site.answers("/a", Answer(status=status))
    with pytest.raises(error, match=words):
        get("/a")
    assert len(site.requests) == 1


@pytest.mark.parametrize("is_chunked", [False, True])
def test_a_cut_off_body_is_fetched_again_and_never_handed_on(
    site: Site, get: Callable[[str], bytes], is_chunked: bool
) -> None:
    cut = Answer(BODY, cut_after=500, is_chunked=is_chunked)
    site.answers("/a", cut, Answer(BODY, is_chunked=is_chunked))
    site.answers("/b", cut)
    assert get("/a") == BODY
    with pytest.raises(FetchFailed, match="cut off"):
        get("/b")


def test_a_body_that_does_not_say_where_it_ends_is_not_taken(site: Site, get: Callable[[str], bytes]) -> None:
    site.answers("/a", Answer(BODY, is_unbounded=True))
    with pytest.raises(FetchFailed, match="does not say where it ends"):
        get("/a")


def test_a_silent_site_is_given_up(site: Site, tmp_path: Path) -> None:
    site.answers("/a", Answer(is_silent=True), Answer(BODY))
    site.answers("/b", Answer(is_silent=True))
    with Client(tmp_path, Limits(read_seconds=0.2, attempts=3), FakeClock()) as client:
        assert client.get(site.url + "/a", largest_bytes=100_000).data == BODY
        with pytest.raises(FetchFailed, match=r"no answer within 0.2 s \(3 attempts\)"):
            client.get(site.url + "/b", largest_bytes=100_000)


def test_an_absent_site_is_given_up(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    clock = FakeClock()
    with Client(tmp_path, clock=clock) as client, pytest.raises(FetchFailed, match="no connection"):
        client.get(f"http://127.0.0.1:{port}/a", largest_bytes=10)
    assert len(clock.slept) == 4


def test_an_endless_body_is_left_at_the_bound(site: Site, get: Callable[[str], bytes]) -> None:
    site.answers("/a", Answer(BODY, is_endless=True))
    with pytest.raises(FetchFailed, match="more than 100000 bytes"):
        get("/a")
    assert len(site.requests) == 1


def test_a_body_that_trickles_is_left_when_its_time_is_up(site: Site, tmp_path: Path) -> None:
    site.answers("/a", Answer(b"x", is_endless=True))
    late = pytest.raises(FetchFailed, match="not complete within 180 s")
    with Client(tmp_path, clock=FakeClock(tick_seconds=20)) as client, late:
        client.get(site.url + "/a", largest_bytes=10**9)


def test_a_redirect_on_the_same_host_is_followed_a_few_times(site: Site, get: Callable[[str], bytes]) -> None:
    site.answers("/a", Answer(status=302, headers={"Location": "/b"}))
    site.answers("/b", Answer(BODY))
    site.answers("/round", Answer(status=301, headers={"Location": "/round"}))
    assert get("/a") == BODY
    with pytest.raises(FetchFailed, match="more than 3 redirects"):
        get("/round")


@pytest.mark.parametrize("target", ["https://evil.example/a", "//evil.example/a", "http://127.0.0.1:1/a", "file:///a"])
def test_a_redirect_to_another_place_is_not_followed(site: Site, get: Callable[[str], bytes], target: str) -> None:
    site.answers("/a", Answer(status=302, headers={"Location": target}))
    with pytest.raises(FetchFailed, match="not followed"):
        get("/a")
    assert len(site.requests) == 1


@pytest.mark.parametrize("target", ["http://[", "/a" * 40_000, "https://x:99999999/"])
def test_a_redirect_to_no_address_is_a_failed_fetch(site: Site, get: Callable[[str], bytes], target: str) -> None:
    site.answers("/a", Answer(status=302, headers={"Location": target}))
    with pytest.raises(FetchFailed):
        get("/a")


@pytest.mark.parametrize("url", ["http://cdn.cboe.com/a", "ftp://127.0.0.1/a", "https://me:secret@cdn.cboe.com/a"])
def test_a_url_in_clear_text_or_with_credentials_is_never_asked(tmp_path: Path, url: str) -> None:
    with Client(tmp_path) as client, pytest.raises(FetchFailed, match="only https") as failed:
        client.get(url, largest_bytes=10)
    assert "secret" not in str(failed.value)


def test_a_url_is_shown_without_credentials_and_parameters() -> None:
    assert is_safe("http://127.0.0.1:8/a") and is_safe("https://cdn.cboe.com/a")
    assert shown("https://me:secret@cdn.cboe.com/a?key=secret") == "https://cdn.cboe.com/a"


def test_no_proxy_of_the_machine_comes_between_the_client_and_the_loopback(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    site.answers("/a", Answer(BODY))
    with Client(tmp_path, clock=FakeClock()) as client:
        assert client.get(site.url + "/a", largest_bytes=100_000).data == BODY


def test_two_requests_to_a_host_are_a_pause_apart_in_whichever_process(site: Site, tmp_path: Path) -> None:
    site.answers("/a", Answer(BODY))
    clock = FakeClock()
    for _ in range(2):  # a second client, as another process would have it
        with Client(tmp_path, clock=clock) as client:
            client.get(site.url + "/a", largest_bytes=100_000)
    assert clock.slept == [2.0]
    clock.advance(timedelta(seconds=2))
    with Client(tmp_path, clock=clock) as client:
        client.get(site.url + "/a", largest_bytes=100_000)
    assert clock.slept == [2.0]


def test_a_clock_that_was_set_back_blocks_nobody(tmp_path: Path) -> None:
    clock = FakeClock()
    (tmp_path / "a.ended").write_text("2099-01-01T00:00:00")
    with turn_at("a", tmp_path, 2.0, clock):
        pass
    (tmp_path / "a.ended").write_text("no time")
    with turn_at("a", tmp_path, 2.0, clock):
        pass
    assert clock.slept == []
    assert datetime.fromisoformat((tmp_path / "a.ended").read_text()) == clock.now()


def test_clients_that_start_together_take_turns_at_a_host(site: Site, tmp_path: Path) -> None:
    site.answers("/a", Answer(BODY))

    def ask() -> None:
        with Client(tmp_path, clock=FakeClock()) as client:
            client.get(site.url + "/a", largest_bytes=100_000)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(site.requests) == 4
    assert site.most_at_once == 1


def test_a_wait_is_told_without_the_parameters_of_the_url(
    site: Site, get: Callable[[str], bytes], caplog: pytest.LogCaptureFixture
) -> None:
    site.answers("/a", Answer(status=503), Answer(BODY))
    with caplog.at_level(logging.WARNING):
        get("/a?token=secret")
    (said,) = caplog.messages
    assert re.fullmatch(rf"{site.url}/a: the vendor answered HTTP 503; asking again in [12] s", said)
