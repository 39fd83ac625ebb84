"""Pages need nothing from outside, cannot be made to run what data say, and tell in words what is not there."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from datetime import date, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plotly.offline import get_plotlyjs
from typer.testing import CliRunner

from pipelines.cli import app
from pipelines.looking.frames import open_published
from pipelines.looking.page import Page, Points, Section, Table, as_data, as_html, write
from pipelines.looking.plot import Kind, Window, plot_page
from pipelines.looking.report import report_page
from pipelines.settings import Paths
from pipelines.warehouse.connection import QueryError
from tests.looking.made import CLOSES, Snapshot, publish, week

EVIL = "<script>alert('x')</script>"
LARGEST_BYTES = 2_300_000


class Read(HTMLParser):
    """The elements of a page and the text that a reader sees."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.words: list[str] = []
        self._inside: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag in {"script", "style"}:
            self._inside.append(tag)
        if tag == "script":
            self.scripts.append((dict(attrs), ""))

    def handle_endtag(self, tag: str) -> None:
        if self._inside and self._inside[-1] == tag:
            self._inside.pop()

    def handle_data(self, data: str) -> None:
        if self._inside and self._inside[-1] == "script":
            self.scripts[-1] = (self.scripts[-1][0], self.scripts[-1][1] + data)
        elif not self._inside:
            self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words))

    def found(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.tags if name == tag]


def plotted(
    paths: Paths, kind: Kind, underlying: str = "SPX", *, scope: str = "all", window: Window | None = None
) -> Read:
    with open_published(paths) as published:
        return Read(as_html(plot_page(published, kind, published.view(underlying, None, scope), window or Window())))


def reported(paths: Paths, session: date) -> Read:
    with open_published(paths) as published:
        return Read(as_html(report_page(published, session)))


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Paths:
    newest = CLOSES[-1]
    poor: tuple[tuple[str, Any], ...] = (
        ("zeroed_quote_share_frac", 0.93), ("is_discount_stale", True), ("discount_age_sessions", 9),
        ("spot_source", "parity_spot"), ("smooth_carry_source", "default"), ("rows_quarantined", 7),
    )  # fmt: skip
    odd = [
        Snapshot(newest, "NONE", scope_status="no_open_interest", flip=None),
        Snapshot(newest, "FLAT", flip=None, flip_status="no_sign_change"),
        Snapshot(newest, "CUT", is_partial=True, quality=(("is_partial", True), ("partial_reason", "few_rows"))),
        Snapshot(newest, "POOR", quality=poor),
        Snapshot(newest, EVIL),
    ]
    return publish(Paths(tmp_path_factory.mktemp("market")), [*week(), *odd])


# --- what a page is ---


@pytest.mark.parametrize("kind", ["heatmap", "levels", "profile"])
def test_a_page_names_itself_its_language_and_its_pictures(market: Paths, kind: Kind) -> None:
    page = plotted(market, kind)
    assert page.found("html")[0]["lang"] == "en"
    assert "width=device-width" in str(page.found("meta"))
    (plot,) = [attrs for attrs in page.found("div") if attrs.get("class") == "plot"]
    assert plot["role"] == "img" and "dealers amplify moves below 99" in str(plot["aria-label"])
    assert page.found("table")
    assert page.found("noscript")


@pytest.mark.parametrize("kind", ["heatmap", "levels", "profile"])
def test_nothing_in_a_page_points_outside(market: Paths, kind: Kind) -> None:
    page = plotted(market, kind)
    outside = [
        value
        for _, attrs in page.tags
        for name, value in attrs.items()
        if name in {"src", "href", "action", "srcset"} and not str(value).startswith(("#", "data:"))
    ]
    assert outside == []


def test_the_policy_forbids_connections_and_knows_the_two_scripts_alone(market: Paths) -> None:
    page = plotted(market, "levels")
    (policy,) = [
        str(meta["content"]) for meta in page.found("meta") if meta.get("http-equiv") == "Content-Security-Policy"
    ]
    assert "default-src 'none'" in policy and "connect-src" not in policy
    runs = [text for attrs, text in page.scripts if "type" not in attrs]
    packed = next(text for attrs, text in page.scripts if attrs.get("id") == "library")
    library = gzip.decompress(base64.b64decode(packed)).decode()
    assert library == get_plotlyjs()
    for script in (library, *runs):
        assert base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() in policy
    assert len(runs) == 1 and policy.count("sha256-") == 2
    assert "'unsafe-inline'" not in policy.split("script-src")[1].split(";")[0]


