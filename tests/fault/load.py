"""The load of the fault tests: clients that know, through any number of the server's lives, what must be stored.

What a client sends is a function of its name and a number that rises by one, and it sends in order. So "what was
acknowledged" is one number, "what may be there besides" is the batches under way when the server died, and the
client sends these again in its server's next life, as a feed server does. Only once all have done so do they send what
is new, and who is ahead waits for the others: a repeat is recognised among the last few thousand signals alone.
"""

import collections
import random
import re
import shutil
import subprocess
import sys
import threading
import time

import grpc

from client import NOW_MS, TIMEOUT, Api, Feed, equal, new_signal, rank, statistics, video

VIDEOS = ["v%d" % i for i in range(10)]
STILL = 900  # videos that are never changed, so that retention has to carry them
STILL_PATTERN = re.compile(rb"still-(\d{6})")
USERS = 250  # of each feed client
KINDS = ["IMPRESSION", "SHARE", "COMMENT", "REPORT", "PLAY", "WATCH", "LIKE", "UNLIKE", "SKIP", "FOLLOW_CREATOR"]
COUNTERS = {"IMPRESSION": "impressions", "SHARE": "shares", "COMMENT": "comments", "REPORT": "reports"}
LOCALES = ["hi-IN", "ru-RU", ""]
# What the client's library says of a connection that broke depends on where it broke.
GONE = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)


def catalogue():
    """What stands in it from the beginning and is not changed."""
    return [*(video(name, duration_ms=4000 * (i + 1)) for i, name in enumerate(VIDEOS)),
            *(video("still-%06d" % i, duration_ms=1000 + i) for i in range(STILL))]


def show_stacks(pid):
    """Where a server stands that does not come on."""
    if shutil.which("gdb"):
        words = ["gdb", "-p", str(pid), "-batch", "-ex", "thread apply all backtrace 12"]
        sys.stderr.write(subprocess.run(words, capture_output=True, timeout=TIMEOUT).stdout.decode(errors="replace"))


class Client:
    """One thread's load until the server is gone, again in each life of the server."""

    def __init__(self, name, seed):
        self.name = name
        self.random = random.Random("%s.%s" % (seed, name))
        self.answers = 0  # in all lives
        self.sequence = 0  # the highest the server has told
        self.failure = None
        self.together = None  # those who send signals, in this life
        self.since = collections.deque()  # of each batch under way: the highest sequence when it was sent first

    def live(self, server):
        try:
            self.work(Api(server.channel()))
        except threading.BrokenBarrierError:  # another one found that the server is gone
            pass
        except grpc.RpcError as error:
            if error.code() not in GONE:
                self.failure = error
            if error.code() == grpc.StatusCode.DEADLINE_EXCEEDED:
                show_stacks(server.process.pid)
        except AssertionError as error:
            self.failure = error
        finally:
            if self.together is not None:
                self.together.barrier.abort()

    def keep_together(self):
        """Before each new batch. Who waits has nothing under way, or all might wait for each other."""
        if not self.since:
            self.together.wait_for_others(self)
        self.since.append(self.together.highest())

    def saw(self, sequence):
        assert sequence >= self.sequence, "%s: sequence %d after %d" % (self.name, sequence, self.sequence)
        self.sequence = sequence
        self.answers += 1


