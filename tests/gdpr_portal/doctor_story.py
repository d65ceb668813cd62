"""What the tests of ``manage.py doctor`` share: how a finding is read, and a key that is nobody's."""

import base64

SECRET = base64.b64encode(b"z" * 32).decode()


def levels(check):
    return [finding.level for finding in check()]


def said(check):
    return " ".join(f"{finding.says} {finding.do}" for finding in check())
