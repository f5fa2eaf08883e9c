"""One senior's weights for supervisors: every version, two of them side by side, activation, and training now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST
from kombu.exceptions import OperationalError

from seniors.access_log import record_request
from seniors.models import Senior, Staff

from .artifact import ForeignWeights, UnreadableWeights
from .inspection import inspect_weights
from .models import AIWeight, TrainingJob, TrainingRun, WeightActivation, WeightProblem
from .object_store import ObjectMissing, ObjectStoreAway
from .training_runs import start_run
from .weight_registry import WeightsRejected, activate_weights

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.http import HttpRequest, HttpResponse
    from django_stubs_ext import StrPromise

VERSIONS_SHOWN = 30
ROWS_SHOWN = 15
FIGURES: list[tuple[str, StrPromise]] = [
    ("days", _("배운 날")),
    ("false_alarms_per_week", _("예상 오경보(주)")),
    ("held_out_alarms", _("따로 둔 날의 알림")),
    ("mean_allowed_hours", _("평균 알림 기준(시간)")),
    ("margin", _("여유 배수")),
]
REPLAYED: list[tuple[str, StrPromise]] = [
    ("alarms", _("지난 몇 주 재현: 알림")),
    ("soft_alarms", _("지난 몇 주 재현: 로봇 확인")),
    ("fall_hours", _("재현한 쓰러짐을 찾기까지(시간)")),
]


class Line(NamedTuple):
    """A figure of two versions, as it is shown."""

    label: StrPromise | str
    one: str
    other: str


@never_cache
def show_weights(request: HttpRequest, senior_id: int) -> TemplateResponse:
    """`?one=&other=` are the weight_ids of two versions to compare."""
    senior = find_senior(request, senior_id)
    record_request(request, "weights.view", senior.pk)
    versions = list(AIWeight.objects.filter(senior=senior).order_by("-version")[:VERSIONS_SHOWN])
    one, other = (find_version(versions, request.GET.get(name, "")) for name in ("one", "other"))
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "title": gettext("%(name)s 님의 가중치") % {"name": senior.full_name},
        "senior": senior,
        "versions": versions,
        "one": one,
        "other": other,
        "lines": compare_figures(one, other) if one and other else [],
        "hours": compare_hours(request, one, other) if one and other else [],
        "activations": WeightActivation.objects.filter(senior=senior)
        .select_related("weight", "by")
        .order_by("-activated_at", "-pk")[:ROWS_SHOWN],
        "problems": WeightProblem.objects.filter(weight__senior=senior).select_related("weight")[:ROWS_SHOWN],
        "jobs": TrainingJob.objects.filter(senior=senior).select_related("run").order_by("-queued_at")[:ROWS_SHOWN],
    }
    return TemplateResponse(request, "portal/weights.html", context)


@require_POST
def activate_version(request: HttpRequest, senior_id: int, weight_id: int) -> HttpResponse:
    senior = find_senior(request, senior_id)
    weight = get_object_or_404(AIWeight, pk=weight_id, senior=senior)
    names = {"name": senior.full_name, "version": weight.version}
    try:
        activate_weights(weight.pk, person_of(request))
    except WeightsRejected as error:
        text = gettext("%(name)s 님의 v%(version)s은(는) 거절된 가중치라 쓸 수 없습니다: %(reason)s")
        messages.error(request, text % {**names, "reason": error})
    else:
        record_request(request, "weights.activate", senior.pk, weight_id=weight.pk)
        messages.success(request, gettext("%(name)s 님은 이제 v%(version)s(으)로 판단합니다.") % names)
    return redirect("admin:ai_weights_of", senior_id)


@require_POST
def train_now(request: HttpRequest, senior_id: int) -> HttpResponse:
    """Asks for a training of this senior; one that is under way is enough."""
    senior = find_senior(request, senior_id)
    if TrainingJob.objects.filter(senior=senior, status__in=TrainingJob.UNFINISHED).exists():
        messages.info(request, gettext("이미 학습하고 있습니다. 잠시 뒤 결과가 아래에 나옵니다."))
        return redirect("admin:ai_weights_of", senior_id)
    try:
        start_run([senior.pk], TrainingRun.Kind.BY_HAND, person_of(request))
    except OperationalError:
        messages.error(
            request, gettext("작업 대기열에 연결할 수 없어 학습을 맡기지 못했습니다. 잠시 뒤 다시 시도해 주세요.")
        )
    else:
        record_request(request, "weights.train", senior.pk)
        messages.success(request, gettext("학습을 맡겼습니다. 보통 1분 안에 결과가 아래에 나옵니다."))
    return redirect("admin:ai_weights_of", senior_id)


def find_senior(request: HttpRequest, senior_id: int) -> Senior:
    """403 for all but supervisors, 404 for a senior that they may not know of."""
    person = person_of(request)
    if not person.is_supervisor:
        raise PermissionDenied
    return get_object_or_404(Senior.objects.visible_to(person), pk=senior_id)


def person_of(request: HttpRequest) -> Staff:
    if not isinstance(request.user, Staff):
        raise PermissionDenied
    return request.user


def find_version(versions: Sequence[AIWeight], weight_id: str) -> AIWeight | None:
    return next((weight for weight in versions if str(weight.pk) == weight_id), None)


def compare_figures(one: AIWeight, other: AIWeight) -> list[Line]:
    """What training and the registry's replay say of both."""

    def compare(name: str, label: StrPromise, first: dict[str, Any], second: dict[str, Any]) -> Line:
        return Line(label, say_figure(first.get(name)), say_figure(second.get(name)))

    trained = [compare(name, label, one.metrics, other.metrics) for name, label in FIGURES]
    return trained + [compare(name, label, one.replay, other.replay) for name, label in REPLAYED]


def compare_hours(request: HttpRequest, one: AIWeight, other: AIWeight) -> list[Line]:
    """From how many minutes on a silence that begins at each hour is an alarm, by both."""
    try:
        both = [inspect_weights(weight).allowed_s for weight in (one, other)]
    except (ObjectMissing, UnreadableWeights, ForeignWeights) as error:
        messages.warning(request, gettext("가중치 파일을 읽을 수 없어 시간대별 기준은 비교하지 못했습니다: %s") % error)
        return []
    except ObjectStoreAway:
        messages.warning(request, gettext("가중치 저장소에 연결할 수 없어 시간대별 기준은 비교하지 못했습니다."))
        return []
    return [
        Line(f"{hour}", f"{first / 60:.0f}", f"{second / 60:.0f}")
        for hour, (first, second) in enumerate(zip(*both, strict=True))
    ]


def say_figure(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "–"
    return f"{value:g}" if isinstance(value, int) else f"{value:.2f}"