class FeedClient(Client):
    """Sends signals of users nobody else has, by unary calls or on a stream with several batches under way."""

    def __init__(self, name, seed, streams):
        super().__init__(name, seed)
        self.streams = streams
        self.sent = 0
        self.acknowledged = 0
        self.pending = collections.deque()  # of (first, last): sent, not acknowledged
        self.retries = 0  # of pending, from the left: sent in an earlier life, so they may be stored
        self.retried_stored = 0
        self.retried_new = 0
        self.counts = collections.Counter()  # (video, kind) of what is acknowledged

    def what(self, number):
        """(kind, video) of a signal."""
        mixed = (number * 2654435761 & 0xFFFFFFFF) >> 8
        return KINDS[mixed % len(KINDS)], VIDEOS[(mixed >> 8) % len(VIDEOS)]

    def event_id(self, number):
        return "%s.%d" % (self.name, number)

    def user(self, index):
        return "%s.u%d" % (self.name, index)

    def signal(self, number):
        kind, name = self.what(number)
        return new_signal(kind, user_id=self.user(number % USERS), video_id=name, event_id=self.event_id(number),
                          time_ms=NOW_MS + 37 * number, watch_ms=number % 97 * 500 if kind == "WATCH" else 0,
                          locale=LOCALES[number % 7 % 3])

    def signals(self, first, last):
        return [self.signal(number) for number in range(first, last + 1)]

    def numbers_of(self, index, first, last):
        """The signals of one user among first to last."""
        return range(first + (index - first) % USERS, last + 1, USERS)

    def extend(self):
        self.keep_together()
        size = self.random.randint(1, 40 if self.random.random() < 0.7 else 200)
        self.pending.append((self.sent + 1, self.sent + size))
        self.sent += size

    def take(self, response):
        """The answer to the first pending batch. A batch is stored whole or not at all."""
        first, last = self.pending.popleft()
        self.since.popleft()
        count = last - first + 1
        outcome = (response.accepted, response.duplicate, response.rejected)
        if self.retries > 0:
            self.retries -= 1
            assert outcome in ((count, 0, 0), (0, count, 0)), "a retried batch of %d: %s" % (count, outcome)
            self.retried_stored += response.duplicate
            self.retried_new += response.accepted
        else:
            equal((count, 0, 0), outcome)
        equal(self.acknowledged + 1, first)
        self.acknowledged = last
        self.counts.update(self.count(first, last))
        self.saw(response.state_sequence)

    def count(self, first, last):
        return collections.Counter((name, kind) for kind, name in map(self.what, range(first, last + 1))
                                   if kind in COUNTERS)

    def work(self, api):
        self.retries = len(self.pending)
        self.stream(api) if self.streams else self.record(api)

    def record(self, api):
        while True:
            if not self.pending:
                self.extend()
            self.take(api.RecordSignals(signals=self.signals(*self.pending[0])))

    def stream(self, api):
        """Keeps four batches under way."""
        feed, sent = Feed(), 0
        answers = api.StreamSignals(iter(feed))
        try:
            while True:
                while sent < 4:
                    if sent == len(self.pending):
                        if self.retries > 0 or (sent > 0 and self.together.is_ahead()):
                            break
                        self.extend()
                    batch = self.pending[sent]
                    feed.put(api.request("StreamSignals", batch_id=batch[0], signals=self.signals(*batch)))
                    sent += 1
                answer = next(answers)
                equal(self.pending[0][0], answer.batch_id)
                self.take(answer)
                sent -= 1
        finally:
            feed.end()

    def settle(self, api):
        """Sends what is pending until all is acknowledged."""
        self.retries = len(self.pending)
        while self.pending:
            self.take(api.RecordSignals(signals=self.signals(*self.pending[0])))


class CatalogClient(Client):
    """Changes videos that nobody else changes, one by one; each change is one record, however often it is sent."""

    COUNT = 20

    def __init__(self, name, seed):
        super().__init__(name, seed)
        self.videos = ["%s.%d" % (name, i) for i in range(self.COUNT)]
        self.sent = 0  # either acknowledged or acknowledged + 1
        self.acknowledged = 0

    def change(self, number):
        """What change number makes of its video: a message, or None for a deletion."""
        name = self.videos[number % self.COUNT]
        deletes = number // self.COUNT % 3 == 2
        return name, None if deletes else video(name, title="change %d" % number, quality=number % 11 / 10)

    def make(self, api, number):
        name, message = self.change(number)
        if message is None:
            response = api.DeleteVideos(video_ids=[name])
            equal(1, response.deleted + response.not_found)
        else:
            response = api.UpsertVideos(videos=[message])
            equal(1, response.accepted + response.duplicate)
        self.acknowledged = number + 1
        self.saw(response.state_sequence)

    def work(self, api):
        while True:
            self.sent = self.acknowledged + 1
            self.make(api, self.acknowledged)

    def settle(self, api):
        if self.sent > self.acknowledged:
            self.make(api, self.acknowledged)

    def after(self, count):
        """The catalogue's own part after so many changes, by id."""
        changes = [self.change(number) for number in range(max(0, count - self.COUNT), count)]
        return {name: message for name, message in changes if message is not None}

    def check(self, api):
        """The catalogue is as after the acknowledged changes, or after the one under way too."""
        stored = {item.video.video_id: item.video for item in api.GetVideos(video_ids=self.videos).videos}
        assert stored in (self.after(self.acknowledged), self.after(self.sent)), "the catalogue is another: %r" % stored


