"""Settings of the AI workers: the same application with a database role that can only read, a Valkey user that reaches
weights, scoring state and its queues alone, and none of the backend's secrets."""

from __future__ import annotations

import os

os.environ["ANBU_RUNTIME_KIND"] = "ai"

from portal.settings import *  # noqa: F403 - settings are taken over whole
