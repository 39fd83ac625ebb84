"""What the commands of upkeep print."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from rich.markup import escape
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from pipelines.console import console
from pipelines.settings import Paths
from pipelines.upkeep.findings import Finding
from pipelines.upkeep.names import size, version_name
from pipelines.upkeep.provenance import Step
from pipelines.upkeep.prune import Plan
from pipelines.upkeep.rebuild import RebuildReport
from pipelines.upkeep.verify import Verified

_LISTED = 20  # leftovers named
_COLOURS = {"wrong": "red", "watch": "yellow", "fine": "green"}
_IN_SENTENCE = {
    "known_at", "known_at_basis", "stage", "method_version", "code_version", "row_count", "output_sha256",
}  # fmt: skip


def tell_json(value: Any) -> None:
    """A dataclass or several, all of it."""
    plain = [dataclasses.asdict(one) for one in value] if isinstance(value, list) else dataclasses.asdict(value)
    print(json.dumps(plain, indent=1, default=str))


def tell_verified(done: Verified) -> None:
    if done.faults:
        table = Table(box=None, pad_edge=False, header_style="bold")
        for heading in ("wrong", "what", "file"):
            table.add_column(heading, overflow="fold")
        for fault in done.faults:
            table.add_row(f"[red]{fault.wrong}[/red]", escape(fault.what), escape(fault.path))
        console.print(table)
    for note in done.notes:
        console.print(note, soft_wrap=True)
    if done.leftovers:
        console.print(f"Files that no row knows, left by killed runs or refused loads: {len(done.leftovers)}.")
        for path in done.leftovers[:_LISTED]:
            console.print(f"  {escape(path)}", soft_wrap=True)
        if len(done.leftovers) > _LISTED:
            console.print(f"  and {len(done.leftovers) - _LISTED} more; --format json lists all")
    pruned = f", {done.pruned} pruned" if done.pruned else ""
    verdict = f"[red]{len(done.faults)} wrong[/red]" if done.faults else "all as the catalogue says"
    console.print(f"{done.raw_objects} raw objects, {done.partitions} partition files{pruned}: {verdict}.")


def tell_lineage(root: Step) -> None:
    tree = Tree(_label(root), guide_style="dim")
    _grow(tree, root)
    console.print(tree, soft_wrap=True)


def _grow(tree: Tree, step: Step) -> None:
    for part in step.made_of:
        _grow(tree.add(_label(part)), part)


def _label(step: Step) -> Text:
    """The name, and below it what is known of it."""
    facts = step.facts
    name = Text(step.name, style={"table": "bold", "raw": "green", "version": "cyan"}.get(step.kind, ""))
    if "told" in facts:
        return name + Text(f" ({facts['told']})", style="dim")
    known = f"known {_instant(facts['known_at'])}" if facts.get("known_at") else ""
    basis = f" by {facts['known_at_basis']}" if "known_at_basis" in facts else ""
    method, rows = "", f"{facts['row_count']} rows" if "row_count" in facts else ""
    if "stage" in facts:
        method = f"{facts['stage']} method {facts['method_version']}, code {facts['code_version']}"
    plain = [_fact(name, value) for name, value in facts.items() if name not in _IN_SENTENCE]
    lines = ["  ".join(text for text in (known + basis, method, rows) if text), *plain]
    return Text("\n").join([name, *(Text(f"  {line}") for line in lines if line)])


def _fact(name: str, value: Any) -> str:
    return name if value is True else f"{name}: {_instant(value)}"


def _instant(value: Any) -> str:
    """Whole seconds without their six zeros."""
    return str(value).removesuffix(".000000")


def tell_rebuilt(done: RebuildReport) -> None:
    for stage, count in done.left_out.items():
        if count:
            console.print(f"Left out: {count} partitions that this method of {stage} never made.")
    console.print(f"{escape(str(done.file))}: {done.versions} partitions, in {done.seconds:.1f} s", soft_wrap=True)


def tell_pruned(gone: Plan, *, is_dry_run: bool) -> None:
    for path in gone.leftovers:
        console.print(f"leftover    {escape(str(path))}", soft_wrap=True)
    for version in gone.versions:
        console.print(f"superseded  {escape(version_name(version))}", soft_wrap=True)
    counts = (
        f"{len(gone.leftovers)} leftovers, {len(gone.versions)} superseded versions, {len(gone.runs)} Dagster runs,"
        f" {size(gone.bytes_freed)}"
    )
    console.print(f"Would go: {counts}." if is_dry_run else f"Gone: {counts}.")
    if gone.versions and not is_dry_run:
        console.print("partition_versions says which; dealerflow run publishes that.")


def tell_findings(paths: Paths, found: list[Finding]) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("", "what", "do"):
        table.add_column(heading, overflow="fold")
    for finding in found:
        mark = f"[{_COLOURS[finding.severity]}]{finding.severity}[/]"
        table.add_row(mark, escape(finding.what), escape(finding.do))
    console.print(table)
    wrong = sum(finding.severity == "wrong" for finding in found)
    verdict = f"[red]{wrong} to mend[/red]" if wrong else "nothing needs you"
    console.print(f"{escape(str(paths.root))}: {verdict}.", soft_wrap=True)
