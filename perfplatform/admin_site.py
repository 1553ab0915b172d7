"""Django's admin in our name."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _


class AdminSite(admin.AdminSite):
    site_header = _("Performance platform administration")
    site_title = _("Performance platform administration")
    index_title = _("Administration")
