"""Refusals, degraded answers, named limits, and restarts under load, with a stock gRPC client."""

import json
import re
import signal
import socket
import struct
import threading

import grpc

from client import (CHANNEL_OPTIONS, TIMEOUT, Api, Feed, Server, command, equal, eventually, fails, ids_of,
                    large_upserts, new_signal, rank, record, upsert, video)
from runner import case, run

CODE = grpc.StatusCode
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
SETTINGS, GOAWAY = 4, 7


def pushback_of(error):
    """Milliseconds until a retry, from a failed call's trailing metadata; None: it says nothing."""
    return next((int(value) for key, value in error.trailing_metadata() if key == "grpc-retry-pushback-ms"), None)


def refusal_of(call):
    try:
        call()
    except grpc.RpcError as error:
        equal(CODE.RESOURCE_EXHAUSTED, error.code())
        assert 50 <= pushback_of(error) < 150, error.trailing_metadata()
        return error.details()
    raise AssertionError("the call went well")


def open_streams(api, count):
    """RankStreams that have answered once and stay open."""
    streams = []
    for i in range(count):
        feed = Feed()
        stream = api.RankStream(iter(feed))
        feed.put(api.request("RankStream", correlation_id=i + 1))
        equal(i + 1, next(stream).correlation_id)
        streams.append((feed, stream))
    return streams


def end_streams(streams):
    for feed, stream in streams:
        feed.end()
        equal([], list(stream))


# Refusals.


@case
def more_calls_than_may_be_in_progress_are_refused_by_kind(place):
    with Server(place, "--workers", 1, "--max-calls", 2) as server:
        api = server.api
        upsert(api, video("v1"))
        streams = open_streams(api, 2)
        third = iter([api.request("RankStream", correlation_id=9)])
        equal("the server is overloaded; try again later", refusal_of(lambda: next(api.RankStream(third))))
        # Other kinds have numbers of their own, and health is never refused.
        equal(["v1"], ids_of(rank(api, ["v1"])))
        record(api, new_signal("LIKE"))
        end_streams(streams)
        end_streams(open_streams(api, 2))


def burst(api, stub, request, count):
    """How count calls at once ended: (answers, refusals as errors)."""
    futures = [stub.future(request, timeout=TIMEOUT) for _ in range(count)]
    answers, refusals = [], []
    for future in futures:
        if future.code() == CODE.OK:
            answers.append(future.result())
        else:
            equal(CODE.RESOURCE_EXHAUSTED, future.code())
            refusals.append(future.exception())
    equal(count, len(answers) + len(refusals))
    return answers, refusals


def crowded_server(place, *words):
    """A server for which a burst of large requests is too much: calls may wait for a millisecond."""
    return Server(place, "--workers", 1, "--queue-delay-ms", 1, "--max-streams", 1000, *words)


def large_request(api, **values):
    ids = ["v%d" % i for i in range(2000)]
    return api.request("Rank", user_id="u1", locale="hi-IN", age_years=25, candidate_ids=ids, **values)


@case
def calls_that_wait_too_long_are_refused_and_the_others_are_answered_in_full(place):
    with crowded_server(place) as server:
        api = server.api
        upsert(api, video("v1"), video("v7"))
        request = large_request(api)
        refusals = []

        def refused():
            answers, more = burst(api, api.stub("Rank"), request, 300)
            refusals.extend(more)
            for answer in answers:
                equal({"v1", "v7"}, set(ids_of(answer)))
                equal(1998, len(answer.dropped))
                equal([], list(answer.degraded))
            return refusals

        eventually(refused)
        for error in refusals:
            assert 50 <= pushback_of(error) < 150, error.trailing_metadata()
        assert len({pushback_of(error) for error in refusals}) > 1 or len(refusals) < 3, "all at the same time"
        equal({"v1", "v7"}, set(ids_of(rank(api, ["v1", "v7"]))))


