"""Who is limited by what: senders by their credential and address, sign-ins by name and address."""

from __future__ import annotations

import hashlib
import unicodedata
from typing import Any, ClassVar

from django.conf import settings
from django.http import HttpRequest
from rest_framework.request import Request
from rest_framework.views import APIView

from perfplatform import throttle
from perfplatform.client_address import client_address
from perfplatform.errors import ApiError, ErrorCode
from perfplatform.throttle import Bucket
from projects.authentication import secret_of
from projects.requests import SignedInRequest

SIGN_IN_SECONDS = 300
ADDRESS_UPLOADS = 4


class ThrottledView(APIView):
    """A view for programs. Its limits are held before a credential is looked up, which would cost a read."""

    limit_name: ClassVar[str]

    def limits(self) -> tuple[int, int]:
        """Requests a minute of one credential, and of one address."""
        return settings.LIMITS.per_key, settings.LIMITS.per_address

    def perform_authentication(self, request: Request) -> None:
        wait_s = throttle.take(*self.buckets(request))
        if wait_s:
            raise ApiError(ErrorCode.RATE_LIMIT_ERROR, headers={"Retry-After": str(wait_s)})
        super().perform_authentication(request)

    def buckets(self, request: Request) -> list[Bucket]:
        """One for the address, and one for what was sent as a credential, whether or not it is one."""
        per_key, per_address = self.limits()
        found = [_bucket(self.limit_name, "address", address_of(request), per_address)]
        secret = secret_of(request)
        if secret:
            found.append(_bucket(self.limit_name, "key", secret, per_key))
        return found


def upload(request: SignedInRequest) -> int:
    """Count a file that a person uploads; return the seconds to wait where there were too many, else 0."""
    most = settings.LIMITS.uploads
    return throttle.take(
        _bucket("upload", "user", str(request.user.pk), most),
        _bucket("upload", "address", address_of(request), most * ADDRESS_UPLOADS),
    )


def sign_in(request: HttpRequest, username: str) -> int:
    """Count an attempt to sign in; return the seconds to wait where there were too many, else 0."""
    address = _bucket(
        "sign-in", "address", address_of(request), settings.LIMITS.sign_ins_per_address, SIGN_IN_SECONDS
    )
    return throttle.take(_of_name(username), address)


def signed_in(username: str) -> None:
    """Whoever knows the password may sign in as often as they like."""
    throttle.give_back(_of_name(username))


def address_of(request: Any) -> str:
    return client_address(request.META, trusted_proxies=settings.TRUSTED_PROXIES)


def _of_name(username: str) -> Bucket:
    alike = unicodedata.normalize("NFKC", username).strip().casefold()
    return _bucket("sign-in", "name", alike, settings.LIMITS.sign_ins_per_name, SIGN_IN_SECONDS)


def _bucket(what: str, kind: str, who: str, limit: int, seconds: int = 60) -> Bucket:
    """Named by a digest: what somebody sent may be long, and may be a secret."""
    digest = hashlib.sha256(who.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return Bucket(f"{what}:{kind}:{digest}", limit, seconds)
