"""The alternative of reading American quotes by the American model: `[surface] american` of the operator's file."""

from __future__ import annotations

from collections.abc import Callable

from models.conventions import de_americanised_version
from pipelines.lake.catalogue import PartitionKey
from pipelines.lake.stage import Alternative, Inputs, Output
from pipelines.markets import US, root_of
from pipelines.operator_settings import operator_settings
from pipelines.settings import Paths


def de_americanised(stage: str, compute: Callable[[Inputs], Output]) -> Alternative:
    """`compute` in place of the stage's own, for underlyings whose options are American."""
    return Alternative(de_americanised_version(stage), compute, _is_asked, _is_american)


def _is_asked(paths: Paths) -> bool:
    return operator_settings(paths).surface.american == "de_americanised"


def _is_american(key: PartitionKey) -> bool:
    return key.market == US.name and root_of(key.part).exercise == "american"
