"""Two sources of one snapshot: the declared precedence publishes one, the other stays in the lake, outranked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pipelines.lake.store import opened
from pipelines.materialise import bring_up_to_date
from pipelines.settings import Paths
from pipelines.simulate import write_market
from pipelines.stages import landing, parsed
from pipelines.stages.spine import US_SPINE
from tests.integration.spine import current, land


@pytest.mark.parametrize("winner", ["cboe_quotedata_csv", "other_feed"])
def test_the_source_that_takes_precedence_is_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, winner: str
) -> None:
    page = next(p for p in write_market(tmp_path / "market") if "spy_quotedata_2024-06-21" in p.name)
    order = tuple(sorted(["cboe_quotedata_csv", "other_feed"], key=lambda source: source != winner))
    monkeypatch.setattr(landing, "US", replace(landing.US, source_precedence=order))
    monkeypatch.setitem(parsed._PARSERS, "other_feed", parsed._PARSERS["cboe_quotedata_csv"])
    both = replace(landing.LANDING, sources=order)
    with opened(Paths(tmp_path / "data")) as lake:
        land(lake, [page])
        [sighting] = lake.catalogue.sightings(["cboe_quotedata_csv"], "us")
        with lake.catalogue.transaction():
            lake.catalogue.add_sighting(replace(sighting, source="other_feed"))
        bring_up_to_date(lake, [both, *US_SPINE[1:]])
        fates = dict(current(lake, "pages").select("source", "fate").rows())
        assert fates == {source: "published" if source == winner else "outranked" for source in order}
        assert set(current(lake, "chains")["source"]) == set(order)
        for table in ("snapshot_quality", "option_snapshots", "key_levels", "exposure_heatmap"):
            assert set(current(lake, table)["source"]) == {winner}
