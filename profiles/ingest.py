"""POST /api/v1/ingest/: takes batches in and answers as docs/wire.md, section 4, says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar, cast

import msgspec
import zstandard
from bson import ObjectId
from django.http.request import UnreadablePostError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, inline_serializer
from msgspec import Raw
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from perfplatform.errors import ApiError, ErrorCode
from perfplatform.mongo import Document
from profiles import blob, body, tally, wire
from profiles.grain import LEDGER_LIFETIME
from profiles.labels import labels
from profiles.ledger import LedgerDocument
from profiles.models import Instance, Intake, Ledger, Profile, SessionBlob
from profiles.recording import Table
from profiles.shard import shard_of
from profiles.tally import UNREADABLE, Tally
from profiles.wire import Batch, ProfileItem, Refusal, Refused
from projects.authentication import ProjectKeyAuthentication
from projects.models import Key, Project, Version
from projects.throttling import ThrottledView

JSON_TYPE: Final = "application/json"

Item = TypeVar("Item")


@dataclass
class Outcome:
    """What became of a batch."""

    accepted: int = 0
    rejected: list[dict[str, Any]] = field(default_factory=list)

    def refuse(self, name: str, index: int, *, code: Refusal, reason: str) -> None:
        self.rejected.append({"list": name, "index": index, "code": str(code), "reason": reason})


class IngestView(ThrottledView):
    """Takes profiles and ledger documents in. Needs MongoDB; without Redis it only lacks its limits."""

    authentication_classes = (ProjectKeyAuthentication,)
    permission_classes = ()
    parser_classes = ()
    limit_name = "ingest"

    @extend_schema(
        request={JSON_TYPE: OpenApiTypes.OBJECT},
        responses={
            202: inline_serializer(
                "IngestOutcome",
                {
                    "accepted": serializers.IntegerField(),
                    "rejected": inline_serializer(
                        "RejectedItem",
                        {
                            "list": serializers.ChoiceField(["ledger", "profiles"]),
                            "index": serializers.IntegerField(),
                            "code": serializers.ChoiceField([str(code) for code in Refusal]),
                            "reason": serializers.CharField(),
                        },
                        many=True,
                    ),
                },
            )
        },
        description="A batch of the wire format (docs/wire.md): JSON, plain or compressed (gzip, zstd).",
    )
    def post(self, request: Request) -> Response:
        """Store a batch durably, and name the items that are refused."""
        project, now = cast(Key, request.auth).project, timezone.now()
        try:
            batch = wire.decode(body.decompress(read_body(request), encoding_of(request)))
        except (body.TooLarge, body.Unreadable) as error:
            Intake.objects.add(project.pk, Tally(refused=Counter({UNREADABLE: 1})), at=now)
            raise invalid(str(error), status=413 if isinstance(error, body.TooLarge) else 400) from error
        outcome = record_batch(project, batch, now=now)
        data = {"accepted": outcome.accepted, "rejected": outcome.rejected}
        if outcome.rejected and not outcome.accepted:
            raise ApiError(ErrorCode.PERFORMANCE_DATA_INVALID, _("Every item was refused."), data=data)
        return Response(data, status=202)


def record_batch(project: Project, batch: Batch, *, now: datetime) -> Outcome:
    """Store what is valid; once this returns it survives a crash. Doing it twice is as doing it once."""
    outcome, counted = Outcome(), Tally()
    ledger = _decode_all("ledger", batch.ledger, wire.decode_ledger, now=now, outcome=outcome)
    profiles = _decode_all("profiles", batch.profiles, wire.decode_profile, now=now, outcome=outcome)
    profiles = _within_quota(project, profiles, now=now, outcome=outcome)
    if ledger or profiles:
        said_of_all = common_fields(project, batch, now=now)
        store_profiles(project, profiles, said_of_all, outcome=outcome)
        counted.profiles = outcome.accepted
        Ledger.objects.store([ledger_document(document, said_of_all) for _index, document in ledger])
        counted.ledger = len(ledger)
        outcome.accepted += len(ledger)
    outcome.rejected.sort(key=lambda refused: (refused["list"], refused["index"]))
    # All is durable by now; what follows only counts, and its failure changes no answer.
    counted.refused.update(refused["code"] for refused in outcome.rejected)
    if ledger:
        counted.dropped = _note_instance(project, batch, [document for _index, document in ledger], now=now)
    Intake.objects.add(project.pk, counted, at=now)
    return outcome


def _within_quota(
    project: Project,
    profiles: list[tuple[int, tuple[ProfileItem, Table]]],
    *,
    now: datetime,
    outcome: Outcome,
) -> list[tuple[int, tuple[ProfileItem, Table]]]:
    """Those that the project may still send today; refuses the others, unless they are stored already."""
    left = Intake.objects.left_of_quota(project, at=now)
    if left is None or len(profiles) <= left:
        return profiles
    stored = Profile.objects.stored(project.pk, [item.id for _index, (item, _table) in profiles])
    kept = []
    for index, (item, table) in profiles:
        if item.id in stored:
            kept.append((index, (item, table)))
        elif left > 0:
            left -= 1
            kept.append((index, (item, table)))
        else:
            reason = f"the project has had its {project.daily_profiles} profiles of this day (UTC)"
            outcome.refuse("profiles", index, code=Refusal.QUOTA, reason=reason)
    return kept


def _note_instance(
    project: Project, batch: Batch, ledger: Sequence[LedgerDocument], *, now: datetime
) -> Counter[str]:
    """Keeps what the process says of itself; returns what it has dropped since it last did, by reason."""
    process = batch.process
    said = {
        "instance": process.instance,
        "hostname": process.hostname,
        "pid": process.pid,
        "python": process.python,
        "framework": process.framework,
        "sdk": f"{batch.sdk.name} {batch.sdk.version}",
        "version_name": batch.version.name,
        "environment": batch.environment,
    }
    return Instance.objects.seen(
        project.pk,
        said,
        dropped=tally.drops(document.dropped for document in ledger),
        statistics=tally.statistics(document.statistics for document in ledger),
        at=now,
    )


def read_body(request: Request) -> bytes:
    """The body as it was sent, read only as far as the cap."""
    if request.META.get("CONTENT_TYPE", "").partition(";")[0].strip().lower() != JSON_TYPE:
        raise ApiError(ErrorCode.PARAMETER_ERROR, _("The Content-Type must be application/json."), status=415)
    length = request.META.get("CONTENT_LENGTH") or ""
    if not length and "HTTP_TRANSFER_ENCODING" in request.META:
        # WSGI servers do not agree on how such a body ends; Django reads none of it.
        raise invalid("Chunked bodies are not read: send a Content-Length.", status=411)
    if length.isdigit() and int(length) > body.LARGEST_SENT_BYTES:
        raise invalid("The body is over 8 MB.", status=413)
    try:
        # Past DRF and Django, which would read all of it into memory or look for a form.
        sent: bytes = request._request.read(body.LARGEST_SENT_BYTES + 1)
    except UnreadablePostError as error:
        raise invalid("The body ended early.", status=400) from error
    if len(sent) > body.LARGEST_SENT_BYTES:
        raise invalid("The body is over 8 MB.", status=413)
    return sent


def encoding_of(request: Request) -> str:
    encoding = request.META.get("HTTP_CONTENT_ENCODING", "").strip().lower() or "identity"
    if encoding not in body.ENCODINGS:
        message = _("The Content-Encoding must be gzip or zstd, or absent.")
        raise ApiError(ErrorCode.PARAMETER_ERROR, message, status=415)
    return str(encoding)


def invalid(reason: str, *, status: int) -> ApiError:
    message = _("The performance data is not valid: %(reason)s") % {"reason": reason}
    return ApiError(ErrorCode.PERFORMANCE_DATA_INVALID, message, status=status)


def _decode_all(
    name: str,
    raws: Sequence[Raw],
    decode: Callable[..., Item],
    *,
    now: datetime,
    outcome: Outcome,
) -> list[tuple[int, Item]]:
    """The valid items with their places in the list; notes the others."""
    items = []
    for index, raw in enumerate(raws):
        try:
            items.append((index, decode(raw, now=now)))
        except Refused as refused:
            outcome.refuse(name, index, code=refused.code, reason=refused.reason)
    return items


def store_profiles(
    project: Project,
    profiles: Sequence[tuple[int, tuple[ProfileItem, Table]]],
    said_of_all: Document,
    *,
    outcome: Outcome,
) -> None:
    """Recordings first, so that no profile is ever seen without its own."""
    expires_at = said_of_all["received_at"] + timedelta(days=project.retention_days)
    documents, blobs = {}, {}
    for _index, (item, table) in profiles:
        documents[item.id] = profile_document(item, table, {**said_of_all, "expires_at": expires_at})
        blobs[item.id] = {
            "_id": item.id,
            "project_id": project.pk,
            "data": blob.pack(table),
            "waiting_since": said_of_all["received_at"],
            "expires_at": expires_at,
        }
    taken = SessionBlob.objects.store(list(blobs.values()))
    taken |= Profile.objects.store([document for key, document in documents.items() if key not in taken])
    for index, (item, _table) in profiles:
        if item.id in taken:
            reason = "id belongs to a profile of another project"
            outcome.refuse("profiles", index, code=Refusal.ID_TAKEN, reason=reason)
        else:
            outcome.accepted += 1


def common_fields(project: Project, batch: Batch, *, now: datetime) -> Document:
    """What profiles and ledger documents of a batch have in common."""
    version, process = batch.version, batch.process
    name = Version.objects.filed_as(project.pk, version.name, at=now)
    is_own = name == version.name
    version_id: ObjectId = Version.objects.seen(
        project.pk,
        name=name,
        commit=version.commit if is_own else "",
        branch=version.branch if is_own else "",
        environment=batch.environment,
        at=now,
    )
    return {
        "project_id": project.pk,
        "version_id": version_id,
        "version_name": name,
        "environment": batch.environment,
        "instance": process.instance,
        "hostname": process.hostname,
        "pid": process.pid,
        "python": process.python,
        "framework": process.framework,
        "received_at": now,
    }


def profile_document(item: ProfileItem, table: Table, said_of_all: Document) -> Document:
    """A profile as it is stored, without its recording; one of the random share is to get a digest."""
    to_digest = {"undigested": shard_of(said_of_all["project_id"])} if item.trigger == "sampled" else {}
    document = {
        **to_digest,
        "_id": item.id,
        **said_of_all,
        "kind": item.kind,
        "endpoint": item.endpoint,
        "method": item.method,
        "status": item.status,
        "error_type": item.error_type,
        "is_error": bool(item.error_type) or (item.status or 0) >= 500,
        "started_at": item.started_at,
        "duration_us": item.duration_us,
        "cpu_us": item.cpu_us,
        "engine": item.engine,
        "interval_us": item.interval_us,
        "trigger": item.trigger,
        "streaming": item.streaming,
        "trace_id": item.trace_id,
        "tags": item.tags,
        "counters": msgspec.to_builtins(item.counters),
        "sample_count": len(table.samples),
    }
    found = labels(document)
    return {**document, "labels": found} if found else document


def ledger_document(document: LedgerDocument, said_of_all: Document) -> Document:
    """A ledger document as it is stored: its endpoints packed as zstd of JSON, as they came."""
    minute = document.minute
    owner = f"{said_of_all['project_id']}:{said_of_all['instance']}"
    return {
        "_id": f"{owner}:{minute:%Y-%m-%dT%H:%M}",
        **said_of_all,
        "minute": minute,
        "seq": document.seq,
        "dropped": document.dropped,
        "statistics": document.statistics,
        "unfolded": shard_of(said_of_all["project_id"]),
        "data": zstandard.ZstdCompressor(level=blob.LEVEL).compress(msgspec.json.encode(document)),
        "expires_at": minute + LEDGER_LIFETIME,
    }
