"""``manage.py demo_accounts``: one account for each role and a second supervisor, under ``DEMO=1`` only."""

import os
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group, User
from django.core.management.base import BaseCommand, CommandError

from gdpr_portal.demo_cast import CAST


class Command(BaseCommand):
    """The password comes from the environment, so that it is in no list of processes and in no shell history."""

    help = "Make one account for each role and a second supervisor, with the password in DEMO_PASSWORD. Needs DEMO=1."

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEMO:
            raise CommandError("These accounts share a password that is printed. They are made under DEMO=1 only.")
        password = os.environ.get("DEMO_PASSWORD")
        if not password:
            raise CommandError("Set DEMO_PASSWORD to the password that all of them are to have.")
        for player in CAST:
            user, _ = User.objects.get_or_create(username=player.username)
            user.first_name, user.last_name, user.is_staff = player.first_name, player.last_name, True
            user.set_password(password)
            user.save()
            user.groups.set([Group.objects.get(name=player.role)])
        self.stdout.write(f"{len(CAST)} accounts.")
