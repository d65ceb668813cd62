""" "Did this person ask before?": keyed digests that outlive the person's data by a term of their own (R-AC-02).

In:  a person who is about to be forgotten; later the identifiers of somebody who asks.
Out: digest rows that expire, and the earlier requests that they lead to.
Never here: a plain hash, an identifier, or a decision. The digests are still personal data, pseudonymised.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from requests_app import keys
from requests_app.identifiers import Kind
from requests_app.models import Request, SubjectDigest

_LINE = "import-line"


def remember(subject_id: UUID) -> int:
    """Write the digests of a person whose identifiers can still be opened; returns how many. Again adds nothing."""
    if settings.PORTAL_ASKED_BEFORE_DAYS <= 0:
        return 0
    expires = timezone.now() + timedelta(days=settings.PORTAL_ASKED_BEFORE_DAYS)
    known = [keys.digests(kind, value)[0] for kind, value in keys.identifiers_of(subject_id)]
    rows = []
    for request in Request.objects.filter(subject_id=subject_id):
        rows += [
            SubjectDigest(request=request, hmac=digest, key_id=key_id, expires_at=expires) for digest, key_id in known
        ]
        if request.import_key:
            digest, key_id = keys.digests(_LINE, request.import_key)[0]
            kind = SubjectDigest.Kind.IMPORTED_LINE
            rows.append(SubjectDigest(request=request, kind=kind, hmac=digest, key_id=key_id, expires_at=expires))
    SubjectDigest.objects.bulk_create(rows, ignore_conflicts=True)
    return len(rows)


def earlier(identifiers: Iterable[tuple[Kind, str]]) -> list[Request]:
    """The requests of people that were forgotten, who had one of these identifiers, newest first."""
    wanted = [digest for kind, value in identifiers for digest, _ in keys.digests(kind, value)]
    found = _living().filter(hmac__in=wanted, kind=SubjectDigest.Kind.IDENTIFIER).values("request_id")
    return list(Request.objects.filter(pk__in=found).order_by("-received_at"))


def knows_line(import_key: str) -> bool:
    """Whether this line of an import file was taken before, and its person forgotten since."""
    wanted = [digest for digest, _ in keys.digests(_LINE, import_key)]
    return _living().filter(hmac__in=wanted, kind=SubjectDigest.Kind.IMPORTED_LINE).exists()


def _living() -> QuerySet[SubjectDigest]:
    return SubjectDigest.objects.filter(expires_at__gt=timezone.now())
