"""The nouns of the case file, one a file."""

from requests_app.models.access_log import AccessLogEntry
from requests_app.models.approval import Approval, ApprovalBar, ApprovalWithdrawal
from requests_app.models.audit_event import LedgerIndex, LedgerLeaf, LedgerPayload, LedgerQueue, SequencerLease
from requests_app.models.checkpoint import Checkpoint, Cosignature, LedgerLog
from requests_app.models.digest import SubjectDigest, Suppression
from requests_app.models.evidence import Evidence
from requests_app.models.finding import Decision, Finding
from requests_app.models.forgetting import ForgottenMark
from requests_app.models.identifier import Identifier
from requests_app.models.ledger_check import LedgerCheck
from requests_app.models.request import (
    Channel,
    Jurisdiction,
    Party,
    Request,
    RequestLink,
    Right,
    Scope,
    new_reference,
)
from requests_app.models.sample import Sample
from requests_app.models.staff import StaffAccount, StaffPseudonym
from requests_app.models.subject import DataSubject, KekEpoch, SubjectKey

__all__ = [
    "AccessLogEntry",
    "Approval",
    "ApprovalBar",
    "ApprovalWithdrawal",
    "Channel",
    "Checkpoint",
    "Cosignature",
    "DataSubject",
    "Decision",
    "Evidence",
    "Finding",
    "ForgottenMark",
    "Identifier",
    "Jurisdiction",
    "KekEpoch",
    "LedgerCheck",
    "LedgerIndex",
    "LedgerLeaf",
    "LedgerLog",
    "LedgerPayload",
    "LedgerQueue",
    "Party",
    "Request",
    "RequestLink",
    "Right",
    "Sample",
    "Scope",
    "SequencerLease",
    "StaffAccount",
    "StaffPseudonym",
    "SubjectDigest",
    "SubjectKey",
    "Suppression",
    "new_reference",
]
