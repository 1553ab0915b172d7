"""`python -m celery_app [prefork|solo]` runs a worker on REDIS_URL, and someone who orders, until SIGTERM."""

from __future__ import annotations

import subprocess
import sys
import time

from celery_app import tasks

PAUSE_SECONDS = 0.5


def main() -> int:
    """Run what is asked for; return the exit status."""
    what = sys.argv[1] if len(sys.argv) > 1 else "prefork"
    if what == "orders":
        order()
    if what not in ("prefork", "solo"):
        print(f"The bakery knows the pools prefork and solo, not {what}.", file=sys.stderr)
        return 1
    orders = subprocess.Popen([sys.executable, "-m", "celery_app", "orders"])
    try:
        tasks.app.worker_main(
            ["worker", "--pool", what, "--concurrency", "2", "--loglevel", "INFO", "--without-mingle"]
        )
    finally:
        orders.terminate()
        orders.wait()
    return 0


def order() -> None:
    """Send tasks without an end."""
    number = 0
    while True:
        tasks.print_label.delay(f"flour, water, allergen{number % 600}")
        tasks.bake.delay(1 + number % 3)
        tasks.order_flour.delay(25)
        tasks.share_tips.delay(900, number % 4)
        number += 1
        time.sleep(PAUSE_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
