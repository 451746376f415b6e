"""The load of the fault tests: clients that know, through any number of the server's lives, what must be stored.

What a client sends is a function of its name and a number that rises by one, and it sends in order. So "what was
acknowledged" is one number, "what may be there besides" is the batches under way when the server died, and the
client sends these again in its server's next life, as a feed server does.
"""

import collections
import random
import threading

import grpc

from client import NOW_MS, TIMEOUT, Api, Feed, equal, new_signal, rank, video

VIDEOS = ["v%d" % i for i in range(10)]
USERS = 250  # of each feed client
KINDS = ["IMPRESSION", "SHARE", "COMMENT", "REPORT", "PLAY", "WATCH", "LIKE", "UNLIKE", "SKIP", "FOLLOW_CREATOR"]
COUNTERS = {"IMPRESSION": "impressions", "SHARE": "shares", "COMMENT": "comments", "REPORT": "reports"}
LOCALES = ["hi-IN", "ru-RU", ""]
# What the client's library says of a connection that broke depends on where it broke.
GONE = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)


def catalogue():
    return [video(name, duration_ms=4000 * (i + 1)) for i, name in enumerate(VIDEOS)]


class Client:
    """One thread's load until the server is gone, again in each life of the server."""

    def __init__(self, name, seed):
        self.name = name
        self.random = random.Random("%s.%s" % (seed, name))
        self.answers = 0  # in all lives
        self.sequence = 0  # the highest the server has told
        self.failure = None

    def live(self, server):
        try:
            self.work(Api(server.channel()))
        except grpc.RpcError as error:
            if error.code() not in GONE:
                self.failure = error
        except AssertionError as error:
            self.failure = error

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
        size = self.random.randint(1, 40 if self.random.random() < 0.7 else 200)
        self.pending.append((self.sent + 1, self.sent + size))
        self.sent += size

    def take(self, response):
        """The answer to the first pending batch. A batch is stored whole or not at all."""
        first, last = self.pending.popleft()
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
    """Makes up users, sends a few signals of each, and has them forgotten. Their ids hold a word found nowhere else."""

    VIDEOS = ["w0", "w1"]
    SIGNALS = 12

    def __init__(self, name, seed):
        super().__init__(name, seed)
        self.token = "%016x" % self.random.getrandbits(64)
        self.made = 0
        self.signals_stored = 0  # of all, forgotten or not
        self.calls = 0  # of ForgetUser, answered or not
        self.receipts = 0
        self.state = "new"  # of the user in hand: new, sent, forgetting
        self.forgotten = []
        self.underway = threading.Event()  # a call to forget is

    def catalogue(self):
        return [video(name) for name in self.VIDEOS]

    def user(self, number):
        return "forget-%s-%d" % (self.token, number)

    def signals(self, number):
        return [new_signal("LIKE" if i % 2 else "IMPRESSION", user_id=self.user(number),
                           video_id=self.VIDEOS[i % len(self.VIDEOS)], locale="hi-IN",
                           event_id="%s.%d" % (self.user(number), i)) for i in range(self.SIGNALS)]

    def step(self, api):
        user = self.user(self.made)
        if self.state == "new":
            self.state = "sent"
            self.send(api)
        elif self.state == "sent":  # the answer is missing
            self.send(api)
        self.state = "forgetting"
        self.calls += 1
        self.underway.set()
        try:
            response = api.ForgetUser(user_id=user)
            self.receipts += 1
            assert response.signals_erased <= self.SIGNALS, response
            self.saw(response.state_sequence)
        except grpc.RpcError as error:
            if error.code() != grpc.StatusCode.NOT_FOUND:  # forgotten by a call whose answer was lost
                raise
        finally:
            self.underway.clear()
        self.forgotten.append(user)
        self.made += 1
        self.state = "new"
        check_unknown(api, user)

    def send(self, api):
        response = api.RecordSignals(signals=self.signals(self.made))
        equal((self.SIGNALS, 0), (response.accepted + response.duplicate, response.rejected))
        self.signals_stored += self.SIGNALS
        self.saw(response.state_sequence)

    def work(self, api):
        if self.state == "forgetting":
            self.settle(api)
        while True:
            self.step(api)

    def settle(self, api):
        if self.state != "new":
            self.step(api)

    def check(self, api):
        """Those forgotten last, and some of the others, are unknown."""
        for user in {*self.forgotten[-3:], *self.random.sample(self.forgotten, min(5, len(self.forgotten)))}:
            check_unknown(api, user)


def check_unknown(api, user):
    for call in (lambda: api.GetUser(user_id=user), lambda: next(api.ExportUser(user_id=user))):
        try:
            found = call()
        except grpc.RpcError as error:
            if error.code() != grpc.StatusCode.NOT_FOUND:
                raise
        else:
            raise AssertionError("%s was forgotten, but there is %r" % (user, found))


class Crowd:
    """Clients' threads for one life of a server."""

    def __init__(self, server, clients):
        self.clients = clients
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
