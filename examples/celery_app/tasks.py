"""The bakery's tasks: one that computes, one that waits, one that is tried again, one that fails."""

from __future__ import annotations

import os
import re
import time
from typing import Any

from celery import Celery

app = Celery("celery_app", broker=os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0"))
app.conf.update(task_default_queue="bakery", broker_connection_retry_on_startup=True)

OVEN_SECONDS = 0.05  # how long a batch bakes

if os.environ.get("PERFPLATFORM_KEY"):
    import perfplatform_sdk
    from perfplatform_sdk.integrations.celery import install

    # Key, address and environment come from PERFPLATFORM_KEY, PERFPLATFORM_URL and PERFPLATFORM_ENVIRONMENT.
    perfplatform_sdk.init(version="1.0")
    install()


def find_allergens(recipe: str) -> list[str]:
    # Planted fault: for each of 600 words a pattern is compiled; `re` remembers 512.
    words = [f"allergen{number}" for number in range(600)]
    return [word for word in words if re.search(rf"\b{word}\b", recipe)]


@app.task
def print_label(recipe: str) -> list[str]:
    """What the label of a recipe warns of."""
    return find_allergens(recipe)


@app.task
def bake(batches: int) -> int:
    """Bake one batch after the other."""
    for _ in range(batches):
        time.sleep(OVEN_SECONDS)
    return batches


@app.task(bind=True, max_retries=3, default_retry_delay=0.1)
def order_flour(self: Any, kilograms: int) -> int:
    """The mill answers at the second try: the first run is no error."""
    if self.request.retries == 0:
        raise self.retry(exc=ConnectionError("the mill does not answer"))
    return kilograms


@app.task
def share_tips(cents: int, bakers: int) -> int:
    """Planted bug: ZeroDivisionError on days when nobody works."""
    return cents // bakers
