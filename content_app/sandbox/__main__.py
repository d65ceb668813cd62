"""`python -m content_app.sandbox vcc`: the sandbox without Django."""

from .server import main

main()
