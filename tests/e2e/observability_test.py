"""What an operator sees of a server: metrics, health, admin page and log; with a real Prometheus where there is one."""

import collections
import json
import os
import pathlib
import re
import shutil
import subprocess
import threading
import urllib.error
import urllib.request

import grpc

import client
from browser import browse, check_sound
from client import (NOW_MS, REELRANK, TIMEOUT, Api, Feed, Process, Server, equal, eventually, fails, new_signal, rank,
                    record, rules_of, upsert, video)
from runner import Skip, case, run

RULES = pathlib.Path("config/observability/alerts.yml").resolve()
RULE_TESTS = pathlib.Path("tests/config/alerts_test.yml").resolve()
EXAMPLE = pathlib.Path("config/observability/prometheus.yml").resolve()
DASHBOARD = pathlib.Path("config/observability/dashboard.json")
OPERATIONS = pathlib.Path("docs/operations.md")
CODE = grpc.StatusCode
TRACE = ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331")
FULL = ["--map-mib", 1]
EXPERIMENTS = """
experiments:
  taste:
    arms:
      plain: {share: 0.5}
      liked: {share: 0.5, value: {like: 3}}
"""


# The admin address.


class Admin:
    """The pages of a server."""

    def __init__(self, server):
        line = server.process.stdout.readline().decode()
        assert line.startswith("admin page at http://127.0.0.1:"), line
        self.go_to(line.split()[-1])

    @classmethod
    def at(cls, url):
        admin = cls.__new__(cls)
        admin.go_to(url)
        return admin

    def go_to(self, url):
        self.url = url
        self.target = self.url.split("/")[2]

    def get(self, path, method="GET"):
        """Status, text and headers."""
        request = urllib.request.Request(self.url + path, method=method)
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
                return answer.status, answer.read().decode(), answer.headers
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode(), error.headers

    def metrics(self):
        status, text, headers = self.get("metrics")
        equal((200, "text/plain; version=0.0.4; charset=utf-8"), (status, headers["Content-Type"]))
        return Metrics(text)


SAMPLE = re.compile(r'([a-z_]+)(?:\{(.*)\})? (\S+)$')
LABEL = re.compile(r'([a-z_]+)="((?:[^"\\]|\\.)*)"(?:,|$)')


class Metrics:
    """A scrape: samples by name and labels, and families in the order they come."""

    def __init__(self, text):
        self.text = text
        self.kinds = {}
        self.samples = {}
        family = None
        helped = None
        for line in text.splitlines():
            if line.startswith("# HELP "):
                helped, help_text = line[7:].split(" ", 1)
                assert help_text.endswith("."), line
            elif line.startswith("# TYPE "):
                family, kind = line[7:].split()
                assert family == helped and family not in self.kinds, line
                self.kinds[family] = kind
            else:
                name, labels, value = SAMPLE.match(line).groups()
                known = {family} if self.kinds[family] != "histogram" else {
                    family + suffix for suffix in ("_bucket", "_sum", "_count")}
                assert name in known, line
                key = (name, tuple(sorted(LABEL.findall(labels or ""))))
                assert key not in self.samples, line
                self.samples[key] = float(value)

    def get(self, name, **labels):
        return self.samples[name, tuple(sorted(labels.items()))]

    def by(self, name, label):
        """Of one label's values what is above 0, summed over the other labels."""
        found = collections.Counter()
        for (sample, labels), value in self.samples.items():
            if sample == name:
                found[dict(labels)[label]] += value
        return {key: value for key, value in found.items() if value > 0}

    def names(self):
        return {name for name, _ in self.samples}


# Counters.


def code_of(error):
    return error.code().name


