"""The SEC's files of shares that were not delivered, half a month each, in archives of one file."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from datetime import date

from pipelines.calendar import us_sessions
from pipelines.simulate.draws import draws
from pipelines.simulate.history import History
from pipelines.simulate.reports.securities import Security
from pipelines.symbols import symbol_key

_HEADER = "SETTLEMENT DATE|CUSIP|SYMBOL|QUANTITY (FAILS)|DESCRIPTION|PRICE"
_MADE_AT = (2024, 7, 16, 6, 0, 0)  # the clock inside the archives, which must not be that of the day they are written
_FAILS_OF = 0.4  # of the securities on a day
HALVES = {"202406a": (date(2024, 6, 1), date(2024, 6, 15)), "202406b": (date(2024, 6, 16), date(2024, 6, 30))}
_DESCRIPTIONS = {"ZQF": "SIMULATED ZQF CORP|CLASS A", "ZQG": "SIMULATED ZQG CAFÉ CORP"}
_UNPRICED = "ZQH"


def file_name(half: str) -> str:
    return f"simulated_cnsfails{half}.zip"


def fails_file(half: str, securities: Sequence[Security], histories: Mapping[str, History], seed: int) -> bytes:
    """Not compressed, so that its bytes are the same with every library."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_STORED) as archive:
        member = zipfile.ZipInfo(f"cnsfails{half}.txt", _MADE_AT)
        archive.writestr(member, fails_text(half, securities, histories, seed).encode("cp1252"))
    return content.getvalue()


def fails_text(half: str, securities: Sequence[Security], histories: Mapping[str, History], seed: int) -> str:
    """A row for each balance; two lines at the end count the rows and their shares."""
    lines, shares = [_HEADER], 0
    for day in us_sessions().between(*HALVES[half]):
        uniform = draws(seed, f"fails {day}", (2, len(securities)))
        for one, is_failing, size in zip(
            securities, (uniform[0] < _FAILS_OF).tolist(), uniform[1].tolist(), strict=True
        ):
            if one.is_plain and (is_failing or one.symbol in _DESCRIPTIONS or one.symbol == _UNPRICED):
                quantity = 1 + int(2e5 * size**4)
                shares += quantity
                description = _DESCRIPTIONS.get(one.symbol, one.name.upper()[:30])
                price = "." if one.symbol == _UNPRICED else f"{_close_before(one, histories, day):.2f}"
                symbol = symbol_key(one.symbol).upper()
                lines.append(f"{day:%Y%m%d}|{one.cusip}|{symbol}|{quantity}|{description}|{price}")
    trailer = [f"Trailer record count {len(lines) - 1}", f"Trailer total quantity of shares {shares}"]
    return "\r\n".join([*lines, *trailer]) + "\r\n"


def _close_before(one: Security, histories: Mapping[str, History], day: date) -> float:
    sessions = histories[one.symbol].sessions if one.symbol in histories else {}
    return sessions[day].path.before if day in sessions else one.start
