"""Trust: what was loaded, set aside or refused, and from what every partition was derived."""

from __future__ import annotations

from pipelines.tables.declare import Table
from pipelines.tables.vocabulary import names, words

FAMILY = "trust"

QUARANTINE = Table(
    name="quarantine",
    family=FAMILY,
    grain="row part of a raw object",
    description="Rows that were set aside, with the reason; load_ledger names the file of each raw_sha256.",
    key=names("raw_sha256 row_number row_part"),
    columns=words("raw_sha256 row_number row_part source reason row_text"),
    nullable=frozenset(["row_text"]),
    is_exported=True,
)

LOAD_LEDGER = Table(
    name="load_ledger",
    family=FAMILY,
    grain="loaded file",
    description="Every file ever loaded: what it was, where it went, its rows by fate.",
    key=names("load_id"),
    columns=words(
        "load_id loaded_at raw_sha256 source original_name url captured_at published_at underlying session_date "
        "session_basis snapshot_ts known_at fate reason rows_in rows_landed rows_quarantined rows_duplicate",
        {
            "fate": "landed, duplicate_bytes, duplicate_body or refused.",
            "rows_in": "Contracts that the file lists (two to a line where a line holds call and put).",
            "session_date": "Session that the file was given.",
        },
    ),
    nullable=frozenset(
        names(
            "raw_sha256 source url captured_at published_at underlying session_date session_basis snapshot_ts "
            "known_at reason rows_in rows_landed rows_quarantined rows_duplicate"
        )
    ),
    is_partitioned=False,
    is_exported=True,
)

REFUSALS = Table(
    name="refusals",
    family=FAMILY,
    grain="stage x partition x known_at x gate x reason",
    description="Partitions that a gate refused to write, and why.",
    key=names("stage market session_date part known_at gate reason"),
    columns=words("stage market session_date part known_at gate reason"),
    nullable=frozenset(),
    is_partitioned=False,
    is_exported=True,
)

GAP_LEDGER = Table(
    name="gap_ledger",
    family=FAMILY,
    grain="source x part x session that was due and did not come",
    description="Sessions that a source's cadence owes and that were missing, or not whole, when they were due.",
    key=names("market source part session_date"),
    columns=words(
        "market source part session_date due_ts status reason",
        {
            "source": "Feed that owes the session.",
            "part": "Underlying whose chain or trades are owed, or _all for curves.",
            "session_date": "Session that is owed.",
            "reason": "What refused it, what of the day is missing, or what filled it; null where nothing came.",
        },
    ),
    nullable=frozenset(["reason"]),
    is_partitioned=False,
    is_exported=True,
)

PARTITION_VERSIONS = Table(
    name="partition_versions",
    family=FAMILY,
    grain="table x market x session_date x part x version",
    description="Every version of every partition of the lake, with its lineage.",
    key=names("table_name market session_date part v"),
    columns=words(
        "table_name market session_date part v known_at known_at_basis method_version code_version inputs "
        "output_sha256 row_count row_accounting path is_current pruned_at",
        {"known_at": "When the latest of its inputs became known."},
    ),
    nullable=frozenset(["pruned_at"]),
    is_partitioned=False,
    is_exported=True,
)

METHOD_VERSIONS = Table(
    name="method_versions",
    family=FAMILY,
    grain="stage x method_version",
    description="What each version of a stage's method does.",
    key=names("stage method_version"),
    columns=words("stage method_version description"),
    nullable=frozenset(),
    is_partitioned=False,
    is_exported=True,
)

DEFAULT_MODELS = Table(
    name="default_models",
    family=FAMILY,
    grain="market x venue",
    description="The dealer model that a venue's _latest tables show, and why.",
    key=names("market venue"),
    columns=words("market venue dealer_model rule"),
    nullable=frozenset(),
    is_partitioned=False,
    is_exported=True,
)

DATA_DICTIONARY = Table(
    name="data_dictionary",
    family=FAMILY,
    grain="table x column",
    description="Every column of every published table.",
    key=names("table_name column_name"),
    columns=words("table_name column_name position dtype unit meaning is_key is_nullable grain"),
    nullable=frozenset(),
    is_partitioned=False,
    is_exported=True,
)

FAMILY_TABLES = (
    QUARANTINE, LOAD_LEDGER, REFUSALS, GAP_LEDGER, PARTITION_VERSIONS, METHOD_VERSIONS, DEFAULT_MODELS,
    DATA_DICTIONARY,
)  # fmt: skip
