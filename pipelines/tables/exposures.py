"""Exposures and levels: what dealers hold under each model, and the prices at which that matters."""

from __future__ import annotations

from dataclasses import replace

from pipelines.tables.chains import SNAPSHOT
from pipelines.tables.declare import Table
from pipelines.tables.vocabulary import names, words

FAMILY = "exposures and levels"
_SIDED = (
    " ".join(
        f"{side}_{measure}"
        for side in ("call", "put", "net")
        for measure in ("gex_usd_per_1pct", "gex_usd_per_1usd", "dex_usd", "vex_usd_per_volpt", "chex_usd_per_day")
    )
    + " "
)
_QUANTITIES = "call_open_interest put_open_interest call_volume put_volume call_dealer_quantity put_dealer_quantity "
_SCOPE_KEY = names("snapshot_ts dealer_model scope")
_SCOPE_GRAIN = "underlying x snapshot x dealer_model x scope"
_KNOWN_AT_PAGE = {"known_at": "When this snapshot's page became known, and the trades that the row rests on."}
_LEVELS = (
    "gamma_flip gamma_flip_status gamma_flip_root_count gamma_flips gamma_flip_low gamma_flip_high "
    "gamma_flip_bracket_low gamma_flip_bracket_high gamma_flip_slope gamma_flip_search_low gamma_flip_search_high "
    "gamma_flip_strike_crossing gamma_flip_cumulative call_wall put_wall call_wall_above_spot put_wall_below_spot "
    "max_positive_gamma max_negative_gamma absolute_gamma_strike zero_dte_magnet max_pain highest_open_interest "
    "hvl distance_to_flip_pct "
)

STRIKE_EXPOSURES = Table(
    name="strike_exposures",
    family=FAMILY,
    grain="underlying x snapshot x dealer_model x root x expiry_ts x strike",
    description="Dealer exposures of every strike; null where contracts have no volatility or no open interest.",
    key=names("snapshot_ts dealer_model root expiry_ts strike"),
    columns=words(
        SNAPSHOT + "dealer_model root expiry_date expiry_ts strike " + _SIDED + _QUANTITIES + "quantity_unit",
        _KNOWN_AT_PAGE,
    ),
    nullable=frozenset(names(_SIDED + _QUANTITIES)),
)  # fmt: skip

EXPOSURE_SUMMARY = Table(
    name="exposure_summary",
    family=FAMILY,
    grain=_SCOPE_GRAIN,
    description="Total dealer exposures by scope; a scope in which nothing can be counted keeps its row, with nulls.",
    key=_SCOPE_KEY,
    columns=words(
        SNAPSHOT + "dealer_model scope scope_status " + _SIDED
        + "dex_market_usd gross_gex_usd_per_1pct gross_chex_usd_per_day zero_dte_share_frac "
        + "call_open_interest put_open_interest contracts_counted contracts_not_counted positions_ts "
        + "history_complete_share_frac",
        _KNOWN_AT_PAGE,
    ),
    nullable=frozenset(
        names(
            _SIDED + "dex_market_usd gross_gex_usd_per_1pct gross_chex_usd_per_day zero_dte_share_frac "
            "call_open_interest put_open_interest positions_ts history_complete_share_frac"
        )
    ),
    is_exported=True,
)  # fmt: skip

KEY_LEVELS = Table(
    name="key_levels",
    family=FAMILY,
    grain=_SCOPE_GRAIN,
    description="Gamma flip with its band, walls and the other price levels; null is a legal answer.",
    key=_SCOPE_KEY,
    columns=words(
        SNAPSHOT + "dealer_model scope scope_status spot " + _LEVELS + "is_default_model is_partial", _KNOWN_AT_PAGE
    ),
    nullable=frozenset(names(_LEVELS + "is_default_model")),
    is_exported=True,
)

KEY_LEVELS_LATEST = replace(
    KEY_LEVELS,
    name="key_levels_latest",
    grain="underlying",
    description="The newest whole snapshot's levels: the venue's default dealer model, scope all.",
    key=names("market underlying"),
    columns=(*words("market session_date part v"), *KEY_LEVELS.columns),
    is_partitioned=False,
)

GAMMA_PROFILE = Table(
    name="gamma_profile",
    family=FAMILY,
    grain=_SCOPE_GRAIN,
    description="Net gamma exposure repriced over a grid of spot prices.",
    key=_SCOPE_KEY,
    columns=words(SNAPSHOT + "dealer_model scope spot_levels net_gex_usd_per_1pct_curve", _KNOWN_AT_PAGE),
    nullable=frozenset(names("spot_levels net_gex_usd_per_1pct_curve")),
)

EXPOSURE_HEATMAP = Table(
    name="exposure_heatmap",
    family=FAMILY,
    grain="underlying x snapshot x dealer_model x scope x strike",
    description="Net gamma by strike with its change from the previous whole snapshot, scopes all and 0dte.",
    key=names("snapshot_ts dealer_model scope strike"),
    columns=words(
        SNAPSHOT + "dealer_model scope strike net_gex_usd_per_1pct net_gex_change_usd_per_1pct open_interest "
        + "open_interest_change previous_snapshot_ts is_jump taker_net_quantity trades",
        _KNOWN_AT_PAGE
        | {
            "open_interest": "Open interest of calls and puts at the strike, where all of it is known.",
            "taker_net_quantity": "Bought less sold by takers since the previous snapshot, where trades are known.",
            "trades": "Trades since the previous snapshot, where they are known.",
        },
    ),
    nullable=frozenset(
        names(
            "net_gex_usd_per_1pct net_gex_change_usd_per_1pct open_interest open_interest_change "
            "previous_snapshot_ts is_jump taker_net_quantity trades"
        )
    ),
)  # fmt: skip

OPEX_ROLLOFF = Table(
    name="opex_rolloff",
    family=FAMILY,
    grain="underlying x snapshot x dealer_model x expiry_date",
    description="Gamma that disappears at each expiry date.",
    key=names("snapshot_ts dealer_model expiry_date"),
    columns=words(
        SNAPSHOT + "dealer_model expiry_date days_to_expiry gross_gex_usd_per_1pct net_gex_usd_per_1pct "
        + "gross_share_frac is_opex",
        _KNOWN_AT_PAGE,
    ),
    nullable=frozenset(names("gross_gex_usd_per_1pct net_gex_usd_per_1pct gross_share_frac")),
    is_exported=True,
)  # fmt: skip

FAMILY_TABLES = (
    STRIKE_EXPOSURES, EXPOSURE_SUMMARY, KEY_LEVELS, KEY_LEVELS_LATEST,
    GAMMA_PROFILE, EXPOSURE_HEATMAP, OPEX_ROLLOFF,
)  # fmt: skip
