"""How far a stretch that is hidden late may follow the voice beside it."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("conversations", "0010_kept_values")]

    operations = [
        migrations.AddField(
            model_name="hiddenstretch",
            name="earliest_ms",
            field=models.PositiveIntegerField(blank=True, null=True, verbose_name="from, at the earliest"),
        ),
        migrations.AddField(
            model_name="hiddenstretch",
            name="latest_ms",
            field=models.PositiveIntegerField(blank=True, null=True, verbose_name="to, at the latest"),
        ),
    ]
