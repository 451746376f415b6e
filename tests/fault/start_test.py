"""Starts of a server in which calls to the system fail, each in its turn: it serves, or it ends and says why; it does not
hang, and what was there stays."""

import errno
import os
import select
import signal
import sys

from client import NOW_MS, TIMEOUT, Process, Server, command, equal, failing, rank
from runner import case, run
from secure import Authority, new_token

CALLS = os.path.abspath(sys.argv.pop(2))  # the runner would take it for the names of the cases wanted
JOURNAL = ("--journal-share-ppm", 1000000)
WEIGHTS = os.path.abspath("config/weights.yaml")
DOCUMENTED = (1, 2, 3, 4)
# enum call of tests/fault/calls.h. For want of threads or memory it is gRPC's core that ends the process.
OPEN, READ, WRITE, SYNC, SIZE, NAME, LOOK, LOCK = range(8)
KINDS = ((OPEN, errno.EACCES), (READ, errno.EIO), (READ, 0), (WRITE, errno.ENOSPC), (WRITE, 0), (SYNC, errno.EIO), (SIZE, errno.ENOSPC),
         (NAME, errno.EIO), (LOOK, errno.EIO), (LOCK, errno.ENOLCK))
IN_A_ROW = 12  # starts that serve: those after them will


def numbers():
    """Each of the first calls, then fewer and fewer."""
    number = 1
    while True:
        yield number
        number += 1 + number // 8


def wait_until_known(process):
    """The first line that it says, or nothing of one that ended."""
    ready, _, _ = select.select([process.process.stdout], [], [], TIMEOUT)
    assert ready, "it neither serves nor ends: " + process.log_text()
    return process.process.stdout.readline().decode()


def start(place, words, failure):
    """Whether a server that starts so serves."""
    process = Process(place, *words, env=failing(CALLS, failure))
    try:
        serves = wait_until_known(process).startswith("listening on ")
        if serves:
            process.process.send_signal(signal.SIGTERM)
        code, text = process.wait(), process.log_text()
    finally:
        process.kill()
        process.release()
    assert code == 0 if serves else code in DOCUMENTED, "failure %s: code %s: %s" % (failure, code, text)
    last = text.splitlines()[-1]
    assert serves or last.startswith("reelrank: serve: ") and "memory" not in last, "failure %s: %s" % (failure, text)
    return serves


def sweep(place, words, kind, code):
    served = 0
    for number in numbers():
        served = served + 1 if start(place, words, "%d %d %d once" % (kind, number, code)) else 0
        if served == IN_A_ROW:
            return


@case
def a_start_serves_or_says_why_not(place):
    log, tokens = place / "log.jsonl", place / "tokens"
    out, _ = command(0, "simulate", "--now-ms", NOW_MS, "--videos", 40, "--users", 30, "--signals", 600)
    log.write_text(out)
    command(0, "import", "--data", place / "data", "--format", "jsonl", log)
    new_token(tokens, "test", "admin")
    pair = Authority(place, "ca").issue("server")
    words = ("--weights", WEIGHTS, "--tokens", tokens, "--tls-cert", pair.path, "--tls-key", pair.key_path, *JOURNAL)
    with Server(place, *JOURNAL) as server:
        for _ in range(3):
            rank(server.api, ["v1"])
        want = server.api.GetStatus(state_digest=True).state_digest
    for kind, code in KINDS:
        sweep(place, words, kind, code)
    with Server(place) as server:
        equal(want, server.api.GetStatus(state_digest=True).state_digest)
    command(0, "verify", "--data", place / "data", "--rebuild")


run(case_seconds=600)  # hundreds of starts
