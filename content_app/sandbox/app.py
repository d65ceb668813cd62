"""The sandbox as one ASGI application.

In: settings. Out: an application with its account, the wire around the routes.
Never here: a process or a port.
"""

from starlette.applications import Starlette
from starlette.middleware import Middleware

from . import control_api, interaction_api, stats_api, token_api
from .account import Account
from .refusal import Refusal, answer_no_route, answer_refusal
from .settings import Settings
from .wire import Wire


def create_app(settings: Settings) -> Starlette:
    account = Account(settings)
    app = Starlette(
        routes=[*token_api.routes, *interaction_api.routes, *stats_api.routes, *control_api.routes],
        middleware=[Middleware(Wire, account=account)],
        exception_handlers={Refusal: answer_refusal, 404: answer_no_route, 405: answer_no_route},
    )
    app.router.redirect_slashes = False
    app.state.account = account
    return app
