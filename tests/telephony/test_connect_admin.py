"""Amazon Connect's streams in the admin: an admin sees which is read by whom, how far behind, and what went wrong."""

from __future__ import annotations

from typing import Any

from integrations.telephony.connect.models import KvsStream
from tests.telephony.test_connect_hooks import Hooks, flow

LIST = "/admin/integrations/kvsstream/"


def test_an_admin_sees_streams_and_changes_none(world: Any) -> None:
    company = world.northwind
    ident = Hooks(company).flow(flow()).json()["conversation"]
    with company.scope():
        stream = KvsStream.objects.get(conversation_id=ident)
        KvsStream.objects.update(
            state="failed", reason="kvs_not_authorized", reader="host-7", behind_ms=2_340
        )
    admin = company.client("admin")
    page = admin.get(LIST).content.decode()
    for shown in ("kvs_not_authorized", "host-7", "2.3 s", "failed"):
        assert shown in page, shown
    one = f"{LIST}{stream.pk}/change/"
    assert stream.contacts[0] in admin.get(one).content.decode()
    assert admin.post(one, {"state": "done"}).status_code == 403
    assert admin.post(f"{LIST}{stream.pk}/delete/", {"post": "yes"}).status_code == 403
    assert world.acme.client("admin").get(one).status_code in (302, 404)
    with company.scope():
        assert KvsStream.objects.get().state == "failed"
