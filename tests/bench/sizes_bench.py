"""What a user and a video take in memory and on disk, and how long a start takes with them."""

import os
import shutil
import time

import grpc

from harness import (
    DEFAULT_DATA,
    Server,
    complete_programs,
    complete_sizes,
    give_up,
    make_parser,
    median,
    need_at_least_1,
    prepare_data,
    run_json,
    say,
    show,
)

EPILOG = """\
examples:
  ./dev bench sizes                     a million videos, a million users with 50 signals each:
                                        some five minutes and 10 GiB of disk, removed afterwards
  ./dev bench sizes --quick             a tenth of each
  ./dev bench sizes --users 5000000 --signals-per-user 20 --keep

Heap is what malloc gave while the data was filled in; users come with the statistics of the videos
they watched. Disk is by database, without the free pages that LMDB keeps for later. A start is from
a checkpoint; a cold one has nothing of the files in memory.
"""

HEALTH = "/grpc.health.v1.Health/Check"
SERVING = b"\x08\x01"  # HealthCheckResponse with status 1
MAP_MIB = 65536


def start(options, data, folder):
    """A server on data, with the seconds from its start until its health check says SERVING."""
    command = [options.reelrank, "serve", "--listen", "127.0.0.1:0", "--map-mib", str(MAP_MIB)]
    begin = time.monotonic()
    server = Server(command + ["--data", data], None, os.path.join(folder, "serve.log"))
    with grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        answer = channel.unary_unary(HEALTH)(b"", timeout=60)
    server.serving_seconds = time.monotonic() - begin
    if answer != SERVING:
        server.stop()
        give_up("the health check did not say SERVING")
    return server


def measure_start(options, data, folder):
    server = start(options, data, folder)
    result = {"seconds": server.serving_seconds, **server.memory()}
    server.stop()
    return result


def forget_pages(data):
    """Drops what the system keeps of the files in memory, as far as it is on disk."""
    for folder, _, names in os.walk(data):
        for name in names:
            with open(os.path.join(folder, name), "rb") as file:
                os.fsync(file.fileno())
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def measure_starts(options, data, folder):
    cold, warm = [], []
    for number in range(options.rounds):
        say(options, f"starting, {number + 1} of {options.rounds}")
        forget_pages(data)
        cold.append(measure_start(options, data, folder))
        warm.append(measure_start(options, data, folder))
    empty = measure_start(options, os.path.join(folder, "empty"), folder)
    return {
        "cold_seconds": median(cold, "seconds"),
        "warm_seconds": median(warm, "seconds"),
        "resident_bytes": median(warm, "RssAnon"),
        "resident_file_bytes": median(warm, "RssFile"),
        "resident_empty_bytes": empty["RssAnon"],
    }


def per(value, count):
    return value / max(1, count)


def measure_all(options, folder, stamp):
    data = os.path.join(folder, "store")
    starts = measure_starts(options, data, folder)
    disk = run_json([options.disk, "--data", data])
    state, log = disk["state.mdb"], disk["data.mdb"]
    resident = starts["resident_bytes"] - starts["resident_empty_bytes"]
    return {
        **{key: getattr(options, key) for key in ("videos", "users", "signals_per_user")},
        "signals": stamp["signals"],
        "statistics": state["statistics"]["entries"],
        "heap_per_video": per(stamp["video_heap_bytes"], options.videos),
        "heap_per_user": per(stamp["signal_heap_bytes"], options.users),
        "resident_per_video_and_user": per(resident, max(options.videos, options.users)),
        "state_per_user": per(state["users"]["bytes"], state["users"]["entries"]),
        "state_per_video": per(state["videos"]["bytes"], options.videos),
        "state_statistics_per_video": per(state["statistics"]["bytes"], options.videos),
        "log_per_record": per(log["log"]["bytes"], log["log"]["entries"]),
        "disk": disk,
        "fill_seconds": stamp["seconds"],
        "start": starts,
    }


# --- report -------------------------------------------------------------------------------------


def print_report(report):
    start_, disk = report["start"], report["disk"]
    rows = [
        ("video, memory", report["heap_per_video"], "bytes of heap"),
        ("video, disk", report["state_per_video"], "bytes in state.mdb"),
        ("  its statistics, disk", report["state_statistics_per_video"], "bytes in state.mdb"),
        ("user, memory", report["heap_per_user"], "bytes of heap, with statistics of videos"),
        ("user, disk", report["state_per_user"], "bytes in state.mdb"),
        ("signal or video, disk", report["log_per_record"], "bytes in data.mdb"),
    ]
    print(f"{report['videos']:,} videos, {report['users']:,} users with", end=" ")
    print(f"{report['signals_per_user']} signals each; {report['statistics']:,} statistics\n")
    for name, value, unit in rows:
        print(f"{name:26}{value:10,.0f} {unit}")
    print()
    for name in ("data.mdb", "state.mdb"):
        print(f"{name:26}{disk[name]['bytes'] / 2**20:10,.0f} MiB, free pages and all")
    print(f"{'resident':26}{start_['resident_bytes'] / 2**20:10,.0f} MiB of memory,", end=" ")
    print(f"{start_['resident_empty_bytes'] / 2**20:.0f} MiB of it without data")
    print(f"{'':26}{start_['resident_file_bytes'] / 2**20:10,.0f} MiB of file pages\n")
    print(f"{'start, files in memory':26}{start_['warm_seconds']:10.2f} s until SERVING")
    print(f"{'start, files on disk':26}{start_['cold_seconds']:10.2f} s")


# --- main ---------------------------------------------------------------------------------------


def parse_options(words):
    parser = make_parser("./dev bench sizes", __doc__, EPILOG)
    add = parser.add_argument
    add("--videos", type=int, metavar="N", help="videos in the catalogue (1000000)")
    add("--users", type=int, metavar="N", help="users (1000000)")
    add("--signals-per-user", type=int, default=50, metavar="N", help="signals of each (50)")
    add("--rounds", type=int, default=3, metavar="N", help="starts of each kind (3)")
    add("--quick", action="store_true", help="100000 videos and users")
    add("--keep", action="store_true", help="keep the data for the next time")
    add("--json", action="store_true", help="print the report as JSON")
    add("--data", default=DEFAULT_DATA, metavar="DIR", help="where data is made (%(default)s)")
    add("--programs", default="bazel-bin", metavar="DIR", help="built programs (%(default)s)")
    return parser.parse_args(words)


def complete_options(options):
    full = {"videos": 1000000, "users": 1000000}
    quick = {"videos": 100000, "users": 100000}
    complete_sizes(options, full, quick)
    need_at_least_1(options, "videos", "users", "signals_per_user", "rounds")
    complete_programs(options, "fill", "disk")


def main(words):
    options = parse_options(words)
    complete_options(options)
    folder, stamp = prepare_data(options)
    try:
        report = measure_all(options, folder, stamp)
    finally:
        if not options.keep:
            shutil.rmtree(folder)
    show(options, report, print_report)
