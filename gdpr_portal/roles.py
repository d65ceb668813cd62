"""The roles and exactly what each may do.

In:  nothing.
Out: ``ROLES``, and ``sync`` which makes the groups in the database say the same.
Never here: a permission that is granted to a person. ``docs/roles.md`` prints the result address by address, and a
test compares the two.
"""

from django.contrib.auth.models import Group, Permission

_SEE_CASES = (
    "requests_app.view_request",
    "requests_app.view_datasubject",
    "requests_app.view_identifier",
    "requests_app.view_evidence",
    "requests_app.view_finding",
    "requests_app.view_decision",
    "requests_app.view_approval",
    "content_app.view_plan",
    "content_app.view_item",
    "content_app.view_system",
)

ROLES: dict[str, tuple[str, ...]] = {
    "agent": ("requests_app.capture_request",),
    "staff": (
        *_SEE_CASES,
        "requests_app.capture_request",
        "requests_app.validate_request",
        "requests_app.freeze_request",
        "requests_app.close_request",
        "requests_app.export_request",
        "requests_app.see_personal_data",
        "requests_app.open_evidence",
        "requests_app.suppress_subject",
        "requests_app.view_suppression",
    ),
    "supervisor": (
        *_SEE_CASES,
        "requests_app.approve_request",
        "requests_app.refuse_request",
        "requests_app.export_request",
        "requests_app.see_personal_data",
        "requests_app.open_evidence",
        "content_app.view_safeguard",
        "content_app.stop_system",
        "content_app.enable_deletion",
    ),
    "auditor": (
        *_SEE_CASES,
        "content_app.view_safeguard",
        "requests_app.view_ledgerleaf",
        "requests_app.view_accesslogentry",
        "requests_app.view_ledgercheck",
        "requests_app.view_sample",
        "requests_app.draw_sample",
        "requests_app.export_request",
        "requests_app.reveal_personal_data",
    ),
    "administrator": (
        "auth.view_user",
        "auth.add_user",
        "auth.change_user",
        "auth.view_group",
        "content_app.view_system",
        "content_app.add_system",
        "content_app.change_system",
        "content_app.view_safeguard",
        "content_app.enable_deletion",
        "content_app.stop_system",
        "requests_app.view_staffaccount",
        "requests_app.add_staffaccount",
        "requests_app.change_staffaccount",
        "requests_app.delete_staffaccount",
    ),
    "privacy manager": (
        *_SEE_CASES,
        "requests_app.refuse_request",
        "requests_app.export_request",
        "requests_app.see_personal_data",
        "requests_app.view_ledgerleaf",
        "requests_app.view_ledgercheck",
        "requests_app.suppress_subject",
        "requests_app.view_suppression",
        "requests_app.review_suppression",
    ),
    "data protection officer": (
        *_SEE_CASES,
        "content_app.view_safeguard",
        "requests_app.view_suppression",
        "requests_app.export_request",
        "requests_app.reveal_personal_data",
        "requests_app.view_ledgerleaf",
        "requests_app.view_ledgercheck",
        "requests_app.view_sample",
        "requests_app.draw_sample",
        "requests_app.view_accesslogentry",
    ),
}


def sync() -> None:
    """Make every group hold exactly its permissions: what was added by hand goes."""
    for name, labels in ROLES.items():
        group, _ = Group.objects.get_or_create(name=name)
        group.permissions.set([_permission(label) for label in labels])


def _permission(label: str) -> Permission:
    app, _, codename = label.partition(".")
    return Permission.objects.get(content_type__app_label=app, codename=codename)
