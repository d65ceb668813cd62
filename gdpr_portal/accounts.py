"""How people sign in: accounts are made by an administrator only, and second-factor secrets are stored encrypted."""

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from django.http import HttpRequest

from requests_app import keys


class ClosedAccountAdapter(DefaultAccountAdapter):
    """Nobody signs up; an administrator creates accounts."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False


class EncryptedMFAAdapter(DefaultMFAAdapter):
    """allauth keeps TOTP secrets in the clear unless told otherwise."""

    def encrypt(self, text: str) -> str:
        return keys.seal_setting("mfa", text)

    def decrypt(self, encrypted_text: str) -> str:
        return keys.open_setting("mfa", encrypted_text)
