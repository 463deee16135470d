"""Calls that nobody follows although they have not ended are announced again, once, and no others."""

from __future__ import annotations

from datetime import timedelta

import pytest
import redis
from django.conf import settings
from django.utils import timezone

from conversations.live import stray
from conversations.live.ending import call_fail
from conversations.live.stray import calls_announce_stray
from conversations.models import CallOwner
from tenants import names
from tests.live_calls import call_make


@pytest.fixture
def announced(committed):
    """What is announced now, as the entries say it."""
    with redis.Redis.from_url(settings.REDIS_STREAMS_URL) as client:
        client.delete(names.CALLS_NEW)
        yield lambda: [fields for _entry, fields in client.xrange(names.CALLS_NEW)]
        client.delete(names.CALLS_NEW)


def quiet_since(ident, **ago):
    CallOwner.objects.filter(pk=ident).update(updated_at=timezone.now() - timedelta(**ago))


def test_a_call_without_a_checkpoint_for_long_is_announced_once(committed, announced):
    with committed.northwind.scope():
        followed, lost, over = (call_make()[0] for _ in range(3))
        call_fail(conversation_id=over, reason="failed")
        for ident in (lost, over):
            quiet_since(ident, minutes=10)
        quiet_since(followed, seconds=20)
        assert calls_announce_stray() == [lost]
        assert announced() == [{b"schema": b"northwind", b"conversation": str(lost).encode()}]
        assert calls_announce_stray() == []  # it waits for a worker now
        assert len(announced()) == 1
    with committed.acme.scope():
        assert calls_announce_stray() == []


def test_calls_that_wait_for_a_worker_do_not_hide_a_stray_one(committed, announced, monkeypatch):
    monkeypatch.setattr(stray, "AT_ONCE", 1)
    with committed.northwind.scope():
        idents = [call_make()[0] for _ in range(3)]
        for ident in idents:
            quiet_since(ident, minutes=10)
        found = [calls_announce_stray() for _ in range(4)]
        assert sorted(ident for each in found for ident in each) == sorted(idents)
        assert [len(each) for each in found] == [1, 1, 1, 0]
