"""Run the gRPC service that Five9 MediaStream calls, until it is told to stop."""

from __future__ import annotations

import asyncio
import signal
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import grpc
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from conversations.live.buffer import AudioBuffer
from conversations.live.hearing import Limits
from integrations.telephony.five9.gateway import Five9Gateway
from tenants.scope import TenantThreads


class Command(BaseCommand):
    help = "Take calls from Five9 MediaStream by gRPC. Both legs of a call must reach the same process."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--listen", default="127.0.0.1:8002", help="address and port (127.0.0.1:8002)")
        parser.add_argument("--cert", type=Path, help="certificate chain (PEM); without one there is no TLS")
        parser.add_argument("--key", type=Path, help="the certificate's key (PEM)")
        parser.add_argument(
            "--client-ca", type=Path, help="accept only clients with a certificate of these (PEM)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if bool(options["cert"]) != bool(options["key"]):
            raise CommandError("--cert and --key belong together")
        credentials = None
        if options["cert"]:
            authority = options["client_ca"].read_bytes() if options["client_ca"] else None
            credentials = grpc.ssl_server_credentials(
                [(options["key"].read_bytes(), options["cert"].read_bytes())],
                root_certificates=authority,
                require_client_auth=authority is not None,
            )
        asyncio.run(self._run(options["listen"], credentials))

    async def _run(self, address: str, credentials: Any) -> None:
        threads = TenantThreads(4, "five9")
        redis = Redis.from_url(settings.REDIS_STREAMS_URL, socket_timeout=5, retry=Retry(NoBackoff(), 0))
        gateway = Five9Gateway(buffer=AudioBuffer(redis), threads=threads, limits=Limits.from_settings())
        server = gateway.server()
        port = (
            server.add_secure_port(address, credentials) if credentials else server.add_insecure_port(address)
        )
        if not port:
            raise CommandError(f"cannot listen on {address}")
        await server.start()
        self.stdout.write(f"listening on port {port}")
        self.stdout.flush()
        stopping = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stopping.set)
        await stopping.wait()
        await server.stop(grace=2)
        await gateway.close()
        await redis.aclose()
        await asyncio.to_thread(threads.close)
