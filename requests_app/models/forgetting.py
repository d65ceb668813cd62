"""How much of the list of forgotten people this database has seen; a restored one has seen less."""

from django.db import models


class ForgottenMark(models.Model):
    """The one row of it. The list itself is a file outside the database."""

    name = models.CharField(max_length=20, primary_key=True)
    #: Bytes of the list, counted from its beginning, whose people are forgotten in this database.
    size = models.BigIntegerField(default=0)
    at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return f"{self.name}: {self.size}"
