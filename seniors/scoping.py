"""Rows that belong to seniors, narrowed to the seniors that a person may know of."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from .models import Senior, Staff

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser
    from django.db.models import Model, QuerySet

Row = TypeVar("Row", bound="Model")


def narrow(rows: QuerySet[Row], user: Staff | AnonymousUser, path: str = "senior") -> QuerySet[Row]:
    """The rows of `rows` whose senior, at the lookup `path`, is visible to `user`.

    Who sees everybody gets `rows` as they are: the database would otherwise join each row with all of a province's
    seniors to find that nothing is left out.
    """
    if isinstance(user, Staff) and user.is_active and user.is_supervisor:
        return rows
    return rows.filter(**{f"{path}__in": Senior.objects.visible_to(user).order_by()})
