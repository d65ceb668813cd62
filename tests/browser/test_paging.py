"""The foot of a list that goes on behind its last numbered page, on a phone: whole words beside whole numbers."""

from itertools import pairwise
from types import SimpleNamespace

from django.template.loader import render_to_string

from tests.browser.visitor import PHONE

LIST = "/admin/requests_app/request/"


def foot():
    """As the portal writes it for the last page of a thousand."""
    listed = SimpleNamespace(
        paginator=SimpleNamespace(more=True, num_pages=20, ELLIPSIS="…"), result_count=1000, page_num=20,
        goes_on="?older=1", get_query_string=lambda changed: "?p=1",
    )  # fmt: skip
    return render_to_string(
        "admin/pagination.html", {"cl": listed, "pagination_required": True, "page_range": [1, 2, "…", 17, 18, 19, 20]}
    )


def test_the_way_on_behind_the_last_page_reads_as_one(visit):
    visitor = visit("staff")
    visitor.page.set_viewport_size(PHONE)
    visitor.open(LIST)
    visitor.page.evaluate("html => { document.querySelector('nav.paginator').outerHTML = html }", foot())
    on = visitor.page.locator(".paginator a.older").bounding_box()
    assert on["height"] <= 44, "on more than one line"
    assert on["x"] + on["width"] <= PHONE["width"]
    numbers = [one.bounding_box() for one in visitor.page.locator(".paginator li").all()]
    assert len(numbers) == 7
    assert all(left["x"] + left["width"] + 2 <= right["x"] for left, right in pairwise(numbers))
