import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    """Roles that see what is kept, by type. Rules that are there have NULL: their revision's own list holds on."""

    dependencies = [("conversations", "0014_chat_delivery")]

    operations = [
        migrations.AddField(
            model_name="redactionrule",
            name="may_see",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=12),
                blank=True,
                null=True,
                size=None,
                verbose_name="who sees what is kept",
            ),
        ),
    ]
