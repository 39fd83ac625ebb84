"""Commands that keep a lake: verify, lineage, rebuild, prune, doctor."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.app import KEEP, UserError, app


class Style(StrEnum):
    text = "text"
    json = "json"


StyleOption = Annotated[Style, typer.Option("--format", "-f", help="How to print what was found.")]


@app.command(rich_help_panel=KEEP, epilog="Examples: `dealerflow verify` · `dealerflow verify --format json`")
def verify(style: StyleOption = Style.text) -> None:
    """Hash every raw object and every partition file again and compare with the catalogue; nothing may look ahead.

    Names each missing or changed file with what it is, and each version that says to have been known before something
    that it rests on, or before what its rows describe; the exit code is then 1. Files that no row knows are listed
    and are no fault.
    """
    from pipelines.console import progress_bar
    from pipelines.lake.store import opened
    from pipelines.settings import data_paths
    from pipelines.upkeep import tell
    from pipelines.upkeep.verify import verify as check

    with opened(data_paths()) as lake, progress_bar() as bar:
        task = bar.add_task("verify", total=None)
        done = check(lake, lambda done, total: bar.update(task, completed=done, total=total))
    tell.tell_json(done) if style is Style.json else tell.tell_verified(done)
    raise typer.Exit(1 if done.faults else 0)


@app.command(
    rich_help_panel=KEEP,
    epilog="Examples: `dealerflow lineage key_levels SPX 2024-06-25` · `... strike_exposures SPX v2 strike=5500`",
)
def lineage(
    table: Annotated[str, typer.Argument(help="A table, as `dealerflow tables` lists them, or one of the lake.")],
    keys: Annotated[
        list[str] | None, typer.Argument(metavar="[KEY]...", help="Underlying, session, market, version, column=value.")
    ] = None,
    is_all: Annotated[bool, typer.Option("--all", help="Show many equal branches one by one.")] = False,
    style: StyleOption = Style.text,
) -> None:
    """Follow a number back: published table, partition version, its inputs stage by stage, the vendors' files.

    Without a session the newest that fits is shown.
    """
    from pipelines.lake.store import opened
    from pipelines.settings import data_paths
    from pipelines.upkeep import tell
    from pipelines.upkeep.lineage import lineage as follow

    with opened(data_paths()) as lake:
        root = follow(lake, table, keys or [], is_all=is_all)
    tell.tell_json(root) if style is Style.json else tell.tell_lineage(root)


@app.command(
    rich_help_panel=KEEP,
    epilog="Examples: `dealerflow rebuild --into then.duckdb --as-known '2025-05-01 12:00'` · "
    "`... --into old.duckdb --method exposures=1`",
)
def rebuild(
    into: Annotated[Path, typer.Option("--into", metavar="FILE", help="A DuckDB file that is not there yet.")],
    as_known: Annotated[
        str | None, typer.Option("--as-known", metavar="TS", help="From what was known at this UTC instant.")
    ] = None,
    method: Annotated[
        list[str] | None,
        typer.Option("--method", metavar="STAGE=VERSION", help="With what this method version made; may be repeated."),
    ] = None,
) -> None:
    """Build the whole warehouse in another file, from stored versions; what is served stays untouched.

    Partitions that a named method never made are counted and left out.
    """
    from pipelines.console import console
    from pipelines.lake.store import opened
    from pipelines.settings import data_paths
    from pipelines.upkeep import tell
    from pipelines.upkeep.rebuild import rebuild as build
    from pipelines.warehouse.query import parse_instant

    methods = dict(_pair(text) for text in method or [])
    with opened(data_paths()) as lake, console.status("rebuild"):
        done = build(lake, into, as_known=None if as_known is None else parse_instant(as_known), methods=methods)
    tell.tell_rebuilt(done)


def _pair(text: str) -> tuple[str, str]:
    name, is_pair, value = text.partition("=")
    if not (name and is_pair and value):
        raise UserError(f"--method {text}: write STAGE=VERSION, such as exposures=1")
    return name, value


@app.command(rich_help_panel=KEEP, epilog="Examples: `dealerflow prune --dry-run` · `dealerflow prune`")
def prune(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
) -> None:
    """Remove what killed runs left behind, and what the operator's retention lets go.

    Files of superseded versions go only where dealerflow.toml declares `[retention] superseded_days`; raw objects,
    chains (but for hours of a crypto day that a later version holds too) and whatever a current version rests on stay.
    """
    from pipelines.daily.gap_ledger import utc_now
    from pipelines.lake.store import opened
    from pipelines.operator_settings import operator_settings
    from pipelines.settings import data_paths
    from pipelines.upkeep import tell
    from pipelines.upkeep.prune import prune as remove

    paths = data_paths()
    with opened(paths) as lake:
        gone = remove(lake, operator_settings(paths).retention, utc_now(), is_dry_run=dry_run)
    tell.tell_pruned(gone, is_dry_run=dry_run)


@app.command(rich_help_panel=KEEP, epilog="Example: `dealerflow doctor`")
def doctor(style: StyleOption = Style.text) -> None:
    """One page that says what is wrong and what to do; the exit code is 1 if anything needs you.

    Looks for missing, late and refused data, work that was not finished, poor newest snapshots, a full disk.
    """
    from pipelines.daily.gap_ledger import utc_now
    from pipelines.settings import data_paths
    from pipelines.upkeep import tell
    from pipelines.upkeep.doctor import examine

    paths = data_paths()
    found = examine(paths, utc_now())
    tell.tell_json(found) if style is Style.json else tell.tell_findings(paths, found)
    raise typer.Exit(1 if any(finding.severity == "wrong" for finding in found) else 0)
