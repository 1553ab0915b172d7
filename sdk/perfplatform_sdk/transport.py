"""One daemon thread that encodes, batches and sends, and sends again what did not arrive."""

from __future__ import annotations

import logging
import random
import sys
import threading
import time
from queue import Empty, SimpleQueue

from .batch import Batch, Profile, make_batch
from .config import Config
from .delivery import ARRIVED, REFUSED, STOP, Delivery, Outcome
from .drops import INTERNAL_ERROR, SEND_FAILED, Drops
from .drops import REFUSED as REFUSED_ITEMS
from .instance import Instance
from .ledger import Ledger
from .outbox import Outbox

log = logging.getLogger("perfplatform_sdk")

_FIRST_AFTER_S = 2.0  # so that who sets it up need not wait long for the first profile
_LOOK_EVERY_S = 1.0
_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 60.0
_HURRIED_PAUSE_S = 0.2  # between attempts while somebody waits for the end
_GIVE_UP_AFTER_S = 3_600.0


class Flush:
    """Somebody waits until all is sent, at most until `deadline` (monotonic seconds)."""

    def __init__(self, timeout: float, *, last: bool = False) -> None:
        self.deadline = time.monotonic() + timeout
        self.last = last  # end the transport thereafter
        self.done = threading.Event()
        self.complete = False

    def remaining(self) -> float:
        return self.deadline - time.monotonic()


