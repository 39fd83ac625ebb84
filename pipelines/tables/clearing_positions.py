"""What market makers hold and clear: derived from reports of exchanges and of the clearing house."""

from __future__ import annotations

from pipelines.tables.clearing import FAMILY
from pipelines.tables.declare import Table
from pipelines.tables.vocabulary import names, words

OPEN_CLOSE_POSITIONS = Table(
    name="open_close_positions",
    family=FAMILY,
    grain="session x contract",
    description="Market makers' position by contract at the session's close: bought less sold since the first file.",
    key=names("contract_id"),
    columns=words(
        "underlying contract_id root expiry_date expiry_ts strike option_type is_standard source known_at "
        "market_maker_net_contracts position_contracts first_session_date is_history_complete exchanges",
        {
            "source": "Feeds of the session's files.",
            "known_at": "When the session's files and all those before them were known.",
            "first_session_date": "First session in whose files the contract stands.",
            "is_history_complete": "True if the contract was first seen with open interest 0 and no session, exchange "
            "or volume is missing since.",
        },
    ),
    nullable=frozenset(),
    lag="As the files of open_close_volume.",
    coverage="Trades on the exchanges whose files are there. Live contracts that stood in any file since the first.",
    limits="What was held before the first file is unknown: is_history_complete says of which contracts nothing was. "
    "Exercise, assignment and transfers before expiry are in no file.",
)

CLEARING_SHARES = Table(
    name="clearing_shares",
    family=FAMILY,
    grain="session x underlying x option type",
    description="Market makers' share of cleared contracts over the newest 20 sessions, this one included.",
    key=names("underlying option_type"),
    columns=words(
        "underlying option_type source known_at customer_contracts firm_contracts market_maker_contracts "
        "other_contracts market_maker_share_frac sessions_counted first_session_date last_session_date",
        {
            "underlying": "Symbol without separators, the same for every vendor: BRKB for BRK/B and BRK.B.",
            "source": "Feeds of the sessions that count.",
            "known_at": "When the last of these sessions' files was known.",
        },
    ),
    nullable=frozenset(names("market_maker_share_frac")),
    lag="As cleared_volume.",
    coverage="All US option exchanges, all series of the underlying, adjusted and FLEX ones too.",
    limits="Shares of volume, not of positions, and unsigned. Null where only other accounts cleared.",
)

FAMILY_TABLES = (OPEN_CLOSE_POSITIONS, CLEARING_SHARES)
