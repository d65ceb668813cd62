"""The token endpoint."""

import pytest

from .centre import Centre

pytestmark = pytest.mark.pure
FORM = {"grant_type": "client_credentials", "scope": "stats"}
ADMIN = {"client_id": "sandbox-admin", "client_secret": "sandbox-admin-secret"}


def test_a_token_comes_for_basic_and_for_body_credentials_on_any_case_of_the_path(centre):
    basic = centre.send("POST", "/Auth/connect/token", data=FORM, auth=tuple(ADMIN.values()))
    in_body = centre.send("POST", "/auth/connect/token", data=FORM | ADMIN)
    for answer in (basic, in_body):
        assert answer.status_code == 200
        assert set(answer.json()) == {"access_token", "expires_in", "token_type"}
        assert (answer.json()["expires_in"], answer.json()["token_type"]) == (7200, "Bearer")
    assert basic.json()["access_token"] != in_body.json()["access_token"]


@pytest.mark.parametrize(
    ("change", "error", "description"),
    [
        ({"grant_type": "password"}, "unsupported_grant_type", "Invalid grant_type"),
        ({"grant_type": ""}, "unsupported_grant_type", "Invalid grant_type"),
        ({"scope": ""}, "invalid_scope", "You must specify a scope"),
        ({"scope": "stats,users:read"}, "invalid_scope", "Invalid scope"),
        ({"client_secret": "guess"}, "invalid_client", None),
        ({"client_id": "nobody"}, "invalid_client", None),
    ],
)
def test_a_wrong_form_is_declined_in_the_vendors_words(centre, change, error, description):
    answer = centre.send("POST", "/Auth/connect/token", data=FORM | ADMIN | change)
    assert answer.status_code == 400
    assert (answer.json()["error"], answer.json().get("error_description")) == (error, description)


def test_only_a_form_is_accepted(centre):
    assert centre.send("POST", "/Auth/connect/token", json=FORM | ADMIN).status_code == 400


def test_a_lifetime_of_the_testers_choice_is_announced():
    assert Centre(token_lifetime=5).ask_token().json()["expires_in"] == 5


def test_the_tester_may_expire_every_token_at_once(centre):
    assert centre.search().status_code == 200
    assert centre.control("POST", "expire-tokens") == {"expired": 1}
    assert centre.search().status_code == 401


def test_the_log_tells_the_credential_and_never_a_secret(centre):
    token = centre.ask_token().json()["access_token"]
    told = str(centre.log())
    assert "sandbox-admin" in told
    assert "secret" not in told
    assert token not in told
