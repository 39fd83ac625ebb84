"""The sample market: files in vendors' formats, and the truth that no file shows."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path

import polars as pl

from models import synthetic
from models.synthetic import Positions
from pipelines.calendar import new_york_to_utc, us_sessions
from pipelines.simulate import cboe_json, cboe_page, datashop_file, index_history, treasury_file, truth
from pipelines.simulate.declare import DayFile, Pull, Scenario
from pipelines.simulate.draws import draw
from pipelines.simulate.history import History, curves, simulate
from pipelines.simulate.scenarios import small
from pipelines.simulate.snapshot import Snapshot, tape, zeroed

DEFAULT_SEED = 2


@dataclass(frozen=True, slots=True)
class SimulatedPage:
    """One underlying at one instant in one file, and what is true of it, whatever a pipeline makes of it."""

    file_name: str
    underlying: str
    header_ts: datetime | None  # UTC, as are all instants; None where the layout has none
    session_date: date
    session_basis: str
    snapshot_ts: datetime
    open_interest_date: date
    curve_date: date  # of the zero curve behind its prices
    spot: float
    header_last: float | None
    carry_frac: float
    rows: int
    rows_live: int
    is_zeroed: bool = False
    repeats: str | None = None  # the file whose content it shows again


@dataclass(frozen=True, slots=True)
class SimulatedMarket:
    """`files`: bytes by name. `truth`: by page, a row per contract shown, in the page's order.

    `dealer_inventory`: what dealers held of every contract shown. `declared_underlying`: by name of file, what its
    owner must say of it, because the layout does not.
    """

    files: dict[str, bytes]
    pages: tuple[SimulatedPage, ...]
    truth: dict[SimulatedPage, pl.DataFrame]
    dealer_inventory: pl.DataFrame
    declared_underlying: dict[str, str]


class Studio:
    """Histories and the snapshots taken of them, each made once."""

    def __init__(self, scenario: Scenario, seed: int) -> None:
        self.seed = seed
        self.histories = {one.name: simulate(one, scenario, seed) for one in scenario.instruments}
        self._tapes: dict[tuple[str, date], dict[datetime, Snapshot]] = {}
        self._stations: dict[tuple[str, date], set[datetime]] = {}
        for pull in scenario.pulls:
            if pull.quoted_at is not None:
                self._add(pull.instrument, pull.session_date, new_york_to_utc(pull.session_date, pull.quoted_at))
        for day_file in scenario.day_files:
            for name in day_file.instruments:
                self._add(name, day_file.session_date, datashop_file.early_clock(day_file.session_date))

    def _add(self, name: str, day: date, instant: datetime) -> None:
        self._stations.setdefault((name, day), set()).add(instant)

    def snapshot(self, name: str, day: date, instant: datetime | None) -> Snapshot:
        """At a station of the session, or at its close."""
        if (name, day) not in self._tapes:
            history = self.histories[name]
            stations = sorted(self._stations.get((name, day), ()))
            self._tapes[name, day] = tape(history, history.sessions[day], stations, self.seed)
        return self._tapes[name, day][instant or us_sessions().close_of(day)]


def simulate_market(seed: int = DEFAULT_SEED, scenario: Scenario | None = None) -> SimulatedMarket:
    """A whole market in memory, the small one unless told otherwise; the same seed gives the same bytes."""
    scenario = scenario or small()
    studio = Studio(scenario, seed)
    files: dict[str, bytes] = {}
    shown: dict[SimulatedPage, pl.DataFrame] = {}
    for pull in scenario.pulls:
        files[pull.file_name], page, behind = _pulled(studio, pull)
        shown[page] = behind
    for day_file in scenario.day_files:
        files[day_file.file_name], pages = _day_file(studio, day_file)
        shown |= pages
    declared: dict[str, str] = {}
    if scenario.index_history is not None:
        name = index_history.file_name(scenario.index_history)
        files[name] = index_history.index_history(studio.histories[scenario.index_history])
        declared[name] = scenario.index_history
    files[treasury_file.FILE_NAME] = treasury_file.treasury_file(curves(scenario, seed))
    positions = truth.inventory((page.underlying, page.open_interest_date, behind) for page, behind in shown.items())
    return SimulatedMarket(files, tuple(shown), shown, positions, declared)


def write_market(folder: Path, seed: int = DEFAULT_SEED, scenario: Scenario | None = None) -> list[Path]:
    """Write the vendors' files into `folder` and the dealers' true positions below it.

    Returns the paths of the vendors' files in order of name; nothing else is to be loaded.
    """
    folder.mkdir(parents=True, exist_ok=True)
    market = simulate_market(seed, scenario)
    paths = []
    for name in sorted(market.files):
        path = folder / name
        path.write_bytes(market.files[name])
        paths.append(path)
    truth.write_inventory(folder, market.dealer_inventory)
    return paths


def truth_json(market: SimulatedMarket) -> str:
    """The records of all pages, for readers outside Python."""
    return json.dumps([asdict(page) for page in market.pages], default=str, indent=1)


def _pulled(studio: Studio, pull: Pull) -> tuple[bytes, SimulatedPage, pl.DataFrame]:
    instant = None if pull.quoted_at is None else new_york_to_utc(pull.session_date, pull.quoted_at)
    shown = studio.snapshot(pull.instrument, pull.session_date, instant)
    if pull.is_zeroed:
        shown = zeroed(shown, studio.seed)
    history = studio.histories[pull.instrument]
    interest = _held(shown, is_after=pull.has_new_interest).open_interest
    header = _header(history, pull, shown, studio.seed)
    header_ts = new_york_to_utc(pull.pulled_at.date(), pull.pulled_at.time())
    if pull.layout == "json":
        content = cboe_json.response(
            history.instrument, shown, interest, header=header, pulled_at=header_ts, seed=studio.seed
        )
    else:
        content = cboe_page.page(
            history.instrument.title, shown, interest, header=header, clock=pull.pulled_at, dress=pull.layout
        )
    record = SimulatedPage(
        file_name=pull.file_name,
        header_ts=header_ts,
        session_basis=pull.session_basis,
        header_last=header.last,
        is_zeroed=pull.is_zeroed,
        repeats=pull.repeats,
        **_common(history, shown, is_after=pull.has_new_interest),  # type: ignore[arg-type]
    )
    return content, record, _behind(shown, is_after=pull.has_new_interest)


def _day_file(studio: Studio, day_file: DayFile) -> tuple[bytes, dict[SimulatedPage, pl.DataFrame]]:
    day = day_file.session_date
    clock = datashop_file.early_clock(day)
    chains, pages = [], {}
    for name in day_file.instruments:
        history = studio.histories[name]
        snapshots = [studio.snapshot(name, day, instant) for instant in (clock, None)]
        chains.append(datashop_file.Chain(history.instrument, *snapshots))
        for shown in snapshots:
            page = SimulatedPage(
                file_name=day_file.file_name,
                header_ts=None,
                session_basis="vendor_quote_time",
                header_last=None,
                **_common(history, shown, is_after=False),  # type: ignore[arg-type]
            )
            pages[page] = _behind(shown, is_after=False)
    return datashop_file.day_file(chains, day_file.width), pages


def _header(history: History, pull: Pull, shown: Snapshot, seed: int) -> cboe_page.Header:
    instrument, path = history.instrument, shown.session.path
    last = shown.spot
    if pull.has_new_interest and pull.layout != "json":
        # Pulled the morning after: the underlying already trades elsewhere, the options do not.
        last = synthetic.quoted_elsewhere(last, draw(seed, f"overnight {pull.pulled_at}"))
    bid, ask = synthetic.quote_of_underlying(last, instrument.quote_width_frac)
    share = path.instants.index(shown.snapshot_ts) / (len(path.instants) - 1)
    return cboe_page.Header(last, round(last - path.before, 4), bid, ask, int(shown.session.shares * share))


def _common(history: History, shown: Snapshot, *, is_after: bool) -> dict[str, object]:
    day = shown.session.session_date
    return {
        "underlying": history.instrument.name,
        "session_date": day,
        "snapshot_ts": shown.snapshot_ts,
        "open_interest_date": day if is_after else us_sessions().before(day),
        "curve_date": shown.session.curve_date,
        "spot": shown.spot,
        "carry_frac": history.instrument.carry_frac,
        "rows": shown.volume.size,
        "rows_live": int(shown.quoted.is_live.sum()),
    }


def _held(shown: Snapshot, *, is_after: bool) -> Positions:
    return shown.after if is_after else shown.before


def _behind(shown: Snapshot, *, is_after: bool) -> pl.DataFrame:
    contracts, quoted = shown.contracts, shown.quoted
    held = _held(shown, is_after=is_after)
    frame = pl.DataFrame(
        {
            "contract_id": contracts.contract_id,
            "root": contracts.root,
            "expiry_ts": contracts.expiry_ts,
            "strike": contracts.strike,
            "option_type": ["call" if is_call else "put" for is_call in contracts.is_call.tolist()],
            "is_live": quoted.is_live,
            "t_years": quoted.t_years,
            "forward": quoted.forward,
            "discount_factor": quoted.discount_factor,
            "iv_frac": quoted.value.iv_frac,
            "price": quoted.price,
            "volume": shown.volume,
            "open_interest": held.open_interest,
            "dealer_quantity_contracts": held.dealers,
        }
    )
    of_live = pl.when("is_live").then(pl.col("forward", "discount_factor", "iv_frac"))
    return frame.with_columns(of_live)
