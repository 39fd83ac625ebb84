"""Settings of the whole suite."""

from __future__ import annotations

from hypothesis import settings

# A shared machine pauses for longer than any deadline; what a property says does not depend on it.
settings.register_profile("suite", deadline=None, derandomize=True)
settings.load_profile("suite")
