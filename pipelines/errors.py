"""The errors that mean something to a user and are shown as one line."""

from __future__ import annotations

_FOR_USERS = ("FeedError", "LakeBusy", "PublishError", "QueryError", "SettingsError")


def is_for_users(error: Exception) -> bool:
    """By name, so that a command need not import the rooms that it does not use."""
    return isinstance(error, FileNotFoundError) or type(error).__name__ in _FOR_USERS
