"""What can go wrong while something is sent. The exception carries the decision: again, or never."""

from __future__ import annotations


class SendingFailed(Exception):
    """`code` is the carrier's own, for the log and for whoever asks why."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code = code[:64]
        self.detail = detail[:300]


class TryAgain(SendingFailed):
    """It may work later; `after_s` is how long the carrier asked to be left alone, None when it did not say."""

    def __init__(self, code: str, detail: str = "", after_s: float | None = None) -> None:
        super().__init__(code, detail)
        self.after_s = after_s


class Refused(SendingFailed):
    """It will never work like this: the person's next channel is used."""


class AddressGone(Refused):
    """Nothing can be sent to that address any more."""


class ChannelRefused(Refused):
    """Not this message but this installation was refused (key, balance, sender): the operators hear of it."""
