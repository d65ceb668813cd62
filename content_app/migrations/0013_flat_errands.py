"""What the workers look at is found among few, however many requests have ended."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('content_app', '0012_safeguards'),
        ('requests_app', '0010_flat_pages'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='errand',
            index=models.Index(condition=models.Q(('again_at__isnull', False)), fields=['again_at'], name='errand_again'),
        ),
        migrations.AddIndex(
            model_name='errand',
            index=models.Index(condition=models.Q(('attention', ''), _negated=True), fields=['request'], name='errand_attention'),
        ),
    ]
