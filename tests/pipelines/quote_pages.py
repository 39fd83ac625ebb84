"""Small quote pages written for one test at a time."""

from __future__ import annotations

from datetime import date

COLUMNS = (
    "Expiration Date,Calls,Last Sale,Net,Bid,Ask,Volume,IV,Delta,Gamma,Open Interest,Strike,"
    "Puts,Last Sale,Net,Bid,Ask,Volume,IV,Delta,Gamma,Open Interest"
)


def line(
    strike: float = 100,
    expiry: date = date(2024, 7, 19),
    root: str = "ABC",
    *,
    bid: object = 1.0,
    ask: object = 1.2,
    interest: object = 10,
    volume: object = 5,
    iv: object = 0.2,
) -> str:
    code = f"{root}{expiry:%y%m%d}{{side}}{round(strike * 1000):08d}"
    side = f"{{code}},1.1,0,{bid},{ask},{volume},{iv},0.5,0.01,{interest}"
    call, put = (side.format(code=code.format(side=letter)) for letter in "CP")
    return f"{expiry:%a %b %d %Y},{call},{strike:.2f},{put}"


def page(
    *lines: str, clock: str = "June 17, 2024 at 4:31 PM EDT", last: object = 100.0, name: str = "ABC Inc"
) -> bytes:
    listed = lines or tuple(line(strike) for strike in range(90, 111))
    header = [f"{name},Last: {last},Change:  0.5", f'"Date: {clock}",Bid: 99.9,Ask: 100.1,Size: 1*1,"Volume: 1,234"']
    return "\n".join(["", *header, COLUMNS, *listed, ""]).encode()
