"""What dealers hold in the sample market follows from what customers did, and the models are judged by it fairly."""

from __future__ import annotations

from datetime import date, datetime
from itertools import pairwise

import numpy as np
import polars as pl
import pytest

from models.black import greeks
from models.conventions import DEALER_MODELS
from models.positioning import dealer_quantity
from pipelines.calendar import us_sessions
from pipelines.markets import root_of
from pipelines.simulate import SimulatedMarket, SimulatedPage
from pipelines.simulate.truth import INVENTORY_KEY, compare, compare_counted
from tests.pipelines.simulated import whole_market

NAMES = ["AAPL", "AMZN", "NVDA", "TSLA"]
FIRST = date(2024, 6, 17)
SNAPSHOT = datetime(2024, 6, 18, 20)


@pytest.fixture(scope="module")
def market() -> SimulatedMarket:
    return whole_market()


def published(page: SimulatedPage, truth: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """`option_snapshots` and `strike_exposures` of a page, as exact as the truth."""
    live = truth.filter("is_live")
    columns = {name: live[name].to_numpy() for name in ("forward", "strike", "t_years", "iv_frac", "discount_factor")}
    is_call = (live["option_type"] == "call").to_numpy()
    gamma = greeks(spot=page.spot, is_call=is_call, **columns).gamma  # type: ignore[arg-type]
    is_standard = np.array([root_of(root).is_standard for root in live["root"]])
    snapshots = live.with_columns(
        underlying=pl.lit(page.underlying),
        session_date=pl.lit(page.session_date),
        snapshot_ts=pl.lit(page.snapshot_ts),
        open_interest_date=pl.lit(page.open_interest_date),
        gamma=pl.Series(np.where(is_standard, gamma, np.nan)).fill_nan(None),
        multiplier=pl.lit(100.0),
        spot=pl.lit(page.spot),
    ).drop("dealer_quantity_contracts")
    keys = ["underlying", "session_date", "snapshot_ts", "dealer_model", "root", "expiry_ts", "strike"]
    strikes = []
    for model in DEALER_MODELS:
        quantity = pl.Series(dealer_quantity(live["open_interest"].to_numpy(), is_call, model))
        legs = snapshots.with_columns(quantity=quantity, dealer_model=pl.lit(model)).drop_nulls("gamma")
        gex = pl.col("quantity") * pl.col("gamma") * 100.0 * page.spot**2 * 0.01
        is_of = {kind: pl.col("option_type") == kind for kind in ("call", "put")}
        strikes.append(
            legs.group_by(keys).agg(
                net_gex_usd_per_1pct=gex.sum(),
                **{f"{kind}_dealer_quantity": pl.col("quantity").filter(of).sum() for kind, of in is_of.items()},
            )
        )
    return snapshots, pl.concat(strikes)


@pytest.fixture(scope="module")
def judged(market: SimulatedMarket) -> pl.DataFrame:
    closes = [
        page
        for page in market.pages
        if page.snapshot_ts == us_sessions().close_of(page.session_date) and page.session_date >= FIRST
        if page.repeats is None and "json" not in page.file_name and page.session_basis != "header_before_open"
    ]
    frames = [published(page, market.truth[page]) for page in closes]
    return compare(
        market.dealer_inventory, pl.concat(one for one, _ in frames), pl.concat(other for _, other in frames)
    )


def test_the_inventory_has_one_line_for_each_contract_and_date_that_any_page_shows(market: SimulatedMarket) -> None:
    inventory = market.dealer_inventory
    assert inventory.columns == [*INVENTORY_KEY, "dealer_quantity_contracts", "open_interest"]
    assert not inventory.select(INVENTORY_KEY).is_duplicated().any()
    for page in market.pages[::9]:
        shown = market.truth[page].with_columns(underlying=pl.lit(page.underlying))
        held = inventory.filter(pl.col("session_date") == page.open_interest_date)
        both = shown.join(held, on=["underlying", "contract_id"], suffix="_held")
        assert both.height == shown.height
        assert (both["open_interest"] == both["open_interest_held"]).all()


def test_dealers_never_hold_more_than_the_open_interest(market: SimulatedMarket) -> None:
    held = market.dealer_inventory
    assert (held["dealer_quantity_contracts"].abs() <= held["open_interest"]).all()
    assert (held["open_interest"] >= 0).all()
    # Some trades are among customers, so that dealers often hold less than all.
    assert held.select((pl.col("dealer_quantity_contracts").abs() < pl.col("open_interest")).mean()).item() > 0.5


def test_dealers_positions_change_by_no_more_than_was_traded(market: SimulatedMarket) -> None:
    held = market.dealer_inventory
    for name in ("SPX", "SPY"):
        closes = {
            page.session_date: page
            for page in sorted(market.pages, key=lambda page: page.snapshot_ts)
            if page.underlying == name
        }
        for before, day in pairwise(sorted(closes)):
            if us_sessions().before(day) != before:
                continue
            earlier, later = (
                held.filter(pl.col("underlying") == name, pl.col("session_date") == at) for at in (before, day)
            )
            both = earlier.join(later, on="contract_id", suffix="_later").join(
                market.truth[closes[day]], on="contract_id"
            )
            change = (both["dealer_quantity_contracts_later"] - both["dealer_quantity_contracts"]).abs()
            assert (change <= both["volume"]).all()


def test_each_class_of_customers_leaves_dealers_on_its_own_side(market: SimulatedMarket) -> None:
    held = market.dealer_inventory.filter(pl.col("session_date") >= FIRST).with_columns(
        kind=pl.col("contract_id").str.slice(-9, 1),
        underlying=pl.col("underlying").replace(dict.fromkeys(NAMES, "name")),
    )
    net = held.group_by("underlying", "kind").agg(
        pl.col("dealer_quantity_contracts").sum() / pl.col("open_interest").sum()
    )
    share = {(underlying, kind): value for underlying, kind, value in net.rows()}
    assert share["SPX", "C"] > 0.3 and share["SPX", "P"] < -0.3
    assert 0.0 < share["SPY", "C"] < share["SPX", "C"] and share["SPX", "P"] < share["SPY", "P"] < 0.0
    assert share["name", "C"] < -0.3 and share["name", "P"] < 0.0


def test_the_industrys_model_is_about_right_for_the_index_and_wrong_for_single_names(judged: pl.DataFrame) -> None:
    mean = judged.group_by("underlying", "dealer_model").agg(
        pl.col("right_side_share_frac", "strike_correlation").mean(), pl.len()
    )
    assert (judged["sided_share_frac"] > 0.99).all()  # both models give dealers a side of whatever is held
    right = {(name, model): share for name, model, share in mean.drop("strike_correlation", "len").rows()}
    naive, short = DEALER_MODELS
    assert right["SPX", naive] > 0.8
    assert right["SPX", naive] > right["SPY", naive] > right["SPY", short]
    assert all(right[name, short] > right[name, naive] for name in NAMES)
    close = {(name, model): value for name, model, _, value, _ in mean.rows()}
    assert close["SPX", naive] > 0.7 > close["SPX", short]
    assert all(close[name, short] > close[name, naive] for name in NAMES)
    assert set(mean["len"]) <= {9, 10, 11, 12}


def two_strikes(model_quantity: dict[str, tuple[float, float]]) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Calls at 90 and puts at 110 of which dealers truly hold +40 of 100 and -60 of 300."""
    common = {
        "underlying": pl.lit("SPX"), "session_date": pl.lit(date(2024, 6, 18)), "snapshot_ts": pl.lit(SNAPSHOT),
        "root": pl.lit("SPXW"), "expiry_ts": pl.lit(datetime(2024, 6, 28, 20)),
    }  # fmt: skip
    truth = pl.DataFrame(
        {
            "underlying": "SPX", "session_date": date(2024, 6, 17), "contract_id": ["C90", "P110"],
            "dealer_quantity_contracts": [40.0, -60.0], "open_interest": [100.0, 300.0],
        }
    )  # fmt: skip
    snapshots = pl.DataFrame(
        {
            "contract_id": ["C90", "P110", "C110", "UNDATED"], "option_type": ["call", "put", "call", "put"],
            "strike": [90.0, 110.0, 110.0, 90.0], "open_interest": [100.0, 300.0, 5.0, 7.0],
            "gamma": [0.01, 0.02, None, 0.01], "open_interest_date": [date(2024, 6, 17)] * 3 + [None],
        }
    ).with_columns(multiplier=pl.lit(100.0), spot=pl.lit(100.0), **common)  # fmt: skip
    strikes = pl.concat(
        pl.DataFrame(
            {
                "dealer_model": model, "strike": [90.0, 110.0],
                "call_dealer_quantity": [calls, 0.0], "put_dealer_quantity": [0.0, puts],
                "net_gex_usd_per_1pct": [calls * 100.0, puts * 200.0],
            }
        ).with_columns(**common)
        for model, (calls, puts) in model_quantity.items()
    )  # fmt: skip
    return truth, snapshots, strikes


def test_a_model_is_measured_against_the_true_positions() -> None:
    judged = compare(*two_strikes({"right": (100.0, -300.0), "short_all": (-100.0, -300.0), "wrong": (-100.0, 300.0)}))
    by_model = {row["dealer_model"]: row for row in judged.iter_rows(named=True)}
    assert list(by_model) == ["right", "short_all", "wrong"]
    # n x 100 x gamma x 100^2 x 1 %: 40 x 100 - 60 x 200
    assert judged["true_net_gex_usd_per_1pct"].to_list() == pytest.approx([-8_000.0] * 3)
    assert by_model["right"]["net_gex_usd_per_1pct"] == pytest.approx(-50_000.0)
    assert [by_model[name]["right_side_share_frac"] for name in by_model] == [1.0, 0.75, 0.0]
    assert by_model["right"]["strike_correlation"] == pytest.approx(1.0)
    assert by_model["wrong"]["strike_correlation"] == pytest.approx(-1.0)


def test_where_dealers_hold_nothing_no_side_is_right() -> None:
    truth, snapshots, strikes = two_strikes({"model": (100.0, -300.0)})
    flat = truth.with_columns(dealer_quantity_contracts=pl.lit(0.0))
    [judged] = compare(flat, snapshots, strikes).rows(named=True)
    assert judged["right_side_share_frac"] == 0.0
    assert judged["true_net_gex_usd_per_1pct"] == 0.0


def test_only_the_newest_snapshot_of_a_session_is_judged() -> None:
    truth, snapshots, strikes = two_strikes({"model": (100.0, -300.0)})
    earlier = datetime(2024, 6, 18, 14)
    judged = compare(
        truth,
        pl.concat([snapshots, snapshots.with_columns(snapshot_ts=pl.lit(earlier))]),
        pl.concat([strikes, strikes.with_columns(snapshot_ts=pl.lit(earlier))]),
    )
    assert judged["snapshot_ts"].to_list() == [SNAPSHOT]


def test_a_model_of_some_sessions_only_is_measured_where_it_is() -> None:
    truth, snapshots, strikes = two_strikes({"always": (100.0, -300.0), "sometimes": (100.0, -300.0)})
    day = date(2024, 6, 20)
    moved = [pl.lit(day).alias("session_date"), pl.lit(datetime(2024, 6, 20, 20)).alias("snapshot_ts")]
    later = strikes.filter(pl.col("dealer_model") == "always").with_columns(moved)
    judged = compare(truth, pl.concat([snapshots, snapshots.with_columns(moved)]), pl.concat([strikes, later]))
    assert judged.select("session_date", "dealer_model").rows() == [
        (date(2024, 6, 18), "always"), (date(2024, 6, 18), "sometimes"), (day, "always"),
    ]  # fmt: skip


def test_a_model_is_judged_by_the_contracts_of_which_it_says_a_side() -> None:
    truth, snapshots, strikes = two_strikes({"half": (0.0, -300.0), "none": (0.0, 0.0)})
    silent = strikes.with_columns(
        put_dealer_quantity=pl.when(pl.col("dealer_model") == "none").then(None).otherwise("put_dealer_quantity"),
        net_gex_usd_per_1pct=pl.when(pl.col("dealer_model") == "none").then(0.0).otherwise("net_gex_usd_per_1pct"),
    )
    half, none = compare(truth, snapshots, silent).rows(named=True)
    assert (half["sided_share_frac"], half["right_side_share_frac"]) == (0.75, 1.0)
    assert (none["sided_share_frac"], none["right_side_share_frac"]) == (0.0, None)
    assert none["strike_correlation"] is None and none["net_gex_usd_per_1pct"] == 0.0
    assert half["true_net_gex_usd_per_1pct"] == none["true_net_gex_usd_per_1pct"]


def test_counted_positions_are_compared_at_the_same_close_by_whether_their_history_is_whole() -> None:
    day, other = date(2024, 6, 17), date(2024, 6, 18)
    truth = pl.DataFrame(
        {
            "underlying": "SPX", "session_date": [day] * 3, "contract_id": ["A", "B", "C"],
            "dealer_quantity_contracts": [40.0, -60.0, 10.0], "open_interest": [100.0, 300.0, 20.0],
        }
    )  # fmt: skip
    counted = pl.DataFrame(
        {
            "underlying": "SPX", "session_date": [day, day, day, other], "contract_id": ["A", "B", "C", "A"],
            "position_contracts": [40.0, -20.0, 10.0, 999.0], "is_history_complete": [True, False, False, True],
        }
    )  # fmt: skip
    assert compare_counted(truth, counted).rows() == [("SPX", True, 1, 1, 0.0, 40.0), ("SPX", False, 2, 1, 20.0, 35.0)]