class Transport:
    """Sends what the ledger and the outbox hold, for one instance."""

    def __init__(self, config: Config, instance: Instance, ledger: Ledger, drops: Drops) -> None:
        self.stopped = False  # the platform refused the key, or `close` was called
        self._config = config
        self._instance = instance
        self._ledger = ledger
        self._drops = drops
        self._outbox = Outbox(config.queue_items, config.queue_bytes, drops)
        self._delivery = Delivery(config.url, config.key)
        self._calls: SimpleQueue[Flush | None] = SimpleQueue()  # put() is safe in a signal handler
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self._batch: Batch | None = None
        self._pause_s = 0.0
        self._not_before = 0.0
        self._send_at = 0.0
        self._warned: set[str] = set()

    def put(self, profile: Profile) -> None:
        """Hand over a profile. Never waits."""
        if not self.stopped:
            self._outbox.put(profile)
            self.start()  # the thread looks every second: to wake it now would take the request's time

    def start(self) -> None:
        """Start the thread when there is something to send; whoever comes second goes on at once."""
        if self._thread is None and not self.stopped and self._starting.acquire(blocking=False):
            try:
                if self._thread is None:
                    self._send_at = time.monotonic() + min(_FIRST_AFTER_S, self._config.flush_interval)
                    thread = threading.Thread(target=self._run, name="perfplatform", daemon=True)
                    thread.start()
                    self._thread = thread
                    self._finish_in_workers()
            finally:
                self._starting.release()

    def flush(self, timeout: float) -> bool:
        """Send all that was recorded so far. True where it arrived within `timeout` seconds."""
        if self.stopped:
            return False
        call = Flush(timeout)
        if self._thread is not None and self._thread.is_alive():
            self._calls.put(call)
            call.done.wait(timeout)
        else:
            self._send_all(call)  # no thread, and at the end of the interpreter there can be none any more
        return call.complete

    def retire(self) -> Flush:
        """Send what is left and end, without waiting for it: another client takes over."""
        call = Flush(self._config.exit_timeout, last=True)
        if self._thread is not None and self._thread.is_alive():
            self._calls.put(call)
        else:
            self.stopped = True
            call.done.set()
        return call

    def close(self, timeout: float) -> bool:
        """Send what is left and end; True where all arrived within `timeout` seconds."""
        if self.stopped:
            return False
        complete = self.flush(timeout) if self._has_work() else True
        self.stopped = True
        self._calls.put(None)
        return complete

    def _has_work(self) -> bool:
        return self._batch is not None or len(self._outbox) > 0 or self._ledger.has_news()

    def _run(self) -> None:
        while not self.stopped:
            try:
                call = self._next_call()
                self._outbox.encode()
                if call is not None:
                    self._send_all(call)
                elif time.monotonic() >= self._send_at or self._outbox.is_full():
                    self._send_due()
            except Exception:  # noqa: BLE001 - the thread must go on
                self._drops.add(INTERNAL_ERROR)
                time.sleep(1.0)
        self._delivery.close()

    def _next_call(self) -> Flush | None:
        try:
            return self._calls.get(timeout=max(0.0, min(_LOOK_EVERY_S, self._send_at - time.monotonic())))
        except Empty:
            return None

    def _send_due(self) -> None:
        """Send until nothing is left or something fails; the ledger once, or a busy one would never end."""
        self._send_at = time.monotonic() + self._config.flush_interval
        with_ledger = True
        while time.monotonic() >= self._not_before:
            if self._batch is None:
                self._batch = self._next_batch(with_ledger=with_ledger)
                with_ledger = False
            if self._batch is None or not self._send(self._batch):
                break
        if self._batch is not None:
            self._send_at = self._not_before

    def _send_all(self, call: Flush) -> None:
        """Send until nothing is left or the deadline is reached, without the usual pauses."""
        try:
            self._outbox.encode()
            with_ledger = True
            while not self.stopped and call.remaining() > 0:
                if self._batch is None:
                    self._batch = self._next_batch(with_ledger=with_ledger)
                    with_ledger = False
                if self._batch is None:
                    call.complete = True
                    return
                if not self._send(self._batch, within=call.remaining()) and not self.stopped:
                    time.sleep(max(0.0, min(_HURRIED_PAUSE_S, call.remaining())))
        finally:
            self.stopped = self.stopped or call.last
            call.done.set()

    def _next_batch(self, *, with_ledger: bool) -> Batch | None:
        ledger = self._ledger.documents(time.time()) if with_ledger else {}
        profiles = self._outbox.take()
        if not profiles and not ledger:
            return None
        return make_batch(self._instance.header(), profiles, ledger, made_at=time.monotonic())

    def _send(self, batch: Batch, *, within: float = 60.0) -> bool:
        """Send a batch. True where it is done with, one way or the other."""
        outcome = self._delivery.post(batch.body, within=within)
        if outcome.verdict == STOP:
            self._stop(outcome.reason)
            return False
        if outcome.verdict == ARRIVED:
            self._ledger.arrived(batch.minutes, time.time())
            self._refuse(outcome.refused, outcome.reason)
        elif outcome.verdict == REFUSED:
            self._refuse(batch.profiles + len(batch.minutes), outcome.reason)
        elif time.monotonic() - batch.made_at < _GIVE_UP_AFTER_S:
            self._wait(outcome)
            return False
        else:
            self._drops.add(SEND_FAILED, batch.profiles)
            self._ledger.send_again(batch.minutes)
        self._batch = None
        self._pause_s = self._not_before = 0.0
        return True

    def _wait(self, outcome: Outcome) -> None:
        """Growing pauses, each shortened by chance so that many processes do not come back at once."""
        message = "perfplatform: %s does not take the data (%s); it is sent later"
        self._warn_once("unreachable", message, outcome.reason)
        self._pause_s = min(_LONGEST_PAUSE_S, self._pause_s * 2 or _FIRST_PAUSE_S)
        pause = max(outcome.retry_after, self._pause_s * random.uniform(0.5, 1.0))  # noqa: S311
        self._not_before = time.monotonic() + pause

    def _refuse(self, items: int, reason: str) -> None:
        if items:
            self._drops.add(REFUSED_ITEMS, items)
            self._warn_once("refused", "perfplatform: %s refused what was sent (%s)", reason)

    def _stop(self, reason: str) -> None:
        self.stopped = True
        self._batch = None
        self._outbox.clear()
        message = "perfplatform: %s does not accept the key (%s); nothing more is recorded"
        log.warning(message, self._config.url, reason)

    def _warn_once(self, topic: str, message: str, reason: str) -> None:
        if topic not in self._warned:
            self._warned.add(topic)
            log.warning(message, self._config.url, reason)

    def _finish_in_workers(self) -> None:
        """Worker processes of multiprocessing leave by `os._exit`: they have an exit list of their own."""
        util = sys.modules.get("multiprocessing.util")
        if util is not None:
            util.Finalize(None, self.close, args=(self._config.exit_timeout,), exitpriority=0)
