"""One load in this process, all of it in one thread, and the seconds of each step: what `whole_way` runs in a checkout.

It imports the `pipelines` of the folder it is started for, which may be an older or newer one; nothing of this one.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
from collections.abc import Callable
from concurrent.futures import Future
from functools import wraps
from typing import Any

# Where a function is found by those who call it, and the step that its own time counts for; what an older or newer
# checkout lacks is passed over.
STEPS = {
    "pipelines.load:_load": "load",
    "pipelines.stages.parsed:chain_pages": "parse",
    "pipelines.stages.parsed:coin_file": "parse",
    "models.surface:implied_vol": "implied vol",
    "models.surface:greeks": "greeks",
    "models.coin_surface:greeks": "greeks",
    "models.snapshot:reprice": "repricing",
    "models.snapshot:scope_curves": "repricing",
    "models.snapshot:scope_flip": "repricing",
    "pipelines.lake.partitions:read": "Parquet read",
    "pipelines.lake.gates:check_frame": "gates",
    "pipelines.lake.partitions:encode": "Parquet encode",
    "pipelines.lake.partitions:write": "write, sync",
    "pipelines.lake.derive:Replay.__init__": "replay, catalogue",
    "pipelines.lake.derive:Replay.run": "replay, catalogue",
    "pipelines.operate:settle": "gaps, export",
    "pipelines.operate:publish": "publish: the rest",
    "pipelines.warehouse.publish:build": "publish: dbt",
    "pipelines.warehouse.publish:export": "publish: marts",
}
_STAGES = "pipelines.lake.derive:compute"  # whose first argument has a name


class Stopwatch:
    """Seconds of processor and of the clock by step; a step within another stops the other's time."""

    def __init__(self) -> None:
        self.spent: dict[str, list[float]] = {}
        self._under_way: list[str] = []
        self._since = (0.0, 0.0)

    def begin(self, step: str) -> None:
        self._turn()
        self._under_way.append(step)

    def end(self) -> None:
        self._turn()
        self._under_way.pop()

    def timed(self, step: str | None, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function under the name of its step, or of its first argument."""

        @wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            self.begin(step or args[0].name)
            try:
                return function(*args, **kwargs)
            finally:
                self.end()

        return wrapper

    def wrap(self, place: str, step: str | None) -> None:
        """Have a function timed where its callers find it."""
        module, _, path = place.partition(":")
        *owners, name = path.split(".")
        try:
            owner: Any = importlib.import_module(module)
            for each in owners:
                owner = getattr(owner, each)
            setattr(owner, name, self.timed(step, getattr(owner, name)))
        except (ImportError, AttributeError):
            print(f"no {place} here", file=sys.stderr)

    def _turn(self) -> None:
        now = (time.process_time(), time.perf_counter())
        if self._under_way:
            spent = self.spent.setdefault(self._under_way[-1], [0.0, 0.0])
            spent[0] += now[0] - self._since[0]
            spent[1] += now[1] - self._since[1]
        self._since = now


class InPlace:
    """Stands for the crew: whatever is submitted is done at once, by this thread."""

    def __init__(self, *_args: Any, **_kwargs: Any) -> None: ...

    def __enter__(self) -> InPlace:
        return self

    def __exit__(self, *_error: object) -> None: ...

    def submit(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Future[Any]:
        done: Future[Any] = Future()
        done.set_result(function(*args, **kwargs))
        return done


def main() -> None:
    """The seconds by step as one line of JSON."""
    watch = Stopwatch()
    watch.begin("start")
    from pipelines import materialise, operate
    from pipelines.sources.page import Declared

    vars(materialise)["Crew"] = InPlace
    for place, step in STEPS.items():
        watch.wrap(place, step)
    watch.wrap(_STAGES, None)
    watch.end()
    job = json.loads(sys.argv[1])
    watch.begin("the rest")
    operate.load(job["files"], Declared(mapping=job["mapping"]), is_land_only=False)
    watch.end()
    print(json.dumps(watch.spent))


if __name__ == "__main__":
    main()
