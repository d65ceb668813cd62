"""The OAuth2 token endpoint.

In: a form with the client's id and secret, in the body or as HTTP Basic. Out: a bearer token.
Never here: refresh tokens; a client asks again.
"""

import re
from base64 import b64decode
from binascii import Error as NotBase64
from secrets import compare_digest
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from .account import Account
from .permissions import Credential

FORM = "application/x-www-form-urlencoded"


class AnyCaseRoute(Route):
    """The vendor's samples spell this path in more than one case."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.path_regex = re.compile(self.path_regex.pattern, re.IGNORECASE)


async def create_token(request: Request) -> JSONResponse:
    account: Account = request.app.state.account
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        return declined("invalid_request", f"Content-Type must be {FORM}")
    form = dict(parse_qsl((await request.body()).decode("utf-8", "replace")))
    if form.get("grant_type") != "client_credentials":
        return declined("unsupported_grant_type", "Invalid grant_type")
    credential = authenticated(account, request.headers.get("authorization", ""), form)
    if credential is None:
        return JSONResponse({"error": "invalid_client"}, 400)
    request.state.entry.credential = credential.client_id
    scopes = frozenset(form.get("scope", "").split(" ")) - {""}
    if not scopes:
        return declined("invalid_scope", "You must specify a scope")
    if scopes - credential.scopes:
        return declined("invalid_scope", "Invalid scope")
    token = account.tokens.issue(credential, scopes, account.now())
    expires_in = int(account.tokens.lifetime)
    return JSONResponse({"access_token": token, "expires_in": expires_in, "token_type": "Bearer"})


def authenticated(account: Account, authorization: str, form: dict[str, str]) -> Credential | None:
    """Accept either way of presenting the secret; Basic wins where both are sent."""
    kind, _, encoded = authorization.partition(" ")
    client_id, secret = form.get("client_id", ""), form.get("client_secret", "")
    if kind.lower() == "basic":
        try:
            client_id, _, secret = b64decode(encoded, validate=True).decode().partition(":")
        except (NotBase64, UnicodeDecodeError):
            return None
    credential = account.credentials.get(client_id)
    if credential is None or not compare_digest(credential.client_secret.encode(), secret.encode()):
        return None
    return credential


def declined(error: str, description: str) -> JSONResponse:
    return JSONResponse({"error": error, "error_description": description}, 400)


routes = [AnyCaseRoute("/Auth/connect/token", create_token, methods=["POST"])]
