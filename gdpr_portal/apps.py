"""The roof: configuration, look, roles. Also the place where a migration ends by putting roles and account in order."""

from django.apps import AppConfig, apps
from django.contrib.admin.apps import AdminConfig
from django.db.models.signals import post_migrate


class PortalConfig(AppConfig):
    """The portal itself."""

    name = "gdpr_portal"
    verbose_name = "Portal"

    def ready(self) -> None:
        from gdpr_portal import after_migrate, checks  # noqa: F401, PLC0415  Django's own place for both

        post_migrate.connect(after_migrate.run, sender=apps.get_app_config("content_app"))


class PortalAdminConfig(AdminConfig):
    """The stock admin with our own site object."""

    default_site = "gdpr_portal.admin_site.PortalAdminSite"
