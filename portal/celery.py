"""The Celery application: which worker reads which queue is said where it is started (Procfile)."""

from __future__ import annotations

import os

from celery import Celery
from celery.signals import setup_logging
from django.conf import settings

from . import worker_liveness  # noqa: F401 - watches each worker from its start

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

app = Celery("anbu")
app.conf.update(settings.CELERY)
app.autodiscover_tasks(["ai", "monitoring", "portal"])


@setup_logging.connect
def keep_our_logging(**kwargs: object) -> None:
    """Celery would set up logging of its own; Django's settings have done it."""
