"""The ladder's times in seconds after the raising, as the contract has them. A policy may only shorten them."""

from __future__ import annotations

from typing import Final

LIMITS: Final = {
    "next_channel_s": 30,
    "first_s": 60,
    "supervisors_s": 180,
    "repeat_s": 180,
    "medium_first_s": 15 * 60,
    "medium_supervisors_s": 60 * 60,
}
# shorter than this an alarm would leave nobody the time to answer it
SHORTEST: Final = {
    "next_channel_s": 0,
    "first_s": 10,
    "supervisors_s": 20,
    "repeat_s": 60,
    "medium_first_s": 10,
    "medium_supervisors_s": 20,
}