def test_a_page_stays_light(market: Paths, tmp_path: Path) -> None:
    with open_published(market) as published:
        page = plot_page(published, "heatmap", published.view("SPX", None, "all"), Window())
    size = write(page, tmp_path / "deep" / "page.html")
    assert size == (tmp_path / "deep" / "page.html").stat().st_size < LARGEST_BYTES
    assert [each.name for each in (tmp_path / "deep").iterdir()] == ["page.html"]


def test_a_page_without_figures_carries_no_library() -> None:
    bare = Read(as_html(Page("title", "subtitle", ["foot"], ["words", Table("t", ["a"], [["1"]]), Points("p", ["q"])])))
    assert bare.scripts == []
    assert "words" in bare.text and "foot" in bare.text


# --- what data cannot do ---


@settings(max_examples=30)
@given(st.text())
def test_no_text_can_leave_its_place_in_a_page(text: str) -> None:
    shell = Read(as_html(Page("title", "subtitle", [])))
    parts = [text, Table(text, [text], [[text, text]], is_words=True), Points(text, [text])]
    page = Read(as_html(Page(text, text, [text], parts, [Section(text, [text])], banner=text)))
    added = {"p", "div", "table", "thead", "tbody", "tr", "th", "td", "h2", "h3", "ul", "li", "nav", "a", "section"}
    assert {tag for tag, _ in page.tags} <= {tag for tag, _ in shell.tags} | added
    assert page.scripts == []


@given(st.recursive(st.text() | st.floats(allow_nan=False, allow_infinity=False) | st.none(), st.lists))
def test_data_come_back_from_a_page_as_they_went_in(value: Any) -> None:
    text = as_data(value)
    assert "<" not in text and ">" not in text and "&" not in text
    assert json.loads(text) == value


@pytest.mark.parametrize("kind", ["heatmap", "levels", "profile"])
def test_an_underlying_named_like_a_script_is_only_shown(market: Paths, kind: Kind) -> None:
    page = plotted(market, kind, EVIL)
    assert EVIL in page.text
    assert all("alert" not in text for attrs, text in page.scripts if "type" not in attrs)
    for attrs, text in page.scripts:
        if attrs.get("type") == "application/json":
            assert "<script" not in text and "<script" not in json.dumps(json.loads(text))


# --- what a plot tells ---


def test_the_title_is_the_message(market: Paths) -> None:
    assert (
        plotted(market, "profile").words[1:]
        and "SPX, 25 Jun 2024: dealers amplify moves below 99" in plotted(market, "profile").text
    )
    assert "SPX, 17 Jun to 25 Jun 2024: since 25 Jun dealers amplify moves below 99" in plotted(market, "heatmap").text


def test_a_plot_states_model_scope_known_at_files_and_sign(market: Paths) -> None:
    text = plotted(market, "levels").text
    for said in (
        "Dealer model calls_long_puts_short", "Scope: all expiries", "Known at 25 Jun 2024 20:40 UTC",
        "Source made_csv", "simulated_5.csv", "Positive net GEX: dealers sell rises and buy falls", "USD per 1",
    ):  # fmt: skip
        assert said in text


def test_a_simulated_market_says_so_and_a_real_one_does_not(market: Paths, tmp_path: Path) -> None:
    assert "A simulated market" in plotted(market, "levels").text
    real = publish(Paths(tmp_path), week(), name=lambda snapshot: f"quotes_{snapshot.moment:%d}.csv")
    assert "simulated" not in plotted(real, "levels").text


def test_a_window_of_sessions_is_kept(market: Paths) -> None:
    text = plotted(market, "levels", window=Window(date(2024, 6, 18), date(2024, 6, 20))).text
    assert "SPX, 18 Jun to 20 Jun 2024" in text and "25 Jun" not in text


def test_an_empty_window_is_told_in_one_line(market: Paths) -> None:
    with pytest.raises(QueryError, match="no snapshot of SPX in these sessions"):
        plotted(market, "levels", window=Window(date(2001, 1, 1), date(2001, 1, 2)))


@pytest.mark.parametrize("kind", ["heatmap", "profile"])
def test_nothing_to_draw_is_told_in_words(market: Paths, kind: Kind) -> None:
    page = plotted(market, kind, "NONE")
    assert "There is nothing to draw: the page states no open interest" in page.text
    assert not [attrs for attrs in page.found("div") if attrs.get("class") == "plot"]


def test_expired_options_are_told_in_words(market: Paths) -> None:
    assert "the same-day options have expired" in plotted(market, "profile", scope="0dte").text


def test_a_profile_takes_the_last_snapshot_of_the_session_that_has_figures(tmp_path: Path) -> None:
    late = Snapshot(CLOSES[0].replace(hour=19, minute=45), spot=102.0)
    paths = publish(Paths(tmp_path), [late, Snapshot(CLOSES[0], scope_status="after_expiry", flip=None)])
    page = plotted(paths, "profile")
    assert "17 Jun 2024 15:45" in page.text and "dealers damp moves above 99" in page.text


