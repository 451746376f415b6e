"""The reelrank command as its users meet it: the real binary, a real store, a real server.

usage: cli_test.py REELRANK WEIGHTS_YAML [FILTER]
Prints "ok NAME" or "FAILED NAME" for each test.
"""

import contextlib
import csv
import gzip
import json
import os
import pathlib
import pty
import re
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import traceback

REELRANK = os.path.abspath(sys.argv[1])
WEIGHTS = os.path.abspath(sys.argv[2])
COMMANDS = ["serve", "import", "rank", "explain", "features", "check", "diff", "apply", "rollback", "history",
            "weights", "status", "videos", "user", "export", "verify", "backup", "restore", "forget", "token new", "token list", "token revoke", "simulate", "replay parity", "replay ranking", "replay counterfactual", "replay merge", "train logistic", "train trees", "help"]
OK, FAILED, USAGE, UNAVAILABLE, INVALID = range(5)
START_S = 60  # far above what a loaded machine needs; nothing waits this long when all is well

TITLES = {
    "v1": ("hi", "हिन्दी शीर्षक"),
    "v2": ("ru", "Очень длинный русский заголовок, который не помещается в колонку таблицы целиком"),
    "v4": ("hi", "短视频"),
}


def video(video_id, **fields):
    entry = {"video_id": video_id, "creator_id": "c" + video_id, "languages": ["hi"], "duration_ms": 15000}
    entry.update(fields)
    return {"video": entry}


def like(user_id, video_id, time_ms):
    return {"signal": {"user_id": user_id, "video_id": video_id, "type": "SIGNAL_TYPE_LIKE",
                       "time_ms": time_ms, "locale": "hi-IN"}}


def lines(*entries):
    return "".join(json.dumps(entry) + "\n" for entry in entries)


def catalogue():
    rated = [video(name, languages=[language], title=title, safety_rating="SAFETY_RATING_LOW_RISK")
             for name, (language, title) in TITLES.items()]
    return rated + [video("v3", title="nobody rated this")]


class Result:
    def __init__(self, done):
        self.code = done.returncode
        self.out = done.stdout.decode()
        self.err = done.stderr.decode()

    def __repr__(self):
        return "code %d\nstdout: %s\nstderr: %s" % (self.code, self.out, self.err)


def run(*words, stdin=b""):
    done = subprocess.run([REELRANK, *map(str, words)], input=stdin, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=START_S)
    return Result(done)


def expect(code, *words, stdin=b""):
    result = run(*words, stdin=stdin)
    assert result.code == code, "%s: want code %d, got %r" % (words, code, result)
    return result


class Place:
    """A directory with a catalogue, its ids, and a data directory not yet made."""

    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.data = self.path / "data"
        self.ids = self.write("ids.txt", "v1\nv2\nv3\nv4\nv9\nv1\n")

    def write(self, name, text):
        path = self.path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def fill(self, *more):
        entries = catalogue() + [like("u1", "v1", 1700000000000)] + list(more)
        expect(OK, "import", "--data", self.data, "--format", "jsonl", self.write("all.jsonl", lines(*entries)))
        return self

    def rank(self, *words, code=OK):
        return expect(code, "rank", "--data", self.data, "--user", "u1", "--locale", "hi-IN", "--age", 25,
                      "--candidates", self.ids, *words)


@contextlib.contextmanager
def server(place, *words):
    """Serves place.data; yields HOST:PORT; ends with SIGTERM and checks that it ended well."""
    process = subprocess.Popen([REELRANK, "serve", "--data", str(place.data), "--listen", "127.0.0.1:0", *words],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        line = process.stdout.readline().decode()
        assert line.startswith("listening on "), line + process.stderr.read().decode()
        yield line.split()[-1]
    finally:
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=START_S)
    assert process.returncode == OK, log.decode()


def help_tells_of_every_command(place):
    overview = expect(OK, "help").out
    assert expect(OK, "--help").out == overview
    for code in ["0  done", "1  failed", "2  usage", "3  unavailable", "4  invalid"]:
        assert code in overview, overview
    for command in COMMANDS:
        assert re.search(r"^  %s +\w" % command, overview, re.M), command
        text = expect(OK, "help", *command.split()).out
        assert text.startswith("usage: reelrank " + command), text
        assert "examples:\n  " in text and "reelrank " + command in text.split("examples:")[1], text
        assert expect(OK, *command.split(), "--help").out == text
        assert not re.search(r" $", text, re.M), text
        assert all(len(line) <= 100 for line in text.splitlines()), text


def a_word_that_begins_several_commands_tells_of_them(place):
    text = expect(OK, "help", "replay").out
    assert text.startswith("usage: reelrank replay COMMAND [OPTION]...\n\ncommands:\n"), text
    assert [line.split()[:2] for line in text.splitlines()[3:7]] == [
        ["replay", "parity"], ["replay", "ranking"], ["replay", "counterfactual"], ["replay", "merge"]], text
    assert expect(OK, "replay", "--help").out == text
    assert expect(USAGE, "replay").err == text
    assert 'did you mean "reelrank replay merge"?' in expect(USAGE, "replay", "marge").err
    assert 'unknown command "replay zebra"' in expect(USAGE, "help", "replay", "zebra").err


def help_names_every_option_the_server_has(place):
    text = expect(OK, "serve", "--help").out
    for option in ["--listen", "--data", "--weights", "--workers", "--max-message-bytes", "--drain-ms"]:
        assert option in text, text


def the_version_is_one_line(place):
    assert re.fullmatch(r"reelrank \d+\.\d+\.\d+\n", expect(OK, "--version").out)


def unknown_words_are_answered_with_the_nearest(place):
    assert 'did you mean "reelrank rank"?' in expect(USAGE, "rnak").err
    assert 'did you mean "reelrank import"?' in expect(USAGE, "improt").err
    assert "lists the commands" in expect(USAGE, "zebra").err
    assert "did you mean --locale?" in expect(USAGE, "rank", "--localle", "hi").err
    assert 'did you mean "reelrank status"?' in expect(USAGE, "help", "stats").err
    assert expect(USAGE).err.startswith("usage: reelrank COMMAND")


def wrong_usage_says_what_is_missing(place):
    assert "--locale TAG is required" in expect(USAGE, "rank", "--data", "x", "--candidates", "y").err
    assert "give one of --data DIR and --target" in expect(USAGE, "status").err
    assert "give one of --data DIR and --target" in expect(USAGE, "status", "--data", "x", "--target", "y:1").err
    for target in ["", "host", "host:", ":1", "host:x"]:
        assert "is not HOST:PORT" in expect(USAGE, "status", "--target", target).err
    assert "FILE... is missing" in expect(USAGE, "import", "--data", "x", "--format", "jsonl").err
    assert "one word too many" in expect(USAGE, "status", "--data", "x", "y").err
    assert "is not one of jsonl, kuairand, youtube, obd, movielens, metarank" in expect(
        USAGE, "import", "--data", "x", "--format", "jsno", "y").err
    assert '"2001" is not a whole number from 0 to 2000' in place.rank("--limit", 2001, code=USAGE).err
    assert "FILE is missing" in expect(USAGE, "check").err


