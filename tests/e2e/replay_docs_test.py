"""docs/replay.md says what its commands print."""

from docs_page import agree, check, sessions
from replay_world import live
from runner import case, run


@case
def every_command_of_the_page_prints_what_the_page_says(place):
    live(place, 1500, users=240)
    check(place, "docs/replay.md", at_least=11)


@case
def a_page_that_says_something_else_is_noticed(_):
    assert agree(["a", "...", "d"], ["a", "b", "c", "d"])
    assert agree(["a", "..."], ["a"])
    assert not agree(["a", "...", "d"], ["a", "b", "e"])
    assert not agree(["a"], ["a", "b"])
    assert agree(["at … UTC, 1.5"], ["at 10:00 UTC, 1.5"])
    assert not agree(["at … UTC, 1.5"], ["at 10:00 UTC, 1x5"])
    assert sessions("x\n    $ one\n    out\n\n    more\n\ny\n    code\n    $ two\n") == [
        ("one", ["out", "", "more"]), ("two", [])]


run()
