"""A soak of seconds: clients and /metrics agree to the last call, and what does not agree is told."""

import json
import os
import subprocess
import sys

from client import TIMEOUT, Server, equal, eventually
from runner import case, run

BENCH = os.path.dirname(os.path.abspath(__file__))
PROGRAMS = os.path.abspath(sys.argv.pop(2))  # where they are built; the runner would take it for the name of a case
sys.path.insert(0, BENCH)
sys.argv = sys.argv[:2]

from exposition import key, quantile, scrape
from soak import Failures, level, passed
from soak_client import Client
from soak_counts import Counts


def soak(place, *words):
    command = [sys.executable, os.path.join(BENCH, "bench.py"), "soak", "--json", "--data", place, "--programs", PROGRAMS]
    return subprocess.run([*map(str, command), *words], stdout=subprocess.PIPE, timeout=4 * TIMEOUT)


@case
def clients_of_all_kinds_have_seen_what_the_server_counted(place):
    done = soak(place, "--minutes", "0.2", "--sample", "3", "--videos", "2000", "--users", "500", "--signals", "2000",
                "--ranks", "50", "--candidates", "100", "--backup-minutes", "0.05", "--allow-percent", "1000")
    report = json.loads(done.stdout)
    equal(({}, [], 0), (report["failures"], report["counters_differing"], report["unknown_outcomes"]))
    assert report["counters_compared"] > 400, report["counters_compared"]
    assert min(report["weights_changes"].values()) > 0 and report["backups"] > 0, report["weights_changes"]
    for name in ("calls", "signals", "drops"):
        assert any(text.startswith(f"reelrank_{name}_total") for text in report["seen"]), name
    equal(0 if report["descriptors"]["level"] else 1, done.returncode)


@case
def a_call_that_nobody_counted_differs(place):
    with Server(place) as server:
        admin = server.process.stdout.readline().decode().split()[-1]
        counts, failures = Counts(), Failures()
        before = scrape(admin)
        stock = Client(server.address.rsplit(":", 1)[1], counts, failures)
        stock.rank(["v1", "v2"])
        server.api.GetStatus()
        stock.close()
        # A call is counted when its answer is on its way: the client may have it already.
        counted = key("reelrank_calls_total", service="reelrank.v1.AdminService", method="GetStatus", code="OK")
        eventually(lambda: scrape(admin).get(counted, 0) == before.get(counted, 0) + 1)
        _, differing = counts.compare(before, scrape(admin))
        [status] = [row for row in differing if "calls_total" in row[0] and "GetStatus" in row[0]]
        equal((0, 1), status[1:])
        assert not any('"Rank"' in row[0] or "rankings" in row[0] or "drops" in row[0] for row in differing), differing
        equal({}, failures.counts)


@case
def a_quantile_is_that_of_what_came_between_two_scrapes(place):
    def cells(*totals):
        return {key("h_bucket", le=le, x="y"): total for le, total in zip(("1", "3", "+Inf"), totals)}

    before, after = cells(10, 10, 10), cells(10, 14, 14)
    equal((2.0, 3.0), tuple(quantile(before, after, "h", share, x="y") for share in (0.5, 1)))
    equal(0, quantile(after, after, "h", 0.5, x="y"))
    equal(0, quantile(before, after, "h", 0.5, x="z"))


@case
def what_grows_is_not_level(place):
    flat, growing = ([{"size": size} for size in sizes] for sizes in ([9, 5, 5, 5, 6, 4, 5, 5], [1, 2, 3, 4, 5, 6, 7, 8]))
    equal({"before": 5.0, "last": 5.0, "level": True}, level(flat, "size"))
    equal({"before": 5.5, "last": 7.5, "level": False}, level(growing, "size"))
    equal(True, level(growing, "size", 40)["level"])


@case
def one_thing_that_is_wrong_fails_the_soak(place):
    good = {"failures": {}, "counters_differing": [], "unknown_outcomes": 0, "resident": {"level": True},
            "descriptors": {"level": True}}
    equal(True, passed(good))
    for wrong in ({"failures": {"x": 1}}, {"counters_differing": [("x", 1, 2)]}, {"unknown_outcomes": 1},
                  {"resident": {"level": False}}, {"descriptors": {"level": False}}):
        equal(False, passed({**good, **wrong}))


run()
