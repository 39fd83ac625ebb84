"""Gates: what a frame must satisfy before it may become a version. They run inside the write."""

from __future__ import annotations

import math

import polars as pl

from pipelines.tables import Table

Accounting = dict[str, dict[str, float]]


class GateRefused(Exception):
    """A partition that may not be written, with the gate's name and the reason in one line."""

    def __init__(self, gate: str, reason: str) -> None:
        super().__init__(f"{gate}: {reason}")
        self.gate, self.reason = gate, reason


def check_frame(table: Table, frame: pl.DataFrame) -> None:
    """Schema, nulls, finite numbers and key, on the collected frame."""
    schema = table.schema()
    if dict(frame.schema) != schema:
        wrong = [name for name in {*schema, *frame.columns} if frame.schema.get(name) != schema.get(name)]
        raise GateRefused("schema", f"{table.name}: columns differ from the declaration: {', '.join(sorted(wrong))}")
    if frame.is_empty():
        return
    required = [name for name in schema if name not in table.nullable]
    numbers = [name for name, dtype in schema.items() if dtype == pl.Float64]
    # One pass over the frame: a partition is small, and each query costs more than its rows.
    counts = frame.select(
        *(pl.col(name).null_count().alias(f"null {name}") for name in required),
        *((~pl.col(name).is_finite()).sum().alias(f"infinite {name}") for name in numbers),
    ).row(0)
    for name, nulls in zip(required, counts, strict=False):
        if nulls:
            raise GateRefused("not_null", f"{table.name}.{name}: {nulls} nulls")
    for name, infinite in zip(numbers, counts[len(required) :], strict=True):
        if infinite:
            raise GateRefused("finite", f"{table.name}.{name}: NaN or infinity")
    doubled = frame.height - frame.select(list(table.key)).n_unique()
    if doubled:
        raise GateRefused("key", f"{table.name}: {doubled} rows repeat a key ({', '.join(table.key)})")


def check_conservation(accounting: Accounting) -> None:
    """Each account must balance: `in` equals the sum of everything that was done with it."""
    for name, account in accounting.items():
        spent = math.fsum(value for fate, value in account.items() if fate != "in")
        if not math.isclose(account["in"], spent, rel_tol=1e-9, abs_tol=1e-6):
            fates = ", ".join(f"{fate} {value:g}" for fate, value in account.items())
            raise GateRefused("conservation", f"{name} do not balance: {fates}")
