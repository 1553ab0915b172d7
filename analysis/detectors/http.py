"""Calls to other services: one after the other, each with a handshake of its own, or just long.

Sees requests, httpx, urllib3, aiohttp, urllib.request and http.client. How many calls there were comes from
counters; without these it says how much time they take. Handshakes are seen in the frames of ssl. Can't tell
whether one call needs the answer of the one before: then they can't run side by side.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from analysis.detectors.detector import Thresholds, tell
from analysis.evidence import Evidence, Frames, Group
from analysis.finding import Confidence, Finding, Severity

HTTP: Final = Frames(
    {
        "requests/api.py": (),
        "requests/sessions.py": (),
        "requests/adapters.py": ("send",),
        "httpx/_api.py": (),
        "httpx/_client.py": ("request", "send", "get", "post", "put", "delete", "stream"),
        "urllib3/poolmanager.py": ("request", "urlopen"),
        "urllib3/connectionpool.py": ("urlopen",),
        "urllib3/_request_methods.py": ("request",),
        "aiohttp/client.py": ("_request", "__aenter__"),
        "urllib/request.py": ("urlopen", "open", "do_open"),
        "http/client.py": ("request", "getresponse", "connect", "read", "endheaders"),
    }
)
HANDSHAKE: Final = Frames(
    {
        "ssl.py": ("do_handshake", "wrap_socket", "_create", "create_default_context"),
        "<built-in>": ("_SSLSocket.do_handshake", "_SSLContext.load_verify_locations"),
        "urllib3/util/ssl_.py": ("ssl_wrap_socket", "create_urllib3_context"),
        "httpcore/_backends/sync.py": ("start_tls",),
        "asyncio/sslproto.py": ("_start_handshake", "_do_handshake"),
    }
)
# From so many calls a request on they can be made side by side with profit.
SERIAL: Final = 2.5
# A handshake that takes so much of the calls' time isn't made once for many of them.
HANDSHAKES_SHARE: Final = 0.25
THRESHOLDS: Final = Thresholds(told=0.05, warning=0.08, critical=0.4)


@dataclass(frozen=True)
class OutboundHttp:
    name: str = "outbound_http"
    fix_url: str = "https://requests.readthedocs.io/en/latest/user/advanced/#session-objects"
    thresholds: Thresholds = THRESHOLDS

    def detect(self, evidence: Evidence) -> list[Finding]:
        found = []
        for group in evidence.groups(HTTP):
            if not self.thresholds.are_passed(evidence, group):
                continue
            found.append(self._tell(evidence, group))
            evidence.take(group.nodes)
        return found

    def _tell(self, evidence: Evidence, group: Group) -> Finding:
        counted = evidence.own_counters("http", evidence.tree.functions[group.function])
        count = evidence.counters.per_request(counted)
        handshakes_us = evidence.time_within(group.nodes, HANDSHAKE)
        parameters: dict[str, int | float | str] = {"handshakes_us": handshakes_us}
        saving_us, severity = handshakes_us, Severity.INFO
        share = group.time_us / max(evidence.whole_us, 1)
        is_serial = count >= SERIAL
        if count:
            parameters["count"] = round(count, 1)
        if is_serial:
            saving_us = max(saving_us, round(group.time_us * (1 - 1 / count)))
            severity = self.thresholds.severity(share)
        elif handshakes_us >= HANDSHAKES_SHARE * group.time_us:
            severity = self.thresholds.severity(handshakes_us / max(evidence.whole_us, 1))
        parameters["fault"] = _fault(is_serial=is_serial, is_told=severity is not Severity.INFO)
        return tell(
            evidence,
            self.name,
            group,
            severity=severity,
            confidence=Confidence.HIGH if count else Confidence.MEDIUM,
            saving_us=saving_us,
            parameters=parameters,
        )


def _fault(*, is_serial: bool, is_told: bool) -> str:
    if is_serial:
        return "serial"
    return "handshakes" if is_told else "none"


DETECTOR: Final = OutboundHttp()
