"""What every page is made of: icons, form fields, times."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django import forms, template
from django.forms.boundfield import BoundField
from django.template import RequestContext
from django.templatetags.static import static
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince
from django.utils.translation import gettext, pgettext

from projects.clock import in_full

register = template.Library()


@register.simple_tag
def icon(name: str) -> SafeString:
    """A drawing of static/icons.svg. It says nothing to a screen reader: the text beside it does."""
    drawing = '<svg class="icon" aria-hidden="true"><use href="{}#{}"></use></svg>'
    return format_html(drawing, static("icons.svg"), name)


@register.inclusion_tag("_field.html")
def field(bound: BoundField) -> dict[str, Any]:
    """Label, control, help and errors of one form field."""
    kind = "form-select" if isinstance(bound.field.widget, forms.Select) else "form-control"
    classes = f"{kind} is-invalid" if bound.errors else kind
    return {"field": bound, "control": bound.as_widget(attrs={"class": classes})}


@register.simple_tag(takes_context=True)
def moment(context: RequestContext, at: datetime | None) -> SafeString:
    """A time to the second in the page's zone, `zone` of the context; year and zone are in the tooltip."""
    if at is None:
        return SafeString("–")
    local = _local(context, at)
    if local.year == timezone.now().astimezone(local.tzinfo).year:
        return _time(local, date_format(local, pgettext("date format", "M j, H:i:s")))
    return _time(local, date_format(local, pgettext("date format", "M j, Y")))


@register.simple_tag(takes_context=True)
def hour(context: RequestContext, at: datetime) -> SafeString:
    """A time to the minute in the page's zone, with its year if that is not this one."""
    local = _local(context, at)
    if local.year == timezone.now().astimezone(local.tzinfo).year:
        return _time(local, date_format(local, pgettext("date format", "M j, H:i")))
    return _time(local, date_format(local, pgettext("date format", "M j, Y, H:i")))


@register.simple_tag(takes_context=True)
def day(context: RequestContext, at: datetime | None) -> SafeString:
    """A date in the page's zone."""
    if at is None:
        return SafeString("–")
    local = _local(context, at)
    return _time(local, date_format(local, pgettext("date format", "M j, Y")))


@register.simple_tag(takes_context=True)
def ago(context: RequestContext, at: datetime | None) -> SafeString:
    """How long ago, in one unit: 3 minutes ago."""
    if at is None:
        return SafeString("–")
    local = _local(context, at)
    if (timezone.now() - local).total_seconds() < 60:
        return _time(local, gettext("just now"))
    return _time(local, gettext("%(time)s ago") % {"time": timesince(local, depth=1)})


def _local(context: RequestContext, at: datetime) -> datetime:
    # MongoDB's times come without a zone and are UTC.
    aware = at if at.tzinfo else at.replace(tzinfo=UTC)
    return aware.astimezone(context.get("zone") or UTC)


def _time(local: datetime, text: str) -> SafeString:
    machine = local.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return format_html('<time datetime="{}" title="{}">{}</time>', machine, in_full(local), text)
