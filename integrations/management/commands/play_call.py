"""Plays a sound file to a company as a live call, through the same way in as any telephony."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.ids import new_id
from accounts.models import User
from accounts.permissions import Role, Scope
from accounts.services import api_key_create, api_key_revoke
from integrations.telephony.native.client import AudioClient, IngestRefused, IngestUnreachable
from tenants.models import Domain
from tenants.scope import PUBLIC, schema_scope

KEY_VARIABLE = "INGEST_API_KEY"


class Command(BaseCommand):
    help = "Play a sound file (WAV, FLAC; 8 or 16 kHz, 1 or 2 channels) as a live call."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--tenant", required=True, help="the company's schema")
        parser.add_argument("--agent", default="", help="the agent's id in the telephony")
        parser.add_argument("--queue", default="", help="the queue's key")
        parser.add_argument("--customer", default="", help="the customer's reference")
        parser.add_argument("--customer-name", default="")
        parser.add_argument("--call-id", default="", help="default: a new one")
        parser.add_argument("--codec", choices=["pcm16", "mulaw"], default="pcm16")
        parser.add_argument("--speed", type=float, default=1.0)
        parser.add_argument("--url", default="", help="default: INGEST_URL")
        parser.add_argument(
            "--key",
            default="",
            help=f"an API key for audio; default: {KEY_VARIABLE}, or one made for this call",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["file"].is_file():
            raise CommandError(f"there is no file {options['file']}")
        if options["speed"] <= 0:
            raise CommandError("--speed must be above 0")
        with schema_scope(PUBLIC):
            domain = (
                Domain.objects.filter(tenant__schema_name=options["tenant"]).order_by("-is_primary").first()
            )
        if domain is None:
            raise CommandError("there is no such company")
        given = options["key"] or os.environ.get(KEY_VARIABLE, "")
        if given:
            self._play(domain.domain, given, options)
            return
        with schema_scope(options["tenant"]):
            owner = User.objects.filter(role=Role.ADMIN, is_active=True).order_by("created_at").first()
            if owner is None:
                raise CommandError("the company has no admin to make a key for: give one by --key")
            key, secret = api_key_create(owner=owner, name="play_call", scopes=[Scope.INGEST])
        try:
            self._play(domain.domain, secret, options)
        finally:
            with schema_scope(options["tenant"]):
                api_key_revoke(key=key, actor=owner)

    def _play(self, host: str, secret: str, options: dict[str, Any]) -> None:
        call = {
            "id": options["call_id"] or f"play-{new_id()}",
            "agent": options["agent"],
            "queue": options["queue"],
        }
        if options["customer"]:
            call["customer"] = {"reference": options["customer"], "name": options["customer_name"]}
        client = AudioClient(options["url"] or settings.INGEST_URL, host, secret)
        start = {"call": call, "audio": {"codec": options["codec"]}}
        try:
            played = asyncio.run(client.play(options["file"], start, speed=options["speed"]))
        except (IngestRefused, IngestUnreachable) as error:
            raise CommandError(str(error)) from None
        self.stdout.write(f"{played.conversation} {played.safe_ms} ms, {played.reconnects} reconnects")