def importing_twice_accepts_nothing_new(place):
    file = place.write("all.jsonl", lines(*catalogue(), like("u1", "v1", 1), like("u1", "v2", 2)))
    words = ["import", "--data", place.data, "--format", "jsonl", "--json", file]
    first = json.loads(expect(OK, *words).out)
    assert (first["accepted"], first["duplicate"], first["rejected"]) == (6, 0, 0), first
    assert first["signals"] == {"accepted": 2, "duplicate": 0, "rejected": 0}, first
    assert first["videos"] == {"accepted": 4, "duplicate": 0, "rejected": 0}, first
    second = json.loads(expect(OK, *words).out)
    assert (second["accepted"], second["duplicate"], second["rejected"]) == (0, 6, 0), second


def import_reads_standard_input_and_several_files(place):
    one = place.write("one.jsonl", lines(like("u1", "v1", 1)))
    result = expect(OK, "import", "--data", place.data, "--format", "jsonl", "--json", one, "-",
                    stdin=lines(like("u1", "v1", 2), like("u1", "v1", 1)).encode())
    counts = json.loads(result.out)
    assert (counts["accepted"], counts["duplicate"]) == (2, 1), counts
    assert result.err == "", result.err


def packed_files_are_imported_as_what_is_in_them(place):
    packed = gzip.compress(lines(like("u1", "v1", 1)).encode()) + gzip.compress(lines(like("u1", "v1", 2)).encode())
    words = ["import", "--data", place.data, "--format", "jsonl", "--json"]
    result = expect(OK, *words, place.write("log.jsonl", packed), "-", stdin=packed)
    counts = json.loads(result.out)
    assert (counts["accepted"], counts["duplicate"], counts["rejected"]) == (2, 2, 0), counts


def a_packed_file_that_ends_early_is_told_with_its_line(place):
    packed = gzip.compress(lines(like("u1", "v1", 1), like("u2", "v1", 2)).encode())
    file = place.write("cut.gz", packed[:-4])
    result = expect(FAILED, "import", "--data", place.data, "--format", "jsonl", file)
    assert "cut.gz: reading failed at line 3: the gzip data ends early at byte %d" % (len(packed) - 4) \
        in result.err, result


def logs_of_other_systems_are_imported(place):
    words = ["import", "--data", place.data, "--json", "--format"]
    shown = place.write("men.csv", "timestamp,item_id,position,click,propensity_score\n"
                                   "2019-11-24 00:01:03.979311+00:00,7,2,1,0.5\n")
    counts = json.loads(expect(OK, *words, "obd", shown).out)
    assert (counts["signals"]["accepted"], counts["videos"]["accepted"]) == (2, 1), counts
    rated = place.write("u.data", "1\t2\t5\t1574553663\n")
    assert json.loads(expect(OK, *words, "movielens", rated).out)["signals"]["accepted"] == 2
    event = {"event": "ranking", "id": "r", "timestamp": "1574553663979", "user": "u", "items": [{"id": "a"}]}
    assert json.loads(expect(OK, *words, "metarank", place.write("e.jsonl", lines(event))).out)["accepted"] == 1


def an_empty_file_is_no_error(place):
    result = expect(OK, "import", "--data", place.data, "--format", "jsonl", "--json", place.write("e.jsonl", ""))
    assert json.loads(result.out)["accepted"] == 0
    assert json.loads(expect(OK, "status", "--data", place.data, "--json").out)["state_sequence"] == 0


def more_than_a_batch_is_taken_whole(place):
    file = place.write("many.jsonl", lines(*(like("u%d" % (i % 7), "v1", i + 1) for i in range(2001))))
    words = ["import", "--data", place.data, "--format", "jsonl", "--json", file]
    assert json.loads(expect(OK, *words).out)["accepted"] == 2001
    assert json.loads(expect(OK, *words).out)["duplicate"] == 2001


def broken_lines_are_counted_with_file_and_line(place):
    text = lines(like("u1", "v1", 1)) + "broken\n" + lines(like("", "v1", 1), like("u1", "v1", 2))
    file = place.write("bad.jsonl", text)
    words = ["import", "--data", place.data, "--format", "jsonl", "--json", file]
    result = expect(OK, *words)
    counts = json.loads(result.out)
    assert (counts["accepted"], counts["duplicate"], counts["rejected"]) == (2, 0, 2), counts
    assert sorted(reason["line"] for reason in counts["reasons"]) == [2, 3], counts
    assert "%s:2: " % file in result.err and "%s:3: signal.user_id" % file in result.err, result.err
    assert expect(INVALID, *words, "--strict").code == INVALID


def only_the_first_ten_reasons_are_told(place):
    file = place.write("bad.jsonl", "broken\n" * 25)
    result = expect(INVALID, "import", "--data", place.data, "--format", "jsonl", file)
    assert result.err.count("bad.jsonl:") == 10, result.err
    assert "and 15 more rejected" in result.err, result.err
    assert re.search(r"^all +0 +0 +25$", result.out, re.M), result.out


def an_import_fails_when_it_takes_nothing_of_what_it_finds(place):
    words = ["import", "--data", place.data, "--format", "jsonl"]
    good = lines(like("u1", "v1", 1))
    assert ":1: column " in expect(INVALID, *words, place.write("bad.jsonl", "broken\n")).err
    expect(OK, *words, place.write("half.jsonl", "broken\n" + good))
    expect(OK, *words, place.write("again.jsonl", "broken\n" + good))
    expect(OK, *words, place.write("empty.jsonl", "\n"))


def what_concerns_one_video_keeps_its_order(place):
    """Entries of different kinds wait side by side, but a video's own are never overtaken."""
    rated = {"safety_rating": "SAFETY_RATING_LOW_RISK"}
    gone = {"delete_video": {"video_id": "v1"}}
    expect(OK, "import", "--data", place.data, "--format", "jsonl",
           place.write("a.jsonl", lines(video("v1", **rated), gone, video("v1", **rated), like("u1", "v1", 1),
                                        video("v2", **rated), gone, video("v3", **rated),
                                        {"delete_video": {"video_id": "v3"}}, video("v3", **rated))))
    place.ids = place.write("ids.txt", "v1\nv2\nv3\n")
    answer = json.loads(place.rank("--json").out)
    assert {v["video_id"] for v in answer["slate"]} == {"v2", "v3"}, answer
    assert [d["video_id"] for d in answer["dropped"]] == ["v1"], answer


def alternating_videos_and_signals_make_few_commits(place):
    entries = []
    for number in range(1500):
        entries += [video("w%d" % number, safety_rating="SAFETY_RATING_LOW_RISK"), like("u1", "w%d" % number, 1)]
    file = place.write("mixed.jsonl", lines(*entries))
    counts = json.loads(expect(OK, "import", "--data", place.data, "--format", "jsonl", "--json", file).out)
    assert counts["signals"]["accepted"] == 1500 and counts["videos"]["accepted"] == 1500, counts
    # LMDB counts its commits in mm_txnid, the last field of the two meta pages' MDB_meta.
    meta = (place.data / "data.mdb").read_bytes()[:8192]
    transactions = max(int.from_bytes(meta[page + 16 + 128:page + 16 + 136], "little") for page in (0, 4096))
    assert transactions < 50, transactions


