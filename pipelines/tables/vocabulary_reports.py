"""Columns of reports: what regulators, the clearing house and exchanges count, and what rests on that alone."""

from __future__ import annotations

import polars as pl

from pipelines.tables.declare import COUNT, DAY, FLAG, INSTANT, NUMBER, TEXT

_Row = tuple[str, pl.DataType, str, str]
_UTC, _USD, _FRAC, _SHARES = "UTC", "USD", "fraction", "shares"
_ORIGINS = {
    "customer": "customers", "professional": "professional customers", "firm": "firms",
    "broker_dealer": "broker-dealers",
}  # fmt: skip

REPORTED: list[_Row] = [
    ("facility", TEXT, "name", "Where trades were reported, such as CNMS for all of FINRA's facilities."),
    ("short_volume_shares", NUMBER, _SHARES, "Shares sold short, exempt ones included."),
    ("short_exempt_volume_shares", NUMBER, _SHARES, "Of these, shares sold short exempt; null where not stated."),
    ("total_volume_shares", NUMBER, _SHARES, "Shares traded and reported to the facility."),
    ("market_codes", TEXT, "name", "Reporting markets as the file lists them, such as B,Q,N."),
    ("week_start_date", DAY, "date", "Monday of the week."),
    ("tier", TEXT, "name", "T1 (large caps), T2 (other listed shares) or OTCE."),
    ("summary_type", TEXT, "name", "What a row sums up, in FINRA's words: ATS_W_SMBL, OTC_W_SMBL_FIRM ..."),
    ("issue_name", TEXT, "name", "Name of the security; _none where not stated."),
    ("mpid", TEXT, "name", "Identifier of the alternative trading system; _all in totals."),
    ("firm_crd", TEXT, "name", "CRD number of the firm; _all in totals."),
    ("market_participant_name", TEXT, "name", "Name of the trading system or firm."),
    ("product_type", TEXT, "name", "Product code as FINRA states it; _none where it does not."),
    ("volume_shares", NUMBER, _SHARES, "Shares traded."),
    ("notional_usd", NUMBER, _USD, "Value of the shares traded."),
    ("initial_published_date", DAY, "date", "Day on which FINRA first published the row."),
    ("last_update_date", DAY, "date", "Day on which FINRA last changed the row."),
    ("sessions_in_week", COUNT, "sessions", "Exchange sessions of the week."),
    ("market_class", TEXT, "name", "Listing market as FINRA codes it; _none where not stated."),
    ("short_position_shares", NUMBER, _SHARES, "Short position at settlement."),
    ("previous_short_position_shares", NUMBER, _SHARES, "Short position at the settlement before, as restated here."),
    ("average_daily_volume_shares", NUMBER, "shares per session", "Average daily volume as FINRA states it."),
    ("days_to_cover", NUMBER, "sessions", "Short position over average daily volume, as FINRA states it."),
    ("is_revised", FLAG, "flag", "True if FINRA marks the position as revised."),
    ("is_split_adjusted", FLAG, "flag", "True if FINRA marks a stock split in the period."),
    ("account_type", TEXT, "name", "Whose account was cleared: customer, firm, market_maker or other."),
    ("account_code", TEXT, "name", "The same as OCC codes it: C, F, M ..."),
    ("exchange", TEXT, "name", "Exchange; _all where a figure is of all of them."),
    ("cleared_sides", NUMBER, "contract sides", "Sides cleared: every contract has two."),
    ("cleared_contracts", NUMBER, "contracts", "Half of the sides cleared."),
    ("position_limit_contracts", NUMBER, "contracts", "Position limit as OCC states it."),
    ("measure", TEXT, "name", "open_interest or volume."),
    ("product_group", TEXT, "name", "equity, index_other, debt, futures, or _all."),
    ("contracts", NUMBER, "contracts", "Contracts, each counted once."),
    ("settlement_date", DAY, "date", "Day of settlement."),
    ("cusip", TEXT, "name", "CUSIP of the security."),
    ("security_description", TEXT, "text", "Description of the security as the file has it."),
    ("fails_shares", NUMBER, _SHARES, "Outstanding balance of shares failed to deliver; no daily change."),
    ("previous_close_usd", NUMBER, _USD, "Close of the session before, as the file states it."),
    ("index_name", TEXT, "name", "Index."),
    *(
        (f"{origin}_{effect}_{side}_contracts", NUMBER, "contracts", f"Contracts that {whose} {verb} to {effect}.")
        for origin, whose in _ORIGINS.items()
        for effect in ("open", "close")
        for side, verb in (("buy", "bought"), ("sell", "sold"))
    ),
    ("market_maker_buy_contracts", NUMBER, "contracts", "Contracts that market makers bought."),
    ("market_maker_sell_contracts", NUMBER, "contracts", "Contracts that market makers sold."),
    ("kind", TEXT, "name", "symbol (a single security) or index."),
    ("dark_pool_index_frac", NUMBER, _FRAC, "DPI: short share of off-exchange volume; DIX: dollar-weighted."),
    ("off_exchange_usd", NUMBER, _USD, "Off-exchange volume times the close; null without a price."),
    ("members_listed", COUNT, "securities", "Members on the list that holds; null for single securities."),
    ("members_counted", COUNT, "securities", "Of these, members with off-exchange volume and a price."),
    ("members_date", DAY, "date", "Day from which the list of members holds."),
    ("snapshot_source", TEXT, "name", "Feed of the chain that is compared."),
    ("contracts_compared", COUNT, "contracts listed", "Contracts that both list."),
    ("contracts_equal", COUNT, "contracts listed", "Of these, contracts of equal open interest."),
    ("contracts_only_occ", COUNT, "contracts listed", "Contracts that only OCC lists."),
    ("contracts_only_occ_not_standard", COUNT, "contracts listed", "Of these, adjusted and FLEX series."),
    ("contracts_only_occ_expired", COUNT, "contracts listed", "Of these, standard series expired by the snapshot."),
    ("contracts_only_occ_unexplained", COUNT, "contracts listed", "Of these, the rest: not on the vendor's page."),
    ("contracts_only_chain", COUNT, "contracts listed", "Contracts with open interest that only the chain lists."),
    ("contracts_only_chain_empty", COUNT, "contracts listed", "Contracts that only the chain lists, without any."),
    ("open_interest_occ", NUMBER, "contracts", "Open interest of the compared contracts as OCC states it."),
    ("open_interest_chain", NUMBER, "contracts", "Open interest of the compared contracts as the chain states it."),
    ("open_interest_difference", NUMBER, "contracts", "Sum of the absolute differences, contract by contract."),
    ("bar_open_ts", INSTANT, _UTC, "Start of the bar; 09:30 New York for a session of market us."),
    ("levels_snapshot_ts", INSTANT, _UTC, "Snapshot of the newest levels known at the bar's start."),
    ("levels_known_at", INSTANT, _UTC, "When these levels became known."),
    ("levels_spot", NUMBER, _USD, "Spot price of that snapshot."),
    ("exchange_volume_contracts", NUMBER, "contracts", "Volume of the contract on the exchange."),
    ("industry_volume_contracts", NUMBER, "contracts", "Volume of the contract on all exchanges."),
]  # fmt: skip

POSITIONS: list[_Row] = [
    ("market_maker_net_contracts", NUMBER, "contracts", "Bought less sold by market makers in the session."),
    ("position_contracts", NUMBER, "contracts", "Market makers' position at the close, since the first file."),
    ("first_session_date", DAY, "date", "First session that counts."),
    ("last_session_date", DAY, "date", "Last session that counts."),
    ("exchanges", COUNT, "exchanges", "Exchanges whose files of the session are there."),
    ("customer_contracts", NUMBER, "contracts", "Contracts cleared for customers."),
    ("firm_contracts", NUMBER, "contracts", "Contracts cleared for firms."),
    ("market_maker_contracts", NUMBER, "contracts", "Contracts cleared for market makers."),
    ("other_contracts", NUMBER, "contracts", "Contracts cleared for any other account."),
    ("market_maker_share_frac", NUMBER, "fraction", "Market makers' share among customers, firms and market makers."),
    ("sessions_counted", COUNT, "sessions", "Sessions summed over: the newest 20 of which there are files."),
]
