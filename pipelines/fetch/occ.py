"""The Options Clearing Corporation: its terms, and how its answers tell that there is nothing (always HTTP 200)."""

from __future__ import annotations

from pipelines.fetch.feed import Terms, said
from pipelines.sources.page import Unreadable

BASE_URL = "https://marketdata.theocc.com"
TERMS = Terms(
    version=1,
    text=(
        "The Options Clearing Corporation shows its reports for information. Its terms do not allow automated access, "
        "and no commercial use of its data, without its written permission, although it describes addresses for "
        "programs. Fetch only if it allows your use."
    ),
    url="https://www.theocc.com/specialpages/legal/terms-and-conditions",
)
_MEANINGS = (
    ("no record", "the vendor has no rows of it: no session, or not out yet"),
    ("cannot be greater", "not out yet"),
    ("no data exists", "unknown to the vendor"),
    ("cannot be prior", "gone: the vendor keeps two years"),
)


def refuse(data: bytes, what: str) -> None:
    """Unreadable, with what the answer says where it is a sentence instead of `what`."""
    words = said(data)
    meaning = next((meaning for mark, meaning in _MEANINGS if mark in words.lower()), None)
    if meaning is not None:
        raise Unreadable(f"{meaning} ({words})")
    raise Unreadable(f"the vendor sent something else than {what}: {words}")
