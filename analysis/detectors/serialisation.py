"""Turning data into text and back: done twice, done in slow Python, or much of it.

Sees json, simplejson, Django REST framework, pydantic and marshmallow. A warning is told where one function
writes and reads the same kind of data (a round trip), and where json's encoder runs in Python instead of C
because of `indent` or a subclass; one pass alone, however long, is told without. Can't see orjson,
msgspec and ujson under the sampler, which are one call in C.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from analysis.detectors.detector import Thresholds, tell
from analysis.evidence import Evidence, Frames, Group
from analysis.finding import Confidence, Finding, Severity

_WRITING_FILES: Final = {
    "json/encoder.py": (),
    "json/__init__.py": ("dump", "dumps"),
    "simplejson/encoder.py": (),
    "flask/json/__init__.py": ("dumps", "jsonify"),
    "flask/json/provider.py": ("dumps", "response"),
    "rest_framework/renderers.py": ("JSONRenderer.render",),
    "rest_framework/serializers.py": ("to_representation", "data"),
    "rest_framework/utils/encoders.py": (),
    "pydantic/main.py": ("model_dump", "model_dump_json", "json", "dict"),
    "pydantic/type_adapter.py": ("dump_python", "dump_json"),
    "fastapi/encoders.py": (),
    "fastapi/routing.py": ("serialize_response",),
    "marshmallow/schema.py": ("dump", "dumps", "_serialize"),
    "<built-in>": (
        "SchemaSerializer.to_python",
        "SchemaSerializer.to_json",
        "to_jsonable_python",
        "encode_basestring_ascii",
    ),
}
_READING_FILES: Final = {
    "json/decoder.py": (),
    "json/__init__.py": ("load", "loads"),
    "simplejson/decoder.py": (),
    "flask/json/provider.py": ("loads",),
    "rest_framework/serializers.py": ("run_validation", "to_internal_value", "is_valid"),
    "pydantic/main.py": ("__init__", "model_validate", "model_validate_json", "parse_obj", "parse_raw"),
    "pydantic/type_adapter.py": ("validate_python", "validate_json"),
    "marshmallow/schema.py": ("load", "loads", "_do_load"),
    "<built-in>": ("SchemaValidator.validate_python", "SchemaValidator.validate_json"),
}
WRITING: Final = Frames(_WRITING_FILES)
READING: Final = Frames(_READING_FILES)
BOTH: Final = WRITING | READING
# json's encoder in Python: C makes everything in one call, `c_make_encoder`.
SLOW: Final = Frames(
    {"json/encoder.py": ("_iterencode", "_iterencode_dict", "_iterencode_list", "_make_iterencode")}
)
ROUND_TRIP: Final = 0.15
THRESHOLDS: Final = Thresholds(told=0.05, warning=0.08, critical=0.5)


@dataclass(frozen=True)
class Serialisation:
    name: str = "serialisation"
    fix_url: str = "https://docs.python.org/3/library/json.html"
    thresholds: Thresholds = THRESHOLDS

    def detect(self, evidence: Evidence) -> list[Finding]:
        found = []
        for group in evidence.groups(BOTH):
            share = group.time_us / max(evidence.whole_us, 1)
            if not self.thresholds.are_passed(evidence, group):
                continue
            found.append(self._tell(evidence, group, share))
            evidence.take(group.nodes)
        return found

    def _tell(self, evidence: Evidence, group: Group, share: float) -> Finding:
        reading, writing = (
            sum(
                evidence.total_us[node]
                for node in group.nodes
                if frames.matches(evidence.tree.functions[evidence.tree.function[node]])
            )
            for frames in (READING, WRITING)
        )
        slow_us = evidence.time_within(group.nodes, SLOW)
        fault, saving_us = "none", group.time_us
        if min(reading, writing) >= ROUND_TRIP * group.time_us:
            fault, saving_us = "round_trip", 2 * min(reading, writing)
        elif slow_us >= group.time_us / 2:
            fault, saving_us = "slow_encoder", round(0.8 * slow_us)
        return tell(
            evidence,
            self.name,
            group,
            severity=Severity.INFO if fault == "none" else self.thresholds.severity(share),
            confidence=Confidence.MEDIUM,
            saving_us=saving_us,
            parameters={"fault": fault, "reading_us": reading, "writing_us": writing},
        )


DETECTOR: Final = Serialisation()