def a_deletion_counts_once(place):
    place.fill()
    file = place.write("delete.jsonl", lines({"delete_video": {"video_id": "v1"}},
                                             {"delete_video": {"video_id": "v77"}}))
    counts = json.loads(expect(OK, "import", "--data", place.data, "--format", "jsonl", "--json", file).out)
    assert (counts["accepted"], counts["duplicate"]) == (1, 1), counts
    rules = {d["video_id"]: d["rule"] for d in json.loads(place.rank("--json").out)["dropped"]}
    assert rules["v1"] in ("deleted", "unknown_video", "repeated"), rules


def unrated_videos_are_told_of_and_can_be_assumed_safe(place):
    file = place.write("IN_trending.csv", "\n".join([
        "video_id,trending_date,title,channel_title,category_id,publish_time,tags,views,likes,dislikes,"
        "comment_count,thumbnail_link,comments_disabled,ratings_disabled,video_error_or_removed,description",
        'kzwfHumJyYc,17.14.11,"Sharry Mann: Cute Munda",Lokdhun Punjabi,1,2017-11-12T12:20:39.000Z,'
        '"punjabi songs",1096327,33966,798,882,https://i.ytimg.com/x.jpg,False,False,False,"text"', ""]))
    words = ["import", "--data", place.data, "--format", "youtube", file]
    result = expect(OK, *words)
    assert "1 video is unrated and thus never shown" in result.err and "--assume-safety" in result.err, result
    ids = place.write("ids.txt", "kzwfHumJyYc\n")
    rank = ["rank", "--data", place.data, "--locale", "hi-IN", "--age", 25, "--candidates", ids, "--json"]
    assert json.loads(expect(OK, *rank).out)["dropped"] == [{"video_id": "kzwfHumJyYc", "rule": "unrated"}]
    result = expect(OK, *words, "--assume-safety", "low")
    assert "unrated" not in result.err, result
    assert [v["video_id"] for v in json.loads(expect(OK, *rank).out)["slate"]] == ["kzwfHumJyYc"]


def a_file_of_another_format_is_refused(place):
    file = place.write("what.csv", "a,b,c\n1,2,3\n")
    result = expect(INVALID, "import", "--data", place.data, "--format", "kuairand", file)
    assert str(file) in result.err, result
    assert "No such file" in expect(FAILED, "import", "--data", place.data, "--format", "jsonl",
                                    place.path / "absent").err


def rank_json_has_the_contracts_names(place):
    place.fill()
    answer = json.loads(place.rank("--json").out)
    assert set(answer) == {"ranking_id", "slate", "dropped", "state_sequence", "weights_version"}, answer
    assert re.fullmatch("[0-9a-f]{32}", answer["ranking_id"])
    assert re.fullmatch(r"[^@]+@[0-9a-f]{16}", answer["weights_version"])
    assert answer["state_sequence"] == 5
    assert {v["video_id"] for v in answer["slate"]} == {"v1", "v2", "v4"}, answer
    for position, entry in enumerate(answer["slate"], 1):
        assert set(entry) == {"video_id", "score", "position", "propensity"}, entry
        assert entry["position"] == position and 0 < entry["propensity"] <= 1
    scores = [entry["score"] for entry in answer["slate"]]
    assert scores == sorted(scores, reverse=True)
    dropped = [(d["video_id"], d["rule"]) for d in answer["dropped"]]
    assert dropped == [("v3", "unrated"), ("v9", "unknown_video"), ("v1", "repeated")], dropped


def the_same_time_gives_the_same_answer(place):
    place.fill()
    words = ["--now-ms", 1700000100000, "--json"]
    one, two = (json.loads(place.rank(*words).out) for _ in range(2))
    one.pop("ranking_id"), two.pop("ranking_id")
    assert one == two


def an_empty_slate_keeps_its_shape(place):
    place.fill()
    answer = json.loads(expect(OK, "rank", "--data", place.data, "--locale", "hi-IN", "--candidates", "-", "--json",
                               stdin=b"v9\n").out)
    assert answer["slate"] == [] and answer["dropped"] == [{"video_id": "v9", "rule": "unknown_video"}], answer


def candidates_may_be_lines_an_array_or_json_lines(place):
    place.fill()
    words = ["--now-ms", 1700000100000, "--json"]
    want = json.loads(place.rank(*words).out)["slate"]
    names = place.ids.read_text().split()
    for text in [json.dumps(names), json.dumps([{"video_id": n} for n in names]),
                 lines(*({"video_id": n} for n in names))]:
        place.ids = place.write("ids.json", text)
        assert json.loads(place.rank(*words).out)["slate"] == want
    place.ids = place.write("ids.json", '{"video_id": "v1"}\n{"vidio_id": "v2"}\n')
    error = place.rank(code=INVALID).err
    assert "ids.json: line 2: " in error and "video_id" in error, error


def limit_and_options_reach_the_service(place):
    place.fill()
    answer = json.loads(place.rank("--limit", 1, "--json").out)
    assert len(answer["slate"]) == 1
    assert "below_limit" in {d["rule"] for d in answer["dropped"]}
    assert "languages" in place.rank("--languages", "hi,,ta", code=INVALID).err
    assert "region" in place.rank("--region", "XYZ", code=INVALID).err
    answer = json.loads(place.rank("--languages", "ru", "--region", "IN", "--exclude-seen", "--json").out)
    assert answer["slate"], answer


def the_table_lines_up_with_titles_of_any_script(place):
    place.fill()
    text = place.rank().out
    table = text.split("\n\n")[0].splitlines()
    title_at = table[0].index("title")
    assert len(table) == 4, text
    for line in table[1:]:
        name = line.split()[1]
        language, title = TITLES[name]
        assert line[title_at:title_at + 3] == title[:3], text
        assert len(line) <= 100, text
    assert "~" in [line for line in table if " v2 " in line][0], text
    assert re.search(r"^ +1  unrated +nobody has rated its safety$", text, re.M), text
    assert re.search(r"^ranking [0-9a-f]{32}, state 5, weights \S+$", text, re.M), text


def titles_cannot_drive_the_terminal(place):
    place.fill(video("v5", title="\033[2Jgone", safety_rating="SAFETY_RATING_LOW_RISK"))
    place.ids = place.write("ids.txt", "v5\n")
    text = place.rank().out
    assert "\033" not in text and "?[2Jgone" in text, text


def explanations_add_up_largest_first(place):
    place.fill()
    words = ["explain", "--data", place.data, "--user", "u1", "--locale", "hi-IN", "--age", 25,
             "--candidates", place.ids]
    answer = json.loads(expect(OK, *words, "--json").out)
    assert len(answer["slate"]) == 3
    for entry in answer["slate"]:
        assert sum(term["value"] for term in entry["contributions"]) == entry["score"] == entry["sum"], entry
        assert {"name", "value", "input"} == set(entry["contributions"][0])
        features = {feature["name"]: feature["value"] for feature in entry["features"]}
        assert features["language_match"] == (0 if entry["video_id"] == "v2" else 1), features
        assert "taste" in features and "quality" not in features, features  # unknown, so missing
    text = expect(OK, *words, "--video", "v1").out
    values = [abs(float(v)) for v in re.findall(r"^ +([+-]\d+\.\d{10})  [a-z]\w*  ", text, re.M)]
    assert len(values) >= 3 and values == sorted(values, reverse=True), text
    assert "v2" not in text and "equal to the score" in text, text
    assert re.search(r"^ +1  language_match$", text, re.M), text
    out = expect(OK, *words, "--video", "v3").out
    assert "dropped v3: nobody has rated its safety (unrated)\n        hi-IN shows rated videos only\n" in out, out
    assert "is not among the candidates" in expect(INVALID, *words, "--video", "v777").err
    answer = json.loads(place.rank("--explain", "--json").out)
    assert "contributions" in answer["slate"][0], answer
    assert {"name": "language_match", "value": 1.0} in answer["slate"][0]["features"], answer
    assert "hi-IN shows rated videos only" in [dropped["detail"] for dropped in answer["dropped"]], answer
    assert "degraded" in answer and "experiment_arm" in answer, answer
    assert {"contributions", "features", "moves"} < set(answer["slate"][0]), answer
    assert all(set(video) == {"video_id", "rule", "detail"} for video in answer["dropped"]) and answer["dropped"], answer


