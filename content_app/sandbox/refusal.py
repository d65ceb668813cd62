"""A call the sandbox declines.

In: a status and the vendor's words. Out: the documented error body.
Never here: the reasons; whoever checks raises.
"""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse


class Refusal(Exception):
    def __init__(self, status: int, message: str, **rest: Any) -> None:
        super().__init__(message)
        self.status = status
        self.body = {**rest, "message": message}


def answer_refusal(request: Request, refusal: Exception) -> JSONResponse:
    assert isinstance(refusal, Refusal)
    return JSONResponse(refusal.body, refusal.status)


def answer_no_route(request: Request, error: Exception) -> JSONResponse:
    """A method is part of a route, so a wrong one is no route either."""
    return JSONResponse({"message": "Not Found"}, 404)
