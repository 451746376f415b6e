"""A short storm of reloads; `./dev bench reloads` is the long one."""

import pathlib

from client import REELRANK, Server, command, equal
from reloads import WATCH_MS, Storm, weights
from runner import case, run

SWAPS = 400
FIRST = 1_000_000  # a version that is in no count


def sanitized():
    return b"__asan_init" in pathlib.Path(REELRANK).read_bytes()


@case
def requests_see_one_version_each_in_a_storm_of_reloads(place):
    path = place / "weights.yaml"
    path.write_text(weights(FIRST))
    resident = {}
    with Server(place, "--weights", path, "--weights-watch-ms", WATCH_MS) as server:
        storm = Storm(server, path, 3)
        before = server.api.ListWeights(limit=1).changes[0].number
        storm.run(SWAPS, resident.__setitem__, {SWAPS // 4, SWAPS})
        equal(before + SWAPS, server.api.ListWeights(limit=1).changes[0].number)
        assert storm.answers() > SWAPS and storm.versions_seen() > SWAPS // 4, (storm.answers(), storm.versions_seen())
        if not sanitized():  # AddressSanitizer keeps what is freed for a while
            assert resident[SWAPS] < resident[SWAPS // 4] + 8192, resident
    command(0, "verify", "--data", place / "data")


run()
