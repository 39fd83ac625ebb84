"""A process that lands files and derives everything, to be killed by tests: `python -m ... DATA FILE...`."""

from __future__ import annotations

import sys
from pathlib import Path

from pipelines.lake.export import export_catalogue
from pipelines.lake.store import opened
from pipelines.load import find_files, load_files
from pipelines.materialise import bring_up_to_date
from pipelines.settings import Paths
from pipelines.stages.spine import SPINES


def main(data: Path, names: list[str]) -> None:
    print("ready", flush=True)
    with opened(Paths(data)) as lake, lake.writing():
        for _ in load_files(lake, find_files(names), progress=lambda _: None):
            pass
        for market, stages in SPINES.items():
            bring_up_to_date(lake, stages, market=market)
        export_catalogue(lake)
    print("done", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
