"""Django's makemessages without guesses: a new text is untranslated, never a fuzzy copy of a similar one."""

from __future__ import annotations

from django.core.management.commands import makemessages


class Command(makemessages.Command):
    msgmerge_options = [*makemessages.Command.msgmerge_options, "--no-fuzzy-matching"]
