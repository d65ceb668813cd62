"""The addresses of the portal: sign-in, screens, health."""

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.middleware.csrf import get_token
from django.shortcuts import redirect
from django.templatetags.static import static
from django.urls import include, path, re_path, reverse
from django.views.decorators.cache import never_cache
from django.views.generic import RedirectView

from gdpr_portal import metrics, user_admin

admin.autodiscover()
user_admin.install(admin.site)
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]


def health(request: HttpRequest) -> HttpResponse:
    """Answers as soon as the process serves; ``manage.py doctor`` looks deeper."""
    return JsonResponse({"status": "ok"})


@never_cache
def signed_in(request: HttpRequest) -> HttpResponse:
    """Asked by a long form before it is sent: is its sender still signed in, and which token does the form need now?"""
    if not request.user.is_authenticated:
        return JsonResponse({"signed_in": False, "sign_in": reverse("account_login")})
    return JsonResponse({"signed_in": True, "token": get_token(request)})


def shut(request: HttpRequest) -> HttpResponse:
    """allauth's pages that live on e-mail. The portal sends none: an administrator sets a new password."""
    raise Http404("The portal sends no mail.")


handler500 = "gdpr_portal.database_away.explain"

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("favicon.ico", lambda request: redirect(static("portal/favicon.svg"))),
    path("health/", health, name="health"),
    path("metrics", metrics.metrics, name="metrics"),
    path("signed-in/", signed_in, name="signed_in"),
    re_path("^accounts/(?:email|confirm-email|password/reset)/", shut),
    path("accounts/", include("allauth.urls")),
    path("admin/safeguards/", RedirectView.as_view(pattern_name="admin:content_safeguards")),
    path("admin/", admin.site.urls),
]
