"""Create a company from the command line: `manage.py create_tenant acme --name "Acme" --domain acme.example.com`."""

from __future__ import annotations

import time
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from tenants.services import tenant_create


class Command(BaseCommand):
    help = "Create a company: a schema cloned from the template, its host name and its data key."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("schema", help="lower-case letters, digits and underscores")
        parser.add_argument("--name", required=True)
        parser.add_argument("--domain", help="default: SCHEMA.<platform domain>")

    def handle(self, *args: Any, **options: Any) -> None:
        started = time.perf_counter()
        schema = options["schema"]
        domain = options["domain"] or f"{schema.replace('_', '-')}.{settings.PLATFORM_DOMAIN}"
        try:
            tenant_create(schema=schema, name=options["name"], domain=domain)
        except ValidationError as error:
            raise CommandError("; ".join(error.messages)) from None
        self.stdout.write(f"{options['name']}: http://{domain} ({time.perf_counter() - started:.2f} s)")
