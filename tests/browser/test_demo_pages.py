"""Every page of the demo, as each of its people: on the desk in light, on a phone in dark, with pictures kept.

The pictures are in ``test-results/screens``, for somebody to look at; in CI none are taken.
"""

from uuid import UUID

import pytest

#: Where a request of the story stands → how to find one: a condition on its row.
CASES = {
    "received": "r.state = 'received'",
    "undecided": "r.state = 'validated' AND e.attention = 'undecided'",
    "found": "r.state = 'validated' AND e.attention = ''",
    "planned": "r.state = 'planned'",
    "held": "r.state = 'approved'",
    "came-back": "r.state = 'executed'",
    "supplement": "r.state = 'verified' AND e.attention = 'supplement'",
    "verified": "r.state = 'verified' AND e.attention = '' AND r.right = 'erasure'",
    "copy": "r.state = 'verified' AND r.right = 'access'",
    "closed": "r.state = 'closed' AND r.origin = 'live'",
    "refused": "r.state = 'refused' AND r.origin = 'live'",
    "withdrawn": "r.state = 'withdrawn' AND r.origin = 'live'",
    "not-identified": "r.state = 'not_identified' AND r.origin = 'live'",
    "history": "r.origin = 'history'",
}
#: role → (name of the page, its address); ``{received}`` is the id of a request that stands there.
CASE, PLAN = "/admin/requests_app/request/{%s}/change/", "/admin/content_app/plan/of/{%s}/"
PAGES = {
    "staff": [
        ("waiting", "/admin/"), ("requests", "/admin/requests_app/request/"),
        ("capture", "/admin/requests_app/request/add/"), *((case, CASE % case) for case in CASES),
        ("choose", f"{PLAN % 'found'}choose/"), ("choose-undecided", f"{PLAN % 'undecided'}choose/?show=open"),
        ("choose-supplement", f"{PLAN % 'supplement'}choose/"), ("people", "/admin/requests_app/datasubject/"),
    ],
    "supervisor": [
        ("waiting", "/admin/"), ("planned", CASE % "planned"), ("review", f"{PLAN % 'planned'}review/"),
        ("held", CASE % "held"), ("review-held", f"{PLAN % 'held'}review/"),
        ("systems", "/admin/content_app/system/"),
    ],
    "supervisor2": [("waiting", "/admin/")],
    "auditor": [
        ("waiting", "/admin/"), ("closed", CASE % "closed"), ("review-closed", f"{PLAN % 'closed'}review/"),
        ("ledger", "/admin/requests_app/ledgerleaf/"), ("access-log", "/admin/requests_app/accesslogentry/"),
    ],
    "administrator": [
        ("waiting", "/admin/"), ("people", "/admin/auth/user/"), ("roles", "/admin/auth/group/"),
        ("agents", "/admin/requests_app/staffaccount/"), ("systems", "/admin/content_app/system/"),
        ("system", "/admin/content_app/system/{system}/change/"), ("system-add", "/admin/content_app/system/add/"),
    ],
    "privacy": [("waiting", "/admin/"), ("planned", CASE % "planned")],
    "dpo": [("waiting", "/admin/"), ("verified", CASE % "verified")],
    "agent": [("waiting", "/admin/"), ("capture", "/admin/requests_app/request/add/")],
}  # fmt: skip


@pytest.fixture(scope="module")
def ids(demo):
    """The oldest request of each kind, and a connected system."""
    query = """SELECT r.id FROM requests_app_request r LEFT JOIN content_app_errand e ON e.request_id = r.id
               WHERE {} ORDER BY r.received_at LIMIT 1"""
    queries = {name: query.format(condition) for name, condition in CASES.items()}
    queries["system"] = "SELECT id FROM content_app_system WHERE credential = 'BRANCH'"
    return {name: UUID(demo.rows(one)[0][0]) for name, one in queries.items()}


@pytest.mark.parametrize("who", PAGES)
def test_every_page_of_a_role_is_sound(visit, ids, who):
    visitor, wrong = visit(who), []
    for name, address in PAGES[who]:
        visitor.open(address.format(**ids))
        wrong += visitor.inspect(name)
    assert wrong == [], "\n".join(wrong)


def test_the_way_in_is_sound(visit, demo):
    visitor = visit("agent")
    visitor.context.clear_cookies()
    visitor.open("/accounts/login/")
    visitor.look("sign-in")


def test_a_page_that_a_role_may_not_see_says_so(visit, ids):
    agent = visit("agent")
    agent.sign_in()
    agent.open((CASE % "planned").format(**ids))
    assert agent.faults, "the browser reports the refusal itself"
    agent.faults.clear()
    assert "may not" in agent.page.inner_text("main").lower() or "role" in agent.page.inner_text("main").lower()
    agent.look("refused")
