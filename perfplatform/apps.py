from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PerfplatformConfig(AppConfig):
    name = "perfplatform"
    verbose_name = _("Performance platform")
