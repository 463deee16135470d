from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("integrations", "0004_webhooks")]

    operations = [
        migrations.AddField(
            model_name="kvsstream",
            name="talks",
            field=models.JSONField(default=dict),
        ),
    ]
