from datetime import date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.sources.coin_file import CONTRACT_SCHEMA
from pipelines.sources.coin_names import NO_OPTION, indices_of, name_parts, underlying_of_index


def parts(*names: str | None) -> list[dict]:
    return name_parts(pl.Series(names, dtype=pl.String)).to_dicts()


def test_a_name_says_everything_of_its_contract():
    assert parts("BTC-8FEB26-70000-C", "XRP_USDC-30JUN23-0d625-P") == [
        {"contract_id": "BTC-8FEB26-70000-C", "underlying": "BTC", "root": "BTC", "expiry_date": date(2026, 2, 8),
         "expiry_ts": datetime(2026, 2, 8, 8), "strike": 70000.0, "option_type": "call", "is_inverse": True},
        {"contract_id": "XRP_USDC-30JUN23-0d625-P", "underlying": "XRP", "root": "XRP_USDC",
         "expiry_date": date(2023, 6, 30), "expiry_ts": datetime(2023, 6, 30, 8), "strike": 0.625, "option_type": "put",
         "is_inverse": False},
    ]  # fmt: skip
    assert name_parts(pl.Series(["BTC-8FEB26-70000-C"])).schema == CONTRACT_SCHEMA


@pytest.mark.parametrize(
    ("name", "underlying"),
    [("BTC-8FEB26-1-C", "BTC"), ("BTC_USDC-8FEB26-1-C", "BTC_USDC"), ("ETH_USDC-8FEB26-1-C", "ETH_USDC"),
     ("SOL_USDC-8FEB26-1-C", "SOL"), ("SOL-8FEB26-1-C", "SOL"), ("SOL_USDT-8FEB26-1-C", "SOL_USDT"),
     ("BTC_USDT-8FEB26-1-C", "BTC_USDT")],
)  # fmt: skip
def test_a_linear_option_stands_under_its_coin_unless_an_inverse_one_owns_the_name(name, underlying):
    assert parts(name)[0]["underlying"] == underlying


@pytest.mark.parametrize(
    ("spelt", "contract_id"),
    [("AVAX_USDC-29MAY26-8D6-P", "AVAX_USDC-29MAY26-8d6-P"), ("AVAX_USDC-29MAY26-8.60-P", "AVAX_USDC-29MAY26-8d6-P"),
     ("BTC-08FEB26-070000-C", "BTC-8FEB26-70000-C"), ("BTC-8FEB26-70000d00-C", "BTC-8FEB26-70000-C"),
     ("XRP_USDC-8FEB26-00d50-C", "XRP_USDC-8FEB26-0d5-C"), (" BTC-8FEB26-100-C ", "BTC-8FEB26-100-C"),
     ("XRP_USDC-8FEB26-10d05-C", "XRP_USDC-8FEB26-10d05-C")],
)  # fmt: skip
def test_a_contract_has_one_name_however_vendors_spell_it(spelt, contract_id):
    assert parts(spelt)[0]["contract_id"] == contract_id


@pytest.mark.parametrize(
    "name",
    [None, "", "BTC", "BTC-PERPETUAL", "BTC-8FEB26", "BTC-CS-19MAY26-70000_75000", "BTC-31FEB26-1-C", "BTC-0FEB26-1-C",
     "BTC-8FEV26-1-C", "BTC-8FEB26-0-C", "BTC-8FEB26-0d0-C", "BTC-8FEB26--5-C", "BTC-8FEB26-1-X", "BTC-8FEB2026-1-C",
     "btc-8feb26-1-c", "BTC_EUR-8FEB26-1-C", "BTC-8FEB26-1d-C", "BTC-8FEB26-\u0661-C"],
)  # fmt: skip
def test_what_is_no_option_or_no_date_has_no_parts(name):
    assert set(parts(name)[0].values()) == {None}


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(["BTC", "ETH", "BTC_USDC", "SOL_USDC", "PAXG_USDC"]),
    st.dates(date(2016, 1, 1), date(2039, 12, 31)),
    st.decimals("0.0001", "999999", places=4),
    st.sampled_from("CP"),
)
def test_a_name_made_of_parts_gives_them_back(root, day, strike, letter):
    number = f"{strike.normalize():f}".replace(".", "d")
    name = f"{root}-{day.day}{day:%b%y}".upper() + f"-{number}-{letter}"
    found = parts(name)[0]
    assert found["contract_id"] == name
    assert (found["root"], found["expiry_date"], found["strike"]) == (root, day, float(strike))
    assert found["expiry_ts"] - datetime(day.year, day.month, day.day) == timedelta(hours=8)


def test_what_else_is_listed_is_told_from_misspelt_options():
    others = ["BTC-PERPETUAL", "SOL_USDC-PERPETUAL", "BTC-25DEC26", "BTC_USDC", "ETH_BTC", "BTC-FS-25DEC26_PERP",
              "BTC-CS-19MAY26-70000_75000", "BTC-STRD-29MAY26-77000", "BTC-COMBO-1"]  # fmt: skip
    misspelt = ["BTC-31FEB26-1-C", "BTC-8FEB26-1-X", "BTC-8FEB26-x-C", "BTC", "", "BTC-"]
    told = pl.Series([*others, *misspelt]).str.contains(NO_OPTION).to_list()
    assert told == [True] * len(others) + [False] * len(misspelt)


def test_an_index_and_the_options_that_settle_on_it_name_each_other():
    roots = pl.Series(["BTC", "ETH", "BTC_USDC", "SOL_USDC", "XRP_USDC", "BTC_USDT"])
    indices = indices_of(roots).to_list()
    assert indices == ["btc_usd", "eth_usd", "btc_usdc", "sol_usdc", "xrp_usdc", "btc_usdt"]
    names = [f"{root}-8FEB26-1-C" for root in roots]
    assert [underlying_of_index(index) for index in indices] == [row["underlying"] for row in parts(*names)]