@case
def degraded_answers_apply_policy_and_order_by_retrieval_score(place):
    with crowded_server(place, "--overload", "degrade", "--journal-share-ppm", 1000000) as server:
        api = server.api
        upsert(api, video("v0"), video("v1"), video("v2"), video("v3", safety_rating="SAFETY_RATING_UNRATED"))
        order = {"v0": 0.5, "v1": 2.5, "v2": -1, "v3": 100}
        candidates = [{"video_id": "v%d" % i, "retrieval_score": order.get("v%d" % i, 0)} for i in range(2000)]
        request = api.request("Rank", user_id="u1", locale="hi-IN", age_years=25, candidates=candidates,
                              request_id="once", explain=True, limit=10)
        degraded = []

        def is_degraded():
            answers, _ = burst(api, api.stub("Rank"), request, 300)
            degraded.extend(answer for answer in answers if "overload" in answer.degraded)
            return degraded

        # Repeats of a request are answered from memory, and that costs nothing: each burst has another id.
        number = [0]

        def next_burst():
            number[0] += 1
            request.request_id = "r%d" % number[0]
            return is_degraded()

        eventually(next_burst)
        for answer in degraded:
            equal(["v1", "v0", "v2"], ids_of(answer))
            equal([1, (0.5 + 1) / 3.5, 0], [round(ranked.score * 3.5 * 2**20) / 3.5 / 2**20 for ranked in answer.slate])
            equal("unrated", {dropped.video_id: dropped.rule for dropped in answer.dropped}["v3"])
            equal([], list(answer.slate[0].contributions))
        # What was degraded is not kept for a retry, and has another name than the ranking it stands for.
        whole = api.stub("Rank")(request, timeout=TIMEOUT)
        equal([], list(whole.degraded))
        assert whole.ranking_id not in {answer.ranking_id for answer in degraded}


@case
def overload_option_names_what_is_allowed(place):
    _, errors = command(4, "serve", "--data", place / "data", "--listen", "127.0.0.1:0", "--overload", "panic")
    assert '--overload: found "panic", expected reject or degrade' in errors, errors


@case
def calls_whose_deadline_has_passed_do_not_begin(place):
    with Server(place) as server:
        call = server.api.stub("Rank")
        request = server.api.request("Rank", locale="hi-IN")
        for _ in range(10):
            fails(CODE.DEADLINE_EXCEEDED, lambda: call(request, timeout=-1))
        equal([], ids_of(rank(server.api, [])))


# Limits of connections.


def raw(server):
    host, port = server.address.rsplit(":", 1)
    return socket.create_connection((host, int(port)), timeout=TIMEOUT)


def frames(connection):
    """Yields (type, payload) until the server closes the connection."""
    data = b""
    while True:
        while len(data) < 9 or len(data) < 9 + int.from_bytes(data[:3], "big"):
            more = connection.recv(65536)
            if not more:
                return
            data += more
        size = int.from_bytes(data[:3], "big")
        yield data[3], data[9 : 9 + size]
        data = data[9 + size :]


@case
def client_is_told_the_limits_of_a_connection(place):
    with Server(place, "--max-streams", 7) as server, raw(server) as connection:
        connection.sendall(PREFACE)
        settings = next(payload for kind, payload in frames(connection) if kind == SETTINGS)
        told = dict(struct.unpack(">HI", settings[i : i + 6]) for i in range(0, len(settings), 6))
        equal(7, told[3])  # SETTINGS_MAX_CONCURRENT_STREAMS
        equal(8192, told[6])  # SETTINGS_MAX_HEADER_LIST_SIZE


@case
def more_streams_than_told_wait_at_the_client(place):
    with Server(place, "--workers", 1, "--max-streams", 2) as server:
        streams = open_streams(server.api, 2)
        waiting = server.api.stub("Rank").future(server.api.request("Rank", locale="hi-IN"), timeout=TIMEOUT)
        other = Api(server.channel())  # a connection of its own
        equal([], ids_of(rank(other, [])))
        assert not waiting.done()
        end_streams(streams)
        equal([], ids_of(waiting.result()))


