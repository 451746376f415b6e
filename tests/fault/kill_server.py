"""The real server under load, killed at random moments: every acknowledged signal is there, and once.

SIGKILL leaves what the kernel was given, so this tests the order of writing and answering, and recovery;
not the disk. KILLS (8) and SEED (1) in the environment give more rounds and other moments.
"""

import collections
import os
import random
import threading
import time

import grpc

from client import (NOW_MS, TIMEOUT, Api, Feed, Process, Server, equal, eventually, new_signal, rank, statistics,
                    upsert, video)
from runner import case, run

KILLS = int(os.environ.get("KILLS", "8"))
SEED = int(os.environ.get("SEED", "1"))
VIDEOS = ["v%d" % i for i in range(10)]
KINDS = {"IMPRESSION": "impressions", "SHARE": "shares", "COMMENT": "comments", "REPORT": "reports"}


class Sender:
    """One thread's load: batches of signals nobody else sends, until the server is gone."""

    def __init__(self, name):
        self.name = name
        self.random = random.Random("%d.%s" % (SEED, name))
        self.sent = 0
        self.acknowledged = []
        self.unacknowledged = []
        self.sequence = 0  # the highest a server answered with
        self.failure = None

    def batch(self):
        signals = []
        for _ in range(self.random.randint(1, 40)):
            self.sent += 1
            signals.append(new_signal(self.random.choice(list(KINDS)), event_id="%s.%d" % (self.name, self.sent),
                                      user_id="u%d" % self.random.randrange(50), video_id=self.random.choice(VIDEOS),
                                      time_ms=NOW_MS + self.sent, locale=self.random.choice(["hi-IN", "ru-RU", ""])))
        return signals

    def take(self, response, batch):
        equal((len(batch), 0, 0), (response.accepted, response.duplicate, response.rejected))
        self.acknowledged += batch
        self.sequence = max(self.sequence, response.state_sequence)

    def record(self, api):
        while True:
            batch = self.batch()
            self.unacknowledged += batch
            self.take(api.RecordSignals(signals=batch), batch)
            del self.unacknowledged[-len(batch) :]

    def stream(self, api):
        """Keeps four batches under way."""
        feed, waiting = Feed(), collections.deque()
        answers = api.StreamSignals(iter(feed))
        try:
            while True:
                while len(waiting) < 4:
                    waiting.append(self.batch())
                    feed.put(api.request("StreamSignals", batch_id=self.sent, signals=waiting[-1]))
                self.take(next(answers), waiting[0])
                waiting.popleft()
        finally:
            feed.end()
            for batch in waiting:
                self.unacknowledged += batch

    def run(self, server, way):
        try:
            way(self, Api(server.channel()))
        except grpc.RpcError as error:
            # What the client's library says of a connection that broke depends on where it broke.
            if error.code() not in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED):
                self.failure = error
        except AssertionError as error:
            self.failure = error


def kill_under_load(place, senders, moment):
    """One life of the server: load from all senders until it is killed."""
    with Server(place) as server:
        seen = max(sender.sequence for sender in senders)
        assert server.api.GetStatus().state_sequence >= seen, "acknowledged signals are missing"
        before = [len(sender.acknowledged) for sender in senders]
        ways = [Sender.record, Sender.stream]
        threads = [threading.Thread(target=sender.run, args=(server, ways[i % 2])) for i, sender in enumerate(senders)]
        for thread in threads:
            thread.start()
        eventually(lambda: all(len(sender.acknowledged) > start or sender.failure
                               for sender, start in zip(senders, before)))
        time.sleep(moment)
        server.kill()
        for thread in threads:
            thread.join(TIMEOUT)
            assert not thread.is_alive()
    for sender in senders:
        if sender.failure is not None:
            raise sender.failure


def kill_at_start(place, moment):
    """Killed while it opens the store, or shortly after."""
    process = Process(place)
    time.sleep(moment)
    process.kill()
    process.release()


def resend(api, signals):
    """Sends all again; returns how many were accepted and how many were known."""
    accepted = duplicate = 0
    for begin in range(0, len(signals), 1000):
        response = api.RecordSignals(signals=signals[begin : begin + 1000])
        equal(0, response.rejected)
        accepted += response.accepted
        duplicate += response.duplicate
    return accepted, duplicate


def check_statistics(api, signals):
    """Every video's counts equal the distinct signals about it."""
    want = collections.Counter((signal.video_id, signal.type) for signal in signals)
    for name in VIDEOS:
        counts = statistics(api, name)
        for kind, counter in KINDS.items():
            equal(want[name, new_signal(kind).type], getattr(counts, counter))


@case
def acknowledged_signals_survive_kills_exactly_once(place):
    moments = random.Random(SEED)
    senders = [Sender("s%d" % i) for i in range(4)]
    with Server(place) as server:
        upsert(server.api, *map(video, VIDEOS))
    for _ in range(KILLS):
        kill_under_load(place, senders, moments.uniform(0, 0.6))
        kill_at_start(place, moments.uniform(0, 0.06))
    acknowledged = [signal for sender in senders for signal in sender.acknowledged]
    unacknowledged = [signal for sender in senders for signal in sender.unacknowledged]
    equal(sum(sender.sent for sender in senders), len(acknowledged) + len(unacknowledged))
    with Server(place) as server:
        api = server.api
        found = api.GetStatus().state_sequence - len(VIDEOS)
        lost, kept = resend(api, acknowledged)
        equal((0, len(acknowledged)), (lost, kept))
        added, written = resend(api, unacknowledged)
        equal(len(acknowledged) + written, found)  # nothing is there twice
        everything = acknowledged + unacknowledged
        equal(len(everything) + len(VIDEOS), api.GetStatus().state_sequence)
        check_statistics(api, everything)
        status = api.GetStatus(state_digest=True)
        slate = rank(api, VIDEOS, explain=True)
    with Server(place) as server:
        again = server.api.GetStatus(state_digest=True)
        equal((status.state_sequence, status.state_digest), (again.state_sequence, again.state_digest))
        equal(slate, rank(server.api, VIDEOS, explain=True))
        check_statistics(server.api, everything)
    print("%d kills under load, %d at start; %d signals acknowledged: %d lost, %d twice; %d unacknowledged: "
          "%d written, %d not" % (KILLS, KILLS, len(acknowledged), lost, found - len(acknowledged) - written,
                                  len(unacknowledged), written, added))


run(case_seconds=60 + 10 * KILLS)
