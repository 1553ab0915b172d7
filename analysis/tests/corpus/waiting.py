"""Programs whose fault is waiting."""

from __future__ import annotations

import asyncio
import http.client
import os
import queue
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import requests
import urllib3

from analysis.tests.corpus import servers
from analysis.tests.corpus.program import clean, compute, faulty, until

# sleep


@faulty("sleep", 0.15)
def wait_for_consistency(seconds: float) -> None:
    for _ in until(seconds):
        time.sleep(0.01)


def pause() -> None:
    time.sleep(0.004)


@faulty("sleep", 0.6, function="pause")
def poll_with_pauses(seconds: float) -> None:
    for _ in until(seconds):
        pause()


@clean("sleep")
def look_at_the_clock(seconds: float) -> None:
    for _ in until(seconds):
        time.strftime("%Y-%m-%d", time.gmtime(time.time()))


# lock_wait


@contextmanager
def held(lock: threading.Lock) -> Iterator[None]:
    """Another thread that holds a lock most of the time."""
    over = threading.Event()

    def hold() -> None:
        while not over.is_set():
            with lock:
                time.sleep(0.01)
            time.sleep(0.0005)

    threading.Thread(target=hold, daemon=True).start()
    yield
    over.set()


@faulty("lock_wait", 0.15)
def share_one_lock(seconds: float) -> None:
    lock = threading.Lock()
    lock.acquire()  # By somebody who does not give it back.
    for _ in until(seconds):
        lock.acquire(timeout=0.01)


@faulty("lock_wait", 0.6)
def wait_for_a_queue(seconds: float) -> None:
    waiting: queue.Queue[int] = queue.Queue()
    for _ in until(seconds):
        try:
            waiting.get(timeout=0.01)
        except queue.Empty:
            continue


@clean("lock_wait")
def take_free_locks(seconds: float) -> None:
    lock = threading.Lock()
    for _ in until(seconds):
        for _again in range(100):
            lock.acquire()
            lock.release()


# pool_wait


@contextmanager
def pool(*, users: int) -> Iterator[urllib3.HTTPConnectionPool]:
    """A pool of one connection, which other threads use as well."""
    address = urllib3.util.parse_url(servers.plain())
    connections = urllib3.HTTPConnectionPool(address.host or "", address.port, maxsize=1, block=True)
    over = threading.Event()

    def use() -> None:
        while not over.is_set():
            connections.request("GET", "/10")
            # Who waits gets his turn.
            time.sleep(0.002)

    for _user in range(users):
        threading.Thread(target=use, daemon=True).start()
    yield connections
    over.set()


@faulty("pool_wait", 0.15)
def ask_through_a_small_pool(seconds: float) -> None:
    with pool(users=2) as connections:
        for _ in until(seconds):
            connections.request("GET", "/0")
            compute(0.002)


@faulty("pool_wait", 0.6)
def wait_for_the_only_connection(seconds: float) -> None:
    with pool(users=3) as connections:
        for _ in until(seconds):
            connections.urlopen("GET", "/0", preload_content=True)
            compute(0.002)


@clean("pool_wait")
def ask_through_a_free_pool(seconds: float) -> None:
    with pool(users=0) as connections:
        for _ in until(seconds):
            connections.request("GET", "/5")


# blocking_call


@faulty("blocking_call", 0.15)
async def sleep_on_the_loop(seconds: float) -> None:
    for _ in until(seconds):
        time.sleep(0.005)
        await asyncio.sleep(0)


@faulty("blocking_call", 0.6)
async def ask_on_the_loop(seconds: float) -> None:
    with requests.Session() as session:
        for _ in until(seconds):
            session.get(f"{servers.plain()}/10")
            await asyncio.sleep(0)


@clean("blocking_call")
async def sleep_in_a_thread(seconds: float) -> None:
    for _ in until(seconds):
        await asyncio.to_thread(time.sleep, 0.01)


@clean("blocking_call")
async def sleep_awaiting(seconds: float) -> None:
    for _ in until(seconds):
        await asyncio.sleep(0.01)


# outbound_http


@faulty("outbound_http", 0.15, counts="http")
def ask_one_by_one(seconds: float) -> int:
    count = 0
    for count in until(seconds):  # noqa: B007 - the number is the answer
        requests.get(f"{servers.plain()}/8", timeout=5)
    return count + 1


@faulty("outbound_http", 0.6)
def shake_hands_each_time(seconds: float) -> None:
    address, certificate = servers.secure()
    for _ in until(seconds):
        requests.get(f"{address}/0", verify=certificate, timeout=5)


@faulty("outbound_http", 0.6, counts="http")
def ask_by_http_client(seconds: float) -> int:
    address, count = urllib3.util.parse_url(servers.plain()), 0
    for count in until(seconds):  # noqa: B007 - the number is the answer
        connection = http.client.HTTPConnection(address.host or "", address.port)
        connection.request("GET", "/6")
        connection.getresponse().read()
        connection.close()
    return count + 1


@clean("outbound_http", counts="http")
def ask_once(seconds: float) -> int:
    requests.get(f"{servers.plain()}/{seconds * 1000:.0f}", timeout=5)
    return 1


# subprocess


@faulty("subprocess", 0.15)
def run_true(seconds: float) -> None:
    for _ in until(seconds):
        subprocess.run(["true"], check=True)


@faulty("subprocess", 0.6)
def pipe_through_cat(seconds: float) -> None:
    for _ in until(seconds):
        with subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            process.communicate(b"tea")


@clean("subprocess")
def quote_commands(seconds: float) -> None:
    for _ in until(seconds):
        subprocess.list2cmdline(["a b", 'c"d', "e"] * 50)


# wall_above_cpu


@faulty("wall_above_cpu", 0.15)
def read_a_pipe(seconds: float) -> None:
    reading, writing = os.pipe()

    def write() -> None:
        for _ in until(seconds):
            time.sleep(0.01)
            os.write(writing, b".")
        os.close(writing)

    threading.Thread(target=write, daemon=True).start()
    while os.read(reading, 1):
        pass
    os.close(reading)


@faulty("wall_above_cpu", 0.6)
def enter_a_held_lock(seconds: float) -> None:
    lock = threading.Lock()
    with held(lock):
        for _ in until(seconds):
            with lock:
                pass


@clean("wall_above_cpu")
def write_a_pipe(seconds: float) -> None:
    reading, writing = os.pipe()
    for _ in until(seconds):
        os.write(writing, b".")
        os.read(reading, 1)
    os.close(reading)
    os.close(writing)
