"""A storm of reloads: weights come into force again and again, by ApplyWeights, by rollback and by the file, while Ranks
come from several connections. Each version's weights give scores that no other's give, so an answer that mixes two is
seen: its scores are not those of the version it names.
"""

import os
import threading
import time

import grpc

from client import NOW_MS, Api, equal, new_signal, rank, record, upsert, video

VARIANTS = 40  # of scores; version N has those of variant N % VARIANTS
WATCH_MS = 5
IDS = ["v%d" % i for i in range(30)]


def weights(number):
    """Value of a like, by which all scores differ from variant to variant."""
    return "version: r%d\nvalue: {like: %g}\n" % (number, 1 + number % VARIANTS)


def number_of(version):
    return int(version.split("@")[0][1:])


def scores_of(response):
    return [(ranked.video_id, ranked.score) for ranked in response.slate]


def resident_kib(pid):
    """Memory that is the process's own; pages of its files are the system's, which takes them when it needs them."""
    with open("/proc/%d/status" % pid) as file:
        [line] = [line for line in file if line.startswith("RssAnon:")]
    return int(line.split()[1])


class Load:
    """Ranks without end on a connection of their own: singly, on a stream, and as retries."""

    def __init__(self, server, expected):
        self.api = Api(server.channel())
        self.expected = expected
        self.answers = 0
        self.versions = set()
        self.failure = None
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def check(self, response):
        number = number_of(response.weights_version)
        want = self.expected[number % VARIANTS]
        got = scores_of(response)
        assert want == got, "%s answered %r, want %r" % (response.weights_version, got[:3], want[:3])
        self.versions.add(number)
        self.answers += 1

    def answer_stream(self):
        request = self.api.request("RankStream", correlation_id=1, request=request_of(self.api))
        for answer in self.api.RankStream(iter([request] * 5)):
            assert answer.HasField("response"), answer
            self.check(answer.response)

    def answer_retry(self):
        request_id = "%d-%d" % (id(self), self.answers)
        first = rank_all(self.api, request_id=request_id)
        again = rank_all(self.api, request_id=request_id)
        equal(first.SerializeToString(), again.SerializeToString())
        self.check(first)

    def run(self):
        try:
            while not self.ending.is_set():
                for _ in range(5):
                    self.check(rank_all(self.api))
                self.answer_stream()
                self.answer_retry()
        except Exception as error:
            self.failure = error


def request_of(api):
    return api.request("Rank", user_id="u1", locale="hi-IN", age_years=25, now_ms=NOW_MS, candidate_ids=IDS)


def rank_all(api, **values):
    return rank(api, IDS, **values)


class Storm:
    """Swaps on a server that was started with --weights FILE --weights-watch-ms WATCH_MS."""

    def __init__(self, server, path, connections):
        self.server = server
        self.api = server.api
        self.path = path
        self.counts = {"apply": 0, "file": 0, "rollback": 0}
        self.fill()
        self.expected = [self.scores(number) for number in range(VARIANTS)]
        equal(VARIANTS, len({tuple(scores) for scores in self.expected}))
        self.number = VARIANTS
        self.loads = [Load(server, self.expected) for _ in range(connections)]

    def fill(self):
        upsert(self.api, *[video(name, creator_id="c%d" % (i % 7), duration_ms=5000 * (i + 1))
                           for i, name in enumerate(IDS)])
        record(self.api, *[new_signal(("PLAY", "LIKE", "SKIP")[i % 3], user_id="u%d" % (i % 5), video_id=IDS[i * i % 30],
                                      time_ms=NOW_MS - 1000 * i) for i in range(200)])

    def scores(self, number):
        self.api.ApplyWeights(weights_yaml=weights(number))
        response = rank_all(self.api)
        equal(number, number_of(response.weights_version))
        equal(len(IDS), len(response.slate))
        return scores_of(response)

    def version(self):
        return self.api.GetStatus().weights_version

    def apply(self):
        answer = self.api.ApplyWeights(weights_yaml=weights(self.number), note="storm")
        equal((self.number, False), (number_of(answer.weights_version), answer.unchanged))
        assert number_of(rank_all(self.api).weights_version) == self.number

    def replace_file(self):
        """As an editor does, or in place, and waits until the server has seen it."""
        if self.counts["file"] % 2 == 0:
            beside = str(self.path) + ".new"
            with open(beside, "w") as file:
                file.write(weights(self.number))
            os.rename(beside, self.path)
        else:
            self.path.write_text(weights(self.number))
        end = time.monotonic() + 60
        while number_of(self.version()) != self.number:
            assert time.monotonic() < end, "the server does not see its file"
            time.sleep(0.002)

    def roll_back(self):
        answer = self.api.RollbackWeights()
        assert number_of(answer.weights_version) != number_of(answer.previous_weights_version)

    def swap(self):
        self.number += 1
        kind = "file" if self.number % 10 == 0 else "rollback" if self.number % 10 == 5 else "apply"
        {"apply": self.apply, "file": self.replace_file, "rollback": self.roll_back}[kind]()
        self.counts[kind] += 1

    def check_loads(self):
        for load in self.loads:
            if load.failure is not None:
                raise load.failure

    def run(self, count, tell=lambda done, kib: None, samples=()):
        """Swaps count times; tells resident KiB after as many swaps as samples say."""
        for load in self.loads:
            load.thread.start()
        try:
            for done in range(1, count + 1):
                self.swap()
                if done in samples:
                    tell(done, resident_kib(self.server.process.pid))
                if done % 50 == 0:
                    self.check_loads()
        finally:
            for load in self.loads:
                load.ending.set()
            for load in self.loads:
                load.thread.join()
        self.check_loads()

    def answers(self):
        return sum(load.answers for load in self.loads)

    def versions_seen(self):
        return len(set.union(*[load.versions for load in self.loads]))