@case
def busy_connections_are_no_flood_whatever_the_family(place):
    """Many times as many bytes as may come that are no messages, over IPv4 and IPv6."""
    for listen in ("127.0.0.1:0", "[::1]:0", "localhost:0"):
        with Server(place, "--listen", listen, "--max-message-bytes", 65536, "--memory-quota-mib", 16) as server:
            call = server.api.stub("Rank")
            request = server.api.request("Rank", locale="hi-IN", candidate_ids=["v%d" % i for i in range(2000)])
            for _ in range(200):
                call(request, timeout=TIMEOUT)
        assert "closed for sending" not in server_log(place)


@case
def large_requests_at_once_are_no_flood(place):
    """They take many times the memory by which the process may grow where next to nothing comes."""
    with Server(place, "--queue-delay-ms", 0) as server:
        send = large_upserts(server, 24)
        for _ in range(4):
            send()
    assert "closed for sending" not in server_log(place)


def server_log(place):
    with open(place / "server.log") as file:
        return file.read()


@case
def metadata_above_the_limit_are_refused(place):
    with Server(place) as server:
        call = server.api.stub("Rank")
        request = server.api.request("Rank", locale="hi-IN")
        call(request, timeout=TIMEOUT, metadata=[("x", "y" * 7000)])
        fails(CODE.RESOURCE_EXHAUSTED, lambda: call(request, timeout=TIMEOUT, metadata=[("x", "y" * 9000)]))
        eventually(lambda: answers_anew(server))  # the core closes the connection


@case
def connection_that_says_nothing_is_closed(place):
    with Server(place) as server, raw(server) as connection:
        equal([], [kind for kind, _ in frames(connection) if kind not in (SETTINGS, GOAWAY, 8)])
        equal([], ids_of(rank(server.api, [])))


@case
def idle_and_old_connections_are_told_to_go(place):
    for option in ("--connection-idle-s", "--connection-age-s"):
        with Server(place, option, 1) as server, raw(server) as connection:
            connection.sendall(PREFACE)
            assert GOAWAY in (kind for kind, _ in frames(connection))
            equal([], ids_of(rank(server.api, [])))  # the stock client reconnects


def answers_anew(server):
    """On a connection of its own, which the server may not take yet."""
    try:
        return rank(Api(server.channel()), []) is not None
    except grpc.RpcError as error:
        equal(CODE.UNAVAILABLE, error.code())
        return False


@case
def quiet_connections_make_room_for_others(place):
    with Server(place, "--max-connections", 5) as server:
        connections = [raw(server) for _ in range(20)]
        for connection in connections:
            connection.settimeout(0.01)

        eventually(lambda: answers_anew(server))
        for connection in connections:
            connection.close()


@case
def server_accepts_again_after_it_ran_out_of_descriptors(place):
    """The core's own listener does not (CVE-2023-4785)."""
    with Server(place, prefix=("prlimit", "--nofile=80")) as server:
        upsert(server.api, video("v1"))
        connections = [raw(server) for _ in range(100)]
        equal(["v1"], ids_of(rank(server.api, ["v1"])))
        for connection in connections:
            connection.close()
        eventually(lambda: answers_anew(server))


def documented_limits():
    """Yields (option or constant, number) of the table in docs/operations.md."""
    with open("docs/operations.md") as file:
        lines = file.read().split("## Limits")[1].splitlines()
    for line in lines:
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) == 6 and cells[2].startswith("`") and cells[3]:
            yield cells[2].strip("`"), int(cells[3])


@case
def documented_limits_are_those_of_the_program(place):
    help_text, _ = command(0, "help", "serve")
    with open("ranker/limits.h") as limits, open("server/rpc.c") as rpc:
        sources = limits.read() + rpc.read()
    found = list(documented_limits())
    assert len(found) > 12, found
    for name, number in found:
        pattern = r"%s N[^-]*default %d\)" if name.startswith("--") else r"\b%s = %d\b"
        text = help_text if name.startswith("--") else sources
        assert re.search(pattern % (re.escape(name), number), text), (name, number)


