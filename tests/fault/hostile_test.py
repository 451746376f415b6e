"""Clients that mean harm (attacks.py), one kind at a time, beside one that does not: it is served, and memory is bounded."""

import threading

import grpc

import attacks
from client import TIMEOUT, Api, Server, equal, eventually, ids_of, new_signal, rank, upsert, video
from runner import case, run

QUOTA_MIB = 64
# What the server ends by itself; the others it bears.
CLOSED = [attacks.rapid_reset, attacks.rapid_calls, attacks.pings, attacks.settings, attacks.windows,
          attacks.priorities, attacks.empty_data, attacks.continuations, attacks.long_header, attacks.large_metadata,
          attacks.too_many_streams]
BORNE = [attacks.unread_settings, attacks.slow_writers, attacks.half_open]


def resident_bytes(server):
    with open("/proc/%d/status" % server.process.pid) as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmRSS:"))


def is_served_at_last(server, number):
    """Where memory is short the core tells idle connections to go, which is UNAVAILABLE to a call without retries, and
    takes back what calls hold."""
    try:
        is_served(server, number)
        return True
    except grpc.RpcError as error:
        assert error.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED), error
        return False


def is_new_one_served(server):
    try:
        equal(["v1"], ids_of(rank(Api(server.channel()), ["v1"])))
        return True
    except grpc.RpcError as error:
        equal(grpc.StatusCode.UNAVAILABLE, error.code())
        return False


class Attack(threading.Thread):
    def __init__(self, server, attack):
        super().__init__(daemon=True)
        self.port = int(server.address.rsplit(":", 1)[1])
        self.attack = attack
        self.stop = threading.Event()
        self.closed = None

    def run(self):
        self.closed = self.attack(self.port, self.stop)

    def end(self):
        self.stop.set()
        self.join(TIMEOUT)
        assert not self.is_alive(), self.attack.__name__


def start(place, *words):
    server = Server(place, "--workers", 1, "--memory-quota-mib", QUOTA_MIB, *words)
    upsert(server.api, video("v1"))
    return server


def is_served(server, number):
    equal(["v1"], ids_of(rank(server.api, ["v1"])))
    response = server.api.RecordSignals(signals=[new_signal("LIKE", event_id="e%d" % number)])
    equal(1, response.accepted + response.duplicate)  # a repeat, where an answer was lost


def is_served_beside(server, attack):
    """Rounds of calls until the attack has ended, on a connection that was there before and on new ones."""
    attack.start()
    number = 0
    while attack.closed is None and attack.is_alive():
        eventually(lambda: is_served_at_last(server, number))
        number += 1
    equal(1, attack.closed)
    equal(["v1"], ids_of(rank(Api(server.channel()), ["v1"])))


def closes(attack):
    def body(place):
        # What a connection may bring follows from the longest message; a short one spares the attackers work.
        with start(place, "--max-message-bytes", 1 << 17) as server:
            is_served_beside(server, Attack(server, attack))

    body.__name__ = attack.__name__ + "_are_closed_while_others_are_served"
    return body


def bears(attack):
    def body(place):
        with start(place) as server:
            before = resident_bytes(server)
            running = Attack(server, attack)
            running.start()
            for number in range(200):
                eventually(lambda: is_served_at_last(server, number))
            assert resident_bytes(server) < before + (2 * QUOTA_MIB << 20)
            equal(["v1"], ids_of(rank(Api(server.channel()), ["v1"])))
            running.end()

    body.__name__ = attack.__name__ + "_are_borne_while_others_are_served"
    return body


for one in CLOSED:
    case(closes(one))
for one in BORNE:
    case(bears(one))


@case
def unfinished_messages_keep_memory_within_its_quota(place):
    with start(place) as server:
        before = resident_bytes(server)
        running = Attack(server, attacks.unfinished_messages)
        running.start()
        number = 0
        while running.closed is None:  # all twenty connections, each for what it sent
            eventually(lambda: is_served_at_last(server, number))
            number += 1
            assert resident_bytes(server) < before + (3 * QUOTA_MIB << 20)
        equal(20, running.closed)


@case
def streams_that_nobody_ends_keep_memory_within_bounds(place):
    with start(place) as server:
        before = resident_bytes(server)
        running = Attack(server, attacks.too_many_streams)
        running.start()
        while running.closed is None:
            assert resident_bytes(server) < before + (512 << 20)
        equal(1, running.closed)
        equal(["v1"], ids_of(rank(Api(server.channel()), ["v1"])))


@case
def answers_that_nobody_reads_keep_memory_within_its_quota(place):
    with start(place, "--max-connections", 100) as server:
        ids = ["v%d" % i for i in range(2000)]
        request = server.api.request("Rank", locale="hi-IN", age_years=25, candidate_ids=ids)
        before = resident_bytes(server)
        running = Attack(server, lambda port, stop: attacks.slow_readers(port, stop, request.SerializeToString()))
        running.start()
        for number in range(200):
            eventually(lambda: is_served_at_last(server, number))  # their calls are an overload, too
            assert resident_bytes(server) < before + (4 * QUOTA_MIB << 20)
        running.end()


@case
def more_connections_than_there_may_be_close_quiet_ones(place):
    with start(place, "--max-connections", 50) as server:
        running = Attack(server, lambda port, stop: attacks.many_connections(port, stop, 200))
        running.start()
        for number in range(200):
            is_served(server, number)
        # The server is full of connections that say nothing, of which one makes room for this.
        eventually(lambda: is_new_one_served(server))
        running.end()


run(600)  # attackers share this process with the good client, so a flood may take minutes to be one
