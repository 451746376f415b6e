"""What ./dev bench is made of: the load against the null server, the count of allocations, the page."""

import os
import subprocess
import sys

import allocations
import page
from client import equal
from harness import Server, run_json
from matrix import make_certificate
from runner import Skip, case, run
from variants import METHODS

NAMES = ("load", "null_server", "requests", "liballocations.so")
PROGRAMS = {name: os.path.abspath(sys.argv.pop(2)) for name in NAMES}
ANSWER_BYTES = 3000


def write_pool(place, *words):
    pool = str(place / "pool")
    subprocess.run([PROGRAMS["requests"], "--output", pool, "--videos", "1000", "--bodies", "10", *words], check=True)
    return pool


def answered(place, stream, tls, environment=None, requests=200):
    """What the load says of calls to a null server, and the server's process id."""
    command = [PROGRAMS["null_server"], "--response-bytes", str(ANSWER_BYTES), "--method", METHODS[stream]]
    command += ["--stream"] * stream
    if tls:
        certificate, key = make_certificate(str(place))
        command += ["--tls-cert", certificate, "--tls-key", key]
    server = Server(command, None, str(place / "null.log"), environment)
    try:
        words = ["--port", server.port, "--pool", write_pool(place, *["--stream"] * stream)]
        words += ["--path", METHODS[stream], "--connections", 2, "--streams", 2, "--requests", requests]
        words += ["--messages", 3] * stream + ["--tls"] * tls
        return run_json([PROGRAMS["load"], *words])
    finally:
        server.stop()


def check(result):
    frame = ANSWER_BYTES + 5
    equal((200, 0, frame, frame), tuple(result[key] for key in ("requests", "failures", "least_bytes", "most_bytes")))


@case
def calls_are_answered_in_plaintext_and_in_tls(place):
    for tls in (False, True):
        check(answered(place, False, tls))


@case
def streams_answer_message_by_message_in_plaintext_and_in_tls(place):
    for tls in (False, True):
        check(answered(place, True, tls))


@case
def allocations_of_a_null_server_are_those_of_grpc(place):
    counts = str(place / "counts")
    if b"__asan_init" in open(PROGRAMS["null_server"], "rb").read():
        raise Skip("a sanitizer has a malloc of its own")
    environment = allocations.environment(PROGRAMS["liballocations.so"], counts)
    command = [PROGRAMS["null_server"], "--response-bytes", str(ANSWER_BYTES)]
    server = Server(command, None, str(place / "null.log"), environment)
    try:
        words = ["--port", server.port, "--pool", write_pool(place), "--connections", 1, "--requests"]
        run_json([PROGRAMS["load"], *words, 500])
        before = allocations.read(counts)
        run_json([PROGRAMS["load"], *words, 2000])
        made = allocations.difference(before, allocations.read(counts))
        found = allocations.per_request(server.process.pid, made, 2000)
    finally:
        server.stop()
    equal([], [one for one in found["places"] if one["per_request"] > 0.5])
    equal(True, found["grpc"] > 1)


REPORT = {
    "command": "./dev bench",
    "machine": {"date": "2026-01-01 00:00 UTC", "commit": "0123", "processor": "p", "processors": 2, "memory_gib": 8,
                "system": "s", "kernel": "k"},
    "sizes": {"main": {"videos": 1000, "users": 1000, "signals_per_user": 20}},
    "failed": {"signals": "no disk"},
    "rounds": 3,
    "seconds": 1,
    "tls": {
        "variants": {
            "ids-hot-500-tls": {
                "title": "500 string ids, popular, TLS",
                "ratio": {"median": 2.5, "min": 2.25, "max": 3.5},
                "rank": {"cpu_us": {"median": 25}, "rps": {"median": 20000}},
                "null": {"cpu_us": {"median": 10}, "rps": {"median": 50000}},
            },
        },
        "others": {"median": 0.01, "max": 0.02},
    },
}


@case
def a_page_has_the_goals_beside_what_was_measured_and_keeps_what_people_wrote(place):
    path = str(place / "page.md")
    page.write_page(REPORT, path)
    with open(path) as file:
        first = file.read()
    row = "| CPU of Rank / null RPC: 500 string ids, popular, TLS | ≤ 3.00 × | 2.50 × (2.25 to 3.50) | yes |"
    equal((True, True), (row in first, "| signals | no disk |" in first))
    with open(path, "w") as file:
        file.write(first.replace(page.FIRST_BY_HAND, "By a person.\n"))
    page.write_page({**REPORT, "rounds": 5}, path)
    with open(path) as file:
        second = file.read()
    equal((True, True), ("By a person.\n" in second, "Rounds: 5" in second))


run()
