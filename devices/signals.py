"""Facts that devices tell the rooms above it. Every signal is sent inside the transaction that writes the fact, by
`send`: what a receiver writes commits with it, and a receiver that fails undoes it."""

from __future__ import annotations

from django.dispatch import Signal

# (check, answer, late): `answer` is ok, help, no_answer or undeliverable. `late` is true for an ok that was heard after
# the check had ended otherwise; it changes nothing. A help may come after any other answer, once.
safety_check_answered = Signal()

# (check, status): a check was `requested` or `delivered`.
safety_check_progressed = Signal()

# (hub): nothing was heard of an online hub for too long; it is offline and has a fault now.
hub_went_offline = Signal()
