"""Named step boundaries, so that a test can kill the process exactly there."""

from __future__ import annotations

import os
import signal

STEPS = (
    "raw.written",
    "raw.renamed",
    "sidecar.written",
    "sidecar.renamed",
    "load.committed",
    "partition.written",
    "partition.renamed",
    "catalogue.committed",
    "catalogue.exported",
    "publish.copied",
    "publish.built",
    "publish.synced",
    "publish.replaced",
    "publish.exported",
)


def step(name: str) -> None:
    """Mark a boundary. Dies by SIGKILL when `DEALERFLOW_KILL_AT` names it: `name`, or `name:n` for the n-th time."""
    target = os.environ.get("DEALERFLOW_KILL_AT")
    if not target:
        return
    wanted, _, nth = target.partition(":")
    if wanted != name:
        return
    _passed[name] = _passed.get(name, 0) + 1
    if _passed[name] >= int(nth or 1):
        os.kill(os.getpid(), signal.SIGKILL)


_passed: dict[str, int] = {}
