"""How far collecting from Deribit has come, so that a visit asks only for what is new. Losing it costs questions only,
unless collecting stopped for longer than a day."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import polars as pl

from pipelines.lake.files import write_durably
from pipelines.settings import Paths
from pipelines.sources.coin_names import name_parts

_DAY_MS = 86_400_000


@dataclass(slots=True)
class State:
    """Milliseconds of Deribit's clock."""

    trades_until: dict[str, int] = field(default_factory=dict)  # by underlying: every earlier trade has landed
    bars_until: dict[str, int] = field(default_factory=dict)  # by instrument or index
    asked_at: dict[str, int] = field(default_factory=dict)  # what is asked once an hour
    last_seqs: dict[str, int] = field(default_factory=dict)  # by live option: the number of its last trade until then

    def advance(self, other: State) -> None:
        """Take over what another came to, never going back."""
        for name, reached in asdict(other).items():
            mine: dict[str, int] = getattr(self, name)
            mine |= {key: max(ms, mine.get(key, ms)) for key, ms in reached.items()}


def read_state(paths: Paths) -> State:
    try:
        held = json.loads(_path(paths).read_text("utf-8"))
        return State(**{name: {str(k): int(v) for k, v in held[name].items()} for name in State.__slots__})
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return State()


def write_state(paths: Paths, reached: State) -> None:
    """Beside what others have written meanwhile."""
    state = read_state(paths)
    state.advance(reached)
    state.last_seqs = without_expired(state.last_seqs, max(state.trades_until.values(), default=0))
    text = json.dumps(asdict(state), indent=1, sort_keys=True) + "\n"
    write_durably(_path(paths), text.encode(), label="state")


def without_expired(seqs: Mapping[str, int], ms: int) -> dict[str, int]:
    """Those of options that still trade a day before this instant or later."""
    names = pl.Series("name", list(seqs), dtype=pl.String)
    is_live = name_parts(names)["expiry_ts"].dt.epoch("ms") >= ms - _DAY_MS
    return {name: seqs[name] for name in names.filter(is_live.fill_null(value=False))}


def _path(paths: Paths) -> Path:
    return paths.spool / "deribit" / "state.json"
