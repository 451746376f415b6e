"""Decisions of a mixed life, with reloads, kills, restarts and forgets between, computed again: is each bit the same?"""

import json
import os
import pathlib
import resource
import sys
import tempfile
import threading
import time

os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")  # programs are started while channels exist
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../e2e"))

from harness import complete_programs, give_up, make_parser, need_at_least_1, say, show

EPILOG = """\
examples:
  ./dev bench parity                        140,000 decisions over ten lives of a server
  ./dev bench parity --decisions 5000 --lives 3 --json

Each life, several clients rank, record signals, change the catalogue and apply weights with exploration and
experiments, all at once; it ends with a kill or a drain, in turn, after some users were forgotten. Every answer is
journaled. At the end "reelrank replay parity" computes all of it again.

Exit code 1: a decision came out differently.
"""


def parse(arguments):
    parser = make_parser("./dev bench parity", __doc__, EPILOG)
    add = parser.add_argument
    add("--decisions", type=int, default=140000, metavar="N",
        help="at least to be made; some are erased with their users (%(default)s)")
    add("--lives", type=int, default=10, metavar="N", help="starts of the server (%(default)s)")
    add("--clients", type=int, default=4, metavar="N", help="at a time (%(default)s)")
    add("--json", action="store_true", help="print the report as JSON")
    add("--programs", default="bazel-bin", metavar="DIR", help="where they are built (%(default)s)")
    options = parser.parse_args(arguments)
    need_at_least_1(options, "decisions", "lives", "clients")
    return options


class Client(threading.Thread):
    """Goes on until it is told to end, or the server does."""

    def __init__(self, api, seed):
        from mix import Mix
        super().__init__()
        self.api, self.mix, self.ending, self.failure = api, Mix(seed), threading.Event(), None

    def run(self):
        try:
            while not self.ending.is_set():
                self.mix.go(self.api, 20)
        except Exception as error:  # of a server that was killed
            self.failure = error


def live(options, place, life, target):
    """One life of the server: until the journal has got so many decisions in it."""
    from client import Api, Server
    from mix import ALL, Mix, USERS

    kill = life % 2 == 0 and life + 1 < options.lives
    with Server(place, *ALL) as server:
        if life == 0:
            Mix(0).fill(server.api)
        clients = [Client(Api(server.channel()), 1000 * life + i + 1) for i in range(options.clients)]
        for client in clients:
            client.start()
        while server.api.GetStatus().journal_written < target:
            failures = [client.failure for client in clients if client.failure is not None]
            if failures:
                raise failures[0]
            time.sleep(0.2)
        forgotten = server.api.ForgetUser(user_id="u%d" % (life % USERS))
        written = server.api.GetStatus().journal_written
        if kill:
            server.kill()
        for client in clients:
            client.ending.set()
            client.join()
    return written, forgotten.decisions_erased


def measure(options, place):
    from client import command

    written, erased = 0, 0
    for life in range(options.lives):
        share = options.decisions * (life + 1) // options.lives - options.decisions * life // options.lives
        more, gone = live(options, place, life, share * 12 // 11 + 1)
        written, erased = written + more, erased + gone
        say(options, f"life {life + 1} of {options.lives}: {written:,} decisions journaled, {erased:,} erased with their users")
    started = resource.getrusage(resource.RUSAGE_CHILDREN)
    report = json.loads(command(0, "replay", "parity", "--data", place / "data", "--json")[0])
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = ended.ru_utime - started.ru_utime + ended.ru_stime - started.ru_stime
    del report["differences"]
    return {"lives": options.lives, "journaled": written, "erased": erased, **report,
            "cpu_seconds": round(seconds, 1), "candidates_per_cpu_second": round(report["candidates"] / seconds)}


def print_report(report):
    for name, value in report.items():
        print(f"{name.replace('_', ' '):<26} {value:,}")


def main(arguments):
    options = parse(arguments)
    complete_programs(options)
    sys.argv = [sys.argv[0], options.reelrank]
    with tempfile.TemporaryDirectory(prefix="parity-") as place:
        report = measure(options, pathlib.Path(place))
    show(options, report, print_report)
    if report["equal"] != report["decisions"]:
        give_up(f"{report['decisions'] - report['equal']} decisions did not come out as they were served")