def features_are_told_by_name(place):
    table = expect(OK, "features").out.splitlines()
    everything = json.loads(expect(OK, "features", "--json").out)
    assert len(table) == 1 + len(everything) and len(everything) > 100, table
    assert [line.split()[0] for line in table[1:]] == [feature["name"] for feature in everything]
    some = json.loads(expect(OK, "features", "--json", "taste", "age_hours").out)
    assert [feature["name"] for feature in some] == ["age_hours", "taste"], some
    assert some[0]["missing"] and some[1]["missing"] is None and some[1]["min"] == -1, some
    text = expect(OK, "features", "like_rate_region_1d").out
    assert "k * like_rate_global_1d" in text and "never" in text, text
    assert 'did you mean "language_match"?' in expect(INVALID, "features", "langauge_match").err
    assert "lists them" in expect(INVALID, "features", "zzzzzzzz").err
    assert "leave out" in expect(USAGE, "features", "--markdown", "taste").err


def explanations_tell_what_rules_of_the_slate_moved(place):
    rated = {"creator_id": "cv1", "safety_rating": "SAFETY_RATING_LOW_RISK"}
    place.fill(video("v5", **rated), video("v6", **rated))
    place.ids = place.write("ids.txt", "v5\nv6\nv4\n")
    weights = place.write("capped.yaml", "version: capped\nslate: {creator_decay: 1, creator_cap: 1, window: 2}\n")
    words = ["explain", "--data", place.data, "--user", "u1", "--locale", "hi-IN", "--age", 25,
             "--candidates", place.ids, "--weights", weights]
    slate = json.loads(expect(OK, *words, "--json").out)["slate"]
    assert [entry["video_id"] for entry in slate] == ["v5", "v4", "v6"], slate
    assert [entry["moves"] for entry in slate] == [
        [], [{"rule": "creator_cap", "from_position": 3}], [{"rule": "creator_cap", "from_position": 2}]], slate
    assert all(entry["propensity"] == 1 for entry in slate), slate
    text = expect(OK, *words).out
    assert "moved from 3 to 2 by creator_cap" in text and "moved from 2 to 3 by creator_cap" in text, text
    assert text.count("moved from") == 2, text
    ranked = json.loads(place.rank("--explain", "--json", "--weights", weights).out)["slate"]
    assert ranked[1]["moves"] == slate[1]["moves"], ranked
    weights = place.write("drawn.yaml", "version: drawn\nslate: {explore: epsilon_greedy, explore_epsilon: 0.3, "
                          "explore_positions: 1}\n")
    words[-1] = weights
    first, *others = json.loads(expect(OK, *words, "--json").out)["slate"]
    assert min(abs(first["propensity"] - p) for p in (0.8, 0.1)) < 1e-12, first
    assert all(entry["propensity"] == 1 for entry in others), others
    assert expect(OK, *words).out.count("drawn with probability 0.") == 1


def check_tells_line_and_column(place):
    result = expect(OK, "check", WEIGHTS)
    assert ": valid, version " in result.out and "locales: default" in result.out, result
    text = pathlib.Path(WEIGHTS).read_text()
    row = text.split("\n").index("heads:") + 1
    bad = place.write("bad.yaml", text.replace("\nheads:", "\nheadz:"))
    result = expect(INVALID, "check", bad)
    assert result.out.startswith("%s:%d:1: headz: " % (bad, row)) and 'did you mean "heads"' in result.out, result
    answer = json.loads(expect(INVALID, "check", "--json", bad).out)
    assert not answer["valid"] and answer["problems"][0]["line"] == row, answer
    answer = json.loads(expect(OK, "check", "--json", WEIGHTS).out)
    assert answer["valid"] and answer["problems"] == [] and "@" in answer["weights_version"], answer
    assert "No such file" in expect(FAILED, "check", place.path / "absent.yaml").err


POLICIES = """version: t
locales:
  ru-RU: {policy: {safety: low, curated: approved, age_max: 16}}
  hi: {policy: {unrated: show}}
experiments:
  loose: {locales: [ru-RU], arms: {a: {share: 0.1, policy: {safety: high}}}}
"""


def check_sums_up_locales_and_experiments(place):
    text = POLICIES + "  'second': {arms: {old: {share: 0.5}, new: {share: 5e-1}}}\n"
    out = expect(OK, "check", place.write("sums.yaml", text)).out
    assert "\n  locales: default, ru-RU, hi\n  experiment loose: a 0.1\n  experiment second: old 0.5, new 5e-1\n" in out, out
    assert "experiment" not in expect(OK, "check", place.write("plain.yaml", "version: p\n")).out


def check_proves_what_is_never_shown(place):
    weights = place.write("policies.yaml", POLICIES)
    out = expect(OK, "check", "--policy", weights).out
    assert "\ndefault never shows a video that is\n" in out and "\nru-RU never shows a video that is\n" in out, out
    assert "\nru-RU (loose/a) never shows a video that is\n" in out, out
    russian = out[out.index("\nru-RU never"):]
    for line in ["rated riskier than low ", "for people older than 16, whoever asks ", "curated < approved"]:
        assert line in russian.split("and may show")[0], russian
    answer = json.loads(expect(OK, "check", "--policy", "--json", "--locale", "hi-IN", weights).out)
    assert [policy["locales"] for policy in answer["policies"]] == [["hi-IN"]], answer
    assert "unrated = yes" in [entry["expression"] for entry in answer["policies"][0]["may"]], answer
    assert answer["policies"][0]["cases"] > answer["policies"][0]["shown"] > 0, answer


def check_fails_on_a_claim_that_does_not_hold(place):
    weights = place.write("policies.yaml", POLICIES)
    check = ["check", "--policy", "--locale", "hi"]
    held = ["--never", "ru-RU: safety > high", "--never", "*: minimum_age > user"]
    assert "ru-RU: safety > high: proven" in expect(OK, *check, *held, weights).out
    out = expect(INVALID, *check, "--never", "ru-RU: safety > low", weights).out
    assert "does not hold; ru-RU (loose/a) may show a video that is\n    rated medium risk" in out, out
    out = expect(INVALID, *check, *held, "--never", "*: unrated = yes", weights).out
    assert "*: unrated = yes: does not hold; hi may show a video that is\n    unrated" in out, out
    answer = json.loads(expect(INVALID, *check, "--json", "--never", "hi: unrated = yes", weights).out)
    assert not answer["claims"][0]["proven"] and answer["claims"][0]["locale"] == "hi", answer
    err = expect(USAGE, *check, "--never", "ru-RU: saftey > low", weights).err
    assert "column 8: found saftey" in err and 'did you mean "safety"?' in err, err
    assert "column 1: found \"ru-\"" in expect(USAGE, *check, "--never", "ru-: seen = yes", weights).err
    assert "go with --policy" in expect(USAGE, "check", "--never", "hi: unrated = yes", weights).err
    assert "neither default nor" in expect(USAGE, "check", "--policy", "--locale", "h", weights).err


