"""OCC's cleared volume of a day by underlying, account type and exchange; kept for two years.

Asked for both sides, it now and then gives one of them: then each is asked for on its own.
"""

from __future__ import annotations

from datetime import datetime

from pipelines.fetch import occ
from pipelines.fetch.bundle import bundled, is_bundled, page
from pipelines.fetch.client import Fetched, FetchFailed
from pipelines.fetch.feed import Asking, Feed, require_data
from pipelines.fetch.periods import day_of
from pipelines.operator_settings import Follow
from pipelines.report_periods import periods_due
from pipelines.sources.page import Unreadable
from pipelines.sources.reports import occ_volume

NEWEST = 5  # sessions


def path_of(item: str, side: str = "BOTH") -> str:
    return (
        f"/volume-query?reportDate={item.replace('-', '')}&format=csv&volumeQueryType=O&symbolType=ALL&symbol=ALL"
        f"&reportType=D&accountType=ALL&productKind=ALL&porc={side}"
    )


def ask(asking: Asking, item: str) -> Fetched:
    both = asking.get(path_of(item))
    sides = _sides(both.data)
    if sides not in ({"C"}, {"P"}):
        return both
    found = {side: asking.get(path_of(item, side)) for side in "CP"}
    if any(_sides(one.data) != {side} for side, one in found.items()):
        missing = next(side for side, one in found.items() if _sides(one.data) != {side})
        raise FetchFailed(f"only one side came, and {'calls' if missing == 'C' else 'puts'} not even when asked alone")
    pages = [page(one) for one in found.values()]
    return bundled(occ_volume.NAME, {"report_date": item}, pages, found["P"], asking.feed.largest_bytes)


def check(data: bytes, item: str) -> None:
    require_data(data)
    if is_bundled(data):
        return
    columns = _columns(data)
    if not set(occ_volume.COLUMNS) <= set(columns):
        occ.refuse(data, f"the cleared volume of {item}")
    day = day_of(item)
    first = data[:4096].decode("utf-8-sig", "replace").splitlines()[1:2]
    cells = first[0].split(",") if first else []
    stated = cells[columns.index("actdate")].strip() if len(cells) >= len(columns) else ""
    if stated and stated != f"{day:%m/%d/%Y}":
        raise Unreadable(f"the vendor sent the cleared volume of {stated[:10]!r} instead of {item}")


def items_now(follow: Follow, now: datetime) -> list[str]:
    return [str(day) for day, _ in periods_due("cleared_volume", now, newest=NEWEST)] if follow.occ_volume else []


def _columns(data: bytes) -> list[str]:
    header = data[:1024].decode("utf-8-sig", "replace").lstrip().partition("\n")[0]
    return [name.strip().lower() for name in header.split(",")]


def _sides(data: bytes) -> set[str]:
    """Calls, puts or both; nothing of what is no such file."""
    columns = _columns(data)
    if not set(occ_volume.COLUMNS) <= set(columns):
        return set()
    place = columns.index("porc")
    rows = (line.split(",") for line in data.decode("utf-8", "replace").splitlines()[1:])
    return {cells[place].strip().upper() for cells in rows if len(cells) > place}


FEED = Feed(
    name="occ-volume",
    summary="cleared option volume by customer, firm and market maker",
    item_name="days",
    example="2026-03-02",
    terms=occ.TERMS,
    base_url=occ.BASE_URL,
    largest_bytes=occ_volume.LARGEST_BYTES,
    item_of=lambda typed: str(day_of(typed)),
    path_of=path_of,
    check=check,
    items_now=items_now,
    ask=ask,
)
