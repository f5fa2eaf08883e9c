"""Hubs and faults in the admin. A hub is registered here by the same code as by the API, and its key is shown once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.forms import BooleanField, ModelForm
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from seniors.access_log import record_request
from seniors.models import Staff
from seniors.scoped_admin import ScopedAdmin

from . import claims, registration
from .faults import mark_seen
from .models import Fault, IoTHub

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest
    from django_stubs_ext import StrPromise

    from seniors.models import Senior


class HubForm(ModelForm[IoTHub]):
    replaces = BooleanField(
        label=_("지금 허브를 교체"),
        required=False,
        help_text=_("지금 등록된 허브를 해지하고 이 기기로 바꿉니다. 기록은 이어집니다."),
    )

    class Meta:
        model = IoTHub
        fields = ("senior", "device_id")

    def clean_device_id(self) -> str:
        device_id: str = self.cleaned_data["device_id"]
        if IoTHub.objects.registered().filter(device_id=device_id).exists():
            raise ValidationError(_("이미 등록된 기기 번호입니다. 먼저 그 허브를 해지하세요."))
        return device_id

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or {}
        senior = values.get("senior")
        if senior and not values.get("replaces") and find_hub(senior):
            self.add_error("senior", _("이 어르신 댁에는 이미 허브가 있습니다. 바꾸려면 교체를 고르세요."))
        return values


def find_hub(senior: Senior) -> IoTHub | None:
    return IoTHub.objects.registered().filter(senior=senior).first()


class RegistrationFilter(admin.SimpleListFilter):
    title = _("등록")
    parameter_name = "registered"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[IoTHub]) -> list[tuple[str, StrPromise]]:
        return [("yes", _("등록됨")), ("no", _("해지됨"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[IoTHub]) -> QuerySet[IoTHub]:
        if self.value() not in {"yes", "no"}:
            return queryset
        return queryset.filter(deregistered_at__isnull=self.value() == "yes")


class FaultStateFilter(admin.SimpleListFilter):
    title = _("상태")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Fault]) -> list[tuple[str, StrPromise]]:
        return [("open", _("이어지는 장애")), ("unseen", _("아직 확인하지 않음")), ("cleared", _("해소됨"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Fault]) -> QuerySet[Fault]:
        chosen = {
            "open": {"cleared_at__isnull": True},
            "unseen": {"cleared_at__isnull": True, "seen_at__isnull": True},
            "cleared": {"cleared_at__isnull": False},
        }
        return queryset.filter(**chosen.get(self.value() or "", {}))


@admin.register(IoTHub)
class IoTHubAdmin(ScopedAdmin[IoTHub]):
    form = HubForm
    list_display = ["device_id", "senior", "status", "last_seen_at", "battery", "registered_at", "deregistered_at"]
    list_filter = ["status", RegistrationFilter]
    list_select_related = ["senior"]
    search_fields = ["device_id", "senior__full_name"]
    autocomplete_fields = ["senior"]
    ordering = ["-hub_id"]
    actions = ["issue_claims", "rotate_keys", "deregister"]

    def get_fields(
        self, request: HttpRequest, obj: IoTHub | None = None
    ) -> list[str | list[str] | tuple[str, ...] | tuple[()]]:
        if obj is None:
            return ["senior", "device_id", "replaces"]
        return ["senior", "device_id", "status", "last_seen_at", "battery", "robot_online", "registered_at"]

    def has_change_permission(self, request: HttpRequest, obj: IoTHub | None = None) -> bool:
        # the list keeps its actions; one hub's fields are what it told us, or never change
        return obj is None and super().has_change_permission(request)

    def save_model(self, request: HttpRequest, obj: IoTHub, form: ModelForm[IoTHub], change: bool) -> None:
        broken = find_hub(obj.senior) if form.cleaned_data["replaces"] else None
        if broken is None:
            hub, key = registration.register_hub(obj.senior, obj.device_id, _person(request))
        else:
            hub, key = registration.replace_hub(obj.senior, broken.hub_id, obj.device_id, _person(request))
        obj.pk = hub.pk
        obj._state.adding = False
        self._show_key(request, hub, key.key)

    @admin.action(description=_("선택한 허브의 키를 새로 발급"))
    def rotate_keys(self, request: HttpRequest, hubs: QuerySet[IoTHub]) -> None:
        for hub in hubs.filter(deregistered_at__isnull=True):
            self._show_key(request, hub, registration.rotate_key(hub).key)

    @admin.action(description=_("선택한 허브의 등록 코드 발급"))
    def issue_claims(self, request: HttpRequest, hubs: QuerySet[IoTHub]) -> None:
        text = gettext("허브 %(device)s의 등록 코드: %(code)s · 한 시간 동안 한 번 쓸 수 있습니다. QR: %(qr)s")
        for hub in hubs.filter(deregistered_at__isnull=True):
            code = claims.issue_claim(hub).code
            qr = claims.as_qr_text(request.build_absolute_uri("/"), hub.device_id, code)
            record_request(request, "hub.claim_code", hub.senior_id, hub_id=hub.hub_id)
            messages.warning(request, text % {"device": hub.device_id, "code": code, "qr": qr})

    @admin.action(description=_("선택한 허브 해지"))
    def deregister(self, request: HttpRequest, hubs: QuerySet[IoTHub]) -> None:
        for hub in hubs.filter(deregistered_at__isnull=True):
            registration.deregister(hub, _person(request))
            messages.success(request, gettext("허브 %(device)s을(를) 해지했습니다.") % {"device": hub.device_id})

    def _show_key(self, request: HttpRequest, hub: IoTHub, key: str) -> None:
        text = gettext("허브 %(device)s의 키입니다. 지금만 볼 수 있으니 옮겨 적으세요: %(key)s")
        messages.warning(request, text % {"device": hub.device_id, "key": key})


@admin.register(Fault)
class FaultAdmin(ScopedAdmin[Fault]):
    senior_path = "hub__senior"
    list_display = ["senior_name", "kind", "sensor", "since", "cleared_at", "seen_at", "seen_by_name"]
    list_display_links = None
    list_filter = [FaultStateFilter, "kind"]
    list_select_related = ["hub__senior", "seen_by"]
    search_fields = ["hub__senior__full_name", "hub__device_id"]
    actions = ["mark_as_seen"]

    @admin.display(description=_("어르신"), ordering="hub__senior__full_name")
    def senior_name(self, fault: Fault) -> str:
        return fault.hub.senior.full_name

    @admin.display(description=_("센서"))
    def sensor(self, fault: Fault) -> str:
        return fault.sensor_id or "–"

    @admin.display(description=_("확인한 사람"))
    def seen_by_name(self, fault: Fault) -> str:
        return fault.seen_by.full_name if fault.seen_by else "–"

    @admin.action(description=_("확인함으로 표시"))
    def mark_as_seen(self, request: HttpRequest, faults: QuerySet[Fault]) -> None:
        for fault in faults.filter(seen_at__isnull=True):
            mark_seen(fault, _person(request))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Fault | None = None) -> bool:
        return obj is None and super().has_change_permission(request)


def _person(request: HttpRequest) -> Staff:
    assert isinstance(request.user, Staff)  # noqa: S101 - the admin site lets nobody else in
    return request.user
