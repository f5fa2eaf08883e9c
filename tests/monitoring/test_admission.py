from __future__ import annotations

from monitoring.admission import HubRates


def admitted(rates: HubRates, hub_id: int, times: list[float]) -> int:
    return sum(rates.admit(hub_id, now) for now in times)


def test_a_hub_may_send_sixty_at_once_and_then_twenty_a_second() -> None:
    rates = HubRates()
    assert admitted(rates, 1, [0.0] * 100) == 60
    assert admitted(rates, 1, [1.0] * 100) == 20
    assert admitted(rates, 1, [1.0 + step / 100 for step in range(1, 201)]) in {39, 40}


def test_a_quiet_hub_saves_no_more_than_its_burst() -> None:
    rates = HubRates()
    rates.admit(1, 0.0)
    assert admitted(rates, 1, [10_000.0] * 100) == 60


def test_one_hubs_flood_is_not_anothers() -> None:
    rates = HubRates()
    assert admitted(rates, 1, [0.0] * 100) == 60
    assert admitted(rates, 2, [0.0] * 100) == 60


def test_what_is_remembered_is_bounded_and_the_busy_are_not_forgotten() -> None:
    rates = HubRates(max_hubs=10)
    admitted(rates, 1, [0.0] * 60)
    for hub_id in range(2, 12):
        rates.admit(hub_id, 0.0)
        rates.admit(1, 0.0)
    assert not rates.admit(1, 0.0)
    assert len(rates._buckets) == 10
