"""Which vendors' terms the operator accepted, and when: `accepted_terms.json` of the data folder."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

from pipelines.fetch.feed import AnyFeed, FeedError
from pipelines.lake.files import write_durably
from pipelines.settings import Paths


def accepted_on(paths: Paths, feed: AnyFeed) -> str | None:
    """The day on which the terms as they stand now were accepted."""
    accepted = _read(paths).get(feed.name, {})
    return accepted.get("accepted_on") if accepted.get("terms_version") == feed.terms.version else None


def accept(paths: Paths, feed: AnyFeed, now: datetime) -> None:
    accepted = _read(paths)
    accepted[feed.name] = {"accepted_on": now.date().isoformat(), "terms_version": feed.terms.version}
    text = json.dumps(accepted, indent=1, sort_keys=True) + "\n"
    write_durably(_path(paths), text.encode(), label="terms")


def require_accepted(paths: Paths, feed: AnyFeed) -> None:
    """FeedError says what to do; nothing may be fetched before."""
    if accepted_on(paths, feed) is None:
        raise FeedError(
            f"the terms of {feed.name} are not accepted: read {feed.terms.url}, "
            f"then run `dealerflow fetch {feed.name} --accept-terms`"
        )


def _path(paths: Paths) -> Path:
    return paths.root / "accepted_terms.json"


def _read(paths: Paths) -> dict[str, dict[str, Any]]:
    path = _path(paths)
    if not path.exists():
        return {}
    try:
        accepted = json.loads(path.read_text("utf-8"))
        return {str(name): dict(entry) for name, entry in accepted.items()}
    except (ValueError, TypeError, AttributeError):
        raise FeedError(f"{path} is damaged; remove it and accept the terms again") from None
