from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("conversations", "0006_changes")]

    operations = [
        migrations.AddIndex(
            model_name="waitingmetadata",
            index=models.Index(
                fields=["received_at"], name="waiting_unmet", condition=Q(joined_at__isnull=True)
            ),
        ),
    ]
