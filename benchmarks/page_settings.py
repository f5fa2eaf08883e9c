"""The product's settings, for pages that are drawn in the measuring process: static files under their plain names."""

from portal.settings import *  # noqa: F403
from portal.settings import STORAGES as OURS

STORAGES = {**OURS, "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
