"""FINRA's short positions of a settlement date, as its interface answers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np

from pipelines.simulate.draws import draw
from pipelines.simulate.reports.bundle import bundle, record_pages
from pipelines.simulate.reports.securities import Security
from pipelines.symbols import symbol_key

SETTLEMENTS = (date(2024, 5, 31), date(2024, 6, 14), date(2024, 6, 28))  # the first only as the date before
REVISED = "ZQD"  # whose position of the date before the last file restates
_URL = "https://api.finra.org/data/group/otcMarket/name/consolidatedShortInterest"
_LEAST_DAYS, _MOST_DAYS = 1.0, 999.99


def file_name(settlement: date) -> str:
    return f"simulated_finra_short_interest_{settlement}.json"


def short_interest_file(settlement: date, securities: Sequence[Security], seed: int) -> bytes:
    before = SETTLEMENTS[SETTLEMENTS.index(settlement) - 1]
    records = [
        _record(settlement, before, one, seed) for one in sorted(securities, key=_code) if one.is_plain
    ]  # fmt: skip
    request = {
        "compareFilters": [{"compareType": "EQUAL", "fieldName": "settlementDate", "fieldValue": str(settlement)}],
        "limit": 5000,
    }
    return bundle("finra_short_interest", request, record_pages(_URL, records, 5000))


def position(one: Security, settlement: date, seed: int) -> int:
    """Shares sold short and not bought back, as first stated."""
    usual = one.usual_shares or 2e7
    level = 1.0 + 4.0 * draw(seed, f"{one.symbol} short interest")
    return int(usual * level * (0.9 + 0.2 * draw(seed, f"{one.symbol} short interest {settlement}")))


def _code(one: Security) -> str:
    return symbol_key(one.symbol)


def _record(settlement: date, before: date, one: Security, seed: int) -> dict[str, object]:
    is_revised = one.symbol == REVISED and settlement == SETTLEMENTS[-1]
    now, previous = position(one, settlement, seed), position(one, before, seed)
    if is_revised:
        previous += 1_200
    average = int((one.usual_shares or 2e7) * (0.8 + 0.4 * draw(seed, f"{one.symbol} average {settlement}")))
    return {
        "settlementDate": str(settlement),
        "accountingYearMonthNumber": int(f"{settlement:%Y%m%d}"),
        "symbolCode": _code(one),
        "issueName": one.name,
        "issuerServicesGroupExchangeCode": one.market_class[0],
        "marketClassCode": one.market_class,
        "currentShortPositionQuantity": now,
        "previousShortPositionQuantity": previous,
        "changePreviousNumber": now - previous,
        "changePercent": round(100.0 * (now - previous) / previous, 2),
        "averageDailyVolumeQuantity": average,
        "daysToCoverQuantity": float(np.clip(round(now / average, 2), _LEAST_DAYS, _MOST_DAYS)),
        "revisionFlag": "R" if is_revised else None,
        "stockSplitFlag": None,
    }
