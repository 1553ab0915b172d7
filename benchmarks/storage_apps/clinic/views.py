"""Views as classes, forms of models, and much Python between database and answer."""

from __future__ import annotations

import difflib
import hashlib
import itertools
import json
import statistics
import string
import textwrap
import xml.etree.ElementTree as ElementTree
from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal

from django.core.exceptions import ValidationError
from django.db.models import Case, Count, Exists, OuterRef, Subquery, Value, When
from django.forms import ModelForm, formset_factory, modelform_factory
from django.forms.models import model_to_dict
from django.http import HttpResponse, JsonResponse
from django.template import Context, Template
from django.template.loader import render_to_string
from django.utils import formats, timezone
from django.utils.dateparse import parse_datetime
from django.views import View
from django.views.generic import ListView, TemplateView

from .models import Bill, Doctor, Patient, Visit


class PatientForm(ModelForm):
    class Meta:
        model = Patient
        fields = ["name", "age", "phone", "doctor"]


class Sized(View):
    """A view of some items from somewhere."""

    @property
    def size(self):
        return int(self.request.GET["size"])

    @property
    def start(self):
        return int(self.request.GET["start"]) % 300

    def cut(self, queryset):
        return queryset[self.start : self.start + self.size]


class Patients(Sized, ListView):
    template_name = "patients.html"

    def get_queryset(self):
        return self.cut(Patient.objects.adults().select_related("doctor").order_by("name"))


class Balances(Sized, ListView):
    template_name = "balances.html"

    def get_queryset(self):
        return self.cut(Patient.objects.with_balance().order_by("-balance"))


class Calendar(Sized, TemplateView):
    template_name = "calendar.html"

    def get_context_data(self, **kwargs):
        visits = self.cut(Visit.objects.select_related("patient__doctor").order_by("at"))
        days = itertools.groupby(visits, key=lambda visit: visit.at.date())
        return {"days": [(day, list(group)) for day, group in days]}


class Register(Sized):
    def get(self, request):
        errors = []
        for number in range(self.size):
            data = {"name": f"Name {number}", "age": str(number - 5), "phone": "12a" if number % 3 else "12"}
            form = PatientForm({**data, "doctor": 1 + number % 12})
            errors.append(form.errors.as_json() if not form.is_valid() else model_to_dict(form.instance))
        return JsonResponse({"errors": errors})


class Visits(Sized):
    def get(self, request):
        rows = []
        for visit in self.cut(Visit.objects.order_by("pk")):
            rows.append({"patient": str(visit.patient), "bill": str(visit.bill.amount), "at": visit.at})
        return JsonResponse({"visits": rows})


class Statement(Sized):
    def get(self, request):
        root = ElementTree.Element("bills")
        total = Decimal(0)
        for bill in self.cut(Bill.objects.select_related("visit__patient").order_by("pk")):
            line = ElementTree.SubElement(root, "bill", patient=str(bill.visit.patient))
            line.text = formats.number_format(bill.amount, decimal_pos=2, force_grouping=True)
            total += (bill.amount * Decimal("1.19")).quantize(Decimal("0.01"), ROUND_HALF_UP)
        root.set("total", str(total))
        return HttpResponse(ElementTree.tostring(root), content_type="text/xml")


class Letters(Sized):
    template = string.Template("Dear $name, we expect you on $day because of $reason. ")

    def get(self, request):
        letters = []
        for visit in self.cut(Visit.objects.select_related("patient")):
            text = self.template.substitute(
                name=visit.patient.name,
                day=formats.date_format(visit.at, "DATETIME_FORMAT"),
                reason=visit.reason,
            )
            letters.append(textwrap.fill(text * 3, 50, initial_indent="  "))
        return HttpResponse("\n".join(letters))


class Duplicates(Sized):
    def get(self, request):
        names = [patient.name for patient in self.cut(Patient.objects.order_by("name"))]
        close = {name: difflib.get_close_matches(name, names[:12], n=2) for name in names}
        return JsonResponse(close)


