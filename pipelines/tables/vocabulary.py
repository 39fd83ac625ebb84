"""The vocabulary: every column of every table, once. One quantity, one name, one dtype, one unit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import polars as pl

from pipelines.tables.declare import COUNT, DAY, FLAG, INSTANT, NUMBER, NUMBERS, TEXT, Column
from pipelines.tables.vocabulary_reports import POSITIONS, REPORTED

_Row = tuple[str, pl.DataType, str, str]
UTC, USD, USD_1PCT, FRAC, COIN = "UTC", "USD", "USD per 1 %", "fraction", "coins"
QUANTITY = "contracts (coins on Deribit)"
TRADED = "contracts (coins on Deribit, shares in price bars)"

_KEYS: list[_Row] = [
    ("market", TEXT, "name", "Market: us or crypto."),
    ("venue", TEXT, "name", "Trading venue to which a rule applies."),
    ("session_date", DAY, "date", "Last day that the partition describes: a session, or a UTC day in market crypto."),
    ("part", TEXT, "name", "What arrives together within a session: an underlying, a shard, or _all."),
    ("v", COUNT, "number", "Version of the partition, counted from 1."),
    ("underlying", TEXT, "name", "Underlying of the options, such as SPX, SPY or BTC."),
    ("snapshot_ts", INSTANT, UTC, "Instant that the snapshot describes; the session close for pages pulled after it."),
    ("source", TEXT, "name", "Feed from which the row comes."),
    ("known_at", INSTANT, UTC, "When the row could first be known, by the rule named in known_at_basis."),
    ("known_at_basis", TEXT, "name", "Rule of known_at: published, captured_live, vendor_schedule or header_clock."),
    ("contract_id", TEXT, "name", "Unpadded OSI symbol (US) or instrument name (Deribit)."),
    ("vendor_symbol", TEXT, "name", "Symbol under which the vendor's pages list the contract."),
    ("root", TEXT, "name", "Option root; AM and PM series of one index have different roots."),
    ("expiry_date", DAY, "date", "Listed expiry date."),
    ("expiry_ts", INSTANT, UTC, "Instant at which the contract expires."),
    ("strike", NUMBER, USD, "Strike price."),
    ("option_type", TEXT, "name", "call or put."),
    ("dealer_model", TEXT, "name", "Assumption about what dealers hold, such as calls_long_puts_short."),
    ("scope", TEXT, "name", "Set of expiries: all, 0dte, weekly, monthly, le_30d or next_expiry."),
]  # fmt: skip

_CONTRACT: list[_Row] = [
    ("settlement", TEXT, "name", "am, pm or utc_0800: how the contract settles."),
    ("exercise", TEXT, "name", "european or american."),
    ("multiplier", NUMBER, "units per contract", "Units of the underlying per contract."),
    ("is_standard", FLAG, "flag", "False for adjusted series, whose deliverable is not the standard one."),
    ("is_inverse", FLAG, "flag", "True if the contract is quoted and settled in the underlying coin."),
    ("contract_size_coins", NUMBER, "coins per contract", "Coins a contract; quantities are in coins."),
    ("min_trade_coins", NUMBER, "coins", "Smallest quantity that the venue trades."),
    ("listed_ts", INSTANT, UTC, "When the venue listed the contract."),
    ("first_seen_ts", INSTANT, UTC, "First snapshot that lists the contract."),
    ("last_seen_ts", INSTANT, UTC, "Last snapshot that lists the contract."),
]  # fmt: skip

_QUOTES: list[_Row] = [
    ("bid", NUMBER, USD, "Best bid per unit of the underlying; 0 means none."),
    ("ask", NUMBER, USD, "Best ask per unit of the underlying; 0 means none."),
    ("mid", NUMBER, USD, "Mean of bid and ask of a usable quote, else null."),
    ("last", NUMBER, USD, "Last traded price that the vendor reports, however old."),
    ("mark", NUMBER, USD, "Price at which the venue marks positions, per unit of the underlying."),
    ("bid_coins", NUMBER, COIN, "Best bid of a coin-quoted option, as the venue states it."),
    ("ask_coins", NUMBER, COIN, "Best ask of a coin-quoted option, as the venue states it."),
    ("last_coins", NUMBER, COIN, "Last price of a coin-quoted option, as the venue states it."),
    ("mark_coins", NUMBER, COIN, "Mark price of a coin-quoted option, as the venue states it."),
    ("vendor_forward", NUMBER, USD, "Forward price of the expiry as the venue states it in the row."),
    ("index_price", NUMBER, USD, "The venue's index of the underlying, as stated with the row."),
    ("volume", NUMBER, TRADED, "Quantity traded in the session so far."),
    ("open_interest", NUMBER, QUANTITY, "Open interest; its day is open_interest_date; null where the feed has none."),
    ("open_interest_date", DAY, "date", "Session at whose close the open interest stood."),
    ("open_interest_date_basis", TEXT, "name", "Rule by which the open interest was dated."),
    ("open_interest_evidence", TEXT, "name", "Evidence for that date: change_within_volume, repeats_earlier or none."),
    ("open_interest_evidence_share_frac", NUMBER, FRAC, "Share of the compared contracts that support the date."),
    ("open_interest_evidence_contracts", COUNT, "contracts listed", "Contracts compared for the evidence."),
    ("open_interest_evidence_known_at", INSTANT, UTC, "When the page compared with became known."),
    ("vendor_iv_frac", NUMBER, "fraction per year", "Implied volatility as the vendor states it."),
    ("vendor_delta", NUMBER, "units per unit", "Delta as the vendor states it."),
    ("vendor_gamma", NUMBER, "per USD", "Gamma as the vendor states it, rounded."),
    ("is_quote_usable", FLAG, "flag", "True if bid > 0 and ask >= bid."),
    ("is_crossed", FLAG, "flag", "True if the bid lies above the ask."),
]  # fmt: skip

_SURFACE: list[_Row] = [
    ("underlying_last", NUMBER, USD, "Last price of the underlying as the page states it; null if it does not."),
    ("underlying_bid", NUMBER, USD, "Bid of the underlying as the page states it."),
    ("underlying_ask", NUMBER, USD, "Ask of the underlying as the page states it."),
    ("underlying_volume", NUMBER, "units", "Volume of the underlying as the page states it."),
    ("underlying_bar_open", NUMBER, USD, "First price of the underlying's session, where its own pages state it."),
    ("underlying_bar_high", NUMBER, USD, "Highest price of the underlying's session, where its own pages state it."),
    ("underlying_bar_low", NUMBER, USD, "Lowest price of the underlying's session, where its own pages state it."),
    ("underlying_bar_close", NUMBER, USD, "Close of the underlying's session, else its last on that session's page."),
    ("underlying_bar_volume", NUMBER, "units", "Volume of the underlying's session on that page."),
    ("underlying_bar_known_at", INSTANT, UTC, "When the page that tells the session's bar became known."),
    ("spot", NUMBER, USD, "Spot price S used for every number of the snapshot."),
    ("spot_source", TEXT, "name", "underlying_last; parity_spot (20 bp off, no last); coin venues: index, forward."),
    ("parity_spot", NUMBER, USD, "Spot price implied by put-call parity of the shortest expiries."),
    ("forward", NUMBER, USD, "Forward price F of the root and expiry."),
    ("forward_source", TEXT, "name", "How the forward was had: parity, carry, stored, default, or venue."),
    ("parity_pairs", COUNT, "pairs", "Call-put pairs behind the parity forward."),
    ("carry_frac", NUMBER, "per year", "Carry q of the underlying in F = S exp((r - q) T)."),
    ("smooth_carry_frac", NUMBER, "per year", "Smooth carry c of the snapshot, used for charm and theta only."),
    ("smooth_carry_source", TEXT, "name", "How the smooth carry was had: parity_slope, default or none."),
    ("discount_factor", NUMBER, FRAC, "Present value of 1 USD paid at expiry (or at the tenor)."),
    ("discount_source", TEXT, "name", "treasury, or none where no curve was known and r = 0."),
    ("discount_curve_date", DAY, "date", "Date of the Treasury curve used."),
    ("discount_age_sessions", COUNT, "sessions", "Sessions between the curve's date and the snapshot."),
    ("is_discount_stale", FLAG, "flag", "True if the curve is older than 5 sessions."),
    ("zero_rate_frac", NUMBER, "per year", "Continuously compounded zero rate."),
    ("par_yield_frac", NUMBER, "per year", "Par yield of the Treasury curve."),
    ("tenor_years", NUMBER, "years", "Tenor of the curve point."),
    ("is_published_tenor", FLAG, "flag", "False for bootstrap points between the tenors that the Treasury publishes."),
    ("t_years", NUMBER, "years of 365 days", "Time from the snapshot to expiry, to the second."),
    ("days_to_expiry", COUNT, "calendar days", "Expiry date minus session date."),
    ("iv_frac", NUMBER, "fraction per year", "Implied volatility of root, expiry and strike, shared by call and put."),
    ("iv_source", TEXT, "name", "Its source: solved_mid, solved_american, solved_pair, vendor, interpolated or none."),
    ("atm_iv_frac", NUMBER, "fraction per year", "Implied volatility at K = F, total variance linear in ln K."),
    ("contracts_live", COUNT, "contracts listed", "Contracts that expire after the snapshot."),
    ("contracts_solved_mid", COUNT, "contracts listed", "Live contracts solved from the out-of-the-money mid."),
    ("contracts_solved_american", COUNT, "contracts listed", "Those solved as American ones; null in older versions."),
    ("contracts_solved_pair", COUNT, "contracts listed", "Live contracts solved from the in-the-money mid."),
    ("contracts_vendor", COUNT, "contracts listed", "Live contracts with the vendor's volatility."),
    ("contracts_interpolated", COUNT, "contracts listed", "Live contracts with an interpolated volatility."),
    ("contracts_none", COUNT, "contracts listed", "Live contracts without any volatility: shown, but in no exposure."),
    ("contracts_not_standard", COUNT, "contracts listed", "Live contracts of adjusted series."),
]  # fmt: skip

_BARS: list[_Row] = [
    ("interval", TEXT, "name", "Length of the bar, such as 10m, 1h, or 1d, a session."),
    ("bar_ts", INSTANT, UTC, "End of the bar; the session's close for a daily one."),
    ("open", NUMBER, USD, "First price of the bar (points for an index)."),
    ("high", NUMBER, USD, "Highest price of the bar."),
    ("low", NUMBER, USD, "Lowest price of the bar."),
    ("close", NUMBER, USD, "Last price of the bar."),
]  # fmt: skip

_GREEKS: list[_Row] = [
    ("delta", NUMBER, "units per unit", "Delta of one unit, held long."),
    ("gamma", NUMBER, "per USD", "Change of delta per 1 USD of spot."),
    ("vega_usd_per_volpt", NUMBER, "USD per vol point", "Change of value of one unit per volatility point."),
    ("theta_usd_per_day", NUMBER, "USD per day", "Change of value of one unit per calendar day."),
    ("vanna_per_volpt", NUMBER, "per vol point", "Change of delta per volatility point."),
    ("charm_per_day", NUMBER, "per day", "Change of delta per calendar day."),
]  # fmt: skip


def _sided_exposures() -> Iterable[_Row]:
    measures = {
        "gex_usd_per_1pct": (USD_1PCT, "Change of the delta of {} in USD per 1 % of spot."),
        "gex_usd_per_1usd": ("USD per USD", "Change of the delta of {} in USD per 1 USD of spot."),
        "dex_usd": (USD, "Delta of {} in USD."),
        "vex_usd_per_volpt": ("USD per vol point", "Change of the delta of {} in USD per volatility point."),
        "chex_usd_per_day": ("USD per day", "Change of the delta of {} in USD per calendar day."),
    }
    whose = {"call": "dealers' calls", "put": "dealers' puts", "net": "dealers' calls and puts together"}
    for side, holding in whose.items():
        for measure, (unit, meaning) in measures.items():
            yield f"{side}_{measure}", NUMBER, unit, meaning.format(holding)


_EXPOSURES: list[_Row] = [
    *_sided_exposures(),
    ("call_open_interest", NUMBER, QUANTITY, "Open interest of calls."),
    ("put_open_interest", NUMBER, QUANTITY, "Open interest of puts."),
    ("call_volume", NUMBER, QUANTITY, "Volume of calls."),
    ("put_volume", NUMBER, QUANTITY, "Volume of puts."),
    ("call_dealer_quantity", NUMBER, QUANTITY, "Calls that dealers hold under the model, negative if short."),
    ("put_dealer_quantity", NUMBER, QUANTITY, "Puts that dealers hold under the model, negative if short."),
    ("quantity_unit", TEXT, "name", "Unit of the quantities: contracts or coins."),
    ("scope_status", TEXT, "name", "ok, no_open_interest, no_positions, empty, after_expiry (listed, no longer live)."),
    ("dex_market_usd", NUMBER, USD, "Delta of the whole open interest held long, unsigned by any model."),
    ("gross_gex_usd_per_1pct", NUMBER, USD_1PCT, "Sum over contracts of the absolute gamma exposure."),
    ("gross_chex_usd_per_day", NUMBER, "USD per day", "Sum over contracts of the absolute charm exposure."),
    ("zero_dte_share_frac", NUMBER, FRAC, "Same-day expiries' share of gross gamma; null without live ones."),
    ("contracts_counted", COUNT, "contracts listed", "Live contracts that enter the totals."),
    ("contracts_not_counted", COUNT, "contracts listed", "Live contracts left out: no volatility or no open interest."),
    ("net_gex_change_usd_per_1pct", NUMBER, USD_1PCT, "Net gamma exposure minus that of the previous snapshot."),
    ("open_interest_change", NUMBER, QUANTITY, "Open interest minus that of the previous snapshot."),
    ("previous_snapshot_ts", INSTANT, UTC, "Snapshot with which the row is compared."),
    ("is_jump", FLAG, "flag", "True if the change is far beyond the strike's own deviation; null without history."),
    ("positions_ts", INSTANT, UTC, "Instant of positions that trades or reports tell; null where open interest does."),
    ("history_complete_share_frac", NUMBER, FRAC, "Share of open interest whose trades are complete since listing."),
    ("gross_share_frac", NUMBER, FRAC, "Share of the snapshot's gross gamma that expires on this date."),
    ("is_opex", FLAG, "flag", "True if the date is a monthly expiry."),
]  # fmt: skip

_FLOW: list[_Row] = [
    ("trade_number", COUNT, "number", "Place of the trade in its partition, by time, contract and sequence."),
    ("trade_ts", INSTANT, UTC, "When the trade took place."),
    ("trade_id", TEXT, "name", "The venue's name of the trade."),
    ("trade_seq", COUNT, "number", "The venue's running number of the trade within its contract, from 1."),
    ("taker_side", TEXT, "name", "Side of the party that crossed the spread: buy, sell or unknown."),
    ("price_coins", NUMBER, COIN, "Price of a coin-quoted option, as the venue states it."),
    ("price_usd", NUMBER, USD, "Price per unit of the underlying; of a coin-quoted option at the trade's own index."),
    ("quantity", NUMBER, QUANTITY, "Quantity traded."),
    ("flow_class", TEXT, "name", "screen, combo, block, block_rfq or liquidation."),
    ("liquidated_side", TEXT, "code", "Who was liquidated: M the maker, T the taker, MT both."),
    ("block_id", TEXT, "name", "Block trade to which the trade belongs."),
    ("combo_id", TEXT, "name", "Combination of which the trade is a leg."),
    ("from_ts", INSTANT, UTC, "Start of the span, included."),
    ("until_ts", INSTANT, UTC, "End of the span, excluded."),
    ("from_seq", COUNT, "number", "First trade_seq that is missing."),
    ("to_seq", COUNT, "number", "Last trade_seq that is missing."),
    ("bucket_ts", INSTANT, UTC, "End of the 10-minute bucket, which covers the 600 seconds before it."),
    ("taker_net_quantity", NUMBER, QUANTITY, "Quantity that takers bought less what they sold."),
    ("inventory_quantity", NUMBER, QUANTITY, "Dealers' position under the model, negative if short."),
    ("inventory_to_open_interest", NUMBER, "ratio", "Position's size over open interest; above 1 disproves the model."),
    ("last_trade_seq", COUNT, "number", "Greatest trade_seq so far."),
    ("trades_missing", COUNT, "trades", "Trades that are missing by trade_seq so far."),
    ("trades_of_unknown_side", COUNT, "trades", "Trades whose taker is unknown, which count 0."),
    ("is_history_complete", FLAG, "flag", "True if every trade since listing is there; null without trade_seq."),
    ("minute_ts", INSTANT, UTC, "Start of the minute."),
    ("premium_usd", NUMBER, USD, "Premium paid, at each trade's own price and index."),
    ("call_premium_usd", NUMBER, USD, "Premium of calls."),
    ("put_premium_usd", NUMBER, USD, "Premium of puts."),
    ("put_share_frac", NUMBER, FRAC, "Share of puts in the premium."),
    ("trades", COUNT, "trades", "Number of trades."),
    ("trades_without_premium", COUNT, "trades", "Trades of coin-quoted options without an index price."),
    ("delta_usd", NUMBER, USD, "Delta that takers bought less what they sold."),
    ("trades_without_delta", COUNT, "trades", "Trades whose delta cannot be told."),
    ("is_spike", FLAG, "flag", "True if the premium is far above its usual size; null without history."),
    ("delivery_ts", INSTANT, UTC, "When the contracts were settled."),
    ("delivery_price", NUMBER, USD, "Price at which the venue settled them."),
]  # fmt: skip

_LEVELS: list[_Row] = [
    ("is_default_model", FLAG, "flag", "True for the model that _latest tables show; null: as default_models says."),
    ("gamma_flip", NUMBER, USD, "Spot price nearest to spot at which repriced net gamma exposure is zero."),
    ("gamma_flip_status", TEXT, "name", "ok, several, no_sign_change or insufficient_data."),
    ("gamma_flip_root_count", COUNT, "roots", "Zeros of net gamma exposure within the search bounds."),
    ("gamma_flips", NUMBERS, USD, "All zeros within the search bounds, ascending."),
    ("gamma_flip_low", NUMBER, USD, "Lowest flip under small bumps of volatility and forward."),
    ("gamma_flip_high", NUMBER, USD, "Highest flip under small bumps of volatility and forward."),
    ("gamma_flip_bracket_low", NUMBER, USD, "Lower end of the grid step that holds the flip."),
    ("gamma_flip_bracket_high", NUMBER, USD, "Upper end of the grid step that holds the flip."),
    ("gamma_flip_slope", NUMBER, "USD per 1 % per USD", "Slope of net gamma exposure at the flip, per 1 USD of spot."),
    ("gamma_flip_search_low", NUMBER, USD, "Lower bound of the search."),
    ("gamma_flip_search_high", NUMBER, USD, "Upper bound of the search."),
    ("gamma_flip_strike_crossing", NUMBER, USD, "Variant: where net gamma by strike changes sign, without repricing."),
    ("gamma_flip_cumulative", NUMBER, USD, "Variant: where net gamma summed up the strikes changes sign."),
    ("call_wall", NUMBER, USD, "Strike of the greatest absolute call gamma exposure."),
    ("put_wall", NUMBER, USD, "Strike of the greatest absolute put gamma exposure."),
    ("call_wall_above_spot", NUMBER, USD, "Call wall among strikes at or above spot."),
    ("put_wall_below_spot", NUMBER, USD, "Put wall among strikes at or below spot."),
    ("max_positive_gamma", NUMBER, USD, "Strike of the greatest positive net gamma exposure."),
    ("max_negative_gamma", NUMBER, USD, "Strike of the most negative net gamma exposure."),
    ("absolute_gamma_strike", NUMBER, USD, "Strike of the greatest sum of absolute call and put gamma exposure."),
    ("zero_dte_magnet", NUMBER, USD, "Strike of the greatest absolute net gamma among same-day expiries."),
    ("max_pain", NUMBER, USD, "Listed strike at which the open interest is worth least at expiry."),
    ("highest_open_interest", NUMBER, USD, "Strike of the greatest open interest, calls and puts together."),
    ("hvl", NUMBER, USD, "Strike of the global minimum of cumulative net gamma; null at either end."),
    ("distance_to_flip_pct", NUMBER, "%", "100 (spot / flip - 1)."),
    ("spot_levels", NUMBERS, USD, "Spot prices at which the profile is priced, ascending."),
    ("net_gex_usd_per_1pct_curve", NUMBERS, USD_1PCT, "Net gamma exposure repriced at each of spot_levels."),
]  # fmt: skip

_QUALITY: list[_Row] = [
    ("raw_sha256", TEXT, "sha256", "Hash of the raw object."),
    ("header_ts", INSTANT, UTC, "Clock in the page's header."),
    ("session_basis", TEXT, "name", "Rung of the ladder by which the page was given its session."),
    ("fate", TEXT, "name", "What became of it."),
    ("rows_in", COUNT, "rows", "Contracts that the page lists (two to a line where a line holds call and put)."),
    ("rows_landed", COUNT, "rows", "Of these, contracts in the lake."),
    ("rows_quarantined", COUNT, "rows", "Of these, contracts set aside with a reason."),
    ("rows_duplicate", COUNT, "rows", "Of these, exact repeats of a contract."),
    ("rows_expired", COUNT, "rows", "Landed contracts that had expired by the snapshot."),
    ("rows_live", COUNT, "rows", "Landed contracts that expire after the snapshot."),
    ("expiries_listed", COUNT, "expiries", "Root and expiry pairs that the page lists."),
    ("expiries_live", COUNT, "expiries", "Root and expiry pairs that expire after the snapshot."),
    ("zeroed_quote_share_frac", NUMBER, FRAC, "Share of landed contracts whose bid and ask are both 0."),
    ("vendor_clock_offset_days", NUMBER, "days", "Time to expiry that the vendor's volatilities imply, minus ours."),
    ("is_partial", FLAG, "flag", "True for pages cut short: in no _latest table and no basis for changes."),
    ("partial_reason", TEXT, "text", "Why the page counts as cut short."),
    ("row_number", COUNT, "number", "Line of the file, counted from 1."),
    (
        "row_part", TEXT, "code",
        "Which of the line's records: call or put on a quote page, call_1545 and put_1545 at its earlier clock, row "
        "where a line is one.",
    ),
    ("row_text", TEXT, "text", "The line as it came."),
    ("reason", TEXT, "text", "Why, in one line."),
]  # fmt: skip

_TRUST: list[_Row] = [
    ("load_id", COUNT, "number", "Running number of the load."),
    ("loaded_at", INSTANT, UTC, "Clock at loading; used in no other table."),
    ("original_name", TEXT, "name", "Name of the file as it was loaded."),
    ("url", TEXT, "url", "Address it was fetched from."),
    ("captured_at", INSTANT, UTC, "When it was fetched live."),
    ("published_at", INSTANT, UTC, "When the vendor says it was published."),
    ("due_ts", INSTANT, UTC, "Instant by which the source owes the session."),
    ("status", TEXT, "name", "missing, refused (a gate or a parser refused what came) or filled (it came later)."),
    ("stage", TEXT, "name", "Stage of the pipeline."),
    ("gate", TEXT, "name", "Gate that refused the partition."),
    ("table_name", TEXT, "name", "Table."),
    ("method_version", TEXT, "name", "Version of the stage's method."),
    ("code_version", TEXT, "name", "Version of the code; recorded, never compared."),
    ("inputs", TEXT, "JSON", "Raw objects and partition versions from which it was derived."),
    ("output_sha256", TEXT, "sha256", "Hash of the file."),
    ("row_count", COUNT, "rows", "Rows of the file."),
    ("row_accounting", TEXT, "JSON", "Each conserved account: what came in and what became of it."),
    ("path", TEXT, "path", "File, relative to the lake folder."),
    ("pruned_at", INSTANT, UTC, "When its file was removed, as the operator's retention asks; null while it stands."),
    ("is_current", FLAG, "flag", "True for the highest version among those with the greatest known_at."),
    ("description", TEXT, "text", "What the method does."),
    ("rule", TEXT, "text", "Why this model is the default."),
    ("column_name", TEXT, "name", "Column."),
    ("position", COUNT, "number", "Place of the column in its table, counted from 1."),
    ("dtype", TEXT, "name", "DuckDB type."),
    ("unit", TEXT, "text", "Unit of the values."),
    ("meaning", TEXT, "text", "What the column says."),
    ("is_key", FLAG, "flag", "True if the column belongs to the table's key."),
    ("is_nullable", FLAG, "flag", "True if the column may be null."),
    ("grain", TEXT, "text", "What one row of the table stands for."),
]  # fmt: skip


def _vocabulary(*families: Iterable[_Row]) -> dict[str, Column]:
    words: dict[str, Column] = {}
    for name, dtype, unit, meaning in (row for family in families for row in family):
        if name in words:
            raise ValueError(f"column {name} is declared twice")
        words[name] = Column(name, dtype, unit, meaning)
    return words


VOCABULARY: dict[str, Column] = _vocabulary(
    _KEYS,
    _CONTRACT,
    _QUOTES,
    _SURFACE,
    _BARS,
    _GREEKS,
    _EXPOSURES,
    _FLOW,
    _LEVELS,
    _QUALITY,
    REPORTED,
    POSITIONS,
    _TRUST,
)


def words(text: str, meanings: Mapping[str, str] | None = None) -> tuple[Column, ...]:
    """The columns named in `text`; a table may say more exactly what one means, never change its dtype or unit."""
    own = meanings or {}
    names = text.split()
    if unknown := set(own).difference(names):
        raise ValueError(f"meanings for columns that are not listed: {sorted(unknown)}")
    return tuple(replace(VOCABULARY[name], meaning=own.get(name, VOCABULARY[name].meaning)) for name in names)


def names(text: str) -> tuple[str, ...]:
    return tuple(text.split())
