"""Who may call: one permission a kind of principal. A valid credential of another kind is 403, none is 401 (DRF)."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from rest_framework.permissions import BasePermission

from .models import Staff

if TYPE_CHECKING:
    from rest_framework.request import Request
    from rest_framework.views import APIView


def person(request: Request) -> Staff:
    """The person behind a request that one of the permissions for people has let through."""
    return cast("Staff", request.user)


class IsPerson(BasePermission):
    """Anybody with a log-in, guardians too."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return isinstance(request.user, Staff)


class IsCareStaff(BasePermission):
    """Caseworkers and supervisors."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return isinstance(request.user, Staff) and not request.user.is_guardian


class IsSupervisor(BasePermission):
    def has_permission(self, request: Request, view: APIView) -> bool:
        return isinstance(request.user, Staff) and request.user.is_supervisor
