"""Chains and surface: what the pages say, and what is solved from them per contract and expiry."""

from __future__ import annotations

from pipelines.tables.declare import Table
from pipelines.tables.vocabulary import names, words

FAMILY = "chains and surface"
SNAPSHOT = "underlying snapshot_ts source known_at "
_CONTRACT = "root expiry_date expiry_ts settlement exercise multiplier is_standard strike option_type "
_COIN_VENUE = (
    "mark bid_coins ask_coins last_coins mark_coins vendor_forward index_price is_inverse contract_size_coins "
)
_KNOWN_AT_PAGE = {"known_at": "When this snapshot's page became known."}
_EVIDENCE = (
    "open_interest_evidence open_interest_evidence_share_frac open_interest_evidence_contracts "
    "open_interest_evidence_known_at "
)
_PAGE_STATED = "underlying_last underlying_bid underlying_ask underlying_volume "
_PAGE_BAR = (
    "underlying_bar_open underlying_bar_high underlying_bar_low underlying_bar_close underlying_bar_volume "
    "underlying_bar_known_at "
)
_PAGE_ROWS = "rows_in rows_landed rows_quarantined rows_duplicate expiries_listed zeroed_quote_share_frac "
_DATING = "open_interest_date open_interest_date_basis " + _EVIDENCE + "vendor_clock_offset_days "
_PAGE_NULLABLE = (
    "header_ts underlying_last underlying_bid underlying_ask underlying_volume zeroed_quote_share_frac "
    "open_interest_date open_interest_date_basis open_interest_evidence_share_frac "
    "open_interest_evidence_contracts open_interest_evidence_known_at vendor_clock_offset_days "
)
_CARRY = "smooth_carry_frac smooth_carry_source "
_DISCOUNT = "discount_source discount_curve_date discount_age_sessions is_discount_stale "
_MARK_NULLABLE = (
    "underlying_last parity_spot smooth_carry_frac discount_curve_date discount_age_sessions is_discount_stale "
    "partial_reason "
)
_IV_COUNTS = (
    "contracts_solved_mid contracts_solved_american contracts_solved_pair contracts_vendor contracts_interpolated "
    "contracts_none "
)

CHAINS = Table(
    name="chains",
    family=FAMILY,
    grain="contract x snapshot x source",
    description="Canonical rows of every vendor's chain pages, expired contracts included.",
    key=names("snapshot_ts source contract_id"),
    columns=words(
        SNAPSHOT + "contract_id " + _CONTRACT
        + "bid ask last volume open_interest vendor_iv_frac vendor_delta vendor_gamma " + _COIN_VENUE,
        _KNOWN_AT_PAGE,
    ),
    nullable=frozenset(
        names("bid ask last volume open_interest vendor_iv_frac vendor_delta vendor_gamma " + _COIN_VENUE)
    ),
    is_published=False,
)  # fmt: skip

PAGES = Table(
    name="pages",
    family=FAMILY,
    grain="snapshot x source",
    description="What every page says of itself, how it was placed in time, and its rows by fate.",
    key=names("snapshot_ts source"),
    columns=words(
        SNAPSHOT + "known_at_basis raw_sha256 header_ts session_basis fate "
        + _PAGE_STATED + _PAGE_BAR + _PAGE_ROWS + _DATING,
        _KNOWN_AT_PAGE | {"fate": "published, or outranked by a source that takes precedence."},
    ),
    nullable=frozenset(names(_PAGE_NULLABLE + _PAGE_BAR)),
    is_published=False,
)  # fmt: skip

SNAPSHOT_MARKS = Table(
    name="snapshot_marks",
    family=FAMILY,
    grain="underlying x snapshot",
    description="Spot, carry and discounting of a snapshot, and whether its page is whole.",
    key=names("snapshot_ts"),
    columns=words(
        SNAPSHOT + "spot spot_source underlying_last parity_spot " + _CARRY + _DISCOUNT
        + "expiries_live rows_in is_partial partial_reason",
        _KNOWN_AT_PAGE,
    ),
    nullable=frozenset(names(_MARK_NULLABLE)),
    is_published=False,
)  # fmt: skip

