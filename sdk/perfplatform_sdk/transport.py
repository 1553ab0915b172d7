"""One daemon thread that encodes, batches and sends, and sends again what did not arrive."""

from __future__ import annotations

import logging
import queue
import sys
import threading
import time
from typing import TYPE_CHECKING, Callable

from . import statistics
from .batch import Batch, Profile, make_batch
from .breaker import Breaker
from .config import Config
from .delivery import ARRIVED, REFUSED, STOP, Delivery, Outcome
from .drops import INTERNAL_ERROR, SEND_FAILED, Drops
from .drops import REFUSED as REFUSED_ITEMS
from .engines.room import has_room
from .green import prepare_for_the_end
from .instance import Instance
from .ledger import Ledger
from .outbox import Outbox

if TYPE_CHECKING:
    import requests

log = logging.getLogger("perfplatform_sdk")

_FIRST_AFTER_S = 2.0  # so that who sets it up need not wait long for the first profile
_LOOK_EVERY_S = 1.0
_REST_AFTER_ERROR_S = 1.0
_HURRIED_PAUSE_S = 0.2  # between attempts while somebody waits for the end
_GIVE_UP_AFTER_S = 3_600.0
_LEDGERS_A_FLUSH = 3  # one, and more for what was dropped meanwhile; a busy app has news without end


class Flush:
    """Somebody waits until all is sent, at most until `deadline` (monotonic seconds)."""

    def __init__(self, timeout: float, *, last: bool = False) -> None:
        self.deadline = time.monotonic() + timeout
        self.last = last  # end the transport thereafter
        self.done = threading.Event()
        self.complete = False
        self._ledgers = 0

    def remaining(self) -> float:
        return self.deadline - time.monotonic()

    def wants_ledger(self, waiting: int) -> bool:
        """Whether the next batch has the ledger: the first one, and the last of all `waiting` profiles."""
        wanted = self._ledgers == 0 or (waiting == 0 and self._ledgers < _LEDGERS_A_FLUSH)
        self._ledgers += wanted
        return wanted


