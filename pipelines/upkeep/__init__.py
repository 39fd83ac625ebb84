"""Keeping a lake: is it whole, where does a number come from, what may go, what would have been."""
