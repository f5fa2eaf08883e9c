"""Finds staff by name or e-mail as a supervisor types: never a list of all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import JsonResponse
from django.views.decorators.cache import never_cache

from portal.pages.desk import person_of
from seniors.models import Staff

if TYPE_CHECKING:
    from django.http import HttpRequest

MOST = 8


@never_cache
def find_staff(request: HttpRequest) -> JsonResponse:
    if not person_of(request).is_supervisor:
        raise PermissionDenied
    text = request.GET.get("search", "").strip()[:100].replace("\0", "")
    found = Staff.objects.filter(Q(full_name__icontains=text) | Q(email__icontains=text), is_active=True)
    people = found[:MOST] if text else []
    return JsonResponse(
        {
            "results": [
                {
                    "staff_id": person.pk,
                    "text": f"{person.full_name} · {person.email}",
                    "role": str(person.get_role_display()),
                }
                for person in people
            ]
        }
    )
