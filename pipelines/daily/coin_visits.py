"""Visiting the coin venue: every ten minutes what is followed, as long as it is followed and the terms are accepted."""

from __future__ import annotations

from collections.abc import Callable

from pipelines.fetch.acceptance import accepted_on
from pipelines.fetch.arrive import client_for
from pipelines.fetch.client import Client
from pipelines.fetch.deribit import FEED
from pipelines.fetch.deribit_visit import visit
from pipelines.lake.store import Lake
from pipelines.load import Loaded
from pipelines.operator_settings import operator_settings
from pipelines.settings import Paths

PATIENCE_SECONDS = 120.0


class VisitFailed(Exception):
    """Nothing came of a visit; one line says why."""


def why_not(paths: Paths) -> str | None:
    """What keeps visits from being made; None when nothing does."""
    if not operator_settings(paths).follow.deribit:
        return 'nothing is followed: dealerflow.toml, [follow] deribit = ["BTC", "ETH"]'
    if accepted_on(paths, FEED) is None:
        return f"{FEED.name} is followed, but its terms are not accepted: dealerflow fetch {FEED.name} --accept-terms"
    return None


def visit_followed(lake: Lake, tell: Callable[[str], None], client: Client | None = None) -> list[Loaded]:
    """One visit; the first line says what became of it. VisitFailed when nothing of it stands.

    A visit that finds the lake busy is kept on disk, and the next one lands it: its place is free for that one soon.
    """
    followed = operator_settings(lake.paths).follow.deribit
    with client or client_for(lake.paths) as asking:
        loaded = visit(lake, followed, asking, patience_seconds=PATIENCE_SECONDS)
    for one in loaded:
        tell(f"{one.name}: {one.fate}" + (f" ({one.reason})" if one.reason else ""))
    if loaded[0].fate == "refused":
        raise VisitFailed(f"{loaded[0].name}: {loaded[0].reason}")
    return loaded
