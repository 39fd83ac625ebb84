"""A stand-in of the vendors' sites on this machine, with scripted answers."""

from __future__ import annotations

from tests.stand_in.clock import FakeClock
from tests.stand_in.site import Answer, Site, standing_in

__all__ = ["Answer", "FakeClock", "Site", "standing_in"]
