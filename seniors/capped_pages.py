"""Pages of a list that may be a province long: counted only as far as anybody would turn them."""

from __future__ import annotations

from typing import Any, Protocol, cast

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.utils.functional import cached_property

CAP = 10_000


class Countable(Protocol):
    """A list that is no list: sliced like one, and counted as far as asked."""

    def count(self, limit: int) -> int: ...
    def __getitem__(self, wanted: slice) -> list[Any]: ...


class CappedPaginator(Paginator[Any]):
    """Takes a queryset or a Countable. `count` is at most 10,000; `is_capped` says that there is more than that."""

    def __init__(
        self,
        object_list: QuerySet[Any] | Countable,
        per_page: int,
        orphans: int = 0,
        allow_empty_first_page: bool = True,
    ) -> None:
        super().__init__(cast("QuerySet[Any]", object_list), per_page, orphans, allow_empty_first_page)

    @cached_property
    def _counted(self) -> int:
        rows: QuerySet[Any] | Countable = cast("QuerySet[Any] | Countable", self.object_list)
        if isinstance(rows, QuerySet):
            return rows.order_by()[: CAP + 1].count()
        return rows.count(CAP + 1)

    @cached_property
    def count(self) -> int:
        return min(self._counted, CAP)

    @property
    def is_capped(self) -> bool:
        return self._counted > CAP
