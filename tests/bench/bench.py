#!/usr/bin/env python3
"""What a ranking costs beside a null RPC with the same bytes, and what else there are goals for."""

import importlib
import json
import os
import shlex
import sys
import tempfile
import time

from harness import (
    DEFAULT_DATA,
    SIGNALS_PER_USER,
    complete_programs,
    give_up,
    machine_facts,
    make_parser,
    need_at_least_1,
    processors,
    say,
)

EPILOG = """\
examples:
  ./dev bench                           a million videos and users, three rounds: some nine minutes,
                                        and some minutes more to make the data, the first time
  ./dev bench --quick                   a look: fewer of all, one round, a minute
  ./dev bench --full                    five rounds; five million videos, ten million users, reloads under load
  ./dev bench --only rank,tls           some sections (below)
  ./dev bench --page docs/performance.md
                                        write the page, too; what people wrote in it is kept
  ./dev bench --json > report.json      for a machine to read
  ./dev bench --from report.json --page docs/performance.md
                                        the page again, from what was measured before
  ./dev bench --data /var/tmp/reels     keep the data there instead of in the temporary folder
  ./dev bench profile --help            instructions by room and function
  ./dev bench signals --help            signals written, beside bare LMDB
  ./dev bench sizes --help              memory, disk and start for each user and video
  ./dev bench parity --help             what was served, computed again
  ./dev bench replay --help             what replays cost
  ./dev bench ablations --help          what each number of the weights is worth
  ./dev bench training --help           how near to the truth heads come that are trained on a log
  ./dev bench kuairand --help           heads learnt from real people's likes and hates
  ./dev bench reloads --help            weights swapped under load
  ./dev bench soak --help               hours of mixed load: does anything grow?
  ./dev bench overload --help           five times what the server can do
  ./dev bench hostile --help            clients that mean harm beside a good one

sections:
%s
Servers that are compared run in the same rounds, in random order, under the same load: 8
connections with 8 calls under way on each. Where there are two processors, the server has one and
the load the other. Compare ratios of one run; absolute times depend on the machine and on what else it does.
Any failed call and any dropped candidate ends its section with a message; the others go on, and
the exit code is 1.
"""

SUBCOMMANDS = {
    "parity": "parity_bench",
    "profile": "profile_bench",
    "ablations": "ablations_bench",
    "kuairand": "kuairand_bench",
    "reloads": "reloads_bench",
    "replay": "replay_bench",
    "signals": "signals_bench",
    "sizes": "sizes_bench",
    "soak": "soak",
    "overload": "overload_bench",
    "hostile": "hostile_bench",
    "training": "training_bench",
}
FEW_SIGNALS_PER_USER = 2  # where there are many users
QUICK_SECTIONS = ("rank", "tls", "steps", "allocations", "start")
PROGRAMS = ("fill", "load", "null_server", "rank_bench", "disk", "peer_server")


def sizes(videos, users, signals_per_user=SIGNALS_PER_USER):
    return {"videos": videos, "users": users, "signals_per_user": signals_per_user}


