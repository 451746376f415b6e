"""Options, files and parts of "reelrank replay": what is refused, and what is left behind."""

import json
import os
import struct

from calls import FAILED, INVALID, NOW_MS, OK, USAGE, call
from runner import case, run

ABOUT = struct.Struct("<8sQ")  # a part begins with a mark and the size of the JSON that follows


def world(place):
    call(OK, "simulate", "--out", "w", "--videos", "100", "--users", "8", "--signals", "600", "--now-ms", NOW_MS,
         cwd=place)
    return "--catalogue", "w/catalogue.jsonl", "--log", "w/log.jsonl"


def ranking(place, *words, code=OK):
    return call(code, "replay", "ranking", "default", *world(place), "--age", "25", *words, cwd=place)


def refused(place, words, reason):
    told = call(USAGE, "replay", *words, cwd=place)[1]
    assert reason in told, told


@case
def options_that_would_change_nothing_are_refused(place):
    files = world(place)
    of_log = "--catalogue, --format, --assume-safety and --sort are of --log alone"
    for option in (["--sort"], ["--format", "obd"], ["--assume-safety", "low"], ["--catalogue", "w/catalogue.jsonl"]):
        refused(place, ["ranking", "default", "--data", "d", *option], of_log)
    for option in (["--age", "25"], ["--locale", "hi-IN"]):
        refused(place, ["ranking", "default", "--data", "d", *option], "--age and --locale are of impressions and outcomes")
        refused(place, ["counterfactual", "default", *files, *option], "unknown option")
    refused(place, ["ranking", "default", *files, "--negatives", "5"], "--negatives is of --rankings outcomes alone")


@case
def what_can_be_read_once_only_is_not_read_twice(place):
    world(place)
    os.mkfifo(place / "pipe")
    for log in ("-", "pipe"):
        reason = f"{log}: the reward model reads the log twice"
        refused(place, ["counterfactual", "default", "--log", log], f"--log {reason}")
        refused(place, ["counterfactual", "default", "--catalogue", log, "--log", "w/log.jsonl"], f"--catalogue {reason}")
    refused(place, ["ranking", "default", "--log", "-", "--catalogue", "-"], "cannot both be standard input")


@case
def parts_without_a_ranking_count_too(place):
    whole = ranking(place, "--json")[0]
    parts = [f"{i}.part" for i in range(1, 13)]  # of eight users
    measured = []
    for i, part in enumerate(parts, 1):
        report = json.loads(ranking(place, "--json", "--part", f"{i}/{len(parts)}", "--out", part)[0])
        measured.append(report["rankings"]["measured"])
    assert min(measured) == 0 < max(measured), measured
    assert call(OK, "replay", "merge", *parts, "--json", cwd=place)[0] == whole


@case
def a_replay_of_which_nothing_can_be_measured_fails_whole_and_merged(place):
    world(place)
    with open(place / "w/log.jsonl") as log:
        first = json.loads(log.readline())
    later = json.loads(json.dumps(first))  # of the same ranking, but seen when its time is over
    later["signal"].update(video_id="video-00001", event_id="later", position=2)
    later["signal"]["time_ms"] += 120000
    (place / "two.jsonl").write_text(json.dumps(first) + "\n" + json.dumps(later) + "\n")
    nothing = ["replay", "ranking", "default", "--catalogue", "w/catalogue.jsonl", "--log", "two.jsonl", "--age", "25",
               "--window", "1"]
    assert "can be measured" in call(FAILED, *nothing, cwd=place)[1]
    for i in (1, 2):
        call(OK, *nothing, "--part", f"{i}/2", "--out", f"{i}.part", cwd=place)
    assert "can be measured" in call(FAILED, "replay", "merge", "1.part", "2.part", cwd=place)[1]


@case
def parts_that_were_ranked_otherwise_are_refused(place):
    ranking(place, "--part", "1/2", "--out", "1.part")
    for option in (["--age", "26"], ["--locale", "hi-IN"], ["--k", "5"], ["--assume-safety", "low"]):
        ranking(place, *option, "--part", "2/2", "--out", "2.part")
        told = call(INVALID, "replay", "merge", "1.part", "2.part", cwd=place)[1]
        assert told.startswith("reelrank: replay merge: 2.part: it"), told


def rewrite(place, change, behind=b""):
    """Writes b.part: a.part with what it says before its sums changed."""
    data = (place / "a.part").read_bytes()
    mark, size = ABOUT.unpack_from(data)
    end = ABOUT.size + size
    about = json.loads(data[ABOUT.size:end])
    change(about)
    text = json.dumps(about).encode()
    (place / "b.part").write_bytes(ABOUT.pack(mark, len(text)) + text + data[end:] + behind)


@case
def a_part_that_does_not_fit_its_sums_is_refused(place):
    ranking(place, "--part", "1/1", "--out", "a.part")
    rewrite(place, lambda about: None)
    call(OK, "replay", "merge", "b.part", cwd=place)
    rewrite(place, lambda about: None, b"x")
    assert "it goes on behind its sums" in call(FAILED, "replay", "merge", "b.part", cwd=place)[1]
    for change in (lambda about: about.pop("contenders"), lambda about: about["contenders"].pop(),
                   lambda about: about["contenders"].append({})):
        rewrite(place, change)
        told = call(FAILED, "replay", "merge", "b.part", cwd=place)[1]
        assert "it does not name the 2 contenders" in told, told


@case
def files_that_cannot_be_written_whole_are_removed(place):
    files = world(place)
    replay = ["replay", "ranking", "default", *files, "--age", "25"]
    told = call(FAILED, *replay, "--part", "1/1", "--out", "p.part", cwd=place, limit=512)[1]
    assert "--out p.part: cannot write: File too large" in told, told
    assert not (place / "p.part").exists()
    told = call(FAILED, *replay, "--trec", "trec", cwd=place, limit=512)[1]
    assert "--trec trec/" in told and "cannot write: File too large" in told, told
    assert os.listdir(place / "trec") == []


@case
def names_that_are_not_utf8_are_shown_with_question_marks(place):
    world(place)
    os.rename(place / "w/log.jsonl", os.fsencode(place) + b"/l\xff.jsonl")
    with open(os.fsencode(place) + b"/w\xff.yaml", "w") as file:
        file.write("version: odd\n")
    report = json.loads(call(OK, "replay", "ranking", b"w\xff.yaml", "--catalogue", "w/catalogue.jsonl", "--log",
                             b"l\xff.jsonl", "--age", "25", "--json", cwd=place)[0])
    assert report["source"]["name"] == "l?.jsonl", report["source"]
    assert [contender["name"] for contender in report["contenders"]] == ["w?.yaml", "served"]


@case
def weights_that_no_longer_parse_are_told_of_line_by_line(place):
    (place / "bad.yaml").write_text("version: bad\nslate: {no_such_key: 1}\n")
    world(place)
    told = call(INVALID, "replay", "ranking", "bad.yaml", "--log", "w/log.jsonl", cwd=place)[1]
    assert "bad.yaml:2:9: " in told and "bad.yaml has 1 problem" in told, told


run()
