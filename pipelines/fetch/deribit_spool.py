"""Answers of a fetch that is not finished, kept as they come: a repeat is answered from them for as long as it asks the
same questions, and asks only what comes after."""

from __future__ import annotations

import json
import shutil
from datetime import date, datetime, timedelta
from pathlib import Path

from pipelines.fetch.client import FetchFailed
from pipelines.fetch.deribit_ask import Ask, Host, Params, Reply, reply_of
from pipelines.lake.files import write_durably
from pipelines.sources.deribit_bundle import LARGEST_UNPACKED

_LARGEST_BYTES = LARGEST_UNPACKED - 2**20  # of all answers, which become one bundle


class Spool:
    """To be asked as Deribit is. `lines`: the answers so far, as a bundle keeps them."""

    def __init__(self, folder: Path, ask: Ask) -> None:
        self._folder, self._ask = folder, ask
        self._bytes = 0
        self.lines: list[str] = []
        self.last: datetime | None = None

    def __call__(self, host: Host, method: str, params: Params) -> Reply:
        path = self._folder / f"{len(self.lines):06d}"
        reply = _kept(path, host, method, params)
        if reply is None:
            for later in self._folder.glob("[0-9]*"):  # answers to questions that are no longer asked
                if later.name >= path.name:
                    later.unlink()
            reply = self._ask(host, method, params)
            write_durably(path, f"{host}\n{reply.line()}\n".encode(), label="spool")
        line = reply.line()
        self._bytes += len(line) + 1
        if self._bytes > _LARGEST_BYTES:
            raise FetchFailed(f"the answers are more than {_LARGEST_BYTES} bytes; a bundle does not hold them")
        self.lines.append(line)
        self.last = reply.captured_at if self.last is None else max(self.last, reply.captured_at)
        return reply

    def remove(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)


class Chain:
    """The number of each option's last trade, from a day to the next, so that a trade that is missing between two days
    is missed. Kept of two days: the one that was finished, and the one that was before it, should landing fail."""

    def __init__(self, folder: Path, currency: str) -> None:
        self._folder, self._currency = folder, currency

    def before(self, day: date) -> dict[str, int]:
        """Nothing where the day before did not come by this way."""
        try:
            held = json.loads(self._path(day - timedelta(days=1)).read_text("utf-8"))
            return {str(name): int(seq) for name, seq in held.items()}
        except (OSError, ValueError, TypeError, AttributeError):
            return {}

    def keep(self, day: date, last_seqs: dict[str, int]) -> None:
        path, before = self._path(day), self._path(day - timedelta(days=1))
        write_durably(path, json.dumps(last_seqs, sort_keys=True).encode(), label="chain")
        for other in self._folder.glob(self._path("*").name):
            if other not in {path, before}:
                other.unlink()

    def _path(self, day: date | str) -> Path:
        return self._folder / f"{self._currency}-{day}.json"


def _kept(path: Path, host: Host, method: str, params: Params) -> Reply | None:
    """The answer that is kept there, if it is one to this question; how many rows were asked for does not matter."""
    try:
        asked_host, line = path.read_text("ascii").splitlines()
        held = json.loads(line)
        captured_at = datetime.fromisoformat(held["captured_at"].removesuffix("Z"))
        reply = reply_of(held["method"], held["params"], captured_at, held["body"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    is_same = (asked_host, reply.method) == (host, method) and _without_count(reply.params) == _without_count(params)
    return reply if is_same else None


def _without_count(params: Params) -> dict[str, str | int]:
    return {name: value for name, value in params.items() if name != "count"}
