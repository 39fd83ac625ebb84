"""Questions that the client sends by POST: as patient and as bounded as those by GET."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.fetch.client import Client, FetchFailed, VendorRefuses
from tests.stand_in import Answer, FakeClock, Site, standing_in

QUESTION = {"limit": 5000, "offset": 0}


@pytest.fixture
def site() -> Iterator[Site]:
    with standing_in() as serving:
        yield serving


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def client(clock: FakeClock, tmp_path: Path) -> Iterator[Client]:
    with Client(tmp_path, clock=clock) as asking:
        yield asking


def test_a_question_arrives_as_json_and_its_answer_tells_of_its_headers(site: Site, client: Client) -> None:
    site.answers("/a", Answer(b"[]", headers={"Record-Total": "7"}))
    fetched = client.post_json(f"{site.url}/a", QUESTION, largest_bytes=100, headers={"Accept": "application/json"})
    assert (fetched.data, fetched.headers["record-total"]) == (b"[]", "7")
    (request,) = site.requests
    assert (request.method, json.loads(request.body)) == ("POST", QUESTION)
    assert request.headers["Content-Type"] == request.headers["Accept"] == "application/json"
    assert "dealerflow" in request.headers["User-Agent"]


def test_a_feed_may_say_otherwise_who_it_is(site: Site, client: Client) -> None:
    site.answers("/a", Answer(b"x"))
    client.get(f"{site.url}/a", largest_bytes=100, headers={"User-Agent": "Name name@example.org"})
    client.get(f"{site.url}/a", largest_bytes=100)
    told = [request.headers["User-Agent"] for request in site.requests]
    assert told[0] == "Name name@example.org" and "dealerflow" in told[1]


def test_a_question_is_repeated_whole_and_in_its_turn(site: Site, client: Client, clock: FakeClock) -> None:
    busy = Answer(status=429, headers={"Retry-After": "40"})
    site.answers("/a", busy, Answer(b"[1, 2]", cut_after=2), Answer(b"[1, 2]"))
    assert client.post_json(f"{site.url}/a", QUESTION, largest_bytes=100).data == b"[1, 2]"
    assert [json.loads(request.body) for request in site.requests] == [QUESTION] * 3
    assert 40 <= clock.slept[0] <= 43
    waited = len(clock.slept)
    client.post_json(f"{site.url}/a", QUESTION, largest_bytes=100)
    assert clock.slept[waited:] == [2.0]


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_question_is_never_sent_elsewhere(site: Site, client: Client, status: int) -> None:
    site.answers("/a", Answer(status=status, headers={"Location": "/b"}))
    site.answers("/b", Answer(b"[]"))
    with pytest.raises(FetchFailed, match="by POST does not follow"):
        client.post_json(f"{site.url}/a", QUESTION, largest_bytes=100)
    assert site.paths() == ["/a"]


def test_an_answer_to_a_question_is_bounded(site: Site, client: Client) -> None:
    site.answers("/a", Answer(b"x" * 101))
    with pytest.raises(FetchFailed, match="more than 100 bytes"):
        client.post_json(f"{site.url}/a", QUESTION, largest_bytes=100)


@pytest.mark.parametrize(("status", "error"), [(400, FetchFailed), (403, VendorRefuses), (404, FetchFailed)])
def test_a_final_answer_tells_its_status(site: Site, client: Client, status: int, error: type[FetchFailed]) -> None:
    site.answers("/a", Answer(status=status))
    with pytest.raises(error) as failed:
        client.post_json(f"{site.url}/a", QUESTION, largest_bytes=100)
    assert failed.value.status == status and len(site.requests) == 1


@pytest.mark.parametrize("is_unbounded", [False, True])
def test_no_content_is_a_whole_answer(site: Site, client: Client, is_unbounded: bool) -> None:
    site.answers("/a", Answer(status=204, is_unbounded=is_unbounded))
    assert client.post_json(f"{site.url}/a", QUESTION, largest_bytes=100).data == b""


@pytest.mark.parametrize("url", ["http://api.finra.org/a", "https://me:secret@api.finra.org/a"])
def test_a_question_in_clear_text_or_with_credentials_is_never_asked(client: Client, url: str) -> None:
    with pytest.raises(FetchFailed, match="only https"):
        client.post_json(url, QUESTION, largest_bytes=100)
