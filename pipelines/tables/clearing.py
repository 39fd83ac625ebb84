"""Off-exchange trading and clearing: what FINRA, OCC, the SEC and exchanges report of a whole market."""

from __future__ import annotations

from pipelines.tables.declare import Table
from pipelines.tables.vocabulary import names, words

FAMILY = "off-exchange and clearing"
_SYMBOL = {"underlying": "Symbol without separators, the same for every vendor: BRKB for BRK/B and BRK.B."}
_SPELLED = {**_SYMBOL, "vendor_symbol": "Symbol as the vendor spells it."}
ORIGINS = ("customer", "professional", "firm", "broker_dealer")
ORIGIN_COLUMNS = tuple(
    f"{origin}_{effect}_{side}_contracts"
    for origin in ORIGINS
    for effect in ("open", "close")
    for side in ("buy", "sell")
)

SHORT_VOLUME_DAILY = Table(
    name="short_volume_daily",
    family=FAMILY,
    grain="session x facility x symbol",
    description="Short volume of shares by reporting facility; CNMS is all of FINRA's facilities together.",
    key=names("facility vendor_symbol"),
    columns=words(
        "underlying facility vendor_symbol source known_at short_volume_shares short_exempt_volume_shares "
        "total_volume_shares market_codes",
        _SPELLED,
    ),
    nullable=frozenset(names("short_exempt_volume_shares")),
    lag="Known at 18:00 New York of the session.",
    coverage="CNMS: trades reported to FINRA's facilities, off exchange. FNSQ, FNQC, FNYX, FNRA, FORF: its parts, "
    "never to be added to it. NQBX, NPSX: the exchanges BX and PSX.",
    limits="Volume sold short is no short interest, and short sales of market makers who fill customers are in it. "
    "Exempt sales are part of short volume already.",
)

ATS_WEEKLY = Table(
    name="ats_weekly",
    family=FAMILY,
    grain="week x tier x summary type x symbol x trading system or firm",
    description="Off-exchange volume by week: alternative trading systems (ATS) and others (OTC), as FINRA has it.",
    key=names("vendor_symbol mpid firm_crd product_type issue_name"),
    columns=words(
        "underlying week_start_date tier summary_type vendor_symbol issue_name mpid firm_crd market_participant_name "
        "product_type source known_at trades volume_shares notional_usd initial_published_date last_update_date "
        "sessions_in_week",
        {
            **_SPELLED,
            "trades": "Trades of the week.",
            "vendor_symbol": "Symbol as FINRA spells it; _all in totals of a firm.",
        },
    ),
    nullable=frozenset(
        names("underlying market_participant_name notional_usd initial_published_date last_update_date")
    ),
    lag="Published 21 days after the week's Monday for tier T1, 35 days after it for T2 and OTCE.",
    coverage="Trades off exchange: of each alternative trading system, and of firms that internalise.",
    limits="Totals and their parts stand side by side: choose one summary_type, never add them. No side, no price. A "
    "row that FINRA changed before anybody fetched it is unknown until the day of the change.",
)

SHORT_INTEREST = Table(
    name="short_interest",
    family=FAMILY,
    grain="settlement date x symbol x listing market",
    description="Short positions in shares at the two settlement dates of a month (session_date).",
    key=names("vendor_symbol market_class"),
    columns=words(
        "underlying vendor_symbol issue_name market_class source known_at short_position_shares "
        "previous_short_position_shares average_daily_volume_shares days_to_cover is_revised is_split_adjusted",
        _SPELLED,
    ),
    nullable=frozenset(names("previous_short_position_shares average_daily_volume_shares days_to_cover")),
    lag="Published seven sessions after the settlement date, at 18:00 New York.",
    coverage="Shares listed on exchanges and traded over the counter, positions of all FINRA members' customers.",
    limits="Two dates a month; positions by trade date are a few days older than the settlement date says.",
)

