"""The frame: sign-in, errors and the policy that every page keeps."""

import re
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.template.loader import render_to_string
from django.test import Client
from django.urls import reverse

Login = Callable[[User], Client]


def test_the_sign_in_page_is_ours_and_shows_no_demo_account(client: Client, db: None) -> None:
    page = client.get(reverse("account_login")).content.decode()
    assert "Forgotten means forgotten" in page
    assert "make demo" not in page


def test_the_demo_names_its_accounts_and_no_password(client: Client, db: None, settings: object) -> None:
    settings.DEMO = True  # type: ignore[attr-defined]
    page = client.get(reverse("account_login")).content.decode()
    assert "supervisor2" in page
    assert "make demo" in page


@pytest.mark.parametrize("name", ["400.html", "403.html", "404.html", "500.html", "403_csrf.html", "429.html"])
def test_error_pages_need_nothing_and_say_what_to_do(name: str) -> None:
    page = render_to_string(name)
    assert "What waits" in page or "what waits" in page
    assert "Traceback" not in page


def test_a_stale_form_gets_a_page_in_words(staff: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(staff)
    response = client.post(reverse("admin:requests_app_request_add"), {})
    assert response.status_code == 403
    assert b"gone stale" in response.content


def test_an_unknown_address_is_ours_too(staff: User, login: Login) -> None:
    response = login(staff).get("/admin/nowhere/")
    assert response.status_code == 404
    assert b"nothing at this address" in response.content


@pytest.mark.parametrize("name", ["admin:index", "admin:requests_app_request_add", "mfa_index", "usersessions_list"])
def test_no_page_has_inline_style_or_script(name: str, staff: User, login: Login) -> None:
    response = login(staff).get(reverse(name))
    page = response.content.decode()
    assert "unsafe" not in response["Content-Security-Policy"]
    assert not re.search(r"\sstyle=|\son[a-z]+=|javascript:", page)
    assert not re.search(r"<script(?![^>]*(src=|application/json))", page)


def test_djangos_own_password_page_leads_to_the_one_door(staff: User, login: Login) -> None:
    assert login(staff).get(reverse("admin:password_change")).url == reverse("account_change_password")  # type: ignore[attr-defined]


def test_applications_are_no_places(staff: User, login: Login) -> None:
    assert login(staff).get("/admin/requests_app/").url == reverse("admin:index")  # type: ignore[attr-defined]
