"""How the deletion of a project goes on, for the person who wanted it."""

from __future__ import annotations

from bson import ObjectId
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from projects import removal
from projects.clock import zone_of
from projects.deletion import Deletion
from projects.requests import SignedInRequest


@login_required
@require_safe
def deletion(request: SignedInRequest, deletion_id: ObjectId) -> HttpResponse:
    """What is left. htmx asks for the figures alone, until there is nothing more to tell."""
    found = Deletion.objects.filter(pk=str(deletion_id)).first()
    if found is None or not found.is_shown_to(request.user):
        raise Http404
    kinds = {removal.kind_of(model): model._meta.verbose_name_plural for model in removal.parts()}
    context = {
        "deletion": found,
        "zone": zone_of(request.user),
        "left": [(kinds.get(kind, kind), count) for kind, count in found.left.items() if count],
    }
    name = "projects/deletion.html#progress" if request.htmx else "projects/deletion.html"
    return render(request, name, context)
