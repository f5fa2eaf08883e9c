"""`manage.py create_staff EMAIL --full-name NAME`: an account, the first supervisor's for one."""

from __future__ import annotations

import json
import secrets
import sys
from typing import TYPE_CHECKING, Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.core.validators import validate_email
from django.db import transaction

from seniors.models import Role, Senior, Staff, StaffSenior

if TYPE_CHECKING:
    from argparse import ArgumentParser

PASSWORD_BYTES = 12


class Command(BaseCommand):
    help = "Creates an account. Without --password-stdin a password is made up and shown once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email", help="the log-in name")
        parser.add_argument("--full-name", required=True)
        parser.add_argument("--role", choices=Role.values, default=Role.CASEWORKER)
        parser.add_argument("--phone", default="")
        parser.add_argument("--superuser", action="store_true", help="an operator: may do everything")
        parser.add_argument("--senior", type=int, action="append", default=[], metavar="ID", help="map to this senior")
        parser.add_argument("--password-stdin", action="store_true", help="read the password from standard input")
        parser.add_argument("--json", action="store_true", help="answer as one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        email = options["email"].strip().lower()
        password = self._read_password(options["password_stdin"])
        self._check(email, password, options)
        with transaction.atomic():
            staff = Staff.objects.create_user(
                email,
                password,
                full_name=options["full_name"].strip(),
                role=options["role"],
                phone=options["phone"],
                is_superuser=options["superuser"],
            )
            for senior_id in options["senior"]:
                StaffSenior.objects.get_or_create(staff=staff, senior_id=senior_id)
        answer: dict[str, Any] = {
            "staff_id": staff.pk,
            "email": email,
            "role": staff.role,
            "seniors": options["senior"],
        }
        if not options["password_stdin"]:
            answer["password"] = password
        if options["json"]:
            self.stdout.write(json.dumps(answer))
            return
        self.stdout.write(f"{email} can log in as {staff.role}.")
        if not options["password_stdin"]:
            self.stdout.write(f"Password, shown only now: {password}")

    def _read_password(self, from_stdin: bool) -> str:
        if not from_stdin:
            return secrets.token_urlsafe(PASSWORD_BYTES)
        password = sys.stdin.readline().rstrip("\r\n")
        if not password:
            raise CommandError("no password on standard input; pipe one line, or leave --password-stdin out")
        return password

    def _check(self, email: str, password: str, options: dict[str, Any]) -> None:
        """Says what is wrong before anything is written."""
        try:
            validate_email(email)
        except ValidationError as error:
            raise CommandError(f"{email} is no e-mail address; it is the log-in name") from error
        if not options["full_name"].strip():
            raise CommandError("--full-name is empty; give the name that others will see")
        if Staff.objects.filter(email=email).exists():
            raise CommandError(f"{email} has an account already; use another address, or reset its password")
        if options["superuser"] and options["role"] == Role.GUARDIAN:
            raise CommandError("a guardian cannot be an operator; leave out --superuser or --role guardian")
        known = set(Senior.objects.filter(pk__in=options["senior"]).values_list("pk", flat=True))
        if missing := sorted(set(options["senior"]) - known):
            raise CommandError(f"there is no senior {', '.join(map(str, missing))}; see the list of seniors for ids")
        try:
            validate_password(password, Staff(email=email, full_name=options["full_name"]))
        except ValidationError as error:
            raise CommandError("the password is refused: " + " ".join(error.messages)) from error
