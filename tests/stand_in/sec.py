"""A stand-in of the SEC: who does not say who asks is shut out."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass, field
from datetime import date, timedelta

from tests.stand_in.site import Answer, Request

REFUSED = b"<html><title>Your Request Originates from an Undeclared Automated Tool</title></html>"


@dataclass
class Sec:
    files: dict[str, bytes] = field(default_factory=dict)  # by path

    def respond(self, request: Request) -> Answer:
        agent = request.headers.get("User-Agent", "")
        if "@" not in agent or "Mozilla" in agent:
            return Answer(REFUSED, 403, content_type="text/html")
        data = self.files.get(request.path)
        return Answer(b"<html>Not found</html>", 404) if data is None else Answer(data, content_type="application/zip")


def fails_path(half: str) -> str:
    return f"/files/data/fails-deliver-data/cnsfails{half.replace('-', '')}.zip"


def fails_zip(last_day: date, shares: int = 2) -> bytes:
    """Of a half of a month, by its last day."""
    day = last_day - timedelta(days=max(0, last_day.weekday() - 4))
    rows = [f"{day:%Y%m%d}|00000000{number}|S{number}|{100 + number}|SHARE {number}|." for number in range(shares)]
    total = sum(100 + number for number in range(shares))
    lines = [
        "SETTLEMENT DATE|CUSIP|SYMBOL|QUANTITY (FAILS)|DESCRIPTION|PRICE",
        *rows,
        f"Trailer record count {shares}",
        f"Trailer total quantity of shares {total}",
        "",
    ]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("cnsfails.txt", "\r\n".join(lines))
    return packed.getvalue()
