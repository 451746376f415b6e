"""10,000 reloads of the weights under load: does any request see two versions, does any fail, does memory grow?"""

import os
import pathlib
import sys
import tempfile
import time

os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")  # programs are started while channels exist
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../e2e"))

from harness import complete_programs, give_up, make_parser, need_at_least_1, say, show

EPILOG = """\
examples:
  ./dev bench reloads                                    10,000 swaps
  ./dev bench reloads --swaps 1000 --connections 8 --json

One swap in ten changes the file that the server watches, replaced and in place in turn, one in ten is
a rollback, the others are ApplyWeights: each is on disk before it is answered. Meanwhile every
connection ranks: singly, on streams and with retries. Each version's weights give scores of their
own, which every answer is compared with. At the end the history is verified.

The first request that fails, and the first answer that is not of the version it names, ends the run.
Exit code 1: that, or the server's own memory grew by more than --allow-kib between a fifth of the
swaps and all of them.
"""


def parse(arguments):
    parser = make_parser("./dev bench reloads", __doc__, EPILOG)
    add = parser.add_argument
    add("--swaps", type=int, default=10000, metavar="N", help="(%(default)s)")
    add("--connections", type=int, default=4, metavar="N", help="that rank meanwhile (%(default)s)")
    add("--allow-kib", type=int, default=4096, metavar="N", help="growth that is noise (%(default)s)")
    add("--json", action="store_true", help="print the report as JSON")
    add("--programs", default="bazel-bin", metavar="DIR", help="where they are built (%(default)s)")
    options = parser.parse_args(arguments)
    need_at_least_1(options, "swaps", "connections")
    return options


def measure(options, place):
    """Imports what needs the server's path, which it takes from the command line."""
    from client import Server, command
    from reloads import WATCH_MS, Storm, weights

    path = place / "weights.yaml"
    path.write_text(weights(10**9))
    marks = {max(1, options.swaps * step // 5) for step in range(1, 6)}
    resident = {}

    def tell(done, kib):
        resident[done] = kib
        say(options, f"{done:,} swaps: {kib:,} KiB resident of its own")

    with Server(place, "--weights", path, "--weights-watch-ms", WATCH_MS) as server:
        storm = Storm(server, path, options.connections)
        started = time.monotonic()
        storm.run(options.swaps, tell, marks)
        seconds = time.monotonic() - started
        store_bytes = server.api.GetStatus().store_bytes
    verdict, _ = command(0, "verify", "--data", place / "data")
    kept = [line.split()[-1] for line in verdict.splitlines() if line.startswith("weights changes")]
    return {
        "swaps": options.swaps,
        **{"by_" + name: count for name, count in storm.counts.items()},
        "seconds": round(seconds, 1),
        "answers_checked": storm.answers(),
        "versions_seen": storm.versions_seen(),
        "changes_kept": int(kept[0]),
        "store_bytes": store_bytes,
        "resident_kib": resident,
        "growth_kib": resident[max(marks)] - resident[min(marks)],
    }


def print_report(report):
    for name, value in report.items():
        if name == "resident_kib":
            value = ", ".join(f"{kib:,} after {swaps:,}" for swaps, kib in value.items())
        print(f"{name.replace('_', ' '):<26} {value:,}" if isinstance(value, int) else f"{name.replace('_', ' '):<26} {value}")


def measure_with(options):
    complete_programs(options)
    sys.argv = [sys.argv[0], options.reelrank]
    with tempfile.TemporaryDirectory(prefix="reloads-") as place:
        return measure(options, pathlib.Path(place))


def main(arguments):
    options = parse(arguments)
    report = measure_with(options)
    show(options, report, print_report)
    if report["growth_kib"] > options.allow_kib:
        give_up(f"memory grew by {report['growth_kib']} KiB")