def the_schema_is_json(place):
    schema = json.loads(expect(OK, "check", "--schema").out)
    assert schema["$schema"].endswith("2020-12/schema") and "heads" in schema["properties"]


def rank_takes_a_weights_file_and_refuses_a_bad_one(place):
    place.fill()
    text = pathlib.Path(WEIGHTS).read_text()
    own = place.write("own.yaml", re.sub(r"(?m)^version: .*$", "version: mine", text))
    assert json.loads(place.rank("--weights", own, "--json").out)["weights_version"].startswith("mine@")
    bad = place.write("bad.yaml", text.replace("\nheads:", "\nheadz:"))
    assert re.search(r"bad\.yaml:\d+:1: headz", place.rank("--weights", bad, code=INVALID).err)


def status_counts_what_is_there(place):
    place.fill()
    answer = json.loads(expect(OK, "status", "--data", place.data, "--json").out)
    assert (answer["video_count"], answer["user_count"], answer["state_sequence"]) == (4, 1, 5), answer
    assert re.search(r"^videos +4$", expect(OK, "status", "--data", place.data).out, re.M)


def the_digest_is_of_the_state_and_the_same_for_the_same_log(place):
    place.fill()
    words = ["status", "--digest", "--json", "--data"]
    digest = json.loads(expect(OK, *words, place.data).out)["state_digest"]
    assert re.fullmatch("[0-9a-f]{16}", digest), digest
    text = expect(OK, "status", "--data", place.data, "--digest").out
    assert re.search("^state digest +%s$" % digest, text, re.M), text
    assert "digest" not in expect(OK, "status", "--data", place.data).out
    assert json.loads(expect(OK, "status", "--data", place.data, "--json").out)["state_digest"] == ""
    place.data = place.path / "other"
    place.fill()
    assert json.loads(expect(OK, *words, place.data).out)["state_digest"] == digest
    place.fill(like("u1", "v2", 1700000000001))
    assert json.loads(expect(OK, *words, place.data).out)["state_digest"] != digest


def a_directory_that_is_not_there_is_not_made_by_reading(place):
    assert "no data in directory" in place.rank(code=FAILED).err
    expect(FAILED, "status", "--data", place.data)
    assert not place.data.exists()


def a_dead_target_is_unavailable_at_once(place):
    with socket.socket() as taken:  # bound but not listening: a port where nobody answers
        taken.bind(("127.0.0.1", 0))
        started = time.monotonic()
        result = expect(UNAVAILABLE, "status", "--target", "127.0.0.1:%d" % taken.getsockname()[1])
        assert time.monotonic() - started < 10
    assert "no server answers at 127.0.0.1:" in result.err and "reelrank serve" in result.err, result
    assert len(result.err.splitlines()) == 1, result


def a_silent_target_is_given_up_after_the_timeout(place):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        result = expect(UNAVAILABLE, "status", "--timeout-ms", 300, "--target",
                        "127.0.0.1:%d" % silent.getsockname()[1])
    assert "within 300 ms" in result.err, result


def a_directory_held_by_a_server_goes_through_it(place):
    place.fill()
    local = json.loads(place.rank("--now-ms", 1700000100000, "--json").out)
    with server(place) as address:
        text = expect(OK, "status", "--data", place.data).out
        assert re.search(r"^server +%s$" % re.escape(address), text, re.M), text
        remote = json.loads(place.rank("--now-ms", 1700000100000, "--json").out)
        assert remote["slate"] == local["slate"] and remote["dropped"] == local["dropped"]
        more = place.write("more.jsonl", lines(like("u1", "v2", 1700000000005), like("u1", "v1", 1700000000000)))
        counts = json.loads(expect(OK, "import", "--data", place.data, "--format", "jsonl", "--json", more).out)
        assert (counts["accepted"], counts["duplicate"]) == (1, 1), counts
        answer = json.loads(expect(OK, "status", "--target", address, "--json").out)
        assert answer["state_sequence"] == 6, answer
        assert "v1" in expect(OK, "explain", "--target", address, "--locale", "hi-IN", "--age", 25,
                              "--candidates", place.ids, "--video", "v1").out
    assert json.loads(expect(OK, "status", "--data", place.data, "--json").out)["state_sequence"] == 6


def a_server_refuses_as_the_service_in_process_does(place):
    place.fill()
    words = ["--locale", "not_a!tag", "--candidates", place.ids]
    local = expect(INVALID, "rank", "--data", place.data, *words).err
    with server(place) as address:
        assert expect(INVALID, "rank", "--target", address, *words).err == local
        assert "--weights has no say" in place.rank("--weights", WEIGHTS, code=USAGE).err


def a_second_server_on_the_directory_is_refused(place):
    with server(place):
        result = expect(UNAVAILABLE, "serve", "--data", place.data, "--listen", "127.0.0.1:0")
        assert str(place.data) in result.err, result


def serve_refuses_bad_options_and_weights(place):
    assert "--workers" in expect(USAGE, "serve", "--data", place.data, "--workers", "65").err
    assert "did you mean --listen?" in expect(USAGE, "serve", "--lisen", "127.0.0.1:0").err
    bad = place.write("bad.yaml", "version: x\nheadz: {}\n")
    result = expect(INVALID, "serve", "--data", place.data, "--listen", "127.0.0.1:0", "--weights", bad)
    assert ":2:1: " in result.err, result


def the_output_that_cannot_be_written_is_an_error(place):
    with open("/dev/full", "wb") as full:
        done = subprocess.run([REELRANK, "help"], stdout=full, stderr=subprocess.PIPE, timeout=START_S)
    assert done.returncode == FAILED and b"cannot write" in done.stderr, done


def completion_offers_commands_options_and_choices(place):
    script = place.write("completion.bash", expect(OK, "help", "--completion", "bash").out)

    def offers(*words):
        command = 'source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _reelrank; echo "${COMPREPLY[@]}"'
        done = subprocess.run(["bash", "-c", command, script, "reelrank", *words], stdout=subprocess.PIPE,
                              timeout=START_S, check=True)
        return done.stdout.decode().split()

    assert offers("ra") == ["rank"]
    assert offers("import", "--fo") == ["--format"]
    assert offers("import", "--format", "") == ["jsonl", "kuairand", "youtube", "obd", "movielens", "metarank"]
    assert "--now-ms" in offers("rank", "--")
    assert offers("repl") == ["replay"]
    assert offers("replay", "") == ["--help", "parity", "ranking", "counterfactual", "merge"]
    assert offers("replay", "ra") == ["ranking"]
    assert offers("replay", "ranking", "--rank") == ["--rankings"]
    assert offers("replay", "ranking", "--rankings", "") == ["decisions", "impressions", "outcomes"]
    assert "--support" in offers("replay", "counterfactual", "--") and "--support" not in offers("replay", "ranking", "--")
    assert sorted(offers("exp")) == ["explain", "export"]
    assert offers("export", "exam") == ["examples"] and offers("export", "--us") == ["--user"]
    assert offers("export", "--user", "u1", "--da") == ["--data"]
    assert offers("export", "examples", "--sp") == ["--split"]
    assert offers("export", "examples", "--split", "tr") == ["train"]
    assert offers("train", "") == ["--help", "logistic", "trees"] and offers("train", "logistic", "--lab") == ["--label"]
    assert "merge" in offers("replay", "") and "--help" in offers("replay", "")