CLEARED_VOLUME = Table(
    name="cleared_volume",
    family=FAMILY,
    grain="session x option root x account type x option type x exchange",
    description="Options volume by whose account was cleared, both sides of every contract.",
    key=names("underlying root account_code option_type exchange"),
    columns=words(
        "underlying root account_type account_code option_type exchange source known_at cleared_sides "
        "cleared_contracts",
        _SYMBOL,
    ),
    nullable=frozenset(),
    lag="Published in the night; known at 06:30 New York of the next session, or when it was fetched.",
    coverage="All US option exchanges.",
    limits="No strike, no expiry, neither bought nor sold, neither opening nor closing. OCC keeps 24 months.",
)

OPEN_INTEREST_DAILY = Table(
    name="open_interest_daily",
    family=FAMILY,
    grain="session x contract",
    description="Open interest by series as OCC has it at the session's close (session_date).",
    key=names("contract_id"),
    columns=words(
        "underlying root contract_id expiry_date strike option_type is_standard source known_at open_interest "
        "position_limit_contracts",
        {**_SYMBOL, "open_interest": "Open interest at the close of session_date."},
    ),
    nullable=frozenset(names("position_limit_contracts")),
    lag="Out by about 20:00 New York; known at 06:30 of the next session, or when it was fetched.",
    coverage="All series of an underlying, adjusted and FLEX ones too (is_standard).",
    limits="OCC's answer has no date in it: it is dated by OCC's own last activity date, or by its owner. No history.",
)

CLEARING_TOTALS = Table(
    name="clearing_totals",
    family=FAMILY,
    grain="session x measure x product group x exchange x option type",
    description="Market-wide open interest and volume of options and futures as OCC totals them.",
    key=names("measure product_group exchange option_type"),
    columns=words(
        "measure product_group exchange option_type source known_at contracts",
        {"option_type": "call, put, or _all."},
    ),
    nullable=frozenset(),
    lag="Known at 06:30 New York of the next session, or when it was fetched.",
    coverage="Everything that OCC clears.",
    limits="Totals stand beside their parts (_all): never add them.",
)

FAILS_TO_DELIVER = Table(
    name="fails_to_deliver",
    family=FAMILY,
    grain="settlement date x security",
    description="Shares that were sold and not delivered, by half months (session_date is the half's last day).",
    key=names("settlement_date cusip vendor_symbol"),
    columns=words(
        "settlement_date cusip underlying vendor_symbol security_description source known_at fails_shares "
        "previous_close_usd",
        {**_SPELLED, "vendor_symbol": "Symbol as the file spells it; _none where it has none."},
    ),
    nullable=frozenset(names("underlying security_description previous_close_usd")),
    lag="The first half of a month is posted at its end, the second in the middle of the next; known a session later.",
    coverage="Shares in the continuous net settlement of NSCC.",
    limits="A balance, no flow: yesterday's fails are in today's. Not every fail is a short sale.",
)

INDEX_MEMBERS = Table(
    name="index_members",
    family=FAMILY,
    grain="index x day from which on the list holds x symbol",
    description="Members of an index, as lists of their owner say (session_date is the day from which a list holds).",
    key=names("vendor_symbol"),
    columns=words("index_name underlying vendor_symbol source known_at", _SPELLED),
    nullable=frozenset(),
    is_exported=True,
    lag="Known at the opening of the day from which a list holds.",
    coverage="What its owner lists.",
    limits="A list holds until the next one of the same index.",
)

OPEN_CLOSE_VOLUME = Table(
    name="open_close_volume",
    family=FAMILY,
    grain="session x exchange x contract",
    description="Volume of one exchange by who traded, whether it opened or closed a position, bought and sold.",
    key=names("exchange contract_id"),
    columns=words(
        "underlying exchange contract_id root expiry_date expiry_ts strike option_type is_standard source known_at "
        "market_maker_buy_contracts market_maker_sell_contracts " + " ".join(ORIGIN_COLUMNS)
        + " exchange_volume_contracts industry_volume_contracts open_interest",
        {**_SYMBOL, "open_interest": "Open interest as the file states it, of the session's start."},
    ),
    nullable=frozenset((*ORIGIN_COLUMNS, *names("exchange_volume_contracts industry_volume_contracts open_interest"))),
    lag="Delivered in the morning after; known at 06:30 New York of the next session, or when it was fetched.",
    coverage="One exchange; for options listed on one exchange only, everything.",
    limits="Market makers' trades do not say whether they open or close.",
)  # fmt: skip

