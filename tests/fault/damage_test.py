"""Bytes on disk that another hand changed: a start says what is wrong, or does without, and verify names it."""

import json
import os
import random
import signal
import subprocess

import grpc

from client import NOW_MS, REELRANK, TIMEOUT, Server, command, equal, new_signal, record, upsert, video
from runner import case, run

FAILED = 1  # the command's exit code
PAGE = 4096
COUNT = 3000  # signals
DIES_BY_SIGNAL = {**os.environ, "ASAN_OPTIONS": "abort_on_error=1"}  # under asan too


def event_id(number):
    return "event-%06d" % number


def fill(place):
    """A folder with a log and a checkpoint of all of it; returns what the server says of it."""
    with Server(place) as server:
        upsert(server.api, video("v1"))
        for first in range(0, COUNT, 1000):
            record(server.api, *[new_signal("SHARE", user_id="u%d" % (number % 100), event_id=event_id(number),
                                            time_ms=NOW_MS + number) for number in range(first, first + 1000)])
        return server.api.GetStatus(state_digest=True)


def flip(path, at, count=1):
    with open(path, "r+b") as file:
        file.seek(at)
        data = file.read(count)
        file.seek(at)
        file.write(bytes(byte ^ 0x55 for byte in data))


def place_of(path, text):
    at = path.read_bytes().rfind(text.encode())  # the last one: earlier ones may stand on freed pages
    assert at >= 0, text
    return at


def serve(place):
    """What a server says that does not start: (exit code, last line). It is stopped when it starts."""
    process = subprocess.Popen([REELRANK, "serve", "--data", str(place / "data"), "--listen", "127.0.0.1:0"],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=DIES_BY_SIGNAL)
    if process.stdout.readline():
        process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=TIMEOUT)
    return process.returncode, err.decode().splitlines()[-1]


def verdict_of(place):
    done = subprocess.run([REELRANK, "verify", "--data", str(place / "data"), "--json"], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=TIMEOUT)
    assert done.returncode in (0, FAILED), done
    return json.loads(done.stdout)


@case
def a_changed_byte_of_a_record_is_named_by_verify_and_refused_at_a_start(place):
    status = fill(place)
    log = place / "data" / "data.mdb"
    at = place_of(log, event_id(1234))
    flip(log, at)
    sequence = 1234 + 2  # after the video, and from 1
    verdict = verdict_of(place)
    equal((1, status.state_sequence - 1), (verdict["error_count"], verdict["records"]))
    equal(sequence, verdict["errors"][0]["sequence"])
    code, line = serve(place)
    assert code == FAILED and "record %d" % sequence in line, line
    flip(log, at)
    with Server(place) as server:
        equal(status.state_digest, server.api.GetStatus(state_digest=True).state_digest)


@case
def a_lost_page_of_the_log_is_named_by_verify_and_refused_by_backup(place):
    status = fill(place)
    log = place / "data" / "data.mdb"
    page = place_of(log, event_id(1500)) // PAGE
    with open(log, "r+b") as file:
        file.seek(page * PAGE)
        file.write(bytes(PAGE))
    verdict = verdict_of(place)
    assert verdict["error_count"] >= 1 and verdict["records"] < status.state_sequence, verdict
    assert any("page" in error["problem"] for error in verdict["errors"]), verdict
    done = subprocess.run([REELRANK, "backup", "--data", str(place / "data"), str(place / "out")],
                          stderr=subprocess.PIPE, timeout=TIMEOUT)
    # LMDB's own copying trusts its pages: it ends with an error or a signal, but never with a backup.
    assert done.returncode != 0, done
    assert not (place / "out").exists()


@case
def a_damaged_first_page_of_the_log_is_refused_with_a_reason(place):
    fill(place)
    log = place / "data" / "data.mdb"
    flip(log, 16, 8)  # magic and version of the first meta page
    flip(log, PAGE + 16, 8)
    code, line = serve(place)
    assert code == FAILED and "cannot open the log" in line and str(place / "data") in line, line
    command(FAILED, "verify", "--data", place / "data")


@case
def a_log_cut_short_is_named_by_verify_and_does_not_serve(place):
    fill(place)
    log = place / "data" / "data.mdb"
    os.truncate(log, os.path.getsize(log) // 2 // PAGE * PAGE)
    assert verdict_of(place)["error_count"] > 0
    code, _ = serve(place)
    assert code != 0, "it served"


def digest_of(place):
    """None when a row cannot be read, or the server dies of reading it; a wrong digest would be told."""
    with Server(place) as server:
        try:
            return server.api.GetStatus(state_digest=True).state_digest
        except grpc.RpcError as error:
            assert error.code() in (grpc.StatusCode.DATA_LOSS, grpc.StatusCode.UNAVAILABLE), error
            server.kill()
            return None


@case
def changed_bytes_of_the_checkpoint_never_change_what_is_served(place):
    """Anywhere in state.mdb: the start does without the file, or the bytes meant nothing, or they are met later, when
    the row is asked for: then that is DATA_LOSS, and nothing wrong. A server that dies of them or meets them leaves a
    mark, by which the next start does without the file."""
    status = fill(place)
    state = place / "data" / "state.mdb"
    good = state.read_bytes()
    moments = random.Random(1)
    outcomes = {"ignored": 0, "set aside": 0, "died once": 0, "met later": 0}
    for _ in range(30):
        state.write_bytes(good)
        (place / "data" / "state.mdb.bad").unlink(missing_ok=True)
        flip(state, moments.randrange(len(good) - 512), moments.choice((1, 4, 64, 512)))
        code, line = serve(place)
        assert code == 0 or code < 0, "a start refused: %s" % line
        outcome = "died once" if code < 0 else "ignored"
        if digest_of(place) is None:
            outcome = "met later"
        equal(status.state_digest, digest_of(place))
        if outcome == "ignored" and (place / "data" / "state.mdb.bad").exists():
            outcome = "set aside"
        outcomes[outcome] += 1
        command(0, "verify", "--data", place / "data", "--rebuild")
    assert outcomes["ignored"] < 30, outcomes
    print(outcomes)


@case
def a_checkpoint_of_zeros_or_of_nothing_is_done_without(place):
    status = fill(place)
    state = place / "data" / "state.mdb"
    for content in (b"", b"\0" * 10, b"\0" * 8 * PAGE, b"not a database\n" * 1000):
        state.write_bytes(content)
        with Server(place) as server:
            equal(status.state_digest, server.api.GetStatus(state_digest=True).state_digest)
            upsert(server.api, video("v1", title=str(len(content))))
            status = server.api.GetStatus(state_digest=True)


@case
def a_backup_with_a_changed_byte_is_not_restored(place):
    fill(place)
    command(0, "backup", "--data", place / "data", place / "out")
    log = place / "out" / "data.mdb"
    flip(log, place_of(log, event_id(77)))
    _, err = command(FAILED, "restore", place / "out", "--data", place / "restored")
    assert "is damaged" in err, err
    assert not (place / "restored").exists()


run()
