"""The garbage collector of Python 3.11, which must not run while another thread's frames are read."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from perfplatform_sdk.engines import collector

# Threads go up and down deep stacks and make no garbage of their own; the one that samples makes all of it,
# so that collections are its, and their finalizers hand the interpreter over.
PROGRAM = """
import gc, os, sys, threading, time
from perfplatform_sdk.engines.sampler import Sampler
from perfplatform_sdk.engines.sampled import SampledRecording

class Record:
    began_ns, ended, samples = 0, False, None

class Garbage:
    def __init__(self):
        self.me = self
    def __del__(self):
        time.sleep(0.0002)

def small(n):
    return large(n - 1) if n > 0 else sum(range(50))

def large(n):
    a = b = c = d = e = f = g = h = n
    return small(n - 1) if n else sum(range(50))

def work():
    turn = 0
    while True:
        turn += 1
        (large if turn % 3 else small)(10 + turn % 7)

class Wasteful(SampledRecording):
    def add(self, *args):
        Garbage()

sampler = Sampler(0.001, 1.0)
sampler.parked = False  # the thread that looks is this one
for _ in range(2):
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    record = Record()
    record.samples = Wasteful(1000)
    sampler.threads[thread.ident] = record
collections = []
gc.callbacks.append(lambda phase, info: collections.append(phase))
gc.collect()
gc.freeze()
gc.set_threshold(10, 1000, 1000)
until = time.monotonic() + float(sys.argv[1])
while time.monotonic() < until:
    Garbage()
    sampler._tick(time.perf_counter_ns(), 1000)
    time.sleep(0.0005)
print("collections", len(collections) // 2, flush=True)
os._exit(0)
"""


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    assert gc.isenabled()
    yield
    assert gc.isenabled()


def test_collections_with_finalizers_do_not_break_the_process() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, "4"], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[1]) > 5


def test_no_collection_during_a_look() -> None:
    seen = []

    @collector.held
    def look() -> None:
        seen.append(gc.isenabled())

    look()
    assert seen == [not collector.NEEDED]


def test_a_look_that_fails_leaves_the_collector_on() -> None:
    @collector.held
    def look() -> None:
        raise KeyError

    with pytest.raises(KeyError):
        look()
    assert gc.isenabled()


def test_an_app_that_has_turned_collections_off_keeps_them_off() -> None:
    gc.disable()
    try:
        collector.held(lambda: None)()
        assert not gc.isenabled()
    finally:
        gc.enable()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_child_forked_during_a_look_has_its_collector() -> None:
    inside, done = threading.Event(), threading.Event()

    @collector.held
    def look() -> None:
        inside.set()
        done.wait(30)

    thread = threading.Thread(target=look)
    thread.start()
    assert inside.wait(30)
    child = os.fork()
    if child == 0:
        collector.held(lambda: None)()  # which waits for nobody
        os._exit(0 if gc.isenabled() else 1)
    done.set()
    thread.join(30)
    until = time.monotonic() + 30
    while time.monotonic() < until:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            break
        time.sleep(0.01)
    assert (pid, status) == (child, 0)
