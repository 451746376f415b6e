"""The generator of signals against the real server: what it counts is what the server has."""

import json
import os
import subprocess
import sys

from client import TIMEOUT, Server, equal
from runner import case, run

SIGNALS = os.path.abspath(sys.argv.pop(2))  # the runner would take it for the names of the cases wanted


def send(server, *words, code=0):
    port = server.address.rsplit(":", 1)[1]
    done = subprocess.run([SIGNALS, "--port", port, *map(str, words)], stdout=subprocess.PIPE, timeout=TIMEOUT)
    equal(code, done.returncode)
    return json.loads(done.stdout)


def counts(result):
    return tuple(result[key] for key in ("answers", "accepted", "duplicates", "rejected", "failures"))


@case
def every_signal_of_every_call_is_new(place):
    with Server(place) as server:
        result = send(server, "--batch", 100, "--requests", 20, "--connections", 3, "--streams", 2)
        equal((20, 2000, 0, 0, 0), counts(result))
        equal(2000, server.api.GetStatus().state_sequence)
        equal(({"0": 20}, 20, 2000), (result["statuses"], result["calls"], sum(result["types"].values())))


@case
def streams_acknowledge_each_of_several_messages_under_way(place):
    with Server(place) as server:
        result = send(server, "--method", "stream", "--batch", 40, "--requests", 50, "--connections", 2,
                      "--streams", 3, "--messages", 4, "--rate", 5000)
        equal((50, 2000, 0, 0, 0), counts(result))
        equal((0, 2000), (result["broken_streams"], server.api.GetStatus().state_sequence))
        equal(({"0": 50}, 6, 2000), (result["statuses"], result["calls"], sum(result["types"].values())))


@case
def the_largest_batch_passes_in_both_ways(place):
    with Server(place) as server:
        for method in ("record", "stream"):
            result = send(server, "--method", method, "--batch", 750, "--requests", 12, "--connections", 1)
            equal((12, 9000, 0, 0, 0), counts(result))


@case
def an_event_id_that_comes_again_is_a_failure(place):
    with Server(place) as server:
        words = ["--seed", 7, "--batch", 10, "--requests", 2, "--connections", 1, "--streams", 1]
        equal((2, 20, 0, 0, 0), counts(send(server, *words)))
        equal((2, 0, 20, 0, 2), counts(send(server, *words, code=1)))


run()
