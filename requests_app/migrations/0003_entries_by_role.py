"""Indexes on the role of an entry, which stands in its leaf alone; PostgreSQL has them, for a million entries."""

from django.db import migrations

#: An entry's role stands in the leaf alone. Both expressions are what ``ledger_list`` asks for, word by word.
_ROLE = """substring(encode(leaf, 'escape') from '"role":"([a-z ]+)"')"""
_BY_ROLE = {
    "leaf_by_role": f"({_ROLE}), id",
    "leaf_by_type_and_role": f"type, ({_ROLE}), id",
}


def _index_roles(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        for name, columns in _BY_ROLE.items():
            schema_editor.execute(f"CREATE INDEX {name} ON requests_app_ledgerleaf ({columns})", params=None)


def _unindex_roles(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        for name in _BY_ROLE:
            schema_editor.execute(f"DROP INDEX {name}", params=None)


class Migration(migrations.Migration):
    dependencies = [("requests_app", "0002_guards")]
    #: Nothing to do where the portal was set up with this one.
    replaces = [("requests_app", "0010_flat_pages")]
    operations = [migrations.RunPython(_index_roles, _unindex_roles)]
