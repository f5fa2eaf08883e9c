"""Weights in the admin: which version judges whom. Supervisors may put another version to work."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin, messages
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from seniors.models import Staff
from seniors.scoped_admin import ScopedAdmin

from .models import AIWeight
from .weight_registry import WeightsRejected, activate_weights

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest


@admin.register(AIWeight)
class AIWeightAdmin(ScopedAdmin[AIWeight]):
    is_editable = False
    is_for_supervisors = True
    list_display = ["senior", "version", "status", "trained_from", "trained_to", "created_at", "reason"]
    list_display_links = None
    list_filter = ["status", "created_at"]
    list_select_related = ["senior"]
    search_fields = ["senior__full_name"]
    ordering = ["senior__full_name", "-version"]
    actions = ["activate"]

    @admin.action(description=_("선택한 버전을 사용"))
    def activate(self, request: HttpRequest, weights: QuerySet[AIWeight]) -> None:
        person = request.user
        if not isinstance(person, Staff) or not person.is_supervisor:
            return
        for weight in weights:
            names = {"name": weight.senior.full_name, "version": weight.version}
            try:
                activate_weights(weight.pk, person)
            except WeightsRejected as error:
                text = gettext("%(name)s 님의 v%(version)s은(는) 거절된 가중치라 쓸 수 없습니다: %(reason)s")
                messages.error(request, text % {**names, "reason": error})
            else:
                messages.success(request, gettext("%(name)s 님은 이제 v%(version)s(으)로 판단합니다.") % names)