# Drain and restart.


@case
def lame_duck_serves_while_health_says_not_serving(place):
    with Server(place, "--lame-duck-ms", 600000) as server:
        channel = server.channel()
        upsert(server.api, video("v1"))
        check = channel.unary_unary("/grpc.health.v1.Health/Check")
        equal(b"\x08\x01", check(b"", timeout=TIMEOUT))
        server.terminate()
        eventually(lambda: check(b"", timeout=TIMEOUT) == b"\x08\x02")
        equal(["v1"], ids_of(rank(server.api, ["v1"])))
        server.process.send_signal(signal.SIGINT)  # ends the wait
        equal(0, server.wait())


RETRIES = json.dumps({"methodConfig": [{"name": [{}], "waitForReady": True, "retryPolicy": {
    "maxAttempts": 5, "initialBackoff": "0.2s", "maxBackoff": "2s", "backoffMultiplier": 2,
    "retryableStatusCodes": ["UNAVAILABLE", "RESOURCE_EXHAUSTED", "CANCELLED"]}}]})


class Caller(threading.Thread):
    """A feed server: ranks and sends signals, through a channel that retries, until told to stop."""

    def __init__(self, address, number):
        super().__init__()
        options = [(key, value) for key, value in CHANNEL_OPTIONS if key != "grpc.enable_retries"]
        options += [("grpc.service_config", RETRIES), ("grpc.initial_reconnect_backoff_ms", 50),
                    ("grpc.min_reconnect_backoff_ms", 50), ("grpc.max_reconnect_backoff_ms", 100)]
        self.channel = grpc.insecure_channel(address, options=options)
        self.number = number
        self.acknowledged = []
        self.ranked = 0
        self.ends = threading.Event()
        self.failures = []

    def run(self):
        api = Api(self.channel)
        while not self.ends.is_set():
            batch = [new_signal("SHARE", user_id="u%d" % self.number,
                                event_id="%d.%d.%d" % (self.number, len(self.acknowledged), i)) for i in range(5)]
            try:
                response = api.RecordSignals(signals=batch)
                equal(5, response.accepted + response.duplicate)
                self.acknowledged.extend(batch)
                equal(["v1"], ids_of(rank(api, ["v1"])))
                self.ranked += 1
            except (grpc.RpcError, AssertionError) as error:
                self.failures.append(error)
        self.channel.close()


def shares(api):
    [stored] = api.GetVideos(video_ids=["v1"], statistics=True).videos
    return next(counts.shares for counts in stored.statistics if counts.scope == "global")


@case
def restarts_under_load_lose_nothing_that_is_retried(place):
    with Server(place, "--workers", 2) as server:
        upsert(server.api, video("v1"))
        address = server.address
    callers = []
    for life in range(6):
        with Server(place, "--workers", 2, "--listen", address, "--lame-duck-ms", 50 * (life % 2)) as server:
            if life == 0:
                callers = [Caller(address, number) for number in range(4)]
                for caller in callers:
                    caller.start()
            before = [caller.ranked for caller in callers]
            eventually(lambda: all(caller.ranked > done + 20 for caller, done in zip(callers, before)))
            if life == 5:
                for caller in callers:
                    caller.ends.set()
                for caller in callers:
                    caller.join(TIMEOUT)
                    assert not caller.is_alive()
                    equal([], caller.failures)
                sent = [signal for caller in callers for signal in caller.acknowledged]
                equal(len(sent), shares(server.api))
                for begin in range(0, len(sent), 1000):
                    response = server.api.RecordSignals(signals=sent[begin : begin + 1000])
                    equal(len(response.results), response.duplicate)
                equal(len(sent), shares(server.api))


run()