class Transport:
    """Sends what the ledger and the outbox hold, for one instance."""

    def __init__(self, config: Config, instance: Instance, ledger: Ledger, drops: Drops) -> None:
        self.stopped = False  # the platform refused the key, or `close` was called
        self.statistics = statistics.Statistics()
        self.refresh: Callable[[requests.Session], object] | None = None  # called every second
        self.sampling_us: Callable[[], int] = int  # what the sampler has cost so far
        self._config = config
        self._instance = instance
        self._ledger = ledger
        self._drops = drops
        self._outbox = Outbox(config, drops)
        self._delivery = Delivery(config)
        self._breaker = Breaker()
        self._calls: queue.SimpleQueue[Flush | None]
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self._batch: Batch | None = None
        self._send_at = 0.0
        self._warned: set[str] = set()

    def put(self, profile: Profile) -> None:
        """Hand over a profile. Never waits."""
        if not self.stopped:
            self.statistics.add(statistics.PROFILES)
            self._outbox.put(profile)
            self.start()  # the thread looks every second: to wake it now would take the request's time

    def start(self) -> None:
        """Start the thread when there is something to send; whoever comes second goes on at once."""
        if self._thread is not None or self.stopped:
            return
        # Near the recursion limit a start could fail midway, with the thread running and unknown.
        if has_room() and self._starting.acquire(blocking=False):
            try:
                if self._thread is None:
                    self._send_at = time.monotonic() + min(_FIRST_AFTER_S, self._config.flush_interval)
                    # Made as late as the thread: gevent may have replaced both since init(). And its put()
                    # is safe in a signal handler.
                    self._calls = queue.SimpleQueue()
                    prepare_for_the_end()
                    thread = threading.Thread(target=self._run, name="perfplatform", daemon=True)
                    thread.start()
                    self._thread = thread
                    self._finish_in_workers()
            finally:
                self._starting.release()

    def flush(self, timeout: float) -> bool:
        """Send all that was recorded so far. True where it arrived within `timeout` seconds."""
        if self.stopped or threading.current_thread() is self._thread:
            return False
        call = Flush(timeout)
        if self._is_running():
            self._calls.put(call)
            call.done.wait(timeout)
        else:
            self._send_from_here(call)
        return call.complete

    def retire(self) -> Flush:
        """Send what is left and end, without waiting for it: another client takes over."""
        call = Flush(self._config.exit_timeout, last=True)
        if self._is_running():
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
        if self._is_running():
            self._calls.put(None)
        else:
            self._delivery.close()  # what was sent from here
        return complete

    def _send_from_here(self, call: Flush) -> None:
        """Without the thread: at the end of the interpreter none can be started any more."""
        try:
            self._send_all(call)
        except Exception:  # noqa: BLE001 - the border to the app
            self._drops.add(INTERNAL_ERROR)

    def _is_running(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def _has_work(self) -> bool:
        return self._batch is not None or len(self._outbox) > 0 or self._ledger.has_news()

    def _run(self) -> None:
        while not self.stopped:
            try:
                self._turn(self._next_call())
            except Exception:  # noqa: BLE001 - the thread must go on
                self._drops.add(INTERNAL_ERROR)
                time.sleep(_REST_AFTER_ERROR_S)
        self._delivery.close()

    def _next_call(self) -> Flush | None:
        """Whoever waits, or None when it is time to look."""
        due_s = max(self._send_at, self._breaker.until) - time.monotonic()
        try:
            return self._calls.get(timeout=max(0.0, min(_LOOK_EVERY_S, due_s)))
        except queue.Empty:
            return None

    def _turn(self, call: Flush | None) -> None:
        began_ns = time.thread_time_ns()
        self._drain()
        if call is not None:
            self._send_all(call)
        elif not self._breaker.is_open():
            if self.refresh is not None:
                self.refresh(self._delivery.session)
            if self._batch is None:
                self._outbox.encode()
            if time.monotonic() >= self._send_at or self._outbox.is_full():
                self._send_due()
        self.statistics.add(statistics.SENDING_US, (time.thread_time_ns() - began_ns) // 1000)

    def _drain(self) -> None:
        try:
            self._ledger.drain()
        except Exception:  # noqa: BLE001 - whoever waits must not wait in vain
            self._drops.add(INTERNAL_ERROR)

    def _send_due(self) -> None:
        """Send until nothing is left or something fails; the ledger once, or a busy one would never end."""
        self._send_at = time.monotonic() + self._config.flush_interval
        with_ledger = True
        while not self.stopped:
            if self._batch is None:
                self._batch = self._next_batch(with_ledger=with_ledger)
                with_ledger = False
            if self._batch is None:
                return
            if not self._send(self._batch):
                self._send_at = 0.0  # as soon as the circuit is closed
                return

    def _send_all(self, call: Flush) -> None:
        """Send until nothing is left or the deadline is reached, after a failure sooner than usual."""
        try:
            while not self.stopped and call.remaining() > 0:
                if self._batch is None:
                    self._batch = self._next_batch(with_ledger=call.wants_ledger(len(self._outbox)))
                if self._batch is None:
                    call.complete = True
                    return
                if not self._send(self._batch, within=call.remaining()) and not self._hurry(call):
                    return
        finally:
            self.stopped = self.stopped or call.last
            call.done.set()

    def _hurry(self, call: Flush) -> bool:
        """Wait for the next attempt, as long as the platform asks for; False where there is no time."""
        pause_s = max(_HURRIED_PAUSE_S, self._breaker.asked_until - time.monotonic())
        if self.stopped or pause_s >= call.remaining():
            return False
        time.sleep(pause_s)
        return True

    def _next_batch(self, *, with_ledger: bool) -> Batch | None:
        ledger = self._ledger.documents(time.time()) if with_ledger else {}
        profiles = self._outbox.take()
        if not profiles and not ledger:
            return None
        sums = {
            **self.statistics.sums(),
            statistics.EVENTS: self._ledger.events,
            statistics.SAMPLING_US: self.sampling_us(),
        }
        for document in ledger.values():
            document["statistics"] = sums
        try:
            return make_batch(self._instance.header(), profiles, ledger, made_at=time.monotonic())
        except Exception:
            self._drops.add(INTERNAL_ERROR, len(profiles))
            self._ledger.send_again(list(ledger))
            raise

    def _send(self, batch: Batch, *, within: float = 60.0) -> bool:
        """Send a batch. False where the platform is not to be had."""
        outcome = self._delivery.post(batch.body, within=within)
        self.statistics.add(statistics.POSTS)
        if outcome.verdict == STOP:
            self._stop(outcome.reason)
            return False
        if outcome.verdict == ARRIVED:
            self.statistics.add(statistics.SENT_PROFILES, batch.profiles)
            self.statistics.add(statistics.SENT_BYTES, len(batch.body))
            self._ledger.arrived(batch.minutes, time.time())
            self._refuse(outcome.refused, outcome.reason)
        elif outcome.verdict == REFUSED:
            self._refuse(batch.profiles + len(batch.minutes), outcome.reason)
        else:
            self._fail(batch, outcome)
            return False
        self._batch = None
        self._breaker.succeed()
        return True

    def _fail(self, batch: Batch, outcome: Outcome) -> None:
        self.statistics.add(statistics.FAILED_POSTS)
        message = "perfplatform: %s does not take the data (%s); it is sent later"
        self._warn_once("unreachable", message, outcome.reason)
        self._breaker.fail(outcome.retry_after)
        if time.monotonic() - batch.made_at > _GIVE_UP_AFTER_S:
            self._batch = None
            self._drops.add(SEND_FAILED, batch.profiles)
            self._ledger.send_again(batch.minutes)

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
