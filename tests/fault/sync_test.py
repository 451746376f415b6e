"""The order of system calls behind an acknowledgement: append, sync, the page that makes it count, and only then the answer.

What SIGKILL cannot show, since the kernel keeps what it was given: here strace tells when each call began and ended.
"""

import os
import re
import shutil
import subprocess

from client import NOW_MS, Feed, Server, equal, eventually, new_signal, varint
from runner import Skip, case, run

CALLS = "openat,fdatasync,fsync,msync,sendmsg,pwrite64,pwritev,write,writev"
BATCHES = 40
PAGE = 4096
CUT = " <unfinished ...>"
LINE = re.compile(r"^(\d+) +(?:<\.\.\. (\w+) resumed>|(\w+)\()(.*)$", re.DOTALL)
HEX = re.compile(r"\\x([0-9a-f]{2})")


def need_strace():
    if shutil.which("strace") is None:
        raise Skip("no strace here")
    done = subprocess.run(["strace", "-o", "/dev/null", "true"], stderr=subprocess.PIPE)
    if done.returncode != 0:
        raise Skip("no ptrace here")


class Call:
    """A system call: its arguments as text, and the lines at which it began and ended."""

    def __init__(self, name, text, began):
        self.name = name
        self.text = text
        self.began = began
        self.ended = None

    def finish(self, text, ended):
        self.text += text
        self.ended = ended


def read_trace(path):
    """The calls in the order in which they began; every byte they were given is one character."""
    calls, open_calls = [], {}
    for number, line in enumerate(path.read_text().splitlines()):
        match = LINE.match(HEX.sub(lambda code: chr(int(code[1], 16)), line))
        if match is None:
            continue
        thread, resumed, name, rest = match.groups()
        if resumed is None:
            calls.append(Call(name, rest.removesuffix(CUT), number))
            open_calls[thread] = calls[-1]
        call = open_calls[thread]
        if resumed is not None:
            call.finish(rest, number)
        elif not rest.endswith(CUT):
            call.finish("", number)
    return calls


def first(calls, condition, what):
    found = [call for call in calls if condition(call)]
    assert found, "the trace lacks " + what
    return found[0]


def is_on_log(call):
    return call.text.split(">")[0].endswith("/data.mdb")


def is_sync_of_log(call):
    return call.name == "fdatasync" and is_on_log(call)


def is_write_of_log(call):
    return call.name in ("pwrite64", "pwritev", "write", "writev") and is_on_log(call)


def is_meta_write(call):
    """LMDB's own last step: a write into the first or second page, through a descriptor that syncs by itself."""
    offset = re.search(r", (\d+)\) += \d+$", call.text)
    return is_write_of_log(call) and offset is not None and int(offset.group(1)) < 2 * PAGE


def send(place, trace):
    """Batches on one stream, several under way; the ids of events and of batches are found again in the trace."""
    # -D: the server is our child, and gets our signals, rather than strace.
    prefix = ["strace", "-D", "-f", "-y", "-xx", "-s", "65536", "-e", "trace=" + CALLS, "-e", "signal=none",
              "-o", str(trace)]
    batches = [(0x123456780000 + i, "event-of-batch-%03d" % i) for i in range(BATCHES)]
    # The search for leaks of asan does not work under ptrace.
    environment = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0"}
    with Server(place, "--workers", "2", prefix=prefix, env=environment) as server:
        feed = Feed()
        answers = server.api.StreamSignals(iter(feed))
        for begin in range(0, BATCHES, 4):
            for number, event in batches[begin : begin + 4]:
                signal = new_signal("SHARE", user_id="u", event_id=event, time_ms=NOW_MS)
                feed.put(server.api.request("StreamSignals", batch_id=number, signals=[signal]))
            for _ in range(4):
                equal(1, next(answers).accepted)
        feed.end()
        pid = server.process.pid
    eventually(lambda: re.search(r"^%d +\+\+\+ exited" % pid, trace.read_text(), re.MULTILINE))
    return batches


@case
def an_acknowledgement_is_sent_after_the_sync_that_follows_its_append(place):
    need_strace()
    trace = place / "trace"
    batches = send(place, trace)
    calls = read_trace(trace)
    first(calls, lambda call: call.name == "openat" and "O_DSYNC" in call.text and "/data.mdb" in call.text,
          "the opening of the descriptor that syncs by itself")
    for number, event in batches:
        append = first(calls, lambda call: is_write_of_log(call) and event in call.text, "the append of " + event)
        later = [call for call in calls if call.began > append.ended]
        sync = first(later, is_sync_of_log, "a sync after the append of " + event)
        equal(True, sync.text.endswith("= 0"))
        meta = first([call for call in later if call.began > sync.ended], is_meta_write, "the page that ends an append")
        answer = first(calls, lambda call: call.name == "sendmsg" and varint(number).decode("latin-1") in call.text,
                       "the answer to batch %d" % number)
        assert append.ended < sync.began and sync.ended < meta.began and meta.ended < answer.began, (
            "the answer to %s began at line %d of the trace, its append ended at %d, the sync at %d, the last page at %d"
            % (event, answer.began, append.ended, sync.ended, meta.ended))


run()