def verify_tells_the_digest_of_a_whole_log(place):
    place.fill()
    digest = json.loads(expect(OK, "status", "--data", place.data, "--digest", "--json").out)["state_digest"]
    answer = json.loads(expect(OK, "verify", "--data", place.data, "--json").out)
    assert set(answer) == {"digest", "aggregates_digest", "users_digest", "first", "base", "sequence", "records", "files", "error_count",
                           "errors"}, answer
    assert (answer["digest"], answer["sequence"], answer["errors"]) == (digest, 5, []), answer
    assert (answer["first"], answer["base"]) == (1, 0), answer
    assert [(file["name"], file.get("users")) for file in answer["files"]] == [("data.mdb", None), ("state.mdb", 1)]
    answer = json.loads(expect(OK, "verify", "--data", place.data, "--rebuild", "--json").out)
    assert answer["opened_digest"] == answer["digest"] == digest, answer
    text = expect(OK, "verify", "--data", place.data).out
    assert re.search("^state digest +%s$" % digest, text, re.M) and re.search("^errors +0$", text, re.M), text


def verify_lists_what_is_damaged_and_fails(place):
    place.fill()
    file = place.data / "data.mdb"
    data = file.read_bytes()
    assert "हिन्दी शीर्षक".encode() in data
    file.write_bytes(data.replace("हिन्दी शीर्षक".encode(), "हिन्दी शीर्षख".encode()))
    for words in [[], ["--rebuild"]]:
        result = expect(FAILED, "verify", "--data", place.data, "--json", *words)
        answer = json.loads(result.out)
        assert (answer["error_count"], answer["records"], answer["sequence"]) == (1, 4, 5), answer
        assert [error["sequence"] for error in answer["errors"]] == [1] and result.err == "", result
    assert re.search("^  1: .*record 1 fails validation$", expect(FAILED, "verify", "--data", place.data).out, re.M)
    assert '"reelrank verify" lists them' in expect(FAILED, "backup", "--data", place.data, place.path / "b").err
    assert not (place.path / "b").exists()


def verify_and_restore_leave_alone_what_a_server_holds(place):
    place.fill()
    backup = place.path / "backup"
    with server(place) as address:
        assert address in expect(UNAVAILABLE, "verify", "--data", place.data).err
        expect(OK, "backup", "--data", place.data, backup)
        assert address in expect(UNAVAILABLE, "restore", backup, "--data", place.data, "--force").err
        assert json.loads(expect(OK, "status", "--target", address, "--json").out)["state_sequence"] == 5
    assert "no data in directory" in expect(FAILED, "verify", "--data", place.path / "absent").err
    assert not (place.path / "absent").exists()


