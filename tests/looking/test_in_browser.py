"""The pages in a real headless Chromium: they draw, fit, stay silent and ask nobody for anything."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select, WebDriverWait

from pipelines.looking.flow_page import flow_page
from pipelines.looking.frames import open_published
from pipelines.looking.inventory_page import inventory_page
from pipelines.looking.page import write
from pipelines.looking.plot import Window, plot_page
from pipelines.looking.report import report_page
from pipelines.settings import Paths
from tests.looking.made import CLOSES, Snapshot, coin_hours, flow_row, held_row, publish, week

CHROMIUM, DRIVER = shutil.which("chromium") or shutil.which("google-chrome"), shutil.which("chromedriver")
pytestmark = [
    pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="no chromium and chromedriver on this machine"),
    pytest.mark.slow,
]
FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
)  # fmt: skip
EVIL = "<img src=x onerror=document.title='owned'>"
PAGES = ("heatmap", "levels", "profile", "evil", "empty", "report", "week", "flow", "inventory")
FIGURES = {"heatmap": 1, "levels": 1, "profile": 1, "evil": 1, "empty": 0, "report": 6} | dict.fromkeys(PAGES[6:], 1)
WORDY = ("heatmap", "levels", "profile", "flow", "inventory")
OWN_SCHEMES = ("file:", "data:", "blob:")
SECONDS = 30


class Browser:
    """One page after another at a given width, with all that the browser had to say of it."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver

    def show(self, path: Path, width: int = 1280, *, is_dark: bool = False) -> None:
        self.driver.get("about:blank")
        self.messages()
        metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        scheme = {"name": "prefers-color-scheme", "value": "dark" if is_dark else "light"}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
        self.driver.get(path.as_uri())

    def wait_until_drawn(self) -> None:
        self.wait_for("document.documentElement.dataset.drawn === 'yes'")

    def wait_for(self, expression: str) -> Any:
        return WebDriverWait(self.driver, SECONDS).until(lambda _: self.ask(expression))

    def ask(self, expression: str) -> Any:
        return self.driver.execute_script(f"return {expression}")

    def complaints(self) -> list[str]:
        return [str(entry["message"]) for entry in self.driver.get_log("browser")]

    def messages(self) -> list[dict[str, Any]]:
        return [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]

    def requests(self) -> list[str]:
        sent = [each for each in self.messages() if each["method"] == "Network.requestWillBeSent"]
        return [each["params"]["request"]["url"] for each in sent]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for flag in FLAGS:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(str(DRIVER)))
    yield Browser(driver)
    driver.quit()


def coins(folder: Path) -> Paths:
    """A day of a coin, whose positions are not known for some hours, with its trades."""
    start = datetime(2024, 6, 25, 0, 10)
    chains = coin_hours(start, 144)
    blank = {made.moment for made in chains[30:50]}
    chains = [replace(made, has_positions=made.moment not in blank) for made in chains]
    minutes = [start + timedelta(minutes=7 * n) for n in range(190)]
    flow = [
        flow_row(minute, kind, side, 1e5 * (1 + n % 9), flow_class=of, is_spike=n % 47 == 0)
        for n, minute in enumerate(minutes)
        for kind, side, of in (("call", "buy", "screen"), ("put", "sell", "block"))
    ]
    held = [held_row(f"BTC-28JUN24-{90 + n}-{'CP'[n % 2]}", start, (-1) ** n * 9.0 * n) for n in range(20)]
    return publish(Paths(folder), chains, more={"premium_flow": flow, "dealer_inventory": held})


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    silent = Snapshot(CLOSES[-1], "NONE", scope_status="no_open_interest", flip=None)
    paths = publish(Paths(folder / "data"), [*week(), silent, Snapshot(CLOSES[-1], EVIL)])
    with open_published(paths) as published:
        view = published.view("SPX", None, "all")
        made = {kind: plot_page(published, kind, view, Window()) for kind in ("heatmap", "levels", "profile")}
        made["evil"] = plot_page(published, "heatmap", published.view(EVIL, None, "all"), Window())
        made["empty"] = plot_page(published, "profile", published.view("NONE", None, "all"), Window())
        made["report"] = report_page(published, date(2024, 6, 25))
    with open_published(coins(folder / "coins")) as published:
        made["week"] = plot_page(published, "heatmap", published.view("BTC", None, "all"), Window())
        made["flow"] = flow_page(published, "crypto", "BTC", Window(), is_same_day=False)
        made["inventory"] = inventory_page(published, "crypto", "BTC", Window(), "all")
    for name, page in made.items():
        write(page, folder / f"{name}.html")
    return {name: folder / f"{name}.html" for name in made}


@pytest.mark.parametrize("width", [1280, 400])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_draws_fits_and_stays_silent(browser: Browser, pages: dict[str, Path], name: str, width: int) -> None:
    browser.show(pages[name], width)
    if FIGURES[name]:
        browser.wait_until_drawn()
    assert browser.complaints() == []
    assert [url for url in browser.requests() if not url.startswith(OWN_SCHEMES)] == []
    assert browser.ask("document.documentElement.scrollWidth") <= width
    assert browser.ask("window.innerWidth") == width
    drawn = browser.ask(
        "[...document.querySelectorAll('.plot')].map(plot => {"
        " const box = plot.querySelector('svg.main-svg').getBoundingClientRect();"
        " return [box.width, box.height, plot.data.length, plot._fullData.filter(trace => trace.visible).length] })"
    )
    assert len(drawn) == FIGURES[name]
    for across, down, wanted, visible in drawn:
        assert 0.85 * width < across <= width and down >= 300
        assert wanted > 0
        assert visible == wanted or (name == "flow" and visible >= 8), "a reader chooses which flow to see"


