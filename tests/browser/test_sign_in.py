"""The way in."""


def test_a_member_of_staff_signs_in_with_a_password(sign_in, staff):
    page = sign_in(staff)
    assert "GDPR Portal" in page.title()
