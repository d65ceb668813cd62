"""A rule of the house said no."""


class Refused(Exception):
    """``code`` is stable and goes to the ledger; ``message`` is the sentence a person reads, with what to do."""

    def __init__(self, code: str, message: str):
        self.code = code
        self.message = message
        super().__init__(message)