EXPIRY_FORWARDS = Table(
    name="expiry_forwards",
    family=FAMILY,
    grain="root x expiry x snapshot",
    description="Forward, discount and carry of every live expiry.",
    key=names("snapshot_ts root expiry_ts"),
    columns=words(
        SNAPSHOT
        + "root expiry_date expiry_ts t_years discount_factor zero_rate_frac forward forward_source carry_frac "
        + "parity_pairs",
        _KNOWN_AT_PAGE,
    ),
    nullable=frozenset(["carry_frac"]),
    is_published=False,
)

OPTION_SNAPSHOTS = Table(
    name="option_snapshots",
    family=FAMILY,
    grain="contract x snapshot",
    description="Every live contract: quotes, open interest, implied volatility with its source, and greeks.",
    key=names("snapshot_ts contract_id"),
    columns=words(
        SNAPSHOT + "contract_id " + _CONTRACT
        + "bid ask mid last volume open_interest open_interest_date underlying_last spot spot_source forward "
        + "discount_factor t_years days_to_expiry iv_frac iv_source vendor_iv_frac delta gamma vega_usd_per_volpt "
        + "theta_usd_per_day vanna_per_volpt charm_per_day is_quote_usable is_crossed mark is_inverse is_partial",
        _KNOWN_AT_PAGE,
    ),
    nullable=frozenset(
        names(
            "bid ask mid last volume open_interest open_interest_date underlying_last forward iv_frac vendor_iv_frac "
            "delta gamma vega_usd_per_volpt theta_usd_per_day vanna_per_volpt charm_per_day mark is_inverse"
        )
    ),
)  # fmt: skip

EXPIRY_SURFACE = Table(
    name="expiry_surface",
    family=FAMILY,
    grain="root x expiry x snapshot",
    description="Every live expiry: forward and its source, at-the-money volatility, contracts by volatility source.",
    key=names("snapshot_ts root expiry_ts"),
    columns=words(
        SNAPSHOT
        + "root expiry_date expiry_ts forward forward_source carry_frac discount_factor t_years days_to_expiry "
        + "atm_iv_frac parity_pairs contracts_live " + _IV_COUNTS + "is_partial",
        _KNOWN_AT_PAGE,
    ),
    nullable=frozenset(names("forward carry_frac atm_iv_frac contracts_solved_american")),
)  # fmt: skip

SNAPSHOT_QUALITY = Table(
    name="snapshot_quality",
    family=FAMILY,
    grain="underlying x snapshot",
    description="How good a snapshot is: rows by fate, how it was dated, what its spot and discounting rest on.",
    key=names("snapshot_ts"),
    columns=words(
        SNAPSHOT + "known_at_basis raw_sha256 header_ts session_basis " + _PAGE_STATED + _PAGE_ROWS + _DATING
        + "spot spot_source parity_spot " + _CARRY + _DISCOUNT
        + "expiries_live rows_expired rows_live " + _IV_COUNTS + "contracts_not_standard is_partial partial_reason",
        _KNOWN_AT_PAGE,
    ),
    nullable=frozenset(names(_PAGE_NULLABLE + _MARK_NULLABLE + "contracts_solved_american")),
    is_exported=True,
)  # fmt: skip

CONTRACTS = Table(
    name="contracts",
    family=FAMILY,
    grain="contract",
    description="Every contract that any page has listed, as the newest page describes it.",
    key=names("market contract_id"),
    columns=words(
        "market contract_id vendor_symbol underlying "
        + _CONTRACT
        + "is_inverse contract_size_coins first_seen_ts last_seen_ts"
    ),
    nullable=frozenset(["contract_size_coins"]),
    is_partitioned=False,
    is_exported=True,
)

FAMILY_TABLES = (
    CHAINS, PAGES, SNAPSHOT_MARKS, EXPIRY_FORWARDS,
    CONTRACTS, OPTION_SNAPSHOTS, EXPIRY_SURFACE, SNAPSHOT_QUALITY,
)  # fmt: skip
