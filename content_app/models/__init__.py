"""The nouns of the workshop, one a file."""

from content_app.models.candidate import Candidate, Search
from content_app.models.heartbeat import Heartbeat
from content_app.models.leftover import Leftover, StatisticsPass
from content_app.models.plan import Coverage, Item, Plan
from content_app.models.safeguard import Allowance, BrakeRelease, Braking, Cap, Safeguard
from content_app.models.step import (
    Errand,
    Intent,
    Mending,
    Receipt,
    ReceiptItem,
    Step,
    StepItem,
    Verification,
)
from content_app.models.sweep import DayCount, Sweep
from content_app.models.system import Breaker, Bucket, Lease, System

__all__ = [
    "Allowance",
    "BrakeRelease",
    "Braking",
    "Breaker",
    "Bucket",
    "Candidate",
    "Cap",
    "Coverage",
    "DayCount",
    "Errand",
    "Heartbeat",
    "Intent",
    "Item",
    "Lease",
    "Leftover",
    "Mending",
    "Plan",
    "Receipt",
    "ReceiptItem",
    "Safeguard",
    "Search",
    "StatisticsPass",
    "Step",
    "StepItem",
    "Sweep",
    "System",
    "Verification",
]
