"""A wall clock that jumps, between runs and while the server runs: the log's own times decide, not the clock's.

The word after the reelrank binary on the command line is a library that moves the server's clock (clock.c).
"""

import os
import struct
import sys
import threading
import time

from client import TIMEOUT, Api, Server, equal, eventually, new_signal, rank, record, upsert, video
from runner import case, run

SHIM = os.path.abspath(sys.argv.pop(2))  # the runner would take it for the names of the cases wanted
HOUR = 3600
DAY = 24 * HOUR
ACCEPTED, DUPLICATE, REJECTED = 1, 2, 3


class Clock:
    """The offset of a server's clock from ours, in seconds."""

    def __init__(self, place):
        self.path = place / "clock"
        self.set(0)
        # asan wants to be the first library, which it need not be for one that allocates nothing.
        self.environment = {**os.environ, "LD_PRELOAD": SHIM, "REELRANK_FAULT_CLOCK": str(self.path),
                            "ASAN_OPTIONS": "verify_asan_link_order=0"}

    def set(self, seconds):
        """In one write of the same length, since a server has the file mapped."""
        fd = os.open(self.path, os.O_WRONLY | os.O_CREAT)
        os.pwrite(fd, struct.pack("=q", seconds), 0)
        os.close(fd)

    def server(self, place, *words):
        return Server(place, *words, env=self.environment)


def now_ms():
    return time.time_ns() // 1000000


def likes(name, count, time_ms):
    return [new_signal("LIKE", user_id="u%d" % i, event_id="%s.%d" % (name, i), time_ms=time_ms) for i in range(count)]


def outcome(api, *signals):
    """(outcome, reason) of the last signal."""
    last = api.RecordSignals(signals=signals).results[-1]
    return last.outcome, last.reason


def check_clock(server, seconds):
    """The library works: the server's own idea of the time is off by so much."""
    answer = rank(server.api, ["v1"], now_ms=0)
    off = (answer.now_ms - now_ms()) / 1000
    assert abs(off - seconds) < 60, (off, seconds)


@case
def a_clock_that_jumped_between_runs_loses_and_repeats_nothing(place):
    clock, stored = Clock(place), []
    for turn, seconds in enumerate((0, -DAY, DAY, -400 * DAY, 400 * DAY, 0)):
        clock.set(seconds)
        with clock.server(place) as server:
            upsert(server.api, video("v1", title="turn %d" % turn))
            check_clock(server, seconds)
            for batch in stored:
                equal(len(batch), server.api.RecordSignals(signals=batch).duplicate)
            # Of a time that is no future whatever the clock says, and not late for the log.
            stored.append(likes("turn%d" % turn, 50, now_ms() - 401 * DAY * 1000))
            record(server.api, *stored[-1])
            equal(50 * len(stored) + turn + 1, server.api.GetStatus().state_sequence)
            digest = server.api.GetStatus(state_digest=True).state_digest
            server.kill()
        with clock.server(place) as server:
            equal(digest, server.api.GetStatus(state_digest=True).state_digest)


@case
def a_clock_that_jumps_under_load_disturbs_nobody(place):
    clock, failures, sent = Clock(place), [], [0, 0, 0]
    with clock.server(place) as server:
        upsert(server.api, video("v1"))
        ends = threading.Event()

        def send(thread):
            api = Api(server.channel())
            try:
                while not ends.is_set():
                    record(api, *likes("t%d.%d" % (thread, sent[thread]), 20, now_ms() - 3 * DAY * 1000))
                    equal(["v1"], [item.video_id for item in rank(api, ["v1"], now_ms=0).slate])
                    sent[thread] += 1
            except Exception as error:  # told by the main thread
                failures.append(error)
                raise

        threads = [threading.Thread(target=send, args=(i,)) for i in range(3)]
        for thread in threads:
            thread.start()
        for seconds in (DAY, -DAY, HOUR, -HOUR, 30 * DAY, -2 * DAY, 0):
            clock.set(seconds)
            before = list(sent)
            eventually(lambda: failures or all(now > count + 3 for now, count in zip(sent, before)))
        ends.set()
        for thread in threads:
            thread.join(TIMEOUT)
        equal([], failures)
        equal(20 * sum(sent) + 1, server.api.GetStatus().state_sequence)


@case
def what_was_taken_is_a_repeat_though_the_clock_now_calls_it_the_future(place):
    clock, ahead = Clock(place), now_ms() + 30 * HOUR * 1000
    with clock.server(place) as server:
        clock.set(DAY)
        taken = likes("taken", 1, ahead)
        equal(ACCEPTED, outcome(server.api, *taken)[0])
        clock.set(0)
        equal((DUPLICATE, ""), outcome(server.api, *taken))
        found, reason = outcome(server.api, *likes("new", 1, ahead))
        equal(REJECTED, found)
        assert "24 hours ahead" in reason, reason


@case
def lateness_follows_the_log_and_not_the_clock(place):
    clock, newest = Clock(place), now_ms()
    with clock.server(place) as server:
        record(server.api, *likes("newest", 1, newest))
        for seconds in (0, 40 * DAY, -20 * HOUR, 400 * DAY):
            clock.set(seconds)
            late = likes("late%d" % seconds, 1, newest - 31 * DAY * 1000)
            early = likes("early%d" % seconds, 1, newest - 29 * DAY * 1000)
            found, reason = outcome(server.api, *late)
            equal(REJECTED, found)
            assert "30 days" in reason, reason
            equal(ACCEPTED, outcome(server.api, *early)[0])
            equal(DUPLICATE, outcome(server.api, *early)[0])


@case
def signals_from_the_future_are_refused_with_a_reason_until_their_time_comes(place):
    clock, ahead = Clock(place), now_ms() + 2 * DAY * 1000
    with clock.server(place) as server:
        found, reason = outcome(server.api, *likes("ahead", 1, ahead))
        equal(REJECTED, found)
        assert "signal.time_ms" in reason and "24 hours" in reason, reason
        clock.set(2 * DAY)
        equal(ACCEPTED, outcome(server.api, *likes("ahead", 1, ahead))[0])
        clock.set(-2 * DAY)  # now is two days ahead of the clock
        equal(REJECTED, outcome(server.api, *likes("now", 1, now_ms()))[0])
        clock.set(0)
        equal(ACCEPTED, outcome(server.api, *likes("now", 1, now_ms()))[0])
        equal(2, server.api.GetStatus().state_sequence)


@case
def a_retried_rank_is_remembered_for_a_minute_and_not_for_as_long_as_the_clock_was_set_back(place):
    clock = Clock(place)
    with clock.server(place) as server:
        upsert(server.api, video("v1"))
        ask = lambda: rank(server.api, ["v1"], now_ms=0, request_id="again").now_ms
        first = ask()
        equal(first, ask())
        clock.set(-DAY)
        assert ask() < first - DAY * 1000 / 2
        clock.set(0)
        assert ask() >= first


@case
def an_end_does_not_wait_for_a_clock_that_went_back(place):
    clock = Clock(place)
    with clock.server(place, "--drain-ms", 200) as server:
        feeds = [Api(server.channel()).Watch() for _ in range(3)]
        for feed in feeds:
            next(feed)
        clock.set(-DAY)
        server.terminate()
        equal(0, server.wait())
        server.killed = True  # it has ended


run()
