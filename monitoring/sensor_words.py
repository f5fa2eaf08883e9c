"""A sensor's id as people call it. Ids are the home's own; those made of words known here are put into words."""

from __future__ import annotations

import re

from django.utils.translation import gettext_lazy as _

PLACES = {
    "bedroom": _("침실"),
    "kitchen": _("주방"),
    "bathroom": _("욕실"),
    "toilet": _("화장실"),
    "living": _("거실"),
    "livingroom": _("거실"),
    "hall": _("복도"),
    "entrance": _("현관"),
    "front": _("현관"),
    "bed": _("침대"),
    "sofa": _("소파"),
    "tv": _("텔레비전"),
    "fridge": _("냉장고"),
    "medicine": _("약상자"),
    "sos": _("긴급 호출"),
    "fall": _("낙상"),
    "smoke": _("연기"),
    "gas": _("가스"),
}
THINGS = {
    "motion": _("움직임"),
    "door": _("문"),
    "seat": _("자리"),
    "sensor": _("센서"),
    "button": _("단추"),
    "detector": _("감지기"),
    "power": _("전원"),
    "light": _("불"),
    "contact": _("여닫힘"),
    "box": _("상자"),
}
# a room, and what in a sensor's id says that it stands there
ROOMS = (
    (_("침실"), ("bedroom", "bed", "침실", "침대", "안방")),
    (_("욕실"), ("bathroom", "bath", "toilet", "욕실", "화장실")),
    (_("주방"), ("kitchen", "fridge", "stove", "주방", "부엌", "냉장고")),
    (_("거실"), ("livingroom", "living", "lounge", "sofa", "tv", "거실", "소파", "텔레비전")),
    (_("현관"), ("entrance", "front", "현관")),
)
SEPARATOR = re.compile(r"[\s_:.\-]+")


def say_sensor(sensor_id: str) -> str:
    """`침실 움직임` for bedroom_motion; an id with any other word in it stays as it is."""
    words = [PLACES.get(word) or THINGS.get(word) for word in SEPARATOR.split(sensor_id.lower()) if word]
    if not words or None in words:
        return sensor_id
    return " ".join(str(word) for word in words)


def say_room(sensor_id: str) -> str:
    """The room that a sensor's id names; the sensor as people call it where no known room is in it."""
    words = SEPARATOR.split(sensor_id.lower())
    for room, marks in ROOMS:
        if any(mark in words or (not mark.isascii() and mark in sensor_id) for mark in marks):
            return str(room)
    return say_sensor(sensor_id)
