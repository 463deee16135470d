from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("conversations", "0011_hidden_reach")]

    operations = [
        migrations.AddField(
            model_name="callowner",
            name="fixed_state",
            field=models.JSONField(null=True),
        ),
    ]
