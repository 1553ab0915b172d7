"""Rollups of minutes to hours, and of hours to days, by the clocks of the project's time zone.

Cost of a stretch: see profiles/rollup.py, and one write of its rollups.
"""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from profiles import rollup
from profiles.fold.turn import Turn
from profiles.grain import Grain, end_of, start_of
from profiles.models import FoldMark, Rollup
from profiles.models.fold_mark import Mark, Step


class _Longer(NamedTuple):
    """What a step makes of what, and how long it rests at least."""

    step: Step
    source: Grain
    grain: Grain
    pause: timedelta


_HOURS = _Longer(Step.HOUR, Grain.MINUTE, Grain.HOUR, timedelta(minutes=1))
_DAYS = _Longer(Step.DAY, Grain.HOUR, Grain.DAY, timedelta(minutes=10))


def fold_hours(turn: Turn) -> bool:
    """Fold the hours that are due. Whether there were any."""
    return _fold(turn, _HOURS)


def fold_days(turn: Turn) -> bool:
    """Fold the days that are due. Whether there were any."""
    return _fold(turn, _DAYS)


def _fold(turn: Turn, longer: _Longer) -> bool:
    marks = FoldMark.objects.due(turn.shard, longer.step, now=turn.clock())
    for mark in marks:
        if not turn.goes_on():
            break
        with turn.apart(mark) as troubles:
            if (zone := turn.zone(mark.scope.project_id)) is not None:
                _fold_stretch(turn, longer, mark, zone)
            FoldMark.objects.done(mark, ready_at=turn.clock() + longer.pause)
        if troubles:
            FoldMark.objects.postpone(mark, until=turn.clock() + longer.pause)
    return bool(marks)


def _fold_stretch(turn: Turn, longer: _Longer, mark: Mark, zone: ZoneInfo) -> None:
    end = end_of(longer.grain, mark.start, zone)
    source = Rollup.objects.source(mark.scope, longer.source, start=mark.start, end=end)
    parts = Rollup.objects.parts(mark.scope, longer.source, start=mark.start, end=end)
    rollups = rollup.combined(parts)
    Rollup.objects.replace(mark.scope, longer.grain, mark.start, rollups=rollups, source=source)
    if longer.grain is Grain.HOUR:
        day = start_of(Grain.DAY, mark.start, zone)
        FoldMark.objects.touch(Step.DAY, mark.scope, start=day, now=turn.clock())
