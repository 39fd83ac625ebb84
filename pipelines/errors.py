"""The errors that mean something to a user and are shown as one line."""

from __future__ import annotations

import errno
import sqlite3

_FOR_USERS = (
    "CatalogueError", "FeedError", "LakeBusy", "LineageError", "PublishError", "QueryError", "RebuildError",
    "SettingsError", "UpError",
)  # fmt: skip
# What the machine refuses and its owner can mend: folders that are missing, read-only or full.
_MENDABLE = {
    errno.ENOENT, errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.ENOTDIR, errno.EISDIR,
    errno.EEXIST,
}  # fmt: skip


def is_for_users(error: Exception) -> bool:
    """By name, so that a command need not import the rooms that it does not use."""
    return (
        isinstance(error, FileNotFoundError | sqlite3.Error)
        or (isinstance(error, OSError) and error.errno in _MENDABLE)
        or type(error).__name__ in _FOR_USERS
    )


def one_line(error: Exception) -> str:
    """What the user reads."""
    if isinstance(error, sqlite3.Error):
        return f"the catalogue of the lake: {error}"
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    return " ".join(str(error).split())
