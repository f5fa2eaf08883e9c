"""The session alone: who asks, what the hub does, and what time does to both."""

from __future__ import annotations

import itertools

import pytest

from devices.camera.session import (
    Camera,
    CameraSession,
    Effect,
    EndViewer,
    OfferViewer,
    ShowViewers,
    StartCamera,
    StopCamera,
    TellHub,
    Viewer,
)


def viewer(name: str = "v1") -> Viewer:
    return Viewer(name, 1, "김미영", "2026-11-22T08:30:12+09:00")


@pytest.fixture
def session() -> CameraSession:
    numbers = itertools.count(1)
    return CameraSession(lambda: f"c{next(numbers)}")


def ask(session: CameraSession, name: str, now: float) -> list[Effect]:
    return session.request(viewer(name), now, hub_can=None)


def show(session: CameraSession, *names: str, at: float = 0.0) -> None:
    """These look, and the hub sends."""
    for name in names:
        ask(session, name, at)
    session.hub_answered(at)
    session.hub_up(at)
    for name in names:
        session.viewer_up(name)


def test_the_robot_is_told_before_anything_is_offered(session: CameraSession) -> None:
    assert ask(session, "v1", 0) == [StartCamera("c1"), TellHub("c1", 1), ShowViewers()]
    assert session.hub_answered(1) == [OfferViewer("v1")]
    assert ask(session, "v2", 2) == [TellHub("c1", 2), ShowViewers(), OfferViewer("v2")]


def test_a_sixth_viewer_is_refused(session: CameraSession) -> None:
    show(session, *"abcde")
    assert ask(session, "f", 1) == [EndViewer("f", "too_many_viewers")]
    assert len(session.viewers) == 5


def test_a_hub_that_is_not_there_is_told_at_once(session: CameraSession) -> None:
    assert session.request(viewer(), 0, hub_can="hub_offline") == [EndViewer("v1", "hub_offline")]
    assert session.is_over


def test_a_hub_that_does_not_offer_in_time_is_given_up(session: CameraSession) -> None:
    ask(session, "v1", 0)
    assert session.tick(9.9, None) == []
    assert EndViewer("v1", "timeout") in session.tick(10, None)
    assert session.is_over


def test_a_viewer_whose_connection_does_not_come_up_is_given_up(session: CameraSession) -> None:
    ask(session, "v1", 0)
    session.hub_answered(1)
    session.hub_up(1)
    assert EndViewer("v1", "timeout") in session.tick(11, 0.0)


def test_a_hub_that_refuses_ends_who_waits(session: CameraSession) -> None:
    ask(session, "v1", 0)
    assert session.hub_refused("another", 1) == []
    assert EndViewer("v1", "hub_refused") in session.hub_refused("c1", 1)
    assert session.is_over


def test_time_is_limited_and_prolonged_once(session: CameraSession) -> None:
    show(session, "v1")
    assert session.prolong("v1")
    assert not session.prolong("v1")
    assert session.tick(599, 0.0) == []
    assert EndViewer("v1", "time_limit") in session.tick(600, 0.0)


def test_time_spent_at_another_relay_counts(session: CameraSession) -> None:
    moved = viewer()
    moved.seconds_left = 20.0
    session.request(moved, 0, hub_can=None)
    session.hub_answered(1)
    session.viewer_up("v1")
    assert EndViewer("v1", "time_limit") in session.tick(21, 0.0)


def test_the_camera_stops_a_moment_after_the_last_viewer(session: CameraSession) -> None:
    show(session, "v1")
    assert session.leave("v1", 10) == [EndViewer("v1", "stopped"), TellHub("c1", 0), ShowViewers()]
    assert session.tick(11, 0.0) == []
    assert session.tick(12, 0.0) == [StopCamera("c1")]
    assert session.is_over


def test_who_comes_back_in_that_moment_finds_the_picture(session: CameraSession) -> None:
    show(session, "v1")
    session.leave("v1", 10)
    assert ask(session, "v2", 11) == [TellHub("c1", 1), ShowViewers(), OfferViewer("v2")]
    assert session.tick(13, 0.0) == []


def test_a_hub_that_is_lost_is_asked_again_and_who_looks_stays(session: CameraSession) -> None:
    show(session, "v1")
    session.hub_over(20)
    assert session.camera is Camera.LOST
    assert session.hub_came_back(22) == [StartCamera("c2"), TellHub("c2", 1)]
    assert session.hub_answered(23) == [], "the viewer's connection is as it was"
    session.hub_up(23)
    assert session.tick(24, 0.0) == []


def test_a_hub_that_stays_away_ends_the_views_after_a_minute(session: CameraSession) -> None:
    show(session, "v1")
    session.hub_over(20)
    effects = [effect for now in range(21, 90) for effect in session.tick(float(now), None)]
    assert EndViewer("v1", "hub_offline") in effects
    assert session.is_over


def test_a_frozen_picture_makes_the_hub_be_asked_anew(session: CameraSession) -> None:
    show(session, "v1")
    assert session.tick(14, 2.0) == []
    assert session.tick(15, 3.5) == [StartCamera("c2"), TellHub("c2", 1)]


def test_a_hub_that_publishes_by_itself_is_neither_asked_nor_stopped(session: CameraSession) -> None:
    session.hub_publishes("w1", 0)
    session.hub_up(0)
    assert session.request(viewer(), 1, hub_can="hub_offline")[-1] == OfferViewer("v1")
    session.leave("v1", 2)
    assert session.tick(60, 0.0) == []
    assert session.camera is Camera.LIVE
    session.hub_over(61)
    assert session.is_over