def test_the_cells_lines_and_bars_of_a_heatmap_are_really_there(browser: Browser, pages: dict[str, Path]) -> None:
    browser.show(pages["heatmap"])
    browser.wait_until_drawn()
    assert browser.ask("document.querySelectorAll('.heatmaplayer image, .heatmaplayer path').length") > 0
    assert browser.ask("document.querySelectorAll('.scatterlayer .js-line').length") >= 4
    assert browser.ask("document.querySelectorAll('.barlayer .point').length") == 6
    assert browser.ask("[...document.querySelectorAll('.xtick text')].map(tick => tick.textContent)") == [
        "17 Jun2024", "18 Jun", "20 Jun", "21 Jun", "24 Jun", "25 Jun",
    ]  # fmt: skip


def test_words_of_a_figure_do_not_cover_one_another_or_leave_it(browser: Browser, pages: dict[str, Path]) -> None:
    for name, width in ((name, width) for name in WORDY for width in (1280, 400)):
        browser.show(pages[name], width)
        browser.wait_until_drawn()
        boxes = browser.ask(
            "[...document.querySelectorAll('.annotation-text')].map(text => {"
            " const box = text.getBoundingClientRect(); return [box.left, box.top, box.right, box.bottom] })"
        )
        assert len(boxes) >= 3
        for n, (left, top, right, bottom) in enumerate(boxes):
            assert left >= 0 and right <= width, (name, width, boxes[n])
            for other in boxes[n + 1 :]:
                apart = right <= other[0] or other[2] <= left or bottom <= other[1] + 2 or other[3] <= top + 2
                assert apart, (name, width, boxes[n], other)


def test_a_picture_whose_data_are_packed_is_drawn_whole(browser: Browser, pages: dict[str, Path]) -> None:
    assert "data-packed" in pages["week"].read_text("utf-8")
    browser.show(pages["week"])
    browser.wait_until_drawn()
    rows, columns = browser.ask("[document.querySelector('.plot').data[0].z].map(z => [z.length, z[0].length])[0]")
    assert rows > 10 and columns == 144
    assert "positions not known" in browser.ask("document.querySelector('.plot .infolayer').textContent")


def test_a_reader_chooses_which_flow_to_see(browser: Browser, pages: dict[str, Path]) -> None:
    browser.show(pages["flow"])
    browser.wait_until_drawn()
    shown = (
        "document.querySelector('.plot')._fullData"
        ".filter(trace => trace.visible === true && trace.name === 'calls bought')[0].y.reduce((a, b) => a + b, 0)"
    )
    assert browser.ask(shown) > 0
    chosen = Select(browser.driver.find_element(By.CSS_SELECTOR, ".choice select"))
    assert chosen.first_selected_option.text == "all flow"
    chosen.select_by_visible_text("blocks only")
    browser.wait_for(f"{shown} === 0")
    assert browser.ask("document.querySelectorAll('.choice').length") == 1
    assert browser.ask("document.querySelector('.choice select').selectedIndex") > 0


def test_pointing_at_a_column_tells_all_its_numbers(browser: Browser, pages: dict[str, Path]) -> None:
    browser.show(pages["levels"])
    browser.wait_until_drawn()
    panels = browser.driver.find_elements(By.CSS_SELECTOR, ".plot .nsewdrag")
    assert len(panels) == 2
    for panel, plot in enumerate(panels):
        ActionChains(browser.driver).move_to_element_with_offset(plot, 30, 0).perform()
        told = browser.wait_for("document.querySelector('.hovertext')?.textContent")
        for said in (
            "21 Jun 2024",
            "New York",
            "spot 101",
            "flip 99 (band 98.50 to 99.50)",
            "call wall 104",
            "net GEX",
        ):
            assert said in told, panel
        ActionChains(browser.driver).move_to_element(browser.driver.find_element(By.TAG_NAME, "h1")).perform()


def test_dark_and_light_take_the_readers_colours(browser: Browser, pages: dict[str, Path]) -> None:
    inks = []
    for is_dark in (False, True):
        browser.show(pages["levels"], is_dark=is_dark)
        browser.wait_until_drawn()
        inks.append(browser.ask("document.querySelector('.plot')._fullLayout.font.color"))
    assert inks[0] != inks[1]


def test_data_cannot_run_a_script(browser: Browser, pages: dict[str, Path]) -> None:
    for name in ("evil", "report"):
        browser.show(pages[name])
        browser.wait_until_drawn()
        assert "owned" not in browser.ask("document.title.split(':')[0].replace(/'owned'/g, '')")
        assert browser.ask("document.querySelectorAll('img').length") == 0


def test_the_policy_stops_a_connection_that_a_script_would_try(browser: Browser, pages: dict[str, Path]) -> None:
    browser.show(pages["levels"])
    browser.wait_until_drawn()
    tried = browser.driver.execute_async_script(
        "const done = arguments[0]; fetch('http://127.0.0.1:9/').then(() => done('sent'), () => done('stopped'))"
    )
    assert tried == "stopped"
    assert any("Content Security Policy" in each for each in browser.complaints())
    assert [url for url in browser.requests() if not url.startswith(OWN_SCHEMES)] == []


def test_without_scripts_the_numbers_are_still_there(browser: Browser, pages: dict[str, Path]) -> None:
    browser.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        browser.show(pages["levels"], 400)
        text = browser.driver.find_element(By.TAG_NAME, "body").text
    finally:
        browser.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
    assert "The figures need JavaScript" in text and "97.80" in text
