"""An alert's kind is a rule of one policy: two policies may call their rules by the same id."""

from __future__ import annotations

from typing import Any

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import OuterRef, Subquery


def fill(apps: Any, schema_editor: Any) -> None:
    Alert, Revision = apps.get_model("coaching", "Alert"), apps.get_model("coaching", "PolicyRevision")
    policy = Revision.objects.filter(pk=OuterRef("revision")).values("policy")
    Alert.objects.filter(policy__isnull=True, revision__isnull=False).update(policy=Subquery(policy))
    # The checks of what was changed above do not wait for the changes of the table below.
    schema_editor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    schema_editor.execute("SET CONSTRAINTS ALL DEFERRED")


class Migration(migrations.Migration):
    dependencies = [("coaching", "0005_backtests")]

    operations = [
        migrations.AddField(
            model_name="alert",
            name="policy",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="coaching.policy",
            ),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop, elidable=True),
        migrations.RemoveConstraint(model_name="alert", name="alert_once_a_call_and_kind"),
        migrations.AddConstraint(
            model_name="alert",
            constraint=models.UniqueConstraint(
                fields=("conversation", "policy", "rule_key"),
                name="alert_once_a_call_and_kind",
                nulls_distinct=False,
            ),
        ),
    ]
