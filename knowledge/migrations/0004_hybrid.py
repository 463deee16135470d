"""How far the vectors of passages are. Their table is made where a server for them is set (`knowledge.vectors`)."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("knowledge", "0003_search"),
    ]

    operations = [
        migrations.CreateModel(
            name="VectorState",
            fields=[
                ("id", models.PositiveSmallIntegerField(default=1, primary_key=True, serialize=False)),
                ("mark", models.TextField(blank=True, default="")),
                ("dimensions", models.PositiveIntegerField(default=0)),
                ("done", models.PositiveIntegerField(default=0, verbose_name="passages with a vector")),
                ("total", models.PositiveIntegerField(default=0, verbose_name="passages")),
                ("revisions", models.CharField(blank=True, default="", max_length=64)),
                ("complete_at", models.DateTimeField(blank=True, null=True)),
                ("changed_at", models.DateTimeField(auto_now=True)),
                ("taken_until", models.DateTimeField(blank=True, null=True)),
                ("fault", models.CharField(blank=True, default="", max_length=20)),
                ("fault_number", models.PositiveIntegerField(default=0)),
                ("failures", models.PositiveIntegerField(default=0)),
                ("retry_at", models.DateTimeField(blank=True, null=True)),
            ],
        ),
    ]
