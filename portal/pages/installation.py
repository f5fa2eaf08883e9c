"""Installing a home, step by step: the senior, the key, the first contact, the walk past every sensor, the sheet.

Each step can be left and come back to: what was done is in the rows, not in the page.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.db import transaction
from django.shortcuts import get_object_or_404, redirect, render
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from devices import claims, registration
from devices.models import IoTHub
from portal.pages.desk import person_of, record_sight
from portal.pages.installation_progress import describe_progress
from portal.qr import draw_qr
from seniors.access_log import record_request
from seniors.enrollment import enroll_senior
from seniors.models import Senior

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse


class PersonForm(forms.Form):
    full_name = forms.CharField(label=gettext_lazy("어르신 이름"), max_length=100)
    address = forms.CharField(label=gettext_lazy("주소"), max_length=300)
    phone = forms.CharField(label=gettext_lazy("전화번호"), max_length=32, required=False)


class DeviceForm(forms.Form):
    device_id = forms.CharField(
        label=gettext_lazy("허브 번호"),
        max_length=64,
        help_text=gettext_lazy("허브 밑면이나 상자에 적혀 있습니다."),
    )


@never_cache
def show_start(request: HttpRequest) -> HttpResponse:
    """Who moves in where: a new senior, or with `?senior=` one who has no hub yet."""
    senior = find_homeless(request)
    person = PersonForm(request.POST or None, label_suffix="")
    device = DeviceForm(request.POST or None, label_suffix="")
    if request.method == "POST" and device.is_valid() and (senior or person.is_valid()):
        hub = _register(request, senior or person, device)
        if hub is not None:
            return redirect("admin:installation_hub", hub_id=hub.hub_id)
    context = _frame(request, person=None if senior else person, device=device, senior=senior)
    return TemplateResponse(request, "portal/installation/start.html", context)


def find_homeless(request: HttpRequest) -> Senior | None:
    chosen = request.GET.get("senior", "")
    if not chosen.isdigit():
        return None
    return get_object_or_404(Senior.objects.visible_to(person_of(request)), pk=int(chosen))


def _register(request: HttpRequest, home: Senior | PersonForm, device: DeviceForm) -> IoTHub | None:
    """The registered hub; None with the error on the form. Nobody is enrolled for a device that was refused."""
    by = person_of(request)
    try:
        with transaction.atomic():
            senior = home if isinstance(home, Senior) else enroll_senior(by, **home.cleaned_data)
            hub, _key = registration.register_hub(senior, device.cleaned_data["device_id"], by)
            record_request(request, "hub.register", senior.pk, hub_id=hub.hub_id)
    except registration.DeviceAlreadyRegistered:
        device.add_error(
            "device_id", _("이미 등록된 허브입니다. 번호를 다시 확인하거나, 먼저 쓰던 집에서 등록을 해지하세요.")
        )
        return None
    except registration.SeniorHasHub:
        device.add_error(None, _("이 어르신에게는 이미 등록된 허브가 있습니다."))
        return None
    return hub


@never_cache
def show_installation(request: HttpRequest, hub_id: int) -> TemplateResponse:
    hub = find_hub(request, hub_id)
    record_request(request, "hub.install", hub.senior_id, hub_id=hub_id)
    return TemplateResponse(request, "portal/installation/hub.html", _frame(request, **describe_progress(hub)))


@never_cache
def show_progress(request: HttpRequest, hub_id: int) -> HttpResponse:
    """The part of the page that moves."""
    hub = find_hub(request, hub_id)
    record_sight(request, [hub.senior_id])
    return render(request, "portal/parts/installation_progress.html", describe_progress(hub))


@never_cache
@require_POST
def show_key(request: HttpRequest, hub_id: int) -> TemplateResponse:
    """A claim code (`way=code`), or the key itself (`way=key`): either kills every key before it and is shown once."""
    hub = find_hub(request, hub_id)
    secret: dict[str, Any]
    with transaction.atomic():
        if request.POST.get("way") == "key":
            record_request(request, "hub.rotate_key", hub.senior_id, hub_id=hub_id)
            key = registration.rotate_key(hub).key
            secret = {"key": key, "qr": draw_qr(key, _("허브 키"))}
        else:
            record_request(request, "hub.claim_code", hub.senior_id, hub_id=hub_id)
            claim = claims.issue_claim(hub)
            text = claims.as_qr_text(request.build_absolute_uri("/"), hub.device_id, claim.code)
            secret = {"claim": claim, "qr": draw_qr(text, _("연결 코드"))}
    context = _frame(request, **describe_progress(hub), **secret, site=request.build_absolute_uri("/"))
    return TemplateResponse(request, "portal/installation/hub.html", context, headers={"Cache-Control": "no-store"})


@never_cache
def show_sheet(request: HttpRequest, hub_id: int) -> TemplateResponse:
    """What stays in the home's file, on one page to print. No key and no code is on it."""
    hub = find_hub(request, hub_id)
    record_request(request, "hub.sheet", hub.senior_id, hub_id=hub_id)
    context = _frame(request, **describe_progress(hub), installer=person_of(request), printed_at=timezone.now())
    return TemplateResponse(request, "portal/installation/sheet.html", context)


def find_hub(request: HttpRequest, hub_id: int) -> IoTHub:
    visible = Senior.objects.visible_to(person_of(request))
    return get_object_or_404(IoTHub.objects.registered().select_related("senior"), pk=hub_id, senior__in=visible)


def _frame(request: HttpRequest, **context: Any) -> dict[str, Any]:
    insecure = not request.is_secure() and request.get_host().split(":")[0] not in ("127.0.0.1", "localhost")
    return {**admin.site.each_context(request), "title": _("설치"), "insecure": insecure, **context}
