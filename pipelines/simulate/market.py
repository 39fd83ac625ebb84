"""The sample market: files in vendors' formats, and the truth that no file shows."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path

import polars as pl

from models import synthetic
from models.conventions import Floats
from pipelines.calendar import new_york_to_utc, us_sessions
from pipelines.simulate import cboe_page, snapshot
from pipelines.simulate.history import History, Session, curves, draws, simulate
from pipelines.simulate.script import INSTRUMENTS, PULLS, Pull, file_name
from pipelines.simulate.snapshot import Snapshot
from pipelines.simulate.treasury_file import FILE_NAME, treasury_file

DEFAULT_SEED = 2


@dataclass(frozen=True, slots=True)
class SimulatedPage:
    """One page and what is true of it, whatever a pipeline makes of it."""

    file_name: str
    underlying: str
    header_ts: datetime  # UTC, as are all instants
    session_date: date
    session_basis: str
    snapshot_ts: datetime
    open_interest_date: date
    curve_date: date  # of the zero curve behind its prices
    spot: float
    header_last: float
    carry_frac: float
    rows: int
    rows_live: int
    is_zeroed: bool
    repeats: str | None  # the file whose content it shows again


@dataclass(frozen=True, slots=True)
class SimulatedMarket:
    """`files`: bytes by name. `truth`: by page name, a row per contract shown, in the page's order."""

    files: dict[str, bytes]
    pages: tuple[SimulatedPage, ...]
    truth: dict[str, pl.DataFrame]


def simulate_market(seed: int = DEFAULT_SEED) -> SimulatedMarket:
    """The whole market in memory; the same seed gives the same bytes."""
    histories = {instrument.name: simulate(instrument, seed) for instrument in INSTRUMENTS}
    files: dict[str, bytes] = {}
    pages: list[SimulatedPage] = []
    truth: dict[str, pl.DataFrame] = {}
    for pull in PULLS:
        name, history = file_name(pull), histories[pull.instrument]
        session = history.sessions[pull.session_date]
        instant = None if pull.quoted_at is None else new_york_to_utc(pull.session_date, pull.quoted_at)
        shown = snapshot.take(history, session, instant, seed, is_zeroed=pull.is_zeroed)
        interest = session.interest_after if pull.has_new_interest else session.interest_before
        header = _header(history, session, pull, shown, seed)
        files[name] = cboe_page.page(
            history.instrument,
            history.contracts,
            shown,
            interest,
            header=header,
            clock=pull.pulled_at,
            dress=pull.dress,
        )
        pages.append(_record(history, session, pull, shown, header))
        truth[name] = _truth(history, shown, interest)
    files[FILE_NAME] = treasury_file(curves(seed))
    return SimulatedMarket(files, tuple(pages), truth)


def write_market(folder: Path, seed: int = DEFAULT_SEED) -> list[Path]:
    """Write the vendors' files, and nothing else, into `folder`; returns their paths in order of name."""
    folder.mkdir(parents=True, exist_ok=True)
    market = simulate_market(seed)
    paths = []
    for name in sorted(market.files):
        path = folder / name
        path.write_bytes(market.files[name])
        paths.append(path)
    return paths


def truth_json(market: SimulatedMarket) -> str:
    """The records of all pages, for readers outside Python."""
    return json.dumps([asdict(page) for page in market.pages], default=str, indent=1)


def _header(history: History, session: Session, pull: Pull, shown: Snapshot, seed: int) -> cboe_page.Header:
    instrument = history.instrument
    last = shown.spot
    if pull.has_new_interest:
        # Pulled the morning after: the underlying already trades elsewhere, the options do not.
        last = synthetic.quoted_elsewhere(last, float(draws(seed, f"overnight {pull.pulled_at}", (1,))[0]))
    bid, ask = synthetic.quote_of_underlying(last, instrument.quote_width_frac)
    volume = int(session.shares if pull.quoted_at is None else session.shares // 2)
    return cboe_page.Header(last, round(last - session.spot_before, 4), bid, ask, volume)


def _record(history: History, session: Session, pull: Pull, shown: Snapshot, header: cboe_page.Header) -> SimulatedPage:
    known = pull.session_date if pull.has_new_interest else us_sessions().before(pull.session_date)
    return SimulatedPage(
        file_name=file_name(pull),
        underlying=pull.instrument,
        header_ts=new_york_to_utc(pull.pulled_at.date(), pull.pulled_at.time()),
        session_date=pull.session_date,
        session_basis=pull.session_basis,
        snapshot_ts=shown.snapshot_ts,
        open_interest_date=known,
        curve_date=session.curve_date,
        spot=shown.spot,
        header_last=header.last,
        carry_frac=history.instrument.carry_frac,
        rows=int(shown.is_listed.sum()),
        rows_live=int((shown.is_listed & shown.is_live).sum()),
        is_zeroed=pull.is_zeroed,
        repeats=pull.repeats,
    )


def _truth(history: History, shown: Snapshot, interest: Floats) -> pl.DataFrame:
    contracts, listed = history.contracts, shown.is_listed
    live = shown.is_live[listed]
    frame = pl.DataFrame(
        {
            "contract_id": contracts.contract_id[listed],
            "root": contracts.root[listed],
            "expiry_ts": contracts.expiry_ts[listed],
            "strike": contracts.strike[listed],
            "option_type": ["call" if is_call else "put" for is_call in contracts.is_call[listed]],
            "is_live": live,
            "t_years": shown.t_years[listed],
            "forward": shown.forward[listed],
            "discount_factor": shown.discount_factor[listed],
            "iv_frac": shown.iv_frac[listed],
            "price": shown.price[listed],
            "volume": shown.volume[listed],
            "open_interest": interest[listed],
        }
    )
    of_live = pl.when("is_live").then(pl.col("forward", "discount_factor", "iv_frac"))
    return frame.with_columns(of_live)
