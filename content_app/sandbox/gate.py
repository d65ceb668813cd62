"""The checks every gateway route makes before it looks at its parameters, in the documented order.

In: a request. Out: the caller, once Accept (400), bearer (401), scope (403) and rate (429) are in order.
Never here: parameters and permissions on single interactions.
"""

import re
from dataclasses import dataclass

from starlette.requests import Request

from .account import Account
from .limits import GENERAL
from .log import Entry
from .permissions import User
from .refusal import Refusal
from .tokens import Grant

VERSIONED = re.compile(r"application/vnd\.newvoicemedia\.v(\d+)\+json", re.IGNORECASE)
VALID_VERSIONS = (3, 2)


@dataclass(frozen=True, slots=True)
class Caller:
    account: Account
    user: User
    version: int
    entry: Entry


def admit(request: Request, scope: str, bucket: str = GENERAL) -> Caller:
    """Let a caller in, or say at which check it failed."""
    account: Account = request.app.state.account
    entry: Entry = request.state.entry
    version = accepted_version(request)
    grant = bearer(request, account)
    entry.credential = grant.credential.client_id
    if scope not in grant.scopes:
        raise Refusal(403, "Forbidden")
    account.rate_limit.spend(bucket, account.now())
    return Caller(account, grant.credential.user, version, entry)


def accepted_version(request: Request) -> int:
    """Take the newest valid version the Accept header names."""
    named = {int(version) for version in VERSIONED.findall(",".join(request.headers.getlist("accept")))}
    for version in VALID_VERSIONS:
        if version in named:
            return version
    if request.url.path.startswith("/stats/"):
        if named:
            raise Refusal(400, "Invalid api-version! Valid values: 2,3", statusCode=400, error="Bad Request")
        raise Refusal(400, "Invalid Accept header!", statusCode=400, error="Bad Request")
    valid = (3,) if named else (2, 3)
    listed = ", ".join(f"'application/vnd.newvoicemedia.v{version}+json'" for version in valid)
    raise Refusal(400, f"Invalid api-version! Valid values: {listed}")


def bearer(request: Request, account: Account) -> Grant:
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    grant = account.tokens.find(token.strip(), account.now()) if kind.lower() == "bearer" else None
    if grant is None:
        raise Refusal(401, "Unauthorized")
    return grant
