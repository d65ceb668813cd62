"""Memory of a web worker over many page views: ``python -m benchmarks.web_memory [VIEWS]``.

In:  a database that ``manage.py seed_scale`` has filled, ``benchmarks.settings``.
Out: one JSON array on standard output: [views, megabytes that this process held then], after each tenth.
Never here: a verdict. Flat means that the later tenths add nothing.
"""

from __future__ import annotations

import gc
import json
import os
import sys
from itertools import cycle, islice

import django

django.setup()

from django.contrib.auth.models import User  # noqa: E402
from django.test import Client  # noqa: E402

from benchmarks.scale_figures import pages  # noqa: E402

VIEWS = 3000


def resident() -> float:
    """Megabytes that this process holds now."""
    with open("/proc/self/statm", encoding="ascii") as told:
        return int(told.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1024**2


def main(views: int) -> None:
    looked = [(who, url, query) for _, who, url, query in pages()]
    clients = {}
    for who in {who for who, _, _ in looked}:
        clients[who] = Client()
        clients[who].force_login(User.objects.get(username=who))
    told = []
    for number, (who, url, query) in enumerate(islice(cycle(looked), views), 1):
        clients[who].get(url, query)
        if number % max(1, views // 10) == 0:
            gc.collect()
            told.append([number, resident()])
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else VIEWS)
