"""What PostgreSQL knows of pairs in the ledger: which types come with which role, and with which actor.

It takes the two for independent otherwise, expects to meet a pair that never occurs within a few rows, and reads the
ledger to its beginning in search of the first.
"""

from django.db import migrations

#: The role stands in the leaf alone; the expression is that of its indexes, word by word.
_ROLE = """(substring(encode(leaf, 'escape') from '"role":"([a-z ]+)"'))"""
_PAIRS = {"leaf_type_and_role": f"type, {_ROLE}", "leaf_type_and_actor": "type, actor"}


def _know_pairs(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        for name, columns in _PAIRS.items():
            schema_editor.execute(
                f"CREATE STATISTICS {name} (mcv) ON {columns} FROM requests_app_ledgerleaf", params=None
            )


def _forget_pairs(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        for name in _PAIRS:
            schema_editor.execute(f"DROP STATISTICS {name}", params=None)


class Migration(migrations.Migration):
    dependencies = [("requests_app", "0004_dates_by_the_shared_clock")]
    operations = [migrations.RunPython(_know_pairs, _forget_pairs)]
