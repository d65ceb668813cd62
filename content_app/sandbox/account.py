"""Everything one sandbox holds, in one place.

In: settings. Out: an account that the routes work on.
Never here: requests and answers.
"""

from datetime import datetime

from .clock import Clock
from .company import GROUPS, LINES
from .continuation import Continuations
from .faults import Faults
from .generation import generate
from .limits import OneAtATime, RateLimit
from .log import CallLog
from .permissions import credentials
from .settings import Settings
from .tokens import TokenDesk


class Account:
    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.clock = Clock(settings.now)
        generated = generate(settings, self.clock.now())
        self.company, self.subjects = generated.company, generated.subjects
        self.world, self.rng = generated.world, generated.rng
        self.credentials = credentials(LINES[0], frozenset(GROUPS))
        self.tokens = TokenDesk(settings.token_lifetime)
        self.rate_limit = RateLimit(settings.rate_limit)
        self.delete_batch = OneAtATime()
        self.continuations = Continuations()
        self.faults = Faults(settings.errors, settings.seed)
        self.log = CallLog()

    def now(self) -> datetime:
        """Read the clock, and let in whatever content has become due."""
        now = self.clock.now()
        self.world.settle(now)
        return now