DARK_POOL_INDEX = Table(
    name="dark_pool_index",
    family=FAMILY,
    grain="session x security or index",
    description="Share of off-exchange volume that was sold short (DPI); for an index dollar-weighted (DIX).",
    key=names("market session_date kind vendor_symbol"),
    columns=words(
        "market session_date kind underlying vendor_symbol known_at dark_pool_index_frac short_volume_shares "
        "total_volume_shares off_exchange_usd members_listed members_counted members_date",
        {
            "underlying": "Symbol without separators; the name of an index.",
            "vendor_symbol": "Symbol as FINRA spells it; the name of an index.",
            "known_at": "When the last figure behind the row was known.",
            "short_volume_shares": "Shares sold short; null for an index.",
            "total_volume_shares": "Shares traded off exchange; null for an index.",
        },
    ),
    nullable=frozenset(
        names(
            "dark_pool_index_frac short_volume_shares total_volume_shares off_exchange_usd members_listed "
            "members_counted members_date"
        )
    ),
    is_partitioned=False,
    lag="Known at 18:00 New York of the session, with the volume and the closes.",
    coverage="Every symbol of the consolidated file; indices whose members their owner lists.",
    limits="Some read a high share as buying, for market makers sell short to those who buy. It is no short interest.",
)

OPEN_INTEREST_RECONCILIATION = Table(
    name="open_interest_reconciliation",
    family=FAMILY,
    grain="session x underlying",
    description="Open interest as OCC states it against the chain that shows the same session's: counted, explained.",
    key=names("market session_date underlying"),
    columns=words(
        "market session_date underlying snapshot_ts snapshot_source known_at contracts_compared contracts_equal "
        "contracts_only_occ contracts_only_occ_not_standard contracts_only_occ_expired contracts_only_occ_unexplained "
        "contracts_only_chain contracts_only_chain_empty open_interest_occ open_interest_chain "
        "open_interest_difference",
        {
            "session_date": "Session at whose close the open interest stood.",
            "snapshot_ts": "The first whole snapshot that shows this open interest.",
            "known_at": "When the later of the two was known.",
        },
    ),
    nullable=frozenset(names("open_interest_occ open_interest_chain open_interest_difference")),
    is_partitioned=False,
    is_exported=True,
    lag="Known with the later of the two.",
    coverage="Sessions and underlyings of which both a dated chain and OCC's series are there.",
    limits="Live contracts of the chain only.",
)

INDEX_HISTORY = Table(
    name="index_history",
    family=FAMILY,
    grain="index x session",
    description="Daily values of Cboe's indices (VIX, SKEW, COR1M ...) from the exchange's own histories.",
    key=names("index_name bar_ts"),
    columns=words("index_name bar_ts known_at open high low close"),
    nullable=frozenset(names("open high low")),
    is_partitioned=False,
    lag="Known at 18:00 New York of the session.",
    coverage="Indices whose history was loaded or is followed.",
    limits="Cboe does not say when it changed a value: a restatement counts from the file that shows it.",
)

FAMILY_TABLES = (
    SHORT_VOLUME_DAILY, ATS_WEEKLY, SHORT_INTEREST, CLEARED_VOLUME, OPEN_INTEREST_DAILY, CLEARING_TOTALS,
    FAILS_TO_DELIVER, INDEX_MEMBERS, OPEN_CLOSE_VOLUME, DARK_POOL_INDEX, OPEN_INTEREST_RECONCILIATION, INDEX_HISTORY,
)  # fmt: skip