def test_without_a_flip_the_table_says_so(market: Paths) -> None:
    text = plotted(market, "levels", "FLAT").text
    assert "no flip within the prices searched" in text and "everywhere from 80 to 120" in text


def test_partial_pages_are_left_out_of_time_and_said_to_be(tmp_path: Path) -> None:
    days = week()
    days[2] = Snapshot(days[2].moment, spot=101.5, is_partial=True)
    text = plotted(publish(Paths(tmp_path), days), "levels").text
    assert "1 partial page left out" in text and "20 Jun 2024 16:00" not in text


def test_very_many_snapshots_are_thinned_to_the_last_of_each_session(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipelines.looking.thin.MOST_COLUMNS", 10)
    day = [Snapshot(datetime(2024, 6, 24, 14, n)) for n in range(12)]
    page = plotted(publish(Paths(tmp_path), [*week()[:5], *day, *week()[5:]]), "levels")
    assert "Of earlier sessions only the last snapshot" in page.text
    assert len(page.found("tr")) == 1 + 6


# --- the report ---


def test_a_report_holds_every_underlying_of_its_session(market: Paths) -> None:
    page = reported(market, date(2024, 6, 25))
    for said in (
        "Dealer positioning, Tuesday 25 Jun 2024", "SPX: dealers amplify moves below 99", "Quality of the input",
        "What was known when", "What goes away", "the page's own clock",
        "no flip within the prices searched",
        "No exposure is told: the page states no open interest", "CUT (partial page)",
    ):  # fmt: skip
        assert said in page.text
    plots = [str(attrs["aria-label"]) for attrs in page.found("div") if attrs.get("class") == "plot"]
    assert sum(label.startswith("Net gamma over price") for label in plots) == 5
    assert sum(label.startswith("Heatmap") for label in plots) == 4
    assert page.text.count(EVIL) >= 2


def test_a_report_warns_of_poor_input(market: Paths) -> None:
    text = reported(market, date(2024, 6, 25)).text
    for said in (
        "Partial page (few_rows)", "of the quotes are zero", "The Treasury curve is 9 sessions old",
        "The spot comes from put-call parity", "Carry is a default", "7 rows were held back",
    ):  # fmt: skip
        assert text.count(said) == 1


def test_a_report_of_an_earlier_session_does_not_look_ahead(market: Paths) -> None:
    text = reported(market, date(2024, 6, 20)).text
    assert "17 Jun to 20 Jun 2024: throughout, dealers damp moves above 99" in text
    assert "25 Jun" not in text


def test_a_session_that_is_not_there_is_answered_by_the_newest(market: Paths) -> None:
    with pytest.raises(QueryError, match="no session 2001-01-02 is published; the newest is 2024-06-25"):
        reported(market, date(2001, 1, 2))


# --- the commands ---


def run(paths: Paths, monkeypatch: pytest.MonkeyPatch, *words: str) -> Any:
    monkeypatch.setenv("DEALERFLOW_DATA", str(paths.root))
    return CliRunner().invoke(app, list(words))


def test_report_writes_the_sessions_page_and_the_latest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = publish(Paths(tmp_path), week())
    done = run(paths, monkeypatch, "report")
    assert done.exit_code == 0 and "2024-06-25.html (2." in done.output.replace("\n", "")
    assert sorted(each.name for each in (tmp_path / "report").iterdir()) == ["2024-06-25.html", "latest.html"]
    run(paths, monkeypatch, "report", "--session", "2024-06-20")
    assert "25 Jun" in (tmp_path / "report" / "latest.html").read_text("utf-8")


def test_plot_writes_where_it_is_told_and_never_outside_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = publish(Paths(tmp_path), week("../../up"))
    done = run(paths, monkeypatch, "plot", "profile", "--underlying", "../../up")
    assert done.exit_code == 0
    assert [each.name for each in (tmp_path / "report").iterdir()] == ["profile_.._.._up_all.html"]
    run(paths, monkeypatch, "plot", "levels", "--underlying", "../../up", "--out", str(tmp_path / "mine.html"))
    assert (tmp_path / "mine.html").exists()


@pytest.mark.parametrize(
    "words",
    [
        ["plot", "heatmap", "--underlying", "SPX", "--session", "2024-06-25", "--from", "2024-06-20"],
        ["plot", "heatmap", "--underlying", "SPX", "--from", "2024-06-25", "--to", "2024-06-20"],
        ["plot", "heatmap", "--underlying", "NDX"],
    ],
)
def test_mistakes_write_no_page(words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = publish(Paths(tmp_path), week())
    assert run(paths, monkeypatch, *words).exit_code == 1
    assert not (tmp_path / "report").exists()
