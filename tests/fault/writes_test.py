"""A disk that fails once and is well again: one call is refused, the next ones are taken, by the same server.

The page that ends a commit is the one that matters: after a failure of its write LMDB wants the file opened again.
"""

import errno
import os
import sys

import grpc

from client import NOW_MS, Server, command, equal, failing, new_signal, record, upsert, video
from runner import case, run

CALLS = os.path.abspath(sys.argv.pop(2))  # the runner would take it for the names of the cases wanted
WRITE = 2  # enum call of tests/fault/calls.h
BATCHES = 6
NUMBERS = range(1, 17)  # of writes of a server's first moments, and of its first batches
REFUSALS = {errno.EIO: grpc.StatusCode.INTERNAL, errno.ENOSPC: grpc.StatusCode.RESOURCE_EXHAUSTED}


class Source:
    """Signals numbered from 0, one in a call. What was refused is sent again."""

    def __init__(self):
        self.acknowledged = 0

    def send(self, api, refusal):
        """Whether it was taken."""
        signal = new_signal("SHARE", user_id="u%d" % (self.acknowledged % 5), video_id="v1",
                            event_id="e%d" % self.acknowledged, time_ms=NOW_MS + self.acknowledged)
        try:
            record(api, signal)
        except grpc.RpcError as error:
            equal(refusal, error.code())
            return False
        self.acknowledged += 1
        return True

    def check(self, api):
        """What was acknowledged is there once, and nothing that was refused."""
        [stored] = api.GetVideos(video_ids=["v1"], statistics=True).videos
        equal(self.acknowledged, stored.statistics[0].shares)
        equal(self.acknowledged + 1, api.GetStatus().state_sequence)


def serve(place, source, number, code):
    """A life in which one write fails. Returns how many calls that cost."""
    failure = "%d %d %d once" % (WRITE, number, code)
    with Server(place, env=failing(CALLS, failure)) as server:
        refused = [sent for sent in (source.send(server.api, REFUSALS[code]) for _ in range(BATCHES)) if not sent]
        source.check(server.api)
        text = server.log_text()
    equal(len(refused), text.count("nothing is written"))
    equal(len(refused), text.count("event=write status=ok"))
    return len(refused)


@case
def a_write_that_fails_costs_one_call_and_no_restart(place):
    source = Source()
    with Server(place) as server:
        upsert(server.api, video("v1"))
    for code in REFUSALS:
        refused = [serve(place, source, number, code) for number in NUMBERS]
        assert max(refused) == 1 and sum(refused) > BATCHES, refused
    with Server(place) as server:
        source.check(server.api)
    command(0, "verify", "--data", place / "data", "--rebuild")


run()
