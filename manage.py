#!/usr/bin/env python3
"""Entry point of every operator command; `manage.py up` starts the whole product."""

from __future__ import annotations

import os
import sys

from django.core.management import execute_from_command_line
from django.db import OperationalError

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    try:
        execute_from_command_line(sys.argv)
    except OperationalError as error:
        if "--traceback" in sys.argv:
            raise
        reason = str(error).strip().splitlines()[0]
        advice = "Is the portal up? Start `manage.py up`, or set ANBU_DATA or DATABASE_URL."
        sys.exit(f"A database cannot be used: {reason}\n{advice}")