class Urgent(Sized):
    def get(self, request):
        last = Visit.objects.filter(patient=OuterRef("pk")).order_by("-at")
        found = []
        for _ in range(max(1, self.size // 6)):
            patients = Patient.objects.annotate(
                last=Subquery(last.values("at")[:1]),
                urgent=Exists(last.filter(urgent=True)),
                group=Case(When(age__lt=18, then=Value("young")), default=Value("grown")),
            ).filter(urgent=True)
            found.append([(patient.name, patient.group) for patient in patients[: self.size]])
        return HttpResponse(json.dumps(found))


class Doctors(Sized):
    def get(self, request):
        rows = []
        for number in range(self.size):
            doctors = Doctor.objects.annotate(count=Count("patients")).filter(count__gt=number % 20)
            rows += doctors.values_list("name", "speciality", "count")
        return HttpResponse(render_to_string("doctors.html", {"rows": rows}, request))


class Import(Sized):
    def get(self, request):
        failures = 0
        visits = []
        for number in range(self.size):
            at = parse_datetime(f"2026-05-{1 + number % 28:02}T10:00:00+00:00")
            visit = Visit(
                patient_id=1 + number, at=at, reason="import" * (number % 4), urgent=bool(number % 2)
            )
            try:
                visit.full_clean()
            except ValidationError as error:
                failures += len(error.message_dict)
            else:
                visits.append(visit)
        Visit.objects.bulk_create(visits)
        Visit.objects.filter(reason__startswith="import").delete()
        return JsonResponse({"failures": failures})


class Sheet(Sized):
    def get(self, request):
        formset = formset_factory(modelform_factory(Bill, fields=["amount", "paid"]), extra=self.size)
        return HttpResponse(formset(prefix="bills").as_p())


class Tags(Sized):
    source = (
        "{% load l10n %}{% for p in patients %}{% firstof p.phone p.name %}{{ p.age|localize }}"
        "{{ p|yesno }}{% endfor %}"
    )

    def get(self, request):
        pages = []
        for number in range(max(1, self.size // 5)):
            patients = Patient.objects.all()[number : number + 5]
            pages.append(Template(self.source).render(Context({"patients": patients})))
        return HttpResponse("".join(pages))


class Figures(Sized):
    def get(self, request):
        figures = {}
        for doctor in itertools.islice(itertools.cycle(Doctor.objects.all()), max(1, self.size // 4)):
            ages = [patient.age for patient in doctor.patients.all()]
            risks = [patient.risk() for patient in doctor.patients.only("name", "age")]
            figures[doctor.name] = [statistics.median(ages), statistics.pstdev(ages), max(risks)]
        return JsonResponse(figures)


class Checksums(Sized):
    def get(self, request):
        lines = []
        for row in self.cut(Patient.objects.values("pk", "name", "phone", "doctor__name")):
            packed = json.dumps(row, sort_keys=True, indent=1)
            lines.append(hashlib.sha256(packed.encode()).hexdigest() + formats.localize(timezone.now()))
        return HttpResponse("\n".join(lines))


class Reminders(Sized):
    def get(self, request):
        now = timezone.now()
        sent = 0
        for visit in self.cut(Visit.objects.exclude(reason="").order_by("-at")):
            if visit.at - timedelta(days=1) < now or visit.urgent:
                patient = Patient.objects.select_related("doctor").get(pk=visit.patient_id)
                render_to_string("reminder.html", {"visit": visit, "patient": patient})
                sent += 1
        return JsonResponse({"sent": sent})


VIEWS = [
    view.as_view()
    for view in (
        Patients,
        Balances,
        Calendar,
        Register,
        Visits,
        Statement,
        Letters,
        Duplicates,
        Urgent,
        Doctors,
        Import,
        Sheet,
        Tags,
        Figures,
        Checksums,
        Reminders,
    )
]
