"""`dealerflow up` with the schedule that ticks every minute: `python -m ... DATA PORT`."""

from __future__ import annotations

import sys
from pathlib import Path

from pipelines.daily.up import up
from pipelines.settings import Paths


def tell(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    up(Paths(Path(sys.argv[1])), int(sys.argv[2]), tell, definitions="tests.integration.ticking")
