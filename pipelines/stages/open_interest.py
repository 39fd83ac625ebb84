"""Which page of the same chain proves the date of another's open interest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from models.open_interest import share_of_changes_within_volume, share_repeated
from pipelines.calendar import us_sessions
from pipelines.sessions import OpenInterestDate
from pipelines.stages.placed import PlacedPage

SHARE_THAT_REPEATS = 0.999


@dataclass(frozen=True, slots=True)
class OpenInterestEvidence:
    """What an earlier page says about the date. `repeated`: the date of a page whose figures this one repeats."""

    kind: str
    share: float | None = None
    contracts: int | None = None
    known_at: datetime | None = None
    repeated: date | None = None


def find_evidence(page: PlacedPage, others: Sequence[PlacedPage]) -> OpenInterestEvidence:
    """Against the latest earlier page that is one session apart, else against one of the same date.

    A page without a date of its own is compared with every dated earlier page, the latest first; one without any open
    interest with none.
    """
    if not page.has_open_interest:
        return OpenInterestEvidence("none")
    before = [p for p in others if p.known_at < page.known_at and p.open_interest.session_date is not None]
    before.sort(key=lambda p: (p.known_at, p.sighting.raw_sha256), reverse=True)
    dated = page.open_interest.session_date
    if dated is not None:
        apart = [p for p in before if p.open_interest.session_date == us_sessions().before(dated)]
        volumes = [p for p in [page, *before] if p.session_date == dated]
        for other in apart[:1] if volumes else []:
            return _within_volume(page, other, volumes[0])
        before = [p for p in before if p.open_interest.session_date == dated]
    for other in before:
        share, contracts = _repeated(page, other)
        if contracts and (dated is not None or share >= SHARE_THAT_REPEATS):
            return OpenInterestEvidence(
                "repeats_earlier", share, contracts, other.known_at, other.open_interest.session_date
            )
    return OpenInterestEvidence("none")


def date_by_repetition(evidence: OpenInterestEvidence) -> OpenInterestDate:
    """The date of a page whose clock cannot date it."""
    return OpenInterestDate(evidence.repeated, "repeats_earlier_page" if evidence.repeated else "undated")


def _within_volume(page: PlacedPage, other: PlacedPage, volumes: PlacedPage) -> OpenInterestEvidence:
    joined = (
        page.page.rows.select("contract_id", "open_interest")
        .join(other.page.rows.select("contract_id", earlier="open_interest"), on="contract_id", maintain_order="left")
        .join(volumes.page.rows.select("contract_id", traded="volume"), on="contract_id", maintain_order="left")
        .drop_nulls()
    )
    share, changed = share_of_changes_within_volume(
        joined["earlier"].to_numpy(), joined["open_interest"].to_numpy(), joined["traded"].to_numpy()
    )
    if not changed:
        return OpenInterestEvidence("none")
    return OpenInterestEvidence("change_within_volume", share, changed, other.known_at)


def _repeated(page: PlacedPage, other: PlacedPage) -> tuple[float, int]:
    joined = (
        page.page.rows.select("contract_id", "open_interest")
        .join(other.page.rows.select("contract_id", earlier="open_interest"), on="contract_id", maintain_order="left")
        .drop_nulls()
    )
    share = share_repeated(joined["earlier"].to_numpy(), joined["open_interest"].to_numpy())
    return share, joined.height
