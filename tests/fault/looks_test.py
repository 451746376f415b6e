"""A look at what a worker does that is itself held up: the server must not take its own delay for a flood.

The word after the reelrank binary on the command line is a library that holds up such looks (looks.c).
"""

import os
import sys
import time

from client import Server, large_upserts
from runner import case, run

SHIM = os.path.abspath(sys.argv.pop(2))  # the runner would take it for the names of the cases wanted
ROUNDS = 12
QUIET_S = 0.4  # some looks, each held up for 0.1 s


@case
def a_held_up_look_takes_nobody_for_a_flood(place):
    environment = {**os.environ, "LD_PRELOAD": SHIM, "ASAN_OPTIONS": "verify_asan_link_order=0"}
    with Server(place, "--workers", 1, "--queue-delay-ms", 0, env=environment) as server:
        send = large_upserts(server, 24)
        for _ in range(ROUNDS):
            time.sleep(QUIET_S)  # so that the worker waits at two looks in a row, and has much to do behind the second
            send()
    log = (place / "server.log").read_text()
    assert "closed for sending" not in log, log[-2000:]


run()
