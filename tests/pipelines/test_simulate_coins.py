"""The sample week of coin options looks like the exchange's answers and holds together."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from models.black import black_price
from models.coin_surface import coin_surface
from pipelines.simulate.coins import SimulatedCoins
from pipelines.sources.coin_file import CoinFile
from tests.pipelines.simulated_coins import all_of, coin_week, hash_of_contents, lines_of, read_back

# A changed hash means that everybody's sample market changes: say so in the changelog.
WEEK_SHA256 = "2f53a375a5798f01442ba704fb37724c5b5cfe08c25a1d78c8ece94dd872332a"
START, END = datetime(2024, 6, 24), datetime(2024, 7, 1)
TEN_MINUTES = timedelta(minutes=10)
TICKS = {"BTC": (0.005, 0.0001, 0.0005), "SOL": (5.0, 0.01, 0.05)}


@pytest.fixture(scope="module")
def market() -> SimulatedCoins:
    return coin_week()


@pytest.fixture(scope="module")
def read(market: SimulatedCoins) -> dict[str, CoinFile]:
    """Of the chains every fourth, which is enough."""
    return read_back(market, every=4)


@pytest.fixture(scope="module")
def chains(read: dict[str, CoinFile]) -> pl.DataFrame:
    return all_of(read, "chains")


@pytest.fixture(scope="module")
def trades(read: dict[str, CoinFile]) -> pl.DataFrame:
    return all_of(read, "trades").unique(["underlying", "trade_id"]).sort("underlying", "contract_id", "trade_seq")


@pytest.fixture(scope="module")
def some(chains: pl.DataFrame) -> pl.DataFrame:
    """A chain of each coin every few hours, with prices and years as numbers."""
    instants = chains["snapshot_ts"].unique().sort().gather_every(11)
    scale = pl.when("is_inverse").then("forward").otherwise(1.0)
    years = (pl.col("expiry_ts") - pl.col("snapshot_ts")).dt.total_microseconds() / (365 * 86_400e6)
    return chains.filter(pl.col("snapshot_ts").is_in(instants.implode())).with_columns(
        mark_usd=pl.col("mark") * scale, scale=scale, t_years=years
    )


def test_the_week_is_the_one_whose_hash_is_committed(market: SimulatedCoins) -> None:
    assert hash_of_contents(market.files) == WEEK_SHA256


def test_days_are_a_file_each_and_the_last_hours_come_one_by_one(market: SimulatedCoins) -> None:
    days = [f"simulated_deribit_2024-06-{day}.jsonl.gz" for day in range(24, 31)]
    hours = [f"simulated_deribit_2024-06-30T{hour:02}.jsonl.gz" for hour in range(20, 24)]
    assert sorted(market.files) == [*days, *hours, "simulated_deribit_2024-07-01T00.jsonl.gz"]
    assert sum(map(len, market.files.values())) < 12_000_000


def test_nobody_can_take_a_file_for_the_exchanges(market: SimulatedCoins) -> None:
    for name, data in market.files.items():
        header = json.loads(lines_of(data)[0])
        assert name.startswith("simulated_") and header["note"].startswith("SIMULATED")


def test_every_record_is_read_and_none_is_rejected(read: dict[str, CoinFile]) -> None:
    for name, one in read.items():
        frames = (one.chains, one.trades, one.instruments, one.bars, one.deliveries)
        assert one.rejected.is_empty(), name
        assert one.rows_in == sum(frame.height for frame in frames) + one.rows_duplicate + one.rows_passed


def test_a_chain_stands_a_few_seconds_after_every_ten_minutes(market: SimulatedCoins, chains: pl.DataFrame) -> None:
    asked = [line[16:42].decode() for data in market.files.values() for line in lines_of(data)
             if b"get_book_summary" in line[:120] and b'"currency":"BTC"' in line[:200]]  # fmt: skip
    seen = [datetime.fromisoformat(clock) for clock in sorted(asked)]
    grid = [START + number * TEN_MINUTES for number in range(7 * 144)]
    late = [(at - bucket).total_seconds() for at, bucket in zip(seen, grid, strict=True)]
    assert min(late) >= 2.0 and max(late) <= 5.0
    assert chains.select((pl.col("known_at") - pl.col("snapshot_ts")).unique()).to_series().to_list() == [
        timedelta(microseconds=61_123)
    ]


def test_btc_is_inverse_sol_linear_and_its_contract_is_ten_coins(read: dict[str, CoinFile]) -> None:
    said = all_of(read, "instruments").group_by("underlying").agg(
        pl.col("is_inverse", "contract_size_coins", "min_trade_coins").unique()
    )  # fmt: skip
    assert sorted(said.rows()) == [("BTC", [True], [1.0], [0.1]), ("SOL", [False], [10.0], [10.0])]
    assert all_of(read, "instruments")["contract_id"].str.contains(r"-\d+d5-[CP]$").any()


def test_dailies_are_listed_and_expire_at_eight(chains: pl.DataFrame, read: dict[str, CoinFile]) -> None:
    assert (chains["expiry_ts"] > chains["snapshot_ts"]).all()
    spans = chains.filter(pl.col("underlying") == "BTC").group_by("expiry_date").agg(
        pl.col("snapshot_ts").min().dt.truncate("10m").alias("first"),
        pl.col("snapshot_ts").max().dt.truncate("10m").alias("last"),
    )  # fmt: skip
    shown = {expiry: (first, last) for expiry, first, last in spans.rows()}
    at_eight, hour = datetime(2024, 6, 27, 8), timedelta(hours=1)
    for expiry, first, ended in (
        (date(2024, 6, 30), at_eight, datetime(2024, 6, 30, 8)),
        (date(2024, 6, 28), START, datetime(2024, 6, 28, 8)),
        (date(2024, 7, 12), at_eight, END),
    ):
        assert shown[expiry][0] == first and ended - hour < shown[expiry][1] < ended
    listed = all_of(read, "instruments").filter(pl.col("listed_ts") >= START)
    assert set(listed["listed_ts"].dt.hour()) == {8}
    per_chain = chains.group_by("underlying", "snapshot_ts").agg(pl.len(), pl.col("expiry_date").n_unique())
    btc, sol = (per_chain.filter(pl.col("underlying") == name) for name in ("BTC", "SOL"))
    assert btc["len"].min() >= 120 and sol["len"].min() >= 60  # type: ignore[operator]
    assert btc["expiry_date"].min() >= 7 and sol["expiry_date"].min() >= 4  # type: ignore[operator]


def test_every_chain_reaches_five_per_cent_to_both_sides(chains: pl.DataFrame) -> None:
    nearest = chains.filter(pl.col("expiry_ts") == pl.col("expiry_ts").min().over("underlying", "snapshot_ts"))
    reach = nearest.group_by("underlying", "snapshot_ts").agg(
        low=pl.col("strike").min() / pl.col("index_price").first(),
        high=pl.col("strike").max() / pl.col("index_price").first(),
    )
    assert (reach["low"] <= 0.95).all() and (reach["high"] >= 1.05).all()


def test_every_expiry_has_a_forward_of_its_own_above_the_index(chains: pl.DataFrame) -> None:
    per_expiry = chains.group_by("underlying", "snapshot_ts", "expiry_ts").agg(
        pl.col("forward").n_unique().alias("forwards"),
        basis=pl.col("forward").first() / pl.col("index_price").first() - 1.0,
    )
    assert (per_expiry["forwards"] == 1).all()
    assert (per_expiry["basis"] > 0.0).all() and per_expiry["basis"].max() < 0.07  # type: ignore[operator]


def test_marks_are_blacks_price_at_the_volatility_shown(some: pl.DataFrame) -> None:
    columns = {name: some[name].to_numpy() for name in ("forward", "strike", "t_years")}
    iv, is_call = some["vendor_iv_frac"].to_numpy(), (some["option_type"] == "call").to_numpy()
    prices = [
        black_price(**columns, iv_frac=iv + shift, discount_factor=np.ones_like(iv), is_call=is_call)
        for shift in (-0.5001e-4, 0.5001e-4)  # the volatility is rounded to a hundredth of a point
    ]
    rounding = np.where(some["is_inverse"], 0.51e-8 * some["scale"].to_numpy(), 0.51e-4)
    assert (prices[0] - rounding <= some["mark_usd"].to_numpy()).all()
    assert (some["mark_usd"].to_numpy() <= prices[1] + rounding).all()


def test_marks_leave_no_arbitrage_between_strikes(some: pl.DataFrame) -> None:
    calls = some.filter(pl.col("option_type") == "call").sort("underlying", "snapshot_ts", "expiry_ts", "strike")
    for _, chain in calls.group_by("underlying", "snapshot_ts", "expiry_ts"):
        slopes = np.diff(chain["mark_usd"].to_numpy()) / np.diff(chain["strike"].to_numpy())
        assert (slopes > -1.0 - 1e-4).all() and (slopes < 1e-4).all()
        assert (np.diff(slopes) > -1e-4).all()
    keys = ["underlying", "snapshot_ts", "expiry_ts", "strike"]
    puts = some.filter(pl.col("option_type") == "put").select(*keys, put_usd="mark_usd")
    parity = calls.join(puts, on=keys).select(
        (pl.col("mark_usd") - pl.col("put_usd") - pl.col("forward") + pl.col("strike")).abs() / pl.col("index_price")
    )
    assert parity.to_series().max() < 2e-6  # type: ignore[operator]


def test_total_variance_grows_with_the_expiry(some: pl.DataFrame) -> None:
    near = some.with_columns(distance=(pl.col("strike") / pl.col("forward")).log())
    at_the_money = near.filter(
        pl.col("distance").abs() == pl.col("distance").abs().min().over("underlying", "snapshot_ts", "expiry_ts")
    )
    for _, chain in at_the_money.sort("expiry_ts").group_by("underlying", "snapshot_ts"):
        variance = (chain["vendor_iv_frac"] ** 2 * chain["t_years"]).to_numpy()
        assert (np.diff(variance[chain["option_type"].to_numpy() == "call"]) > 0.0).all()


def test_volatility_rises_when_the_coin_falls(chains: pl.DataFrame) -> None:
    btc = chains.filter(pl.col("contract_id") == "BTC-26JUL24-60000-P").sort("snapshot_ts")
    level = {at.replace(second=0, microsecond=0): iv for at, iv in btc.select("snapshot_ts", "vendor_iv_frac").rows()}
    assert level[datetime(2024, 6, 26)] > level[datetime(2024, 6, 25)] + 0.01
    assert level[datetime(2024, 6, 28)] < level[datetime(2024, 6, 27)]


def test_quotes_contain_the_mark_stand_on_ticks_and_are_missing_far_away(chains: pl.DataFrame) -> None:
    quoted = chains.filter((pl.col("bid") > 0) & pl.col("ask").is_not_null())
    assert (quoted["bid"] <= quoted["mark"]).all() and (quoted["mark"] <= quoted["ask"]).all()
    for underlying, (above, small_tick, large_tick) in TICKS.items():
        one = quoted.filter(pl.col("underlying") == underlying)
        tick = pl.when(pl.col("mark") > above).then(large_tick).otherwise(small_tick)
        off = one.select(((pl.col(side) / tick).round(6) % 1.0).max() for side in ("bid", "ask"))
        assert off.row(0) == (0.0, 0.0)
    share = chains.select(no_bid=pl.col("bid").is_null().mean(), zero=(pl.col("bid") == 0).mean(),
                          no_ask=pl.col("ask").is_null().mean())  # fmt: skip
    assert all(0.003 < one < 0.3 for one in share.row(0))


def test_the_surface_of_the_week_can_be_computed(chains: pl.DataFrame) -> None:
    day = chains.filter(pl.col("snapshot_ts").is_between(datetime(2024, 6, 28, 7), datetime(2024, 6, 28, 9)))
    for underlying in ("BTC", "SOL"):
        chain = day.filter(pl.col("underlying") == underlying).with_columns(
            source=pl.lit("deribit_responses"), spot="index_price"
        )
        contracts, expiries = coin_surface(chain, session_date=date(2024, 6, 28))
        assert contracts.height == chain.height and contracts["gamma"].null_count() == 0
        assert (expiries["forward_source"] == "venue").all()


def test_trades_come_once_a_fill_however_often_pages_overlap(
    market: SimulatedCoins, read: dict[str, CoinFile], trades: pl.DataFrame
) -> None:
    assert trades.height == sum(len(history.fills) for history in market.histories)
    shown = all_of(read, "trades")
    assert sum(one.rows_duplicate for one in read.values()) > 1_000
    assert shown.height > trades.height  # the same trade in two files
    assert shown.drop("row_number", "known_at").unique().height == trades.height


def test_every_trade_is_covered_by_a_claim_that_names_it(read: dict[str, CoinFile], trades: pl.DataFrame) -> None:
    spans = all_of(read, "coverage").sort("underlying", "from_ts")
    for underlying in ("BTC", "SOL"):
        own = spans.filter(pl.col("underlying") == underlying)
        assert (own["from_ts"][0], own["until_ts"][-1]) == (START, END)
        assert (own["from_ts"][1:] == own["until_ts"][:-1]).all()
    assert trades.select(pl.col("trade_ts").is_between(START, END, closed="left").all()).item()
    for one in read.values():
        claimed = [one.coverage["from_ts"].min(), one.coverage["until_ts"].max()]
        told = trades.filter(pl.col("trade_ts").is_between(*claimed, closed="left"))  # type: ignore[arg-type]
        assert told.join(one.trades, on=["underlying", "trade_id"], how="anti").is_empty()


def test_trades_are_numbered_from_one_except_where_the_start_is_late(
    market: SimulatedCoins, trades: pl.DataFrame
) -> None:
    numbered = trades.group_by("contract_id").agg(
        pl.col("trade_seq").min().alias("first"), steps=pl.col("trade_seq").diff().drop_nulls().unique()
    )
    assert all(steps in ([], [1]) for steps in numbered["steps"].to_list())
    late = {
        name
        for history in market.histories
        for name, is_late in zip(history.contracts.names, history.contracts.is_late.tolist(), strict=True)
        if is_late
    }
    begins = dict(numbered.select("contract_id", "first").rows())
    assert {name for name, first in begins.items() if first > 1} == late & begins.keys()
    assert len(late & begins.keys()) > 30
    in_time = trades.sort("trade_ts", maintain_order=True).group_by("contract_id", maintain_order=True)
    assert in_time.agg((pl.col("trade_seq").diff() > 0).all())["trade_seq"].all()


def test_trade_ids_are_the_currencys_own(trades: pl.DataFrame) -> None:
    ids = trades.group_by("underlying").agg(pl.col("trade_id").n_unique() == pl.len(), first=pl.col("trade_id").first())
    assert ids["trade_id"].all()
    assert trades.filter(pl.col("underlying") == "BTC")["trade_id"].str.contains(r"^4\d{8}$").all()
    assert trades.filter(pl.col("underlying") == "SOL")["trade_id"].str.contains(r"^SOL_USDC-\d+$").all()


def test_some_trades_share_a_millisecond_and_one_stands_on_every_midnight(trades: pl.DataFrame) -> None:
    together = trades.group_by("contract_id", "trade_ts").agg(pl.len(), pl.col("taker_side").n_unique().alias("sides"))
    assert (together["len"] > 1).sum() > 500
    for day in range(25, 31):
        assert (trades["trade_ts"] == datetime(2024, 6, day)).any()


def test_amounts_are_whole_units_and_flow_classes_all_occur(trades: pl.DataFrame) -> None:
    units = trades.select(pl.when("is_inverse").then(pl.col("quantity") * 10).otherwise(pl.col("quantity") / 10))
    assert (units.to_series() - units.to_series().round()).abs().max() < 1e-9  # type: ignore[operator]
    counts = dict(trades["flow_class"].value_counts().rows())
    assert set(counts) == {"screen", "combo", "block", "block_rfq", "liquidation"}
    assert set(trades["liquidated_side"].drop_nulls()) == {"M", "T", "MT"}
    blocks = trades.filter(pl.col("flow_class").is_in(["block", "block_rfq"]) & (pl.col("underlying") == "BTC"))
    assert blocks["quantity"].median() > 25.0  # type: ignore[operator]


def test_combos_are_published_as_legs_and_once_under_their_own_name(
    market: SimulatedCoins, trades: pl.DataFrame
) -> None:
    legs = trades.filter(pl.col("combo_id").is_not_null())
    assert (legs["flow_class"] == "combo").all()
    parents = [json.loads(parent) for history in market.histories for parent in history.tape.parents]
    assert legs.height == 2 * len(parents)
    for parent in parents:
        told = {leg["trade_id"] for leg in parent["legs"]}
        own = legs.filter(pl.col("trade_id").is_in(list(told)))
        assert own.height == 2 and set(own["combo_id"]) == {parent["instrument_name"]}
        signs = [1.0 if leg["direction"] == parent["direction"] else -1.0 for leg in parent["legs"]]
        assert parent["price"] == pytest.approx(sum(s * leg["price"] for s, leg in zip(signs, parent["legs"])))  # noqa: B905


def test_takers_pay_the_mark_or_worse(trades: pl.DataFrame, market: SimulatedCoins) -> None:
    marks = pl.DataFrame(
        [
            {"trade_id": one["trade_id"], "mark": one["mark_price"]}
            for history in market.histories
            for one in map(json.loads, history.tape.records)
        ]
    )
    both = trades.join(marks, on="trade_id")
    sells = pl.col("taker_side") == "sell"
    is_least = pl.col("price") <= pl.when("is_inverse").then(0.0005).otherwise(0.05)
    assert both.filter(sells & ~is_least).select((pl.col("price") <= pl.col("mark")).all()).item()
    assert both.filter(~sells).select((pl.col("price") >= pl.col("mark")).all()).item()


def test_a_chain_shows_the_volume_of_a_day_and_the_last_trade(chains: pl.DataFrame, trades: pl.DataFrame) -> None:
    """Recomputed from the trades, of which some chains of the first day do not know all."""
    at = (
        chains.filter(pl.col("snapshot_ts") > START + timedelta(days=1))["snapshot_ts"].unique().sort().gather_every(31)
    )
    for instant in at.to_list():
        chain = chains.filter(pl.col("snapshot_ts") == instant)
        recent = trades.filter(
            pl.col("trade_ts").is_between(instant - timedelta(days=1), instant, closed="right")
        ).sort("trade_ts", "trade_seq")
        sums = recent.group_by("contract_id").agg(pl.col("quantity").sum(), price=pl.col("price").last())
        both = chain.join(sums, on="contract_id", how="left")
        assert both.select(((pl.col("volume") - pl.col("quantity").fill_null(0.0)).abs() < 1e-6).all()).item()
        assert both.filter(pl.col("price").is_not_null()).select((pl.col("last") == pl.col("price")).all()).item()


def test_open_interest_never_changes_by_more_than_what_was_traded(chains: pl.DataFrame, trades: pl.DataFrame) -> None:
    steps = (
        chains.sort("contract_id", "snapshot_ts")
        .with_columns(
            before_ts=pl.col("snapshot_ts").shift(1).over("contract_id"),
            change=pl.col("open_interest").diff().over("contract_id"),
        )
        .filter(pl.col("change").abs() > 1e-9)
    )
    ordered = trades.sort("trade_ts").with_columns(total=pl.col("quantity").cum_sum().over("contract_id"))
    totals = ordered.select("contract_id", "trade_ts", "total").sort("trade_ts")
    for clock in ("before_ts", "snapshot_ts"):
        steps = steps.sort(clock).join_asof(
            totals.rename({"total": f"total_{clock}"}), left_on=clock, right_on="trade_ts", by="contract_id",
            check_sortedness=False,
        ).drop("trade_ts")  # fmt: skip
    traded = pl.col("total_snapshot_ts") - pl.col("total_before_ts").fill_null(0.0)
    assert steps.height > 4_000
    assert steps.select((pl.col("change").abs() <= traded + 1e-6).all()).item()
    assert (chains["open_interest"] >= 0).all()


def test_bars_of_the_perpetuals_and_the_volatility_index_are_whole(read: dict[str, CoinFile]) -> None:
    bars = all_of(read, "bars")
    once = bars.unique(["symbol", "bar_ts"])
    assert once.height == bars.drop("known_at").unique().height
    counts = dict(once["symbol"].value_counts().rows())
    assert counts == {"BTC-PERPETUAL": 7 * 144, "SOL_USDC-PERPETUAL": 7 * 144, "BTC_DVOL": 7 * 24}
    assert once.select((pl.col("low") <= pl.min_horizontal("open", "close")).all()).item()
    assert once.select((pl.col("high") >= pl.max_horizontal("open", "close")).all()).item()
    assert (once["bar_ts"] <= once["known_at"]).all()
    assert once["bar_ts"].max() == END


def test_bars_join_and_the_perpetual_stays_near_the_index(read: dict[str, CoinFile], chains: pl.DataFrame) -> None:
    bars = all_of(read, "bars").unique(["symbol", "bar_ts"]).sort("bar_ts")
    for symbol, underlying in (("BTC-PERPETUAL", "BTC"), ("SOL_USDC-PERPETUAL", "SOL")):
        own = bars.filter(pl.col("symbol") == symbol)
        assert (own["open"][1:] == own["close"][:-1]).all()
        index = chains.filter(pl.col("underlying") == underlying).group_by(
            bar_ts=pl.col("snapshot_ts").dt.truncate("10m")
        ).agg(pl.col("index_price").first())  # fmt: skip
        both = own.join(index, on="bar_ts")
        assert both.select((pl.col("close") / pl.col("index_price") - 1.0).abs().max()).item() < 0.003


def test_delivery_prices_are_means_of_the_last_half_hour(read: dict[str, CoinFile], chains: pl.DataFrame) -> None:
    told = all_of(read, "deliveries").unique(["underlying", "delivery_ts"])
    assert told.height == 2 * 7
    for underlying, at, price in told.select("underlying", "delivery_ts", "delivery_price").rows():
        near = chains.filter(
            pl.col("underlying") == underlying, pl.col("snapshot_ts").is_between(at - 4 * TEN_MINUTES, at + TEN_MINUTES)
        )["index_price"]
        assert 0.995 * near.min() <= price <= 1.005 * near.max()  # type: ignore[operator]
