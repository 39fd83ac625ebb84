"""Settings of the whole suite."""

from __future__ import annotations

import os

from hypothesis import settings

# The suite itself runs on every core; the tests of the crew say how many workers they want.
os.environ.setdefault("DEALERFLOW_WORKERS", "1")

# A shared machine pauses for longer than any deadline; what a property says does not depend on it.
settings.register_profile("suite", deadline=None, derandomize=True)
settings.load_profile("suite")
