"""The tests' settings with a few of them changed: for processes that are to be killed.

In:  ``CHAOS_SETTINGS``, a JSON object of settings, and ``CHAOS_QUEUE``, one of what the queue is set to.
Out: Django's settings.
Never here: a switch that the portal does not have. Leases are short and work is slow, so that a run takes minutes.
"""

import json
import os

from tests.settings import *  # noqa: F403
from tests.settings import Q_CLUSTER

globals().update(json.loads(os.environ.get("CHAOS_SETTINGS", "{}")))
Q_CLUSTER = Q_CLUSTER | json.loads(os.environ.get("CHAOS_QUEUE", "{}"))
