"""Which weights go live, and what was live when."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from ai.models import AIWeight, WeightActivation
from ai.weight_registry import (
    Application,
    WeightsRefused,
    WeightsRejected,
    activate_weights,
    active_weights,
    live_at,
    register_weights,
)

from .rows import make_artifact, make_senior, make_supervisor, upload

if TYPE_CHECKING:
    from seniors.models import Senior

pytestmark = [pytest.mark.django_db(databases=["default", "timeseries"]), pytest.mark.usefixtures("bucket")]


def apply(senior: Senior, allowed_hours: float = 2.0, **metrics: float) -> Application:
    application = upload(senior.pk, make_artifact(senior.pk, allowed_hours))
    return replace(application, metrics=metrics or application.metrics)


def test_the_first_weights_go_live_as_version_one() -> None:
    senior = make_senior()
    weight, created = register_weights(apply(senior))
    assert (created, weight.version, weight.status, weight.is_active) == (True, 1, "active", True)
    assert active_weights(senior.pk) == weight


def test_better_weights_replace_the_live_ones_and_both_stay_on_record() -> None:
    senior = make_senior()
    first, _ = register_weights(apply(senior, 2.0))
    second, _ = register_weights(apply(senior, 3.0))
    first.refresh_from_db()
    assert (first.status, first.is_active) == ("superseded", False)
    assert (second.status, second.version) == ("active", 2)
    assert WeightActivation.objects.filter(senior=senior).count() == 2


def test_worse_weights_wait() -> None:
    senior = make_senior()
    first, _ = register_weights(apply(senior, 2.0))
    second, _ = register_weights(apply(senior, 3.0, false_alarms_per_week=3.0))
    assert second.status == "pending"
    assert active_weights(senior.pk) == first


def test_the_same_content_again_is_the_row_as_it_is_now() -> None:
    senior = make_senior()
    application = apply(senior)
    first, _ = register_weights(application)
    register_weights(apply(senior, 3.0))
    again, created = register_weights(application)
    assert not created
    assert (again.pk, again.status) == (first.pk, "superseded")


def test_versions_are_counted_for_each_senior_alone() -> None:
    one, two = make_senior(), make_senior("이영희")
    register_weights(apply(one))
    weight, _ = register_weights(apply(two))
    assert weight.version == 1


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"storage_path": "weights/{senior}/missing.anbu"}, "object_missing"),
        ({"sha256": "0" * 64}, "digest_mismatch"),
        ({"size": 5}, "digest_mismatch"),
        ({"storage_path": "weights/999999/x.anbu"}, "foreign_senior"),
    ],
)
def test_an_application_that_does_not_fit_its_object_is_refused(change: dict[str, object], code: str) -> None:
    senior = make_senior()
    fitted = {k: v.format(senior=senior.pk) if isinstance(v, str) else v for k, v in change.items()}
    with pytest.raises(WeightsRefused) as refusal:
        register_weights(replace(apply(senior), **fitted))  # type: ignore[arg-type]  # the cases have values of several types
    assert refusal.value.code == code
    assert not AIWeight.objects.exists()


def test_bytes_that_are_no_weights_are_refused() -> None:
    senior = make_senior()
    with pytest.raises(WeightsRefused) as refusal:
        register_weights(upload(senior.pk, b"\x80\x04\x95 a pickle"))
    assert refusal.value.code == "unreadable"


def test_another_seniors_weights_in_the_right_folder_are_refused() -> None:
    senior = make_senior()
    with pytest.raises(WeightsRefused) as refusal:
        register_weights(upload(senior.pk, make_artifact(senior.pk + 1)))
    assert refusal.value.code == "foreign_senior"


def test_a_supervisor_rolls_back_and_forward_and_it_is_on_record() -> None:
    senior, boss = make_senior(), make_supervisor()
    first, _ = register_weights(apply(senior, 2.0))
    second, _ = register_weights(apply(senior, 3.0))
    assert activate_weights(first.pk, boss).status == "active"
    assert active_weights(senior.pk) == first
    activate_weights(second.pk, boss)
    live = WeightActivation.objects.filter(senior=senior).order_by("pk")
    assert [(row.weight_id, row.by_id) for row in live] == [
        (first.pk, None),
        (second.pk, None),
        (first.pk, boss.pk),
        (second.pk, boss.pk),
    ]


def test_activating_live_weights_changes_nothing() -> None:
    senior, boss = make_senior(), make_supervisor()
    weight, _ = register_weights(apply(senior))
    activate_weights(weight.pk, boss)
    assert WeightActivation.objects.filter(senior=senior).count() == 1


def test_rejected_weights_do_not_go_live_by_hand() -> None:
    senior, boss = make_senior(), make_supervisor()
    weight, _ = register_weights(apply(senior, 2.0, false_alarms_per_week=50.0))
    assert weight.status == "rejected"
    with pytest.raises(WeightsRejected, match="50 false alarms a week"):
        activate_weights(weight.pk, boss)


def test_the_register_tells_what_was_live_at_a_moment() -> None:
    senior = make_senior()
    first, _ = register_weights(apply(senior, 2.0))
    second, _ = register_weights(apply(senior, 3.0))
    march, april = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)
    WeightActivation.objects.filter(weight=first).update(activated_at=march)
    WeightActivation.objects.filter(weight=second).update(activated_at=april)
    assert live_at(senior.pk, datetime(2026, 2, 1, tzinfo=UTC)) is None
    for moment, weight in ((datetime(2026, 3, 15, tzinfo=UTC), first), (datetime(2026, 5, 1, tzinfo=UTC), second)):
        live = live_at(senior.pk, moment)
        assert live is not None
        assert live.weight == weight


def test_the_database_itself_allows_one_active_version_a_senior() -> None:
    senior = make_senior()
    _weight, _ = register_weights(apply(senior))
    rival = {"senior": senior, "version": 9, "sha256": "1" * 64, "status": "active", "is_active": True, "size": 1}
    with pytest.raises(IntegrityError), transaction.atomic():
        AIWeight.objects.create(**rival, trained_from=Now(), trained_to=Now())
