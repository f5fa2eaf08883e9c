"""Why an embedded server could not run; every message says what to do."""

from __future__ import annotations


class EmbeddedServerError(Exception):
    """The servers cannot be used as things stand; trying again without a change is of no use."""


class ServerDidNotStart(EmbeddedServerError):
    """A server ended, or was not ready by its deadline."""


class DataFolderBusy(EmbeddedServerError):
    """Another process runs the servers of this data folder."""


class FolderNotEnterable(EmbeddedServerError):
    """The user of the servers cannot reach a binary or the data."""


class StartInterrupted(EmbeddedServerError):
    """The caller was asked to stop before the servers were ready."""
