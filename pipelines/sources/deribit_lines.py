"""What stands on the lines of a bundle of Deribit responses, or in one response saved by itself."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pipelines.sources import deribit_bundle
from pipelines.sources.page import EARLIEST_YEAR, LATEST_YEAR, LONGEST_ROW_TEXT, Unreadable
from pipelines.sources.text import decode

TRADE_METHODS = tuple(
    f"get_last_trades_by_{key}{span}" for key in ("currency", "instrument") for span in ("", "_and_time")
)
SUMMARY_METHODS = ("get_book_summary_by_currency", "get_book_summary_by_instrument")
TICKER_METHODS = ("ticker", "get_order_book", "get_order_book_by_instrument_id")
INSTRUMENT_METHODS = ("get_instruments", "get_instrument")
_EPOCH = datetime(1970, 1, 1)
_LONGEST_INTEGER = 20  # digits
_MOST_OPENED = 1_000_000  # brackets of a JSON text; in memory each takes twenty times its bytes
_LATEST_CLAIM = timedelta(minutes=1)  # after its capture: by how much clocks differ
_UNDERLYING = re.compile(r"[A-Z0-9]{1,12}(_USD[CT])?", re.ASCII)
_BUNDLE = re.compile(rb'^(?:\xef\xbb\xbf)?\s*\{[^{}\r\n]*"format"\s*:\s*"deribit_responses"')
_HEAD_BYTES, _TAIL_BYTES = 4096, 512


@dataclass(frozen=True, slots=True)
class Response:
    captured_at: datetime | None  # None: neither the capture nor the exchange says when it was sent
    is_captured: bool  # by a clock beside the response, not by the exchange's own
    method: str  # without `public/`
    params: dict[str, Any]
    result: Any


@dataclass(frozen=True, slots=True)
class Claim:
    """Every trade of the underlyings with from_ts <= trade_ts < until_ts is in the bundle. Its line may name `holes`,
    which are for people and not read: holes are told by `trade_seq` alone."""

    captured_at: datetime
    underlyings: tuple[str, ...]
    from_ts: datetime
    until_ts: datetime


@dataclass(frozen=True, slots=True)
class Damaged:
    """A line that gives nothing. `loses_trades`: it may have held trades that a later claim says are there."""

    captured_at: datetime | None
    reason: str
    text: str
    loses_trades: bool


def recognise(data: bytes) -> bool:
    head = deribit_bundle.head(data, _HEAD_BYTES)
    return bool(_BUNDLE.match(head)) or _is_envelope(head, data)


def entries(data: bytes) -> Iterator[Response | Claim | Damaged]:
    """In the order of the file. A file that is no bundle is one response."""
    if not _BUNDLE.match(deribit_bundle.head(data, _HEAD_BYTES)):
        yield _bare(b"\n".join(deribit_bundle.unpack(data)))
        return
    for line in deribit_bundle.unpack(data):
        found = _entry(line)
        if found is not None:
            yield found


def utc(milliseconds: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=milliseconds)


def _is_envelope(head: bytes, data: bytes) -> bool:
    tail = b"" if deribit_bundle.is_packed(data) else data[-_TAIL_BYTES:]
    is_object = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"{"
    return is_object and b'"jsonrpc"' in head + tail and (b'"result"' in head or b'"error"' in head)


def _entry(line: bytes) -> Response | Claim | Damaged | None:
    try:
        content = _loads(line.removeprefix(b"\xef\xbb\xbf"))
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        return Damaged(None, "unreadable_line", _shown(line), loses_trades=True)
    if content.get("format") == deribit_bundle.FORMAT:
        _check_version(content.get("version"))
        return None
    captured_at = _clock(content.get("captured_at"))
    if captured_at is None:
        return Damaged(None, "unreadable_clock", _shown(line), loses_trades=True)
    return _claim(content, captured_at, line) if "claim" in content else _response(content, captured_at, line)


def _check_version(version: object) -> None:
    if version != deribit_bundle.VERSION:
        raise Unreadable(f"the bundle is of version {str(version)[:20]}; {deribit_bundle.VERSION} is known")


def _claim(content: dict[str, Any], captured_at: datetime, line: bytes) -> Claim | Damaged:
    from_ts, until_ts = (_instant(content.get(name)) for name in ("from", "until"))
    names = content.get("underlyings")
    is_known = content["claim"] == "trades_complete" and isinstance(names, list)
    if not is_known or from_ts is None or until_ts is None or not all(map(_is_underlying, names or ())):
        return Damaged(captured_at, "unreadable_claim", _shown(line), loses_trades=False)
    if not from_ts < until_ts <= captured_at + _LATEST_CLAIM:
        return Damaged(captured_at, "impossible_claim", _shown(line), loses_trades=False)
    return Claim(captured_at, tuple(names or ()), from_ts, until_ts)


def _is_underlying(name: object) -> bool:
    return isinstance(name, str) and _UNDERLYING.fullmatch(name) is not None


def _response(content: dict[str, Any], captured_at: datetime, line: bytes) -> Response | Damaged:
    method, params, body = (content.get(name) for name in ("method", "params", "body"))
    if not isinstance(method, str) or not isinstance(body, str):
        return Damaged(captured_at, "unreadable_line", _shown(line), loses_trades=True)
    method = method.removeprefix("public/")

    def damaged(reason: str, *, is_lost: bool = True) -> Damaged:
        return Damaged(
            captured_at,
            reason,
            _shown(body.encode("ascii", "replace")),
            loses_trades=is_lost and method in TRADE_METHODS,
        )

    try:
        envelope = _loads(body)
    except (ValueError, RecursionError):
        return damaged("unreadable_body")
    if isinstance(envelope, dict) and envelope.get("error") is not None:
        return damaged(_error(envelope["error"]), is_lost=False)  # who claims despite it has asked again
    if not isinstance(envelope, dict) or "result" not in envelope:
        return damaged("no_result")
    if envelope.get("testnet") is True:
        return damaged("test_network")
    return Response(captured_at, True, method, params if isinstance(params, dict) else {}, envelope["result"])


def _bare(data: bytes) -> Response:
    try:
        envelope = _loads(decode(data))
    except ValueError as error:
        raise Unreadable(f"no whole JSON: {error}") from None
    except RecursionError:
        raise Unreadable("the JSON is nested more deeply than any response") from None
    if isinstance(envelope, dict) and envelope.get("error") is not None:
        raise Unreadable(f"the exchange answered with an error: {json.dumps(envelope['error'])[:120]}")
    if not isinstance(envelope, dict) or "result" not in envelope:
        raise Unreadable("the JSON is no response: it has no result")
    if envelope.get("testnet") is True:
        raise Unreadable("the response is one of Deribit's test network, whose trades are not real")
    sent = envelope.get("usOut")
    sent_at = _instant(sent // 1000) if isinstance(sent, int) else None
    return Response(sent_at, False, _method_by_shape(envelope["result"]), {}, envelope["result"])


def _method_by_shape(result: object) -> str:
    if isinstance(result, dict) and isinstance(result.get("trades"), list):
        return TRADE_METHODS[0]
    first = result[0] if isinstance(result, list) and result else result
    if isinstance(first, dict) and "instrument_name" in first:
        for key, method in (
            ("contract_size", INSTRUMENT_METHODS[0]),
            ("best_bid_price", TICKER_METHODS[0]),
            ("open_interest", SUMMARY_METHODS[0]),
        ):
            if key in first:
                return method
    raise Unreadable("the response does not say by itself what it shows; save it in a bundle")


def _error(error: object) -> str:
    code, message = (error.get(name) for name in ("code", "message")) if isinstance(error, dict) else (None, None)
    words = re.sub(r"[^a-z0-9]+", "_", message[:60].lower()) if isinstance(message, str) else ""
    return "_".join(("error", *([str(code)] if isinstance(code, int) else []), *([words] if words else [])))


def _loads(text: str | bytes) -> Any:
    opened = text.count("{") + text.count("[") if isinstance(text, str) else text.count(b"{") + text.count(b"[")
    if opened > _MOST_OPENED:
        raise ValueError(f"it has {opened} objects and lists")
    try:
        return json.loads(text)
    except ValueError:
        return json.loads(text, parse_int=_integer)  # an integer may be longer than Python reads


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= _LONGEST_INTEGER else float(digits)


def _clock(text: object) -> datetime | None:
    try:
        clock = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    if clock is None or clock.tzinfo is None or not EARLIEST_YEAR <= clock.year <= LATEST_YEAR:
        return None
    return clock.astimezone(UTC).replace(tzinfo=None)


def _instant(milliseconds: object) -> datetime | None:
    if isinstance(milliseconds, bool) or not isinstance(milliseconds, int):
        return None
    try:
        instant = utc(milliseconds)
    except OverflowError:
        return None
    return instant if EARLIEST_YEAR <= instant.year <= LATEST_YEAR else None


def _shown(line: bytes) -> str:
    return line[:LONGEST_ROW_TEXT].decode("ascii", "replace")
