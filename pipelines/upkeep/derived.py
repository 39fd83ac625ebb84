"""Tables that are no partitions: what each is made of, and the rows that fit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pipelines.lake.store import Lake
from pipelines.tables import LAKE_TABLES
from pipelines.upkeep import derived_reports
from pipelines.upkeep.provenance import Place, Provenance, Step
from pipelines.upkeep.wanted import LineageError, Wanted, by_path, equals, place_of, rows_that_fit, said
from pipelines.warehouse.query import query

FROM_CODE = {
    "method_versions": "models/conventions.py",
    "default_models": "pipelines/markets.py",
    "data_dictionary": "pipelines/tables/vocabulary.py",
}
MOST_ROWS = 50  # told one by one


def _key_levels_latest(lake: Lake, walk: Provenance, wanted: Wanted) -> Step:
    rows = _served(lake, wanted, "underlying")
    facts = {"made of": "key_levels: the newest whole snapshot, scope all, under the venue's default model"}
    places = dict.fromkeys(
        Place("key_levels", row["market"], str(row["session_date"]), row["part"], row["v"]) for row in rows
    )
    model = Step("code", f"default_models, declared in {FROM_CODE['default_models']}")
    return Step("table", "key_levels_latest", facts, (*(walk.version(place) for place in places), model))


def _zero_dte_put_share(lake: Lake, walk: Provenance, wanted: Wanted) -> Step:
    wanted_rows = f"from {wanted.table.name} where {_where(wanted, 'underlying')}"
    answer = query(
        lake.paths,
        f"select distinct market, session_date, part, v from zero_dte_flow"
        f" semi join ({wanted_rows}) using (market, underlying, minute_ts) order by all limit {MOST_ROWS + 1}",
    )
    rows = _some([dict(zip(answer.columns, row, strict=True)) for row in answer], wanted)
    places = [Place("zero_dte_flow", row["market"], str(row["session_date"]), row["part"], row["v"]) for row in rows]
    facts = {"made of": "zero_dte_flow: premium of puts over that of both, by minute"}
    return Step("table", wanted.table.name, facts, tuple(walk.version(place) for place in places))


def _across(lake: Lake, walk: Provenance, wanted: Wanted) -> Step:
    _, word_column = derived_reports.made_of(wanted.table.name)
    _served(lake, wanted, word_column)
    return derived_reports.across(lake, walk, wanted, _where(wanted, word_column))


def _contracts(lake: Lake, walk: Provenance, wanted: Wanted) -> Step:
    contract, *others = _served(lake, wanted, "contract_id")
    if others:
        raise LineageError(f"{len(others) + 1} contracts fit; name one, such as {contract['contract_id']}")
    equal = equals(LAKE_TABLES["chains"], "contract_id", contract["contract_id"])
    holding = []
    for version in by_path(lake.catalogue.versions(["chains"], contract["market"]), {}):
        is_near = version.row_count and version.key.part in {contract["underlying"], "_all"}
        if is_near and rows_that_fit(lake, version, [equal]):
            holding.append(version)
    facts = {
        "made of": "chains: the newest page that lists the contract describes it",
        "contract": contract["contract_id"],
        "listed": f"{contract['first_seen_ts']} to {contract['last_seen_ts']}, in {len(holding)} partitions",
    }
    newest = max(holding, key=lambda version: version.key.session_date, default=None)
    return Step("table", "contracts", facts, () if newest is None else (walk.version(place_of(newest)),))


def _load_ledger(lake: Lake, walk: Provenance, wanted: Wanted) -> Step:
    rows = _of_catalogue(lake, wanted, "load_ledger", "load_id", "original_name")
    made_of = []
    for row in rows:
        told = {name: row[name] for name in ("loaded_at", "fate", "reason", "session_date", "part") if row[name]}
        below = () if row["raw_sha256"] is None else (walk.raw(row["raw_sha256"]),)
        made_of.append(Step("version", f"load {row['load_id']}: {row['original_name']}", told, below))
    return Step("table", "load_ledger", {"made of": "what was loaded, a row each time"}, tuple(made_of))


def _partition_versions(lake: Lake, walk: Provenance, wanted: Wanted) -> Step:
    rows = _of_catalogue(lake, wanted, "partition_versions", "table_name", "part")
    made_of = tuple(
        walk.version(Place(*(row[name] for name in ("table_name", "market", "session_date", "part", "v"))))
        for row in rows
    )
    return Step("table", "partition_versions", {"made of": "the catalogue, a row for each version"}, made_of)


def _refusals(lake: Lake, walk: Provenance, wanted: Wanted) -> Step:
    made_of = []
    for row in _of_catalogue(lake, wanted, "refusals", "part", "stage"):
        here = lake.catalogue.rows(
            "select distinct raw_sha256 from sightings where market = ? and session_date = ? and part = ?",
            [row["market"], row["session_date"], row["part"]],
        )
        name = f"{row['stage']} {row['session_date']} {row['part']}: {row['gate']}: {row['reason']}"
        raw = tuple(walk.raw(one["raw_sha256"]) for one in here)
        made_of.append(Step("version", name, {"known_at": row["known_at"]}, raw))
    return Step(
        "table", "refusals", {"made of": "what gates refused, and the objects that stand there"}, tuple(made_of)
    )


def _gap_ledger(lake: Lake, _walk: Provenance, wanted: Wanted) -> Step:
    rows = _of_catalogue(lake, wanted, "gaps", "part", "source")
    facts = {"made of": "what each source owes (its cadence) less what was landed; dealerflow gaps says what to do"}
    made_of = tuple(
        Step("code", f"{row['source']} {row['part']} {row['session_date']}: {row['status']}", {"due": row["due_ts"]})
        for row in rows
    )
    return Step("table", "gap_ledger", facts, made_of)


DERIVED: dict[str, Callable[[Lake, Provenance, Wanted], Step]] = {
    "key_levels_latest": _key_levels_latest,
    "zero_dte_put_share": _zero_dte_put_share,
    "contracts": _contracts,
    **dict.fromkeys(derived_reports.NAMES, _across),
    "load_ledger": _load_ledger,
    "partition_versions": _partition_versions,
    "refusals": _refusals,
    "gap_ledger": _gap_ledger,
}


def _served(lake: Lake, wanted: Wanted, word_column: str) -> list[dict[str, Any]]:
    """Rows of the served file that fit."""
    where = _where(wanted, word_column)
    answer = query(lake.paths, f"from {wanted.table.name} where {where} order by all limit {MOST_ROWS + 1}")
    return _some([dict(zip(answer.columns, row, strict=True)) for row in answer], wanted)


def _where(wanted: Wanted, word_column: str) -> str:
    if len(wanted.words) > 1:
        raise LineageError(f"one {word_column} at a time")
    columns = dict(wanted.columns)
    if wanted.words:
        columns[word_column] = wanted.words[0].upper()
    return " and ".join(f"{name} = {_quoted(value)}" for name, value in columns.items()) or "true"


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _of_catalogue(lake: Lake, wanted: Wanted, table: str, *word_columns: str) -> list[dict[str, Any]]:
    """Rows of a table of the catalogue that fit; a bare word may stand in any of the named columns."""
    # The names come out of `parse`, which knows only declared columns.
    known = {row["name"] for row in lake.catalogue.rows(f"pragma table_info({table})")}
    if unknown := wanted.columns.keys() - known:
        raise LineageError(f"{wanted.table.name} cannot be asked by {', '.join(sorted(unknown))}")
    tests = [f"{name} = ?" for name in wanted.columns]
    tests += [f"(? in ({', '.join(f'cast({name} as text)' for name in word_columns)}))" for _ in wanted.words]
    where = " and ".join(tests) or "true"
    rows = lake.catalogue.rows(
        f"select * from {table} where {where} order by rowid", [*wanted.columns.values(), *wanted.words]
    )
    return _some(rows, wanted)


def _some(rows: list[dict[str, Any]], wanted: Wanted) -> list[dict[str, Any]]:
    """Neither none nor too many."""
    if not rows:
        named = " ".join([*wanted.words, said(wanted.columns)]) or "all"
        raise LineageError(f"{wanted.table.name} has no row at {named}")
    if len(rows) > MOST_ROWS:
        raise LineageError(f"more than {MOST_ROWS} rows of {wanted.table.name} fit; name more of the key")
    return rows
