"""What watches an app: nothing, the SDK in one of its engines, or one of its peers."""

from __future__ import annotations

from typing import Any, NamedTuple

BARE, AGAIN = "no SDK", "no SDK again"
NONE, AUTO, SAMPLER, PYINSTRUMENT = "none", "auto", "sampler", "pyinstrument"
PROFILER, MIDDLEWARE, SENTRY = "bare Profiler", "pyinstrument middleware", "sentry-sdk"
SAMPLER_1_MS = "sampler, 1 ms"
ENGINES = (SAMPLER, PYINSTRUMENT, AUTO)


class Mode(NamedTuple):
    """One way of being watched."""

    settings: dict[str, Any] | None = None  # of the SDK; without them it isn't there
    wrapper: str = ""  # what each framework's module puts around its app
    query: str = ""  # of every request
    sentry: bool = False


MODES = {
    BARE: Mode(),
    AGAIN: Mode(),
    NONE: Mode(settings={"engine": "none"}),
    AUTO: Mode(settings={}),
    SAMPLER: Mode(settings={"engine": "sampler"}),
    SAMPLER_1_MS: Mode(settings={"engine": "sampler", "sample_interval": 0.001, "overhead_budget": 64}),
    PYINSTRUMENT: Mode(settings={"engine": "pyinstrument"}),
    PROFILER: Mode(wrapper=PROFILER),
    # It records what is asked for by this name, and answers with its report in HTML.
    MIDDLEWARE: Mode(wrapper=MIDDLEWARE, query="profile"),
    SENTRY: Mode(sentry=True),
}


def begin(mode: Mode, *, key: str, url: str) -> None:
    """What comes before the app is made."""
    if mode.settings is not None:
        import perfplatform_sdk

        perfplatform_sdk.init(key=key, url=url, version="1", **mode.settings)
    if mode.sentry:
        from . import discarding

        discarding.begin()


def flush(mode: Mode) -> None:
    """Have everything sent that waits to be sent."""
    if mode.settings is not None:
        import perfplatform_sdk

        if not perfplatform_sdk.flush(30):
            raise RuntimeError("the platform did not take everything")
