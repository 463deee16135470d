"""Create somebody who runs the installation: `manage.py create_platform_operator ops@example.com`."""

from __future__ import annotations

import getpass
import sys
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.permissions import Role
from accounts.services import user_create
from tenants.scope import PUBLIC, schema_scope


class Command(BaseCommand):
    help = "Create a platform operator: signs in on the platform's own host and sees companies, not conversations."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")
        parser.add_argument("--name", default="")
        parser.add_argument(
            "--password-stdin", action="store_true", help="read the password from standard input"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["password_stdin"]:
            password = sys.stdin.readline().rstrip("\r\n")
        else:
            password = getpass.getpass("Password: ")
            if getpass.getpass("Again: ") != password:
                raise CommandError("The two are not the same.")
        name = options["name"] or options["email"].split("@")[0]
        try:
            validate_password(password)
            with schema_scope(PUBLIC):
                user_create(email=options["email"], name=name, role=Role.PLATFORM, password=password)
        except ValidationError as error:
            raise CommandError("; ".join(error.messages)) from None
        self.stdout.write(f"{options['email']} can sign in on the platform's host.")
