"""What the service worker shows when the network is away: since when, and what still waits on this device."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.shortcuts import render
from django.views.decorators.http import require_GET

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse


@require_GET
def show_offline(request: HttpRequest) -> HttpResponse:
    """Kept by the service worker beforehand, so it names nobody and shows no data."""
    return render(request, "portal/offline.html")