def data_sizes(options):
    """Of each data set, by name."""
    videos = options.videos or (100000 if options.quick else 1000000)
    users = options.users or (100000 if options.quick else 1000000)
    return {
        "main": sizes(videos, users),
        "small": sizes(min(videos, 10000), min(users, 10000)),
        "large": sizes(5 * videos, users),
        "few_users": sizes(videos, users, FEW_SIGNALS_PER_USER),
        "many_users": sizes(videos, 10 * users, FEW_SIGNALS_PER_USER),
        "catalogue": sizes(videos, 0),
        "signals": sizes(videos, max(1, users // 10)),
    }


def section_help(sections):
    return "".join(f"  {name:12}{text}\n" for name, (_, text) in sections.items())


def parse_options():
    from sections import SECTIONS

    parser = make_parser("./dev bench", __doc__, EPILOG % section_help(SECTIONS))
    add = parser.add_argument
    add("--quick", action="store_true", help="100000 videos and users, one round, fewer sections")
    add("--full", action="store_true", help="five rounds, 5000000 videos and 10000000 users too, reloads under load")
    add("--only", metavar="NAMES", help="sections, with commas between")
    add("--videos", type=int, metavar="N", help="videos in the catalogue (1000000)")
    add("--users", type=int, metavar="N", help="users, with 20 signals each (1000000)")
    add("--rounds", type=int, metavar="N", help="rounds that count (3)")
    add("--seconds", type=int, default=1, metavar="N", help="of each run of a round (1)")
    add("--json", action="store_true", help="print the report as JSON")
    add("--page", metavar="FILE", help="write the report as a page, with plots beside it")
    add("--from", dest="source", metavar="FILE", help="a report of --json, instead of measuring")
    add("--data", default=DEFAULT_DATA, metavar="DIR", help="where data is kept (%(default)s)")
    add("--weights", default="config/weights.yaml", metavar="FILE", help="(%(default)s)")
    add("--programs", default="bazel-bin", metavar="DIR", help="built programs (%(default)s)")
    return parser.parse_args()


def choose_sections(options):
    from sections import ONLY_FULL, SECTIONS

    if options.only is None:
        names = QUICK_SECTIONS if options.quick else SECTIONS
        return [name for name in names if options.full or name not in ONLY_FULL]
    names = options.only.split(",")
    for name in names:
        if name not in SECTIONS:
            give_up(f'--only: there is no section "{name}"; there are {", ".join(SECTIONS)}')
    return names


def complete_options(options):
    if options.quick and options.full:
        give_up("--quick and --full are opposites")
    if options.rounds is None:
        options.rounds = 5 if options.full else 1 if options.quick else 3
    for name in ("videos", "users"):
        if getattr(options, name) is not None:
            need_at_least_1(options, name)
    need_at_least_1(options, "rounds", "seconds")
    if options.videos is not None and options.videos < 1000:
        give_up("--videos must be at least 1000, as requests have up to as many candidates")
    options.open_seconds = 1 if options.quick else 2
    options.data_sizes = data_sizes(options)
    complete_programs(options, *PROGRAMS)
    options.requests_program = os.path.join(options.programs, "tests/bench/requests")
    options.allocations = os.path.join(options.programs, "tests/bench/liballocations.so")


def measure_all(options):
    from sections import SECTIONS, Bench

    names = choose_sections(options)
    report = {
        "command": shlex.join(["./dev", "bench", *sys.argv[1:]]),
        "machine": machine_facts(),
        "rounds": options.rounds,
        "seconds": options.seconds,
        "sizes": options.data_sizes,
        "failed": {},
    }
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        bench = Bench(options, folder)
        for number, name in enumerate(names, 1):
            minutes, seconds = divmod(int(time.monotonic() - begin), 60)
            say(options, f"[{number} of {len(names)}, {minutes}:{seconds:02}] {SECTIONS[name][1]}")
            try:
                report[name] = SECTIONS[name][0](bench)
            except SystemExit as failure:  # of give_up(): the other sections are worth having
                report["failed"][name] = str(failure.code)
                say(options, f"{name} failed: {failure.code}")
    report["minutes"] = (time.monotonic() - begin) / 60
    return report


def read_report(path):
    try:
        with open(path) as file:
            return json.load(file)
    except (OSError, ValueError) as error:
        give_up(f"--from: {error}")


def main():
    if sys.argv[1:2] and sys.argv[1] in SUBCOMMANDS:
        importlib.import_module(SUBCOMMANDS[sys.argv[1]]).main(sys.argv[2:])
        return
    options = parse_options()
    if options.source is not None:
        report = read_report(options.source)
    else:
        complete_options(options)
        if processors() == (None, None):
            say(options, "one processor only: server and load disturb each other")
        report = measure_all(options)
    show_all(options, report)
    if report["failed"]:
        give_up(f"failed: {', '.join(report['failed'])}")


def show_all(options, report):
    from page import write_page
    from tables import print_report

    if options.page is not None:
        write_page(report, options.page)
        say(options, f"wrote {options.page}")
    if options.json:
        print(json.dumps(report, indent=1))
    elif options.page is None or options.source is None:
        print_report(report)


if __name__ == "__main__":
    main()
