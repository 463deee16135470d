import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("conversations", "0009_redaction_checks")]

    operations = [
        migrations.CreateModel(
            name="KeptValue",
            fields=[
                (
                    "redaction",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="kept",
                        serialize=False,
                        to="conversations.redaction",
                    ),
                ),
                ("sealed", models.BinaryField()),
                ("key_version", models.PositiveIntegerField()),
            ],
            options={"verbose_name": "kept value", "verbose_name_plural": "kept values"},
        ),
    ]
