"""What the settings promise about the database."""

import pytest
from django.contrib.auth.models import Permission
from django.db import connection

pytestmark = pytest.mark.django_db


@pytest.mark.postgresql
def test_a_query_that_is_read_by_half_leaves_no_cursor_on_the_server():
    rows = Permission.objects.iterator(chunk_size=1)
    next(rows)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_cursors WHERE name LIKE '_django_curs%'")
        assert cursor.fetchone() == (0,), "the garbage collector would close it in the midst of another statement"
    assert next(rows), "and it goes on"
