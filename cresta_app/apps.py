"""The admin site is ours: grouped as a person thinks, open to admins alone."""

from django.contrib.admin.apps import AdminConfig as DjangoAdminConfig


class AdminConfig(DjangoAdminConfig):
    default_site = "accounts.admin_site.TenantAdminSite"
