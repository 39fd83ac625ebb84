"""Which page a `dealerflow plot` asks for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pipelines.looking.flow_page import flow_page
from pipelines.looking.frames import Published
from pipelines.looking.inventory_page import inventory_page
from pipelines.looking.page import Page
from pipelines.looking.plot import Window, plot_page

Kind = Literal["heatmap", "levels", "profile", "flow", "inventory"]


@dataclass(frozen=True, slots=True)
class Asked:
    """A plot as its reader names it."""

    underlying: str
    market: str | None
    model: str | None
    scope: str
    window: Window
    is_same_day: bool = False


def page_of(published: Published, kind: Kind, asked: Asked) -> tuple[Page, str]:
    """The page, and a name for its file. QueryError if there is nothing to show."""
    window = asked.window
    if kind == "flow":
        market, name = published.place(asked.underlying, asked.market, "premium_flow")
        return flow_page(published, market, name, window, is_same_day=asked.is_same_day), _named(
            name, "same_day" if asked.is_same_day else "all"
        )
    if kind == "inventory":
        market, name = published.place(asked.underlying, asked.market, "dealer_inventory")
        return inventory_page(published, market, name, window, asked.scope), _named(name, asked.scope)
    view = published.view(
        asked.underlying, asked.model, asked.scope, asked.market, first=window.first, last=window.last
    )
    return plot_page(published, kind, view, window), _named(view.underlying, view.scope)


def _named(underlying: str, what: str) -> str:
    return f"{underlying}_{what}"
