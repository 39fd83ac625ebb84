"""How far collecting from Deribit has come, so that a visit asks only for what is new. Losing it costs questions only,
unless collecting stopped for longer than a day."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from pipelines.lake.files import write_durably
from pipelines.settings import Paths


@dataclass(slots=True)
class State:
    """Milliseconds of Deribit's clock."""

    trades_until: dict[str, int] = field(default_factory=dict)  # by underlying: every earlier trade has landed
    bars_until: dict[str, int] = field(default_factory=dict)  # by instrument or index
    asked_at: dict[str, int] = field(default_factory=dict)  # what is asked once an hour

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
    text = json.dumps(asdict(state), indent=1, sort_keys=True) + "\n"
    write_durably(_path(paths), text.encode(), label="state")


def _path(paths: Paths) -> Path:
    return paths.spool / "deribit" / "state.json"
