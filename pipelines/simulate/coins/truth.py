"""What dealers really hold of each coin option, what was planted against the flow model, and how far each model is off.

The vendors' files show none of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

from models.conventions import Floats
from pipelines.simulate.coins.clock import BUCKET, DAY, instant_of, milliseconds
from pipelines.simulate.coins.declare import CoinScenario
from pipelines.simulate.coins.history import CoinHistory
from pipelines.simulate.coins.ledger import EFFECTS, effect_of
from pipelines.simulate.coins.tape import coins_of

FOLDER, FILE_NAME = "truth", "coin_dealer_inventory.parquet"
INVENTORY_KEY = ("underlying", "contract_id", "bucket_ts")
PLANTED = tuple(f"planted_{effect}_coins" for effect in EFFECTS)
EXACT_COINS = 1e-9
_STATE = ("dealer_quantity_coins", "open_interest_coins", *PLANTED)
_OPEN_INTEREST_MODELS = ("calls_long_puts_short", "short_all")


def inventory(scenario: CoinScenario, histories: Sequence[CoinHistory]) -> pl.DataFrame:
    """A row per contract and 10-minute bucket in which it traded, and at every midnight of what is held then.

    `dealer_quantity_coins` and `open_interest_coins` at the bucket's end, which is `bucket_ts`; no row at or after
    expiry. Minus the cumulated net taker quantity, plus the planted columns, is the dealers' quantity exactly.
    """
    return pl.concat(_of_coin(scenario, history) for history in histories).sort(INVENTORY_KEY)


def write_inventory(folder: Path, positions: pl.DataFrame) -> Path:
    """Beside the vendor files, in a folder of its own; returns the path."""
    path = folder / FOLDER / FILE_NAME
    path.parent.mkdir(parents=True, exist_ok=True)
    positions.write_parquet(path)
    return path


def compare(positions: pl.DataFrame, dealer_inventory: pl.DataFrame) -> pl.DataFrame:
    """Each model against the truth, per contract and bucket in which either changed.

    `positions` as `inventory` gives them. `dealer_inventory`: contract_id, dealer_model, bucket_ts and
    inventory_quantity in coins, a row where it changed. `error_MODEL_coins` is true less modelled; of `taker_flow`,
    `unexplained_coins` is what remains of it after everything planted: 0 where the model does what it says.
    """
    flow = dealer_inventory.select("contract_id", "dealer_model", "bucket_ts", "inventory_quantity")
    models = ["taker_flow", *(name for name in ("taker_flow_screen",) if name in flow["dealer_model"])]
    changed = [flow.filter(pl.col("dealer_model") == name).drop("dealer_model") for name in models]
    keys = pl.concat(
        [positions.select("contract_id", "bucket_ts"), *(one.drop("inventory_quantity") for one in changed)]
    )
    rows = keys.unique().sort("bucket_ts", "contract_id")
    rows = _as_of(rows, positions.drop("underlying")).with_columns(pl.col(*_STATE).fill_null(0.0))
    for name, one in zip(models, changed, strict=True):
        known = one.rename({"inventory_quantity": f"{name}_coins"})
        rows = _as_of(rows, known).with_columns(pl.col(f"{name}_coins").fill_null(0.0))
    is_call = pl.col("contract_id").str.ends_with("-C")
    interest = pl.col("open_interest_coins")
    rows = rows.with_columns(
        calls_long_puts_short_coins=pl.when(is_call).then(interest).otherwise(-interest),
        short_all_coins=-interest,
    )
    error = {
        f"error_{name}_coins": pl.col("dealer_quantity_coins") - pl.col(f"{name}_coins")
        for name in (*models, *_OPEN_INTEREST_MODELS)
    }
    unexplained = pl.col("error_taker_flow_coins") - pl.sum_horizontal(PLANTED)
    owners = positions.select("contract_id", "underlying").unique()
    compared = rows.with_columns(**error).with_columns(unexplained_coins=unexplained)
    return compared.join(owners, on="contract_id", how="left").sort(INVENTORY_KEY)


def summarise(compared: pl.DataFrame) -> pl.DataFrame:
    """Per underlying and model, over the rows of `compare`: how many are exact, on the right side, and how far off.

    `as_planted` counts rows whose error is what was planted, which only `taker_flow` is expected to explain.
    """
    models = [name.removeprefix("error_").removesuffix("_coins") for name in compared.columns if name[:6] == "error_"]
    truth = pl.col("dealer_quantity_coins")
    found = []
    for model in models:
        error, guess = pl.col(f"error_{model}_coins"), pl.col(f"{model}_coins")
        found.append(
            compared.group_by("underlying", maintain_order=True).agg(
                dealer_model=pl.lit(model),
                rows=pl.len(),
                exact=(error.abs() <= EXACT_COINS).sum(),
                as_planted=((error - pl.sum_horizontal(PLANTED)).abs() <= EXACT_COINS).sum(),
                right_side_share_frac=(guess.sign() == truth.sign()).filter(truth != 0.0).mean(),
                mean_absolute_error_coins=error.abs().mean(),
                mean_absolute_truth_coins=truth.abs().mean(),
            )
        )
    return pl.concat(found).sort("underlying", maintain_order=True)


def planted(compared: pl.DataFrame) -> pl.DataFrame:
    """Per underlying and kind of violation: how many rows of `compare` it touches and by how much on average."""
    long = compared.unpivot(on=list(PLANTED), index="underlying", variable_name="violation", value_name="coins")
    touched = long.filter(pl.col("coins") != 0.0).group_by("underlying", "violation", maintain_order=True)
    told = touched.agg(rows=pl.len(), mean_absolute_coins=pl.col("coins").abs().mean())
    word = pl.col("violation").str.strip_prefix("planted_").str.strip_suffix("_coins")
    return told.with_columns(violation=word).sort("underlying", maintain_order=True)


def _as_of(rows: pl.DataFrame, states: pl.DataFrame) -> pl.DataFrame:
    return rows.join_asof(states.sort("bucket_ts"), on="bucket_ts", by="contract_id", check_sortedness=False)


def _of_coin(scenario: CoinScenario, history: CoinHistory) -> pl.DataFrame:
    ledger, contracts = history.ledger, history.contracts
    planted = np.zeros((len(contracts.names), len(EFFECTS)), dtype=np.int64)
    planted[:, EFFECTS.index("late_start")] = ledger.opening_dealers
    held = np.array([ledger.opening_dealers, ledger.opening_interest], dtype=np.int64).T
    states: dict[tuple[int, int], tuple[int, ...]] = {}
    start, end = milliseconds(scenario.start), milliseconds(scenario.end)
    midnights = iter([*range(start, end + 1, DAY), end + DAY])
    midnight = next(midnights)
    for fill in (*history.fills, None):
        while midnight <= (end if fill is None else fill.at):
            rows = np.concatenate([held, planted], axis=1)
            states |= {
                (midnight, place): tuple(rows[place].tolist()) for place in np.flatnonzero(rows.any(axis=1)).tolist()
            }
            midnight = next(midnights)
        if fill is not None:
            effect = effect_of(fill.kind)
            if effect is not None:
                planted[fill.place, EFFECTS.index(effect)] += fill.planted
            held[fill.place] = fill.dealers, fill.open_interest
            bucket = fill.at - fill.at % BUCKET + BUCKET
            states[bucket, fill.place] = (*held[fill.place].tolist(), *planted[fill.place].tolist())
    expiry = contracts.expiry_ms.tolist()
    return _frame(history, {key: state for key, state in states.items() if key[0] < expiry[key[1]]})


def _frame(history: CoinHistory, states: dict[tuple[int, int], tuple[int, ...]]) -> pl.DataFrame:
    units: Floats = np.array(list(states.values()), dtype=np.float64).reshape(-1, len(_STATE))
    coins = coins_of(history.coin, units) + 0.0  # no negative zero
    return pl.DataFrame(
        {
            "underlying": [history.coin.underlying] * len(states),
            "contract_id": [history.contracts.names[place] for _, place in states],
            "bucket_ts": pl.Series([instant_of(bucket) for bucket, _ in states], dtype=pl.Datetime("us")),
            **{name: coins[:, number] for number, name in enumerate(_STATE)},
        }
    )
