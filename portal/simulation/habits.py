"""Who a simulated resident is: rooms, sensors and the habits that one seed stands for."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

BEDROOM, LIVING, KITCHEN, BATHROOM, DOOR = "bedroom", "living", "kitchen", "bathroom", "door"
BED, FRIDGE, SOFA, TELEVISION = "bed", "fridge", "sofa", "television"
ROOMS = (BEDROOM, LIVING, KITCHEN, BATHROOM)
_KOREAN = {
    BEDROOM: "침실 활동",
    LIVING: "거실 활동",
    KITCHEN: "주방 활동",
    BATHROOM: "욕실 활동",
    DOOR: "현관문",
    BED: "침대",
    FRIDGE: "냉장고 문",
    SOFA: "소파",
    TELEVISION: "텔레비전",
}
_PLAIN = {
    BEDROOM: "bedroom_motion",
    LIVING: "living_motion",
    KITCHEN: "kitchen_motion",
    BATHROOM: "bathroom_motion",
    DOOR: "front_door",
    BED: "bed_mat",
    FRIDGE: "fridge_door",
    SOFA: "sofa_seat",
    TELEVISION: "tv_power",
}


def chance(*parts: object) -> random.Random:
    """A generator that depends on its parts alone, the same on every machine and Python release."""
    return random.Random(":".join(map(str, parts)))  # noqa: S311 - a life is drawn from it, no secret


@dataclass(frozen=True)
class Habits:
    """Hours are local and may exceed 24 (after midnight); shares are 0-1; intervals are minutes."""

    sensors: Mapping[str, str]  # what it watches -> sensor_id
    wakes_at: float
    sleeps_for: float
    lunch_at: float
    dinner_at: float
    night_trips: float  # to the toilet, a night
    toilet_every: float  # hours awake
    motion_every: float  # between two triggers while busy; a dense home has many sensors that trigger often
    naps: float  # share of days
    goes_out: float  # share of ordinary days
    outing_at: float
    outing_lasts: float  # hours
    busy_weekday: int  # market, church or the welfare centre: goes out for sure
    visitor_weekday: int
    visited: float  # share of those days
    television: float  # how much of free time


def draw_habits(seed: int) -> Habits:
    """The person that `seed` stands for."""
    draw = chance("habits", seed)
    names = _KOREAN if draw.random() < 0.5 else _PLAIN
    extras = draw.sample((BED, FRIDGE, SOFA, TELEVISION), draw.choice((1, 2, 3)))
    wakes_at = draw.choice((draw.uniform(4.8, 6.0), draw.uniform(6.0, 7.2), draw.uniform(7.2, 8.3)))
    return Habits(
        sensors={thing: names[thing] for thing in (*ROOMS, DOOR, *extras)},
        wakes_at=wakes_at,
        sleeps_for=draw.uniform(6.0, 7.2),
        lunch_at=draw.uniform(11.7, 12.8),
        dinner_at=draw.uniform(17.3, 18.7),
        night_trips=draw.uniform(0.4, 1.8),
        toilet_every=draw.uniform(2.0, 3.5),
        motion_every=draw.choice((draw.uniform(3.8, 5.0), draw.uniform(7.0, 12.0))),
        naps=draw.uniform(0.1, 0.7),
        goes_out=draw.uniform(0.35, 0.8),
        outing_at=draw.choice((draw.uniform(9.3, 10.3), draw.uniform(13.6, 15.0))),
        outing_lasts=draw.uniform(0.7, 1.7),
        busy_weekday=draw.randrange(7),
        visitor_weekday=draw.randrange(7),
        visited=draw.uniform(0.4, 0.9),
        television=draw.uniform(0.3, 0.65),
    )