class Client:
    """A thread of calls that keeps count of what it saw."""

    def __init__(self, server, number):
        self.api = Api(server.channel())
        self.number = number
        self.calls = collections.Counter()
        self.drops = collections.Counter()
        self.signals = collections.Counter()
        self.candidates = self.shown = self.rankings = self.arms = 0
        self.thread = threading.Thread(target=self.run)
        self.failure = None

    def call(self, method, **values):
        try:
            answer = getattr(self.api, method)(**values)
            self.calls[method, "OK"] += 1
            return answer
        except grpc.RpcError as error:
            self.calls[method, code_of(error)] += 1
            return None

    def rank(self, round_number):
        ids = ["v%d" % (i % 40) for i in range(round_number, round_number + 30)]
        answer = self.call("Rank", user_id="u%d" % (round_number % 5), locale="hi-IN", age_years=25, now_ms=NOW_MS,
                           candidate_ids=ids, limit=round_number % 3 * 5)
        self.rankings += 1
        self.candidates += len(ids)
        self.shown += len(answer.slate)
        self.arms += answer.experiment_arm != ""
        for dropped in answer.dropped:
            self.drops[dropped.rule] += 1

    def record(self, round_number):
        kinds = ["LIKE", "WATCH", "SKIP", "IMPRESSION"]
        signals = [new_signal(kinds[i % 4], user_id="u%d" % (i % 5), video_id="v%d" % (i % 40),
                              event_id="e%d-%d" % (self.number, (round_number + i) // 2),
                              time_ms=NOW_MS + i, watch_ms=1000 if i % 4 == 1 else 0) for i in range(8)]
        signals.append(new_signal("REPORT", user_id="", video_id="v1"))  # a visitor's is rejected
        answer = self.call("RecordSignals", signals=signals)
        for sent, result in zip(signals, answer.results):
            kind = client.schema.Signal.DESCRIPTOR.fields_by_name["type"].enum_type.values_by_number[sent.type].name
            self.signals[kind[len("SIGNAL_TYPE_"):].lower(), result.outcome] += 1

    def run(self):
        try:
            for round_number in range(25):
                self.rank(round_number)
                self.record(round_number)
                self.call("GetUser", user_id="u%d" % (round_number % 9))
                self.call("Rank", candidate_ids=["v1"], locale="not a locale")
        except Exception as error:
            self.failure = error


def with_weights(place):
    path = place / "weights.yaml"
    path.write_text(pathlib.Path("config/weights.yaml").read_text() + EXPERIMENTS)
    return path


@case
def counters_add_up_to_what_clients_saw(place):
    with Server(place, "--weights", with_weights(place)) as server:
        admin = Admin(server)
        upsert(server.api, *[video("v%d" % i, **({"safety_rating": "SAFETY_RATING_UNSPECIFIED"} if i % 10 == 0 else {}))
                             for i in range(38)])
        clients = [Client(server, number) for number in range(4)]
        for each in clients:
            each.thread.start()
        before = admin.metrics()
        while any(each.thread.is_alive() for each in clients):
            now = admin.metrics()
            for key, value in before.samples.items():
                if key[0].endswith(("_total", "_bucket", "_count")):
                    assert now.samples[key] >= value, (key, value, now.samples[key])
            before = now
        for each in clients:
            each.thread.join()
            if each.failure:
                raise each.failure
        calls, drops, signals = (sum((getattr(each, name) for each in clients), collections.Counter())
                                 for name in ("calls", "drops", "signals"))
        calls["UpsertVideos", "OK"] += 1
        eventually(lambda: admin.metrics().get("reelrank_calls_in_flight") == 0)
        metrics = admin.metrics()
        seen = {(dict(labels)["method"], dict(labels)["code"]): value
                for (name, labels), value in metrics.samples.items()
                if name == "reelrank_calls_total" and value > 0 and "reelrank.v1" in dict(labels)["service"]}
        equal(dict(calls), seen)
        assert {code for _, code in seen} >= {"OK", "INVALID_ARGUMENT", "NOT_FOUND"}, seen
        equal(dict(drops), metrics.by("reelrank_drops_total", "rule"))
        assert {"unrated", "unknown_video", "below_limit"} <= set(drops), drops
        outcomes = {1: "accepted", 2: "duplicate", 3: "rejected"}
        equal({(kind, outcomes[outcome]): count for (kind, outcome), count in signals.items()},
              {(dict(labels)["type"], dict(labels)["outcome"]): value
               for (name, labels), value in metrics.samples.items() if name == "reelrank_signals_total" and value > 0})
        assert {outcome for _, outcome in signals} == {1, 2, 3}, signals
        equal(sum(each.candidates for each in clients), metrics.get("reelrank_rank_candidates_sum"))
        equal(sum(each.rankings for each in clients), metrics.get("reelrank_rankings_total"))
        equal(sum(each.shown for each in clients), metrics.get("reelrank_positions_total"))
        equal(metrics.get("reelrank_positions_total"), metrics.get("reelrank_scores_count"))
        equal(sum(each.arms for each in clients), sum(metrics.by("reelrank_arm_rankings_total", "arm").values()))
        assert set(metrics.by("reelrank_arm_rankings_total", "arm")) <= {"taste/plain", "taste/liked"}
        for method in ("Rank", "RecordSignals", "GetUser"):
            equal(sum(count for (name, _), count in calls.items() if name == method),
                  metrics.get("reelrank_call_duration_seconds_count", service=service_of(method), method=method))
        begun = {name: metrics.get("reelrank_admissions_total", **{"class": name}, outcome="begun")
                 for name in ("rank", "signal")}
        equal({"rank": sum(count for (name, _), count in calls.items() if name == "Rank"),
               "signal": calls["RecordSignals", "OK"]}, begun)
        equal(len(clients) + 1, metrics.get("reelrank_connections"))
        assert metrics.get("reelrank_queue_duration_seconds_count") >= sum(begun.values())
        written = metrics.get("reelrank_write_calls_total")
        equal(calls["RecordSignals", "OK"] + 1, written)
        assert metrics.get("reelrank_log_sync_duration_seconds_count") <= metrics.get("reelrank_write_groups_total")
        equal(metrics.get("reelrank_log_last_sequence"), server.api.GetStatus().state_sequence)
        equal(0, metrics.get("reelrank_apply_lag_records"))


def service_of(method):
    return client.schema.methods[method].containing_service.full_name


@case
def each_message_of_a_stream_is_measured_and_its_end_is_one_call(place):
    with Server(place) as server:
        admin = Admin(server)
        upsert(server.api, video("v1"))
        feed = Feed()
        answers = server.api.RankStream(iter(feed))
        for number in range(3):
            feed.put(client.schema.RankStreamRequest(
                correlation_id=number, request=server.api.request("Rank", candidate_ids=["v1"], locale="hi-IN",
                                                                  age_years=25, now_ms=NOW_MS)))
            next(answers)
        eventually(lambda: admin.metrics().get("reelrank_call_duration_seconds_count", method="RankStream",
                                               service=service_of("Rank")) == 3)
        equal(1, admin.metrics().get("reelrank_calls_in_flight"))
        feed.put(client.schema.RankStreamRequest(request=server.api.request("Rank", locale="not a locale")))
        assert next(answers).error.code == 3
        equal(3, admin.metrics().get("reelrank_rankings_total"))
        equal({"INVALID_ARGUMENT": 1}, admin.metrics().by("reelrank_rank_stream_errors_total", "code"))
        feed.end()
        list(answers)
        gone = Feed()
        answers = server.api.RankStream(iter(gone))
        eventually(lambda: admin.metrics().get("reelrank_calls_in_flight") == 1)
        answers.cancel()
        eventually(lambda: admin.metrics().by("reelrank_calls_total", "code").get("CANCELLED") == 1)
        equal(1, admin.metrics().get("reelrank_calls_total", method="RankStream", service=service_of("Rank"), code="OK"))
        server.channels[0].unary_unary("/reelrank.v1.No/Such")
        fails(CODE.UNIMPLEMENTED, lambda: server.channels[0].unary_unary("/reelrank.v1.No/Such")(b"", timeout=TIMEOUT))
        eventually(lambda: admin.metrics().get("reelrank_calls_total", method="unknown", service="unknown",
                                               code="UNIMPLEMENTED") == 1)
        gone.end()


@case
def repeats_and_where_users_were_are_counted(place):
    with Server(place) as server:
        admin = Admin(server)
        upsert(server.api, video("v1"))
        record(server.api, new_signal("LIKE", user_id="u1"))
        for user in ("u1", "u1", "nobody", ""):
            rank(server.api, ["v1"], user_id=user)
        for _ in range(3):
            rank(server.api, ["v1"], request_id="again")
        metrics = admin.metrics()
        equal(2, metrics.get("reelrank_rank_repeats_total"))
        equal({"memory": 3, "unknown": 1, "visitor": 1}, metrics.by("reelrank_rank_users_total", "place"))


@case
def users_that_are_read_from_disk_are_counted(place):
    users = ["u%d" % i for i in range(20000)]
    with Server(place) as server:
        upsert(server.api, video("v1"))
        for begin in range(0, len(users), 1000):
            record(server.api, *[new_signal("LIKE", user_id=user) for user in users[begin:begin + 1000]])
    with Server(place, "--user-memory-mib", 1) as server:  # where a few thousand have room
        for user in users[::100]:
            rank(server.api, ["v1"], user_id=user)
        places = Admin(server).metrics().by("reelrank_rank_users_total", "place")
        assert places["disk"] > 100 and set(places) <= {"memory", "disk"}, places
        equal(200, sum(places.values()))


@case
def scores_are_compared_with_the_first_window_of_their_weights(place):
    with Server(place, "--drift-window-seconds", 1) as server:
        admin = Admin(server)
        ids = ["v%d" % i for i in range(500)]
        upsert(server.api, *[video(name, quality=i % 10 / 10) for i, name in enumerate(ids)])
        assert admin.metrics().get("reelrank_score_drift") != admin.metrics().get("reelrank_score_drift")  # NaN

        def drift():
            for _ in range(3):
                rank(server.api, ids)
            return admin.metrics().get("reelrank_score_drift")

        eventually(lambda: drift() == drift())
        assert 0 <= drift() < 1e-6, drift()
        record(server.api, *[new_signal("LIKE", user_id="u%d" % (i % 50), video_id=ids[i // 2], time_ms=NOW_MS - i)
                             for i in range(900)])
        eventually(lambda: drift() > 0.01)
        server.api.ApplyWeights(weights_yaml=pathlib.Path("config/weights.yaml").read_text() + EXPERIMENTS)
        drift()
        eventually(lambda: admin.metrics().get("reelrank_weights_change") == 2)
        assert admin.metrics().get("reelrank_score_drift") != admin.metrics().get("reelrank_score_drift")


# Health.


@case
def a_draining_server_is_healthy_and_not_ready(place):
    with Server(place, "--drain-ms", 60000) as server:
        admin = Admin(server)
        equal((200, "ok\n"), admin.get("healthz")[:2])
        equal((200, "ok\n"), admin.get("readyz")[:2])
        equal(1, admin.metrics().get("reelrank_serving"))
        feed = Feed()
        answers = server.api.RankStream(iter(feed))
        eventually(lambda: admin.metrics().get("reelrank_calls_in_flight") == 1)
        server.terminate()
        eventually(lambda: admin.get("readyz")[0] == 503)
        equal((503, "not ready: the server drains\n"), admin.get("readyz")[:2])
        equal((200, "ok\n"), admin.get("healthz")[:2])
        equal(0, admin.metrics().get("reelrank_serving"))
        assert "<strong>Draining</strong>" in admin.get("")[1]
        feed.end()
        list(answers)
        equal(0, server.wait())


@case
def a_server_that_starts_is_healthy_and_not_ready(place):
    """It waits for somebody to write its weights into a pipe."""
    pipe = place / "weights.yaml"
    os.mkfifo(pipe)
    process = Process(place, "--weights", pipe, "--weights-watch-ms", 0)
    try:
        eventually(lambda: "event=admin address=" in process.log_text())
        admin = Admin.at("http://%s/" % re.search(r"event=admin address=(\S+)", process.log_text())[1])
        equal((200, "ok\n"), admin.get("healthz")[:2])
        for path in ("readyz", "metrics", ""):
            equal((503, "not ready: the server starts\n"), admin.get(path)[:2])
    finally:
        process.kill()
        process.release()


@case
def a_full_store_is_not_ready(place):
    with Server(place, *FULL, "--retain-days", 0) as server:
        admin = Admin(server)

        def fill():
            for number in range(10000):
                server.api.RecordSignals(signals=[
                    new_signal("LIKE", user_id="u%d" % i, event_id="%d-%d" % (number, i)) for i in range(500)])

        fails(CODE.RESOURCE_EXHAUSTED, fill)
        equal((503, "not ready: nothing is written: store is full\n"), admin.get("readyz")[:2])
        metrics = admin.metrics()
        equal(0, metrics.get("reelrank_store_writable"))
        equal(1, metrics.get("reelrank_serving"))
        equal(1, metrics.by("reelrank_calls_total", "code")["RESOURCE_EXHAUSTED"])
        assert "Nothing is written: " in admin.get("")[1]
        budget = metrics.get("reelrank_file_budget_bytes", file="data.mdb")
        equal(1 << 20, budget)
        equal((place / "data" / "data.mdb").stat().st_size, metrics.get("reelrank_file_bytes", file="data.mdb"))
        assert metrics.get("reelrank_file_used_bytes") > 0.8 * budget


@case
def the_admin_address_may_be_off_and_is_never_for_others(place):
    with Server(place, "--admin-listen", "") as server:
        server.stop()
        equal(b"", server.process.stdout.read())
        server.killed = True
    for listen in ("0.0.0.0:0", "192.0.2.1:7071"):
        _, err = client.command(4, "serve", "--data", place / "other", "--listen", "127.0.0.1:0", "--admin-listen", listen)
        assert "expected a loopback address" in err and not (place / "other").exists(), err


# The page.


@case
def the_page_says_how_the_server_is(place):
    with Server(place) as server:
        admin = Admin(server)
        upsert(server.api, video("v-secret"))
        rank(server.api, ["v-secret"], user_id="u-secret")
        status, page, headers = admin.get("")
        equal((200, "text/html; charset=utf-8", "no-store"),
              (status, headers["Content-Type"], headers["Cache-Control"]))
        text = re.sub(r"\s+", " ", re.sub(r"<style.*?</style>|<[^>]*>", " ", page, flags=re.S))
        facts = server.api.GetStatus()
        for want in ("Serving", server.address, facts.weights_version, facts.build_version, "1 of 1 candidates, 1 shown",
                     "data.mdb", "of 16.0 GiB"):
            assert want in text, (want, text)
        assert "secret" not in page and len(page) < 20000
        for link in re.findall(r'href="([^"]*)"', page):
            assert admin.get(link.lstrip("/"))[0] == 200, link
        equal(405, admin.get("", "POST")[0])
        equal(404, admin.get("nowhere")[0])
        found, _, console = browse(page, place)
        check_sound(found, console)


# The log.


def log_lines(server):
    return pathlib.Path(server.log.name).read_text().splitlines()


def events(server, event):
    """Lines of a JSON log."""
    return [line for line in map(json.loads, log_lines(server)) if line["event"] == event]


def with_metadata(server, method, metadata, **values):
    """The answer's code, and the request id in its metadata."""
    stub = server.api.stub(method)
    call = stub.with_call if hasattr(stub, "with_call") else None
    try:
        _, done = call(server.api.request(method, **values), metadata=metadata, timeout=TIMEOUT)
    except grpc.RpcError as error:
        done = error
    found = [value for pairs in (done.initial_metadata(), done.trailing_metadata()) for key, value in pairs or ()
             if key == "x-request-id"]
    return done.code().name, found


@case
def request_ids_are_taken_over_or_made(place):
    with Server(place) as server:
        upsert(server.api, video("v1"))
        good = dict(candidate_ids=["v1"], locale="hi-IN", age_years=25)
        bad = dict(candidate_ids=["v1"], locale="not a locale")
        equal(("OK", ["abc.DEF-123"]), with_metadata(server, "Rank", [("x-request-id", "abc.DEF-123")], **good))
        equal(("OK", []), with_metadata(server, "Rank", [], **good))
        equal(("OK", []), with_metadata(server, "Rank", [("x-request-id", "two words")], **good))
        equal(("OK", []), with_metadata(server, "Rank", [("x-request-id", "a" * 129)], **good))
        equal(("OK", []), with_metadata(server, "Rank", [("x-request-id", "a"), ("x-request-id", "b")], **good))
        equal(("INVALID_ARGUMENT", ["mine"]), with_metadata(server, "Rank", [("x-request-id", "mine")], **bad))
        seen = set()
        for _ in range(3):
            code, [made] = with_metadata(server, "Rank", [("x-request-id", "bad\x01"[:3] + " ")], **bad)
            equal("INVALID_ARGUMENT", code)
            assert re.fullmatch("[0-9a-f]{32}", made), made
            seen.add(made)
        equal(3, len(seen))


@case
def slow_calls_are_logged_with_their_stages_and_whose_they_are(place):
    with Server(place, "--slow-call-ms", 1, "--log-format", "json") as server:
        upsert(server.api, video("v1"))
        record(server.api, new_signal("LIKE", user_id="u-secret"))
        metadata = [("x-request-id", "mine"), ("traceparent", "00-%s-%s-01" % TRACE)]
        # An erasure overwrites files and syncs them several times over.
        equal(("OK", ["mine"]), with_metadata(server, "ForgetUser", metadata, user_id="u-secret"))
        eventually(lambda: [line for line in events(server, "slow_call") if "ForgetUser" in line["method"]])
        [line] = [line for line in events(server, "slow_call") if "ForgetUser" in line["method"]]
        equal(("reelrank.v1.UserService/ForgetUser", "OK", "mine", *TRACE),
              (line["method"], line["code"], line["request_id"], line["trace_id"], line["parent_id"]))
        stages = [line[name + "_us"] for name in ("queue", "decode", "handle", "write", "wait", "encode", "send")]
        assert line["duration_us"] - 7 <= sum(stages) <= line["duration_us"], line
        assert line["write_us"] > 1000, line
    with Server(place, "--slow-call-ms", 0, "--log-format", "json") as server:
        record(server.api, new_signal("LIKE", user_id="u-other"))
        server.api.ForgetUser(user_id="u-other")
        server.stop()
        equal([], [line for line in server.log_text().splitlines() if '"slow_call"' in line])
        server.killed = True


@case
def every_call_is_logged_at_debug_and_no_line_names_users_or_videos(place):
    with Server(place, "--log-level", "debug", "--log-format", "json", "--slow-call-ms", 0) as server:
        names = dict(user_id="secret-user", candidate_ids=["secret-video"])
        upsert(server.api, video("secret-video", creator_id="secret-creator", tags=["secret-tag"]))
        rank(server.api, ["secret-video"], user_id="secret-user")
        record(server.api, new_signal("LIKE", user_id="secret-user", video_id="secret-video"))
        fails(CODE.INVALID_ARGUMENT, lambda: server.api.Rank(locale="secret-locale", **names))
        fails(CODE.INVALID_ARGUMENT, lambda: server.api.Rank(locale="hi-IN", experiment="secret/arm", **names))
        fails(CODE.NOT_FOUND, lambda: server.api.GetUser(user_id="secret-stranger"))
        fails(CODE.UNIMPLEMENTED, lambda: server.channels[0].unary_unary("/secret.v1/Method")(b"", timeout=TIMEOUT))
        server.api.GetUser(user_id="secret-user")
        list(server.api.ExportUser(server.api.request("ExportUser", user_id="secret-user")))
        server.api.ForgetUser(user_id="secret-user")
        server.api.DeleteVideos(video_ids=["secret-video"])
        eventually(lambda: [line for line in events(server, "call") if "DeleteVideos" in line["method"]])
        methods = {line["method"].split("/")[1] for line in events(server, "call")}
        assert methods >= {"Rank", "RecordSignals", "GetUser", "ExportUser", "ForgetUser", "DeleteVideos", "unknown"}, methods
        for line in log_lines(server):
            assert "secret" not in line, line
        assert all(re.fullmatch("[0-9a-f]{32}", line["request_id"]) for line in events(server, "call"))


@case
def a_log_of_either_form_has_the_same_events(place):
    found = []
    for form in ("text", "json"):
        (place / form).mkdir()
        with Server(place / form, "--log-format", form) as server:
            server.stop()
            lines = log_lines(server)
            server.killed = True
        found.append([json.loads(line)["event"] if form == "json" else re.match(r"time=\S+Z level=\w+ event=(\w+) ", line)[1]
                      for line in lines])
    equal(*found)
    weights = with_weights(place)
    with Server(place, "--weights", weights, "--log-format", "json", "--weights-watch-ms", 20) as server:
        weights.write_text("headz: 1\n")
        eventually(lambda: events(server, "weights_refused"))
        line = events(server, "weights_problem")[0]
        equal((str(weights), 1, 1), (line["file"], line["line"], line["column"]))
        assert line["problem"].startswith("headz: unknown key"), line
    _, err = client.command(4, "serve", "--data", place / "none", "--listen", "127.0.0.1:0", "--log-format", "xml")
    assert '--log-format: found "xml", expected text or json' in err and not (place / "none").exists(), err


# What is written about it.


@case
def the_documentation_has_each_event_of_the_log_and_no_other(place):
    events_logged = set()
    conversions = set()
    for path in pathlib.Path("server").glob("*.c"):
        text = path.read_text()
        events_logged |= set(re.findall(r'\blog(?:line|_calls?)\((?:[^()"]|\([^()]*\))*"([a-z_]+)"', text))
        for call in re.findall(r"\blogline\((.*?)\);", text, re.S):
            call = re.sub(r'%"\s*PRI([a-z])64', r'%\1"', call)
            strings = re.findall(r'"([^"\\]*(?:\\.[^"\\]*)*)"', call)
            conversions |= set(re.findall("%([^a-z]*[hlzjt]*[a-z])", "".join(strings)))
    assert all(re.fullmatch(r"(\.(\*|\d+))?[hlzjt]*[sduxfg]", one) for one in conversions), conversions
    assert {"start", "slow_call", "grpc"} <= events_logged, events_logged
    section = OPERATIONS.read_text().split("## The server's log\n")[1].split("\n## ")[0]
    told = {name for row in re.findall(r"^\| (`[a-z_]+`.*)", section, re.M)
            for name in re.findall("`([a-z_]+)`", row.split("|")[0]) + re.findall("the event `([a-z_]+)`", row)}
    equal(events_logged, told)


def is_metric(name):
    return name.startswith(("reelrank_", "process_"))


def families(names, kinds):
    """Names of samples as names of families."""
    return {re.sub("_(bucket|sum|count)$", "", name) if kinds.get(re.sub("_(bucket|sum|count)$", "", name)) == "histogram"
            else name for name in names}


def busy_metrics(place):
    """A scrape with all families that there may be."""
    with Server(place, "--weights", with_weights(place)) as server:
        admin = Admin(server)
        upsert(server.api, video("v1"))
        rank(server.api, ["v1"])
        return admin.metrics()


@case
def the_table_in_the_documentation_has_each_metric_and_no_other(place):
    metrics = busy_metrics(place)
    section = OPERATIONS.read_text().split("## Metrics\n")[1].split("\n## ")[0]
    rows = dict(re.findall(r"^\| `([a-z_]+)`[^|]*\| ([a-z]+) \|", section, re.M))
    equal(metrics.kinds, rows)
    for name, labels in re.findall(r"^\| `([a-z_]+)`((?: `[a-z_]+`)*) \|", section, re.M):
        want = set(re.findall("[a-z_]+", labels))
        for (sample, found), _ in metrics.samples.items():
            if families({sample}, metrics.kinds) == {name}:
                equal(want, {label for label, _ in found} - {"le"})


@case
def names_follow_prometheus_conventions(place):
    metrics = busy_metrics(place)
    for name, kind in metrics.kinds.items():
        assert (kind == "counter") == name.endswith("_total"), name
        assert not re.search("_(ms|us|ns|milliseconds|mib|kib|percent)(_|$)", name), name
    assert len(metrics.samples) < 2000, "a scrape has bounds"


@case
def dashboard_and_rules_use_metrics_that_are_there(place):
    known = busy_metrics(place).names()
    board = json.loads(DASHBOARD.read_text())
    expressions = [target["expr"] for panel in board["panels"] for target in panel.get("targets", ())]
    expressions += re.findall(r"label_values\((.*?),", json.dumps(board)) + re.findall(
        r"^ +(?:expr: )?(.*reelrank_.*|.*process_.*|up.*)$", RULES.read_text(), re.M)
    used = {name for text in expressions for name in re.findall(r"\b(?:reelrank|process)_[a-z_]+", text)}
    assert len(used) > 40, used
    equal(set(), used - known)
    ids = [panel["id"] for panel in board["panels"]]
    equal(len(ids), len(set(ids)))


@case
def each_alert_has_a_section_that_says_what_to_do(place):
    alerts = re.findall(r"- alert: (\w+)", RULES.read_text())
    assert len(alerts) > 20, alerts
    runbooks = re.findall(r'runbook: "docs/operations.md#(\w+)"', RULES.read_text())
    summaries = re.findall(r"summary: ", RULES.read_text())
    equal([name.lower() for name in alerts], runbooks)
    equal(len(alerts), len(summaries))
    sections = re.findall(r"^### (Reelrank\w+)\n\n(.*?)(?=\n#|\Z)", OPERATIONS.read_text(), re.M | re.S)
    equal(alerts, [name for name, _ in sections])
    for name, text in sections:
        assert "Means:" in text and "Do:" in text, name


# The real thing.


def tool(name):
    if shutil.which(name) is None:
        raise Skip(name + " is not installed (Debian package prometheus)")
    return name


def check(*words, **keywords):
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=TIMEOUT, **keywords)
    assert done.returncode == 0 and b"FAILED" not in done.stdout, done.stdout.decode()
    return done.stdout.decode()


@case
def promtool_finds_nothing_wrong_with_metrics_rules_and_example(place):
    promtool = tool("promtool")
    metrics = busy_metrics(place)
    equal("", check(promtool, "check", "metrics", input=metrics.text.encode()))
    assert "SUCCESS" in check(promtool, "check", "rules", RULES)
    assert "SUCCESS" in check(promtool, "check", "config", EXAMPLE)


@case
def rules_fire_when_they_should_and_not_before(place):
    promtool = tool("promtool")
    (place / "test.yml").write_text(RULE_TESTS.read_text().replace("{{rules}}", str(RULES)))
    assert "SUCCESS" in check(promtool, "test", "rules", place / "test.yml")


class Prometheus:
    """A real one that scrapes a server each second."""

    def __init__(self, place, target):
        # Its own waits are made short, so that a test need not wait for them; expressions stay as they are.
        rules = re.sub(r"\n( +)for: \w+", r"\n\1for: 0s", RULES.read_text())
        (place / "rules.yml").write_text(rules)
        (place / "prometheus.yml").write_text("""
global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: [rules.yml]
scrape_configs: [{job_name: reelrank, static_configs: [{targets: ["%s"]}]}]
""" % target)
        self.log = open(place / "prometheus.log", "ab+")
        self.process = subprocess.Popen(
            [tool("prometheus"), "--config.file=%s" % (place / "prometheus.yml"), "--web.listen-address=127.0.0.1:0",
             "--storage.tsdb.path=%s" % (place / "tsdb"), "--log.level=info"], stdout=self.log, stderr=self.log)
        eventually(self.find_port)

    def find_port(self):
        assert self.process.poll() is None, self.text()
        found = re.search(r"msg=\"?Listening on\"? address=127.0.0.1:(\d+)", self.text())
        self.port = found and found[1]
        return self.port not in (None, "0") or self.port_of_socket()

    def port_of_socket(self):
        """Where the log names the port that was asked for: the one that its process listens on."""
        inodes = set()
        for link in pathlib.Path("/proc/%d/fd" % self.process.pid).iterdir():
            try:
                inodes.update(re.findall(r"socket:\[(\d+)\]", str(link.readlink())))
            except OSError:
                pass
        for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]:
            words = line.split()
            if words[3] == "0A" and words[9] in inodes:
                self.port = str(int(words[1].split(":")[1], 16))
                return True
        return False

    def text(self):
        self.log.seek(0)
        return self.log.read().decode(errors="replace")

    def ask(self, path):
        try:
            with urllib.request.urlopen("http://127.0.0.1:%s/api/v1/%s" % (self.port, path), timeout=TIMEOUT) as answer:
                return json.load(answer)["data"]
        except (urllib.error.URLError, ConnectionError):
            assert self.process.poll() is None, self.text()
            return None

    def check(self, expression):
        """That it can be evaluated, whatever it gives."""
        try:
            urllib.request.urlopen("http://127.0.0.1:%s/api/v1/query?query=%s" % (
                self.port, urllib.request.quote(expression)), timeout=TIMEOUT).close()
        except urllib.error.HTTPError as error:
            raise AssertionError((expression, error.read().decode()))

    def value(self, expression):
        data = self.ask("query?query=" + urllib.request.quote(expression))
        return float(data["result"][0]["value"][1]) if data and data["result"] else None

    def firing(self):
        data = self.ask("alerts")
        return data and {alert["labels"]["alertname"]: alert["annotations"] for alert in data["alerts"]
                         if alert["state"] == "firing"}

    def rules(self):
        data = self.ask("rules")
        return [rule for group in data["groups"] for rule in group["rules"]] if data else []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(TIMEOUT)
        self.log.close()


@case
def a_real_prometheus_scrapes_the_server_and_its_alerts_fire(place):
    tool("prometheus")
    weights = with_weights(place)
    with Server(place, "--weights", weights, "--weights-watch-ms", 50) as server:
        admin = Admin(server)
        with Prometheus(place, admin.target) as prometheus:
            upsert(server.api, video("v1"))
            for _ in range(7):
                rank(server.api, ["v1"])
            eventually(lambda: prometheus.value('reelrank_calls_total{method="Rank",code="OK"}') == 7)
            equal(1, prometheus.value('up{job="reelrank"}'))
            eventually(lambda: prometheus.rules() and all(
                rule["lastEvaluation"] > "1" and rule["health"] == "ok" for rule in prometheus.rules()))
            equal([], [rule for rule in prometheus.rules() if rule.get("lastError")])
            for panel in json.loads(DASHBOARD.read_text())["panels"]:
                for target in panel.get("targets", ()):
                    prometheus.check(target["expr"].replace("$__rate_interval", "1m").replace("$instance", ".*"))
            assert "ReelrankWeightsRefused" not in prometheus.firing()
            good = weights.read_text()
            weights.write_text("headz: 1\n")
            eventually(lambda: "ReelrankWeightsRefused" in (prometheus.firing() or {}))
            equal("docs/operations.md#reelrankweightsrefused", prometheus.firing()["ReelrankWeightsRefused"]["runbook"])
            weights.write_text(good)
            eventually(lambda: prometheus.firing() is not None and "ReelrankWeightsRefused" not in prometheus.firing())
            server.stop()
            server.killed = True
            eventually(lambda: "ReelrankDown" in (prometheus.firing() or {}))


run()