def a_backup_beside_a_server_that_writes_can_be_restored(place):
    place.fill()
    backup, other = place.path / "backup", place.path / "other"
    with server(place) as address:
        feed = subprocess.Popen([REELRANK, "import", "--target", address, "--format", "jsonl", "-"],
                                stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        for number in range(20):
            feed.stdin.write(lines(*(like("u%d" % (i % 9), "v1", 1700000000001 + 1000 * number + i)
                                     for i in range(1000))).encode())
            if number == 10:
                answer = json.loads(expect(OK, "backup", "--data", place.data, backup, "--json").out)
        feed.stdin.close()
        assert feed.wait(timeout=START_S) == OK
        assert json.loads(expect(OK, "status", "--target", address, "--json").out)["state_sequence"] == 20005
    described = json.loads((backup / "backup.json").read_text())
    assert answer["sequence"] == described["sequence"] and 5 <= answer["sequence"] < 20005, (answer, described)
    assert answer["state_digest"] in expect(OK, "restore", backup, "--data", other).out
    verified = json.loads(expect(OK, "verify", "--data", other, "--rebuild", "--json").out)
    assert verified["digest"] == verified["opened_digest"] == described["state_digest"], (verified, described)
    assert verified["aggregates_digest"] == described["aggregates_digest"]
    assert verified["sequence"] == described["sequence"]


def restore_keeps_what_was_there(place):
    place.fill()
    backup = place.path / "backup"
    expect(OK, "backup", "--data", place.data, backup)
    assert "exists already" in expect(FAILED, "backup", "--data", place.data, backup).err
    place.fill(like("u1", "v2", 1700000000001))
    assert "--force moves it aside" in expect(FAILED, "restore", backup, "--data", place.data).err
    result = expect(OK, "restore", backup, "--data", place.data, "--force")
    aside = result.err.strip().split(" is now ")[1]
    assert re.search(r"/data\.before-restore-\d{8}T\d{6}Z$", aside), result
    for path, sequence in [(place.data, 5), (aside, 6)]:
        assert json.loads(expect(OK, "status", "--data", path, "--json").out)["state_sequence"] == sequence
    (backup / "backup.json").write_text('{"format": 4}')
    result = expect(FAILED, "restore", backup, "--data", place.path / "new")
    assert "format 4" in result.err and "use a newer reelrank" in result.err, result
    assert "is that a backup?" in expect(FAILED, "restore", place.path, "--data", place.path / "new").err
    assert "BACKUP is missing" in expect(USAGE, "restore", "--data", place.data).err
    assert "OUT is missing" in expect(USAGE, "backup", "--data", place.data).err


def a_user_is_described(place):
    place.fill(like("u1", "v2", 1700000100000), like("u2", "v2", 1700000000000))
    user = json.loads(expect(OK, "user", "--data", place.data, "--user", "u1", "--json").out)
    assert (user["user_id"], user["signal_count"], user["state_sequence"]) == ("u1", 2, 7), user
    assert (user["first_signal_ms"], user["last_signal_ms"]) == (1700000000000, 1700000100000), user
    languages = {a["name"]: a["value"] for a in user["affinities"] if a["kind"] == "language"}
    assert set(languages) == {"hi", "ru"} and all(0 < value < 1 for value in languages.values()), user
    text = expect(OK, "user", "--data", place.data, "--user", "u1").out
    assert re.search("^signals +2$", text, re.M) and re.search("^first signal +2023-11-14 22:13:20 UTC$", text, re.M)
    assert re.search(r"^language +\+\d\.\d{3}  (hi|ru)$", text, re.M), text
    with server(place) as address:
        remote = json.loads(expect(OK, "user", "--target", address, "--user", "u1", "--json").out)
        assert remote["signal_count"] == 2 and remote["seen"] == user["seen"], remote
        assert "nothing is known of this user" in expect(FAILED, "user", "--target", address, "--user", "u9").err
    assert "nothing is known of this user" in expect(FAILED, "user", "--data", place.data, "--user", "u9").err
    assert "user_id" in expect(INVALID, "user", "--data", place.data, "--user", "x" * 129).err
    assert "--user ID is required" in expect(USAGE, "user", "--data", place.data).err


def an_export_can_be_imported_elsewhere(place):
    more = [like("u%d" % (i % 3), "v1", 1700000000001 + i) for i in range(9000)]
    place.fill(*more)
    local = expect(OK, "export", "--data", place.data, "--user", "u1").out
    entries = [json.loads(line) for line in local.splitlines()]
    assert entries[0]["user"]["signal_count"] == 3001 == len(entries) - 1, entries[0]
    assert all(entry["signal"]["user_id"] == "u1" for entry in entries[1:])
    times = [entry["signal"]["time_ms"] for entry in entries[1:]]
    assert times == sorted(times)
    with server(place) as address:
        remote = expect(OK, "export", "--target", address, "--user", "u1").out.splitlines()
        assert remote[1:] == local.splitlines()[1:]
        assert "nothing is known of this user" in expect(FAILED, "export", "--target", address, "--user", "u9").err
        assert "user_id" in expect(INVALID, "export", "--target", address, "--user", "").err
    file = place.write("u1.jsonl", local)
    place.data = place.path / "other"
    counts = json.loads(expect(OK, "import", "--data", place.data, "--format", "jsonl", "--json", file).out)
    assert (counts["accepted"], counts["rejected"]) == (3001, 0), counts
    again = json.loads(expect(OK, "export", "--data", place.data, "--user", "u1").out.splitlines()[0])
    assert again["user"]["signal_count"] == 3001, again


def an_export_from_nowhere_is_unavailable(place):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        target = "127.0.0.1:%d" % taken.getsockname()[1]
        assert "no server answers at" in expect(UNAVAILABLE, "export", "--target", target, "--user", "u1").err
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        result = expect(UNAVAILABLE, "export", "--timeout-ms", 300, "--user", "u1", "--target",
                        "127.0.0.1:%d" % silent.getsockname()[1])
    assert "within 300 ms" in result.err, result


def an_export_whose_output_fails_is_an_error(place):
    place.fill(*(like("u1", "v1", 1700000000001 + i) for i in range(2000)))
    with open("/dev/full", "wb") as full:
        done = subprocess.run([REELRANK, "export", "--data", place.data, "--user", "u1"], stdout=full,
                              stderr=subprocess.PIPE, timeout=START_S)
    assert done.returncode == FAILED and b"cannot write" in done.stderr, done


def the_catalogue_is_listed_and_can_be_imported_elsewhere(place):
    place.fill(video("v5", languages=["hi", "en"], duration_ms=1500), *(video("w%d" % i) for i in range(1500)),
               {"delete_video": {"video_id": "v4"}})
    entries = [json.loads(line)["video"] for line in
               expect(OK, "videos", "--data", place.data, "--json").out.splitlines()]
    latest_first = ["w%d" % i for i in reversed(range(1500))] + ["v5", "v3", "v2", "v1"]
    assert [entry["video_id"] for entry in entries] == latest_first
    assert entries[-1]["title"] == TITLES["v1"][1]
    table = expect(OK, "videos", "--data", place.data).out.splitlines()
    table = table[:1] + table[:-5:-1]
    assert table[0].split() == ["video", "creator", "languages", "seconds", "safety", "title"]
    assert table[1].split()[:5] == ["v1", "cv1", "hi", "15.0", "low"], table
    assert table[4].split() == ["v5", "cv5", "hi,en", "1.5", "unrated"], table
    assert all(len(line) <= 100 for line in table), table
    with server(place) as address:
        remote = expect(OK, "videos", "--target", address, "--json").out
    other = json.loads(expect(OK, "import", "--data", place.path / "other", "--format", "jsonl", "--json", "-",
                              stdin=remote.encode()).out)
    assert other["videos"]["accepted"] == 1504, other
    assert len(expect(OK, "videos", "--data", place.data, "--limit", 1001, "--json").out.splitlines()) == 1001


def progress_is_for_terminals_only(place):
    """On a terminal a slow import draws a line and wipes it; the rest of the file sees pipes only."""
    reader, writer = os.pipe()
    master, slave = pty.openpty()
    process = subprocess.Popen([REELRANK, "import", "--data", str(place.data), "--format", "jsonl", "-"],
                               stdin=reader, stdout=subprocess.PIPE, stderr=slave)
    os.close(reader)
    os.close(slave)
    with open(writer, "wb", buffering=0) as feed:
        drawn = b""
        number = 0
        while b"importing: " not in drawn:
            number += 1
            feed.write(lines(*(like("u1", "v1", 1000 * number + i) for i in range(100))).encode())
            os.set_blocking(master, False)
            with contextlib.suppress(BlockingIOError):
                drawn += os.read(master, 65536)
    os.set_blocking(master, True)
    with contextlib.suppress(OSError):  # EIO: the other end is closed
        while True:
            piece = os.read(master, 65536)
            if not piece:
                break
            drawn += piece
    out, _ = process.communicate(timeout=START_S)
    os.close(master)
    assert process.returncode == OK and b"MB" in drawn and drawn.endswith(b"\r\033[K"), (drawn, out)


NOW = ["--now-ms", 1795305600000]


def a_simulated_world_is_imported_and_ranked(place):
    world = expect(OK, "simulate", *NOW).out
    assert world == expect(OK, "simulate", *NOW).out
    expect(OK, "import", "--data", place.data, "--format", "jsonl", "--strict", "-", stdin=world.encode())
    ids = expect(OK, "simulate", "--candidates-for", "id-ID", "--candidates", 50, *NOW).out
    assert len(set(ids.split())) == 50
    of_region = expect(OK, "simulate", "--candidates-for", "und-IN", *NOW).out
    assert of_region == expect(OK, "simulate", "--candidates-for", "hi-IN", *NOW).out
    slate = json.loads(expect(OK, "rank", "--data", place.data, "--user", "user-id", "--locale", "id-ID", "--age", 25,
                              "--candidates", "-", "--json", *NOW, stdin=ids.encode()).out)
    assert len(slate["slate"]) > 25, slate


def a_simulation_writes_three_files(place):
    out = place.path / "world"
    expect(OK, "simulate", "--out", out, "--videos", 50, "--users", 20, "--signals", 500, "--test-rankings", 5, *NOW)
    assert sorted(path.name for path in out.iterdir()) == ["catalogue.jsonl", "log.jsonl", "truth.jsonl"]
    assert len((out / "catalogue.jsonl").read_text().splitlines()) == 50
    tests = [json.loads(line) for line in (out / "truth.jsonl").read_text().splitlines()]
    assert sum("test" in line for line in tests) == 5
    expect(OK, "import", "--data", place.data, "--format", "jsonl", "--strict", out / "catalogue.jsonl",
           out / "log.jsonl")


def a_simulation_names_what_it_cannot_do(place):
    assert "--videos" in expect(USAGE, "simulate", "--videos", 0).err
    assert "--days" in expect(USAGE, "simulate", "--days", 29).err
    assert "--seed" in expect(USAGE, "simulate", "--sed", 1).err
    assert "--candidates-for" in expect(USAGE, "simulate", "--candidates-for", "?").err
    result = expect(FAILED, "simulate", "--out", place.path / "no" / "such", *NOW)
    assert "no/such" in result.err and "No such file" in result.err


def made_up_log(place):
    world = place.path / "world"
    expect(OK, "simulate", "--out", world, "--videos", 300, "--users", 60, "--signals", 8000, *NOW)
    return ["--log", world / "log.jsonl", "--catalogue", world / "catalogue.jsonl"]


def read_csv(text):
    return list(csv.DictReader(text.splitlines()))


def a_log_becomes_examples(place):
    result = expect(OK, "export", "examples", *made_up_log(place))
    rows = read_csv(result.out)
    assert "%d examples written, of %d of" % (len(rows), len(rows)) in result.err, result.err
    assert len(rows) > 2000 and len(rows[0]) == 10 + 10 + 118, (len(rows), len(rows[0]))
    assert all(len(row) == len(rows[0]) and None not in row.values() for row in rows)
    for row in rows:
        watched = float(row["watch_ms"] or 0)
        assert row["label_complete"] in ("0", "1") and -1 <= float(row["taste"]) <= 1, row
        assert (row["censored"] == "1") == (row["label_complete"] == "1"), row
        assert row["censored"] == "0" or watched >= float(row["duration_ms"]), row
        assert row["propensity"] == "" and 1 <= int(row["position"]) <= 10, row
    groups = [int(row["group"]) for row in rows]
    assert groups == sorted(groups) and set(groups) == set(range(1, groups[-1] + 1))
    assert {row["label_like"] for row in rows} == {"0", "1"}
    late = [float(row["label_watch_quantile"]) for row in rows if row["label_watch_quantile"] != ""]
    assert min(late) == 0 and 0.9 < max(late) <= 1


def examples_are_split_by_time_with_a_gap(place):
    log = made_up_log(place)
    times = {side: [int(row["time_ms"]) for row in read_csv(expect(OK, "export", "examples", *log, "--split", side).out)]
             for side in ("all", "train", "validation")}
    begin, end = min(times["all"]), max(times["all"])
    assert min(times["validation"]) - max(times["train"]) > 3600 * 1000  # as --window
    assert max(times["train"]) < begin + 0.8 * (end - begin) <= min(times["validation"])
    assert len(times["train"]) + len(times["validation"]) <= len(times["all"])
    assert min(times["train"]) == begin and max(times["validation"]) == end
    refused = expect(INVALID, "export", "examples", *log, "--split", "train", "--gap", 500000)
    assert "leave nothing to train with" in refused.err, refused


def examples_for_libsvm_are_those_of_csv(place):
    log = made_up_log(place)
    rows = read_csv(expect(OK, "export", "examples", *log).out)
    out = place.path / "examples.libsvm"
    assert expect(OK, "export", "examples", *log, "--as", "libsvm", "--label", "skip", "--out", out).out == ""
    head, *found = out.read_text().splitlines()
    names = [word.split(":")[1] for word in head.split(" of features ")[1].split()]
    assert names == [row["name"] for row in json.loads(expect(OK, "features", "--json").out)]
    assert len(found) == len(rows)
    for line, row in zip(found, rows):
        label, group, *pairs = line.split()
        assert (label, group) == (row["label_skip"], "qid:" + row["group"]), line
        values = dict(pair.split(":") for pair in pairs)
        assert [values.get(str(i + 1), "") for i in range(len(names))] == [row[name] for name in names], line


def examples_of_a_data_directory_are_those_of_its_log(place):
    log = made_up_log(place)
    expect(OK, "import", "--data", place.data, "--format", "jsonl", "--strict", log[3], log[1])
    of_files = expect(OK, "export", "examples", *log).out
    assert of_files == expect(OK, "export", "examples", "--data", place.data, "--rankings", "impressions").out
    none = expect(FAILED, "export", "examples", "--data", place.data)
    assert "the log has no decisions; --rankings says where rankings come from" in none.err, none


def float_of(number):
    return struct.unpack("f", struct.pack("f", number))[0]


def answers_of_a_server_become_examples_with_the_features_it_served_with(place):
    place.fill(like("u2", "v2", 1700000000500))
    now = int(time.time() * 1000)
    with server(place, "--journal-share-ppm", "1000000") as address:
        answer = json.loads(expect(OK, "rank", "--target", address, "--user", "u1", "--locale", "hi-IN", "--age", 25,
                                   "--candidates", place.ids, "--explain", "--json").out)
    ranked = {item["video_id"]: item for item in answer["slate"]}
    assert {"v1", "v2"} <= set(ranked), answer
    seen = [{"signal": {**like("u1", "v1", now + 1000)["signal"], "type": "SIGNAL_TYPE_WATCH", "watch_ms": 16000}},
            like("u1", "v1", now + 2000), like("u3", "v2", now + 3000)]
    for entry in seen[:2]:
        entry["signal"]["ranking_id"] = answer["ranking_id"]
    later = like("u3", "v1", now + 2 * 3600 * 1000)
    expect(OK, "import", "--data", place.data, "--format", "jsonl", "--strict", "-", stdin=lines(*seen, later).encode())
    result = expect(OK, "export", "examples", "--data", place.data, "--weights", "current")
    rows = read_csv(result.out)
    assert len(rows) == 1 and "of 1 of 1 rankings" in result.err, result
    row, item = rows[0], ranked["v1"]
    assert (int(row["position"]), row["propensity"]) == (item["position"], "1"), (row, item)
    assert (row["label_like"], row["label_complete"], row["label_skip"], row["censored"]) == ("1", "1", "0", "1"), row
    assert len(item["features"]) > 10, item
    for feature in item["features"]:
        text = row[feature["name"]]
        assert "value" not in feature or float_of(float(text)) == float_of(feature["value"]), (feature, text)


def examples_name_what_is_wrong(place):
    log = made_up_log(place)
    assert "--as libsvm needs --label" in expect(USAGE, "export", "examples", *log, "--as", "libsvm").err
    assert "long_view" in expect(USAGE, "export", "examples", *log, "--as", "libsvm", "--label", "love").err
    assert "CSV has all labels" in expect(USAGE, "export", "examples", *log, "--label", "like").err
    assert "neither --data DIR nor --log FILE is given" in expect(USAGE, "export", "examples").err
    assert "not in the catalogue" in expect(FAILED, "export", "examples", *log[:2]).err
    assert "is no file" in expect(FAILED, "export", "examples", *log, "--weights", "nowhere.yaml").err
    out = place.path / "no" / "such"
    assert "cannot write: No such file" in expect(FAILED, "export", "examples", *log, "--out", out).err
    full = expect(FAILED, "export", "examples", *log, "--out", "/dev/full")
    assert "--out /dev/full: cannot write: No space left" in full.err and os.path.exists("/dev/full"), full


TESTS = [value for value in list(globals().values())
         if callable(value) and getattr(value, "__code__", None) and value.__code__.co_varnames[:1] == ("place",)
         and value.__code__.co_argcount == 1 and value.__module__ == "__main__"]


def main():
    wanted = sys.argv[3] if len(sys.argv) > 3 else ""
    failed = 0
    for test in TESTS:
        if wanted not in test.__name__:
            continue
        with tempfile.TemporaryDirectory(dir=os.environ.get("TEST_TMPDIR")) as path:
            try:
                test(Place(path))
                print("ok", test.__name__, flush=True)
            except Exception:
                failed += 1
                traceback.print_exc()
                print("FAILED", test.__name__, flush=True)
    return 1 if failed else 0


sys.exit(main())