class RankClient(Client):
    """Ranks known, changing and unknown videos; each candidate is in the answer once."""

    def __init__(self, name, seed, users):
        super().__init__(name, seed)
        self.users = users
        self.candidates = VIDEOS + ["k0.%d" % i for i in range(CatalogClient.COUNT)] + ["unknown"]

    def work(self, api):
        while True:
            response = rank(api, self.candidates, user_id=self.random.choice(self.users))
            ids = [item.video_id for item in (*response.slate, *response.dropped)]
            equal(sorted(self.candidates), sorted(ids))
            self.saw(response.state_sequence)

    def settle(self, api):
        pass


class ForgetClient(Client):
    """Makes up users, and has each forgotten when some more are there. No two ids have a word in common.

    Each has signals from when it was made, which snapshots and users on disk come to have, and some of other videos
    from just before it is forgotten, which the log has still. What many of them add depends on those before.
    """

    VIDEOS = [["w0", "w1"], ["w2", "w3"]]  # of the first and the second signals
    KINDS = ["IMPRESSION", "LIKE", "PLAY", "WATCH"]  # by turns of either video
    WAITING = 4  # users known at a time
    FEW, MANY = 12, 1000  # signals at once; many, so that the log is erased in several steps
    PATTERN = re.compile(rb"forget-(\d{6})-[0-9a-f]{16}")

    def __init__(self, name, seed):
        super().__init__(name, seed)
        self.seed = seed
        self.batches = [0, 0]  # first and second ones acknowledged, of so many users
        self.sending = None  # 0 or 1: what may be there besides
        self.forgotten = 0  # users of whom that is acknowledged; the next may be
        self.forgetting = False
        self.erased = 0  # signals, as receipts tell
        self.told_of_stop = 0  # answers that the server stops before all is erased
        self.seconds = 0.1  # that a call took
        self.underway = threading.Event()  # a call to forget is

    def catalogue(self):
        return [video(name) for names in self.VIDEOS for name in names]

    def word(self, number):
        return "%016x" % random.Random("%s.%s" % (self.seed, number)).getrandbits(64)

    def user(self, number):
        return "forget-%06d-%s" % (number, self.word(number))

    def size(self, number, part):
        return self.MANY if part == 1 and number % 2 == 1 else self.FEW

    def signals(self, number, part):
        user = self.user(number)
        return [new_signal(self.KINDS[i % 4], user_id=user, locale="hi-IN", video_id=self.VIDEOS[part][i % 2],
                           event_id="%s.%d.%d" % (user, part, i), watch_ms=20 * i if i % 4 == 3 else 0)
                for i in range(self.size(number, part))]

    def all_signals(self):
        """Yields the acknowledged batches."""
        for part, count in enumerate(self.batches):
            for number in range(count):
                yield self.signals(number, part)

    def signal_count(self, part):
        """Of those that are acknowledged."""
        return sum(self.size(number, part) for number in range(self.batches[part]))

    def send(self, api, part):
        """The next user's batch, which is stored whole or not at all."""
        again = self.sending is not None
        if not again:
            self.keep_together()
            self.sending = part
        response = api.RecordSignals(signals=self.signals(self.batches[part], part))
        outcome, size = (response.accepted, response.duplicate, response.rejected), self.size(self.batches[part], part)
        assert outcome == (size, 0, 0) or (again and outcome == (0, size, 0)), outcome
        self.batches[part] += 1
        self.sending = None
        self.since.popleft()
        self.saw(response.state_sequence)

    def forget(self, api):
        again, self.forgetting = self.forgetting, True
        began = time.monotonic()
        self.underway.set()
        try:
            response = api.ForgetUser(user_id=self.user(self.forgotten))
        except grpc.RpcError as error:
            self.told_of_stop += "the server stops" in (error.details() or "")
            raise
        finally:
            self.underway.clear()
        self.seconds = time.monotonic() - began
        most = self.size(self.forgotten, 0) + self.size(self.forgotten, 1)
        assert response.signals_erased <= most, "%d of %d erased" % (response.signals_erased, most)
        assert response.state_erased or again, "a user was not known"
        self.erased += response.signals_erased
        self.forgotten += 1
        self.forgetting = False
        self.saw(response.state_sequence)
        check_unknown(api, self.user(self.forgotten - 1))

    def work(self, api):
        if self.sending is not None:
            self.send(api, self.sending)
        self.together.wait_for_others(self)
        if self.forgetting:
            self.forget(api)
        while True:
            if self.batches[0] - self.forgotten < self.WAITING:
                self.send(api, 0)
            elif self.batches[1] == self.forgotten:
                self.send(api, 1)
            else:
                self.forget(api)

    def settle(self, api):
        if self.sending is not None:
            self.send(api, self.sending)
        if self.forgetting:
            self.forget(api)

    def some_forgotten(self):
        """Those forgotten last, and some of the others."""
        return {*range(max(0, self.forgotten - 3), self.forgotten),
                *self.random.sample(range(self.forgotten), min(5, self.forgotten))}

    def check(self, api):
        """Who is forgotten is unknown and stays so, who waits for it is known, and what they did counts."""
        for number in self.some_forgotten():
            check_unknown(api, self.user(number))
            response = api.RecordSignals(signals=self.signals(number, 1)[-20:])
            equal((0, 0), (response.accepted, response.duplicate))
            assert "was forgotten" in response.results[0].reason, response.results[0]
        for number in range(self.forgotten + self.forgetting, self.batches[0]):
            low = self.size(number, 0) + (self.size(number, 1) if number < self.batches[1] else 0)
            high = low + (self.size(number, 1) if self.sending == 1 and number == self.batches[1] else 0)
            found = api.GetUser(user_id=self.user(number)).signal_count
            assert low <= found <= high, "%s: %d acknowledged, %d found, %d sent" % (
                self.user(number), low, found, high)
        for part, (name, _) in enumerate(self.VIDEOS):
            self.check_impressions(api, part, name)

    def check_impressions(self, api, part, name):
        """A quarter of the signals are impressions, all of one video."""
        low = self.signal_count(part) // 4
        high = low + (self.size(self.batches[part], part) // 4 if self.sending == part else 0)
        found = statistics(api, name).impressions if low > 0 else 0
        assert low <= found <= high, "of users to be forgotten: %d acknowledged, %d found, %d sent" % (low, found, high)


def check_unknown(api, user):
    for call in (lambda: api.GetUser(user_id=user), lambda: next(api.ExportUser(user_id=user))):
        try:
            found = call()
        except grpc.RpcError as error:
            if error.code() != grpc.StatusCode.NOT_FOUND:
                raise
        else:
            raise AssertionError("%s was forgotten, but there is %r" % (user, found))


class Together:
    """Keeps those who send signals within few thousand of each other."""

    AHEAD = 4000  # signals; what is under way comes on top

    def __init__(self, clients):
        self.clients = clients
        self.barrier = threading.Barrier(len(clients))
        self.repeating = set(clients)  # who may still have to send something again

    def highest(self):
        return max(client.sequence for client in self.clients)

    def is_ahead(self):
        """Somebody's batch has been under way for too long."""
        batches = [list(client.since) for client in self.clients]
        highest = self.highest()
        return any(since and highest - since[0] >= self.AHEAD for since in batches)

    def wait_for_others(self, client):
        """Until all have sent again what was under way, and nobody's batch is old."""
        if client in self.repeating:
            self.barrier.wait(TIMEOUT)
            self.repeating.discard(client)
        while self.is_ahead():
            if self.barrier.broken:
                raise threading.BrokenBarrierError
            time.sleep(0.001)


class Crowd:
    """Clients' threads for one life of a server."""

    def __init__(self, server, clients):
        self.clients = clients
        senders = [client for client in clients if isinstance(client, (FeedClient, ForgetClient))]
        together = Together(senders)
        for client in senders:
            client.together = together
        self.threads = [threading.Thread(target=client.live, args=(server,)) for client in clients]
        for thread in self.threads:
            thread.start()

    def join(self):
        """After the server's death."""
        for thread in self.threads:
            thread.join(TIMEOUT)
            assert not thread.is_alive(), "a client hangs"
        for client in self.clients:
            if client.failure is not None:
                raise client.failure
