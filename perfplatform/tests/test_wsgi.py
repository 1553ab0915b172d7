from __future__ import annotations

from typing import Any

import pytest

from perfplatform.wsgi import mounted


def seen_by(application_path: str, asked: str) -> tuple[str, str]:
    seen: dict[str, Any] = {}

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        seen.update(environ)
        return []

    mounted(application, application_path)({"PATH_INFO": asked, "SCRIPT_NAME": ""}, None)
    return seen["SCRIPT_NAME"], seen["PATH_INFO"]


@pytest.mark.parametrize(
    ("path", "asked", "expected"),
    [
        ("", "/projects/", ("", "/projects/")),
        ("/perf", "/perf/projects/", ("/perf", "/projects/")),
        ("/perf", "/perf", ("/perf", "/")),
        ("/perf", "/projects/", ("/perf", "/projects/")),
        ("/perf", "/performance/", ("/perf", "/performance/")),
    ],
)
def test_the_path_of_public_url_is_cut_off_once(path: str, asked: str, expected: tuple[str, str]) -> None:
    assert seen_by(path, asked) == expected
