"""docs/tuning.md: from a server's log to weights in force and back, as the page says."""

from client import Server
from docs_page import check
from mix import ALL
from replay_world import live
from runner import case, run


@case
def every_step_of_the_walk_prints_what_the_page_says(place):
    live(place, 1500, users=240)
    with Server(place, *ALL) as server:
        before = server.api.GetWeights().weights_version
        check(place, "docs/tuning.md", at_least=14, SERVER=server.address)
        assert server.api.GetWeights().weights_version == before, "the walk ends with what was in force"


run()
