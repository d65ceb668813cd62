"""What PostgreSQL knows of the ledger: which types come with which role and which actor, and how many objects there are.

It takes type and role for independent otherwise, expects to meet a pair that never occurs within a few rows, and reads
the ledger to its beginning in search of the first. And it guesses from a sample that an object has hundreds of entries,
where it has about ten, and reads whole tables for what an index has.
"""

from django.db import migrations

#: The role stands in the leaf alone; the expression is that of its indexes, word by word.
_ROLE = """(substring(encode(leaf, 'escape') from '"role":"([a-z ]+)"'))"""
_PAIRS = {"leaf_type_and_role": f"type, {_ROLE}", "leaf_type_and_actor": "type, actor"}


def _tell(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        for name, columns in _PAIRS.items():
            schema_editor.execute(
                f"CREATE STATISTICS {name} (mcv) ON {columns} FROM requests_app_ledgerleaf", params=None
            )
        schema_editor.execute(
            "ALTER TABLE requests_app_ledgerleaf ALTER COLUMN object_id SET (n_distinct = -0.1)", params=None
        )


def _take_back(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        for name in _PAIRS:
            schema_editor.execute(f"DROP STATISTICS {name}", params=None)
        schema_editor.execute(
            "ALTER TABLE requests_app_ledgerleaf ALTER COLUMN object_id RESET (n_distinct)", params=None
        )


class Migration(migrations.Migration):
    dependencies = [("requests_app", "0004_dates_by_the_shared_clock")]
    operations = [migrations.RunPython(_tell, _take_back)]
