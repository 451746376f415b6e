"""Commands in which calls to the system fail, each in its turn: they end, with a code that is documented and a reason, and
what was there stays."""

import errno
import os
import shutil
import subprocess
import sys

from client import NOW_MS, REELRANK, command, equal, failing
from runner import case, run

CALLS = os.path.abspath(sys.argv.pop(2))  # the runner would take it for the names of the cases wanted
WEIGHTS = os.path.abspath("config/weights.yaml")
DOCUMENTED = (0, 1, 2, 3, 4)
HANGS_S = 60
# enum call of tests/fault/calls.h.
OPEN, READ, WRITE, SYNC, SIZE, NAME, LOOK, LOCK, MAP, THREAD = range(10)
KINDS = ((OPEN, errno.EACCES), (READ, errno.EIO), (READ, 0), (WRITE, errno.ENOSPC), (WRITE, 0), (SYNC, errno.EIO), (SIZE, errno.ENOSPC),
         (NAME, errno.EIO), (LOOK, errno.EIO), (LOCK, errno.ENOLCK), (MAP, errno.ENOMEM), (THREAD, errno.EAGAIN))


def numbers():
    """Each of the first calls, then fewer and fewer."""
    number = 1
    while True:
        yield number
        number += 1 + number // 2


def run_failing(words, failure):
    return subprocess.run([REELRANK, *map(str, words)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=HANGS_S, env=failing(CALLS, failure))


def check_end(done, failure, words):
    told = "%s with failure %s: %r" % (words, failure, done)
    assert done.returncode in DOCUMENTED, told
    assert done.returncode == 0 or done.stderr.strip() or b"errors" in done.stdout, told


def sweep(words, before, after, kinds=KINDS):
    """Runs a command with one call failing, one after the other, until it seems to need no more of that kind."""
    for kind, code in kinds:
        successes = 0
        for number in numbers():
            before()
            failure = "%d %d %d once" % (kind, number, code)
            done = run_failing(words, failure)
            check_end(done, failure, words)
            try:
                after(done)
            except AssertionError as error:
                raise AssertionError("after %s with failure %s: %r" % (words, failure, done)) from error
            successes = successes + 1 if done.returncode == 0 else 0
            if successes == 3:
                break


def fill(place):
    """A directory with a catalogue and signals."""
    data, log = place / "data", place / "log.jsonl"
    out, _ = command(0, "simulate", "--now-ms", NOW_MS, "--videos", 40, "--users", 30, "--signals", 600)
    log.write_text(out)
    command(0, "import", "--data", data, "--format", "jsonl", log)
    command(0, "apply", "--data", data, WEIGHTS)
    return data


def digest(data):
    return [line for line in command(0, "status", "--data", data, "--digest")[0].splitlines() if "digest" in line or "sequence" in line]


def nothing(*_):
    pass


@case
def verify_tells_a_reason(place):
    data = fill(place)
    sweep(["verify", "--data", data], nothing, nothing)
    command(0, "verify", "--data", data, "--rebuild")


@case
def a_backup_is_whole_or_leaves_nothing(place):
    data, copy = fill(place), place / "copy"

    def check(done):
        equal(done.returncode == 0, copy.exists())
        equal(["data", "log.jsonl"], sorted(name for name in os.listdir(place) if name != "copy"))
        if done.returncode == 0:
            command(0, "verify", "--data", copy)

    sweep(["backup", "--data", data, copy], lambda: shutil.rmtree(copy, ignore_errors=True), check)


@case
def a_restore_is_whole_or_did_not_happen(place):
    data, copy, other = fill(place), place / "copy", place / "other"
    command(0, "backup", "--data", data, copy)
    want = digest(data)

    def check(done):
        if done.returncode == 0:
            equal(want, digest(other))

    sweep(["restore", "--data", other, copy], lambda: shutil.rmtree(other, ignore_errors=True), check)


run(case_seconds=600)  # hundreds of commands
