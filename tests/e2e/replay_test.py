"""Replays end to end: made-up worlds, a server's own journal, foreign logs; reports, parts, and what goes wrong."""

import csv
import gzip
import io
import json
import math
import random
import re
import shutil
import subprocess

from browser import browse, check_sound
from client import REELRANK, TIMEOUT, Server, command, equal
from mix import ALL
from replay_world import live
from report_schema import check_report
from runner import Skip, case, run

NOW_MS = "1795305600000"
WORSE = """version: worse
value: {valid_play: 0, long_view: -2, complete: 0, watch_quantile: -1, skip: 1}
"""
BOLDER = """version: bolder
multipliers: {quality: 2}
slate: {explore: plackett_luce, explore_temperature: 0.4, explore_positions: 5}
"""
LENIENT = ["--support", "min-users=1", "--support", "min-decisions=1", "--support", "min-effective-sample-size=1", "--support",
           "max-largest-weight-share=1", "--support", "min-propensity=0", "--support",
           "max-mean-weight-deviation=9"]


LARGE = ["--users", 600, "--signals", 60000, "--videos", 2000]


def simulate(place, *options):
    command(0, "simulate", "--out", place / "world", "--now-ms", NOW_MS,
            *(options or ["--videos", 300, "--users", 80, "--signals", 6000]))
    (place / "a.yaml").write_text("version: a\n")
    (place / "worse.yaml").write_text(WORSE)
    (place / "bolder.yaml").write_text(BOLDER)
    return place / "world"


def files_of(world):
    return ["--catalogue", world / "catalogue.jsonl", "--log", world / "log.jsonl"]


def of_world(world):
    return [*files_of(world), "--age", 25]


def ranking(code, *words):
    return command(code, "replay", "ranking", *words)


def counterfactual(code, *words):
    return command(code, "replay", "counterfactual", *words)


def parsed(output):
    report = json.loads(output[0])
    check_report("replay-report", report)
    return report


def whole(report):
    [segment] = [s for s in report["segments"] if s["dimension"] == "all"]
    return segment


def value(report, measure, contender):
    for entry in whole(report).get("values", []) + whole(report).get("estimates", []):
        if (entry.get("metric") or entry.get("estimator"), entry["contender"]) == (measure, contender):
            return entry.get("mean", entry.get("value"))
    raise AssertionError((measure, contender))


def complains(output, *texts):
    for text in texts:
        assert text in output[1], (text, output)


def need_gnuplot():
    if shutil.which("gnuplot") is None:
        raise Skip("gnuplot is not installed")


# Rankings of a made-up log.


@case
def worse_weights_rank_worse_and_the_table_says_so_first(place):
    world = simulate(place, *LARGE)
    text = ranking(0, place / "a.yaml", place / "worse.yaml", *of_world(world), "--baseline", "random")[0]
    lines = text.splitlines()
    assert re.match(r'ranking quality by "long_view", k = 10: [\d,]+ of [\d,]+ rankings, [\d,]+ users$', lines[0]), text
    at = next(i for i, line in enumerate(lines) if "worse.yaml ranks worse than" in line)
    assert at < 12 and "worse.yaml" in text and "nDCG@10" in lines[at] + lines[at + 1], text
    assert all(len(line) <= 100 for line in lines if "/" not in line), text
    assert not re.search(r" $", text, re.M), text
    assert "rows left out" in text and "The same for all: P@10" in text and not re.search(r"^  P@10", text, re.M), text
    assert "keys that differ" in text and "value.long_view" in text and "(not named)" not in text, text


@case
def the_json_is_valid_and_what_it_says_adds_up(place):
    world = simulate(place, *LARGE)
    words = [place / "a.yaml", place / "worse.yaml", *of_world(world), "--baseline", "popularity", "--baseline", "random",
             "--json"]
    report = parsed(ranking(0, *words))
    equal(["weights", "weights", "served", "baseline", "baseline"], [c["kind"] for c in report["contenders"]])
    equal(report["rankings"]["found"], report["rankings"]["measured"] + report["rankings"]["without_outcome"])
    assert value(report, "ndcg@10", 0) > value(report, "ndcg@10", 1), report["segments"][0]
    equal(report["rankings"]["measured"], sum(s["rankings"] for s in report["segments"] if s["dimension"] == "locale"))
    same = [d for d in whole(report)["differences"] if d["metric"] == "r@10"]
    assert same and all(d["difference"] == 0 and d["p"] is None for d in same), same
    equal(report, parsed(ranking(0, *words)))
    keys = {key["key"]: (key["old"], key["new"]) for key in report["changes"][0]["keys"]}
    equal(("1.5", "-2"), keys["value.long_view"])


@case
def metrics_are_explained_when_asked(place):
    world = simulate(place)
    text = ranking(0, place / "a.yaml", *of_world(world), "--explain-metrics")[0]
    assert "trec_eval's ndcg_cut" in " ".join(text.split()), text
    assert "trec_eval's ndcg_cut" not in ranking(0, place / "a.yaml", *of_world(world))[0]


# trec_eval's rules, written down apart from the program.


def read_qrels(path):
    judged = {}
    for line in path.read_text().splitlines():
        query, _, document, level = line.split()
        judged.setdefault(query, {})[document] = int(level)
    return judged


def read_run(path):
    found = {}
    for line in path.read_text().splitlines():
        query, _, document, _, score, _ = line.split()
        found.setdefault(query, []).append((float(score), document))
    return {query: [document for _, document in sorted(lines, reverse=True)] for query, lines in found.items()}


def ndcg(levels, order, k):
    def gained(gains):
        return sum(gain / math.log2(i + 2) for i, gain in enumerate(gains[:k]))
    ideal = gained(sorted(levels.values(), reverse=True))
    return gained([levels.get(document, 0) for document in order]) / ideal


@case
def files_for_trec_eval_agree_with_the_report(place):
    world = simulate(place)
    report = parsed(ranking(0, place / "a.yaml", place / "worse.yaml", *of_world(world), "--k", 3, "--baseline", "likes",
                            "--trec", place / "trec", "--json"))
    judged = {query: levels for query, levels in read_qrels(place / "trec" / "qrels").items() if any(levels.values())}
    for contender in range(len(report["contenders"])):
        order = read_run(place / "trec" / ("run-%d" % contender))
        figures = [ndcg(levels, order.get(query, []), 3) for query, levels in judged.items()]
        mean = sum(figures) / len(figures)
        assert abs(mean - value(report, "ndcg@3", contender)) < 1e-9, (contender, mean)
        hits = [any(levels.get(d) for d in order.get(query, [])[:3]) for query, levels in judged.items()]
        assert abs(sum(hits) / len(hits) - value(report, "hit@3", contender)) < 1e-9, contender


# Pages.


@case
def pages_of_real_reports_are_whole_in_the_browser(place):
    need_gnuplot()
    world = simulate(place, *LARGE)
    ranking(0, place / "a.yaml", place / "worse.yaml", *of_world(world), "--baseline", "random", "--html", place / "r.html")
    found, text, console = browse((place / "r.html").read_text(), place)
    check_sound(found, console)
    for figure in ["Does", "worse.yaml", "ranks worse than", "The same for all:", "What the weights differ in",
                   "value.long_view 1.5 -2", "How to read this"]:
        assert figure in text, (figure, text)
    data, _ = live(place, 150)
    counterfactual(0, "current", place / "bolder.yaml", "--data", data, "--positions", 5, *LENIENT, "--html",
                   place / "c.html")
    found, text, console = browse((place / "c.html").read_text(), place)
    check_sound(found, console)
    for figure in ["do better than served?", "long_view per position as served", "Per slate, the sum over its positions",
                   "overridden", "By position", "multipliers.quality 0.5 2"]:
        assert figure in text, (figure, text)


@case
def a_page_that_cannot_be_written_is_an_error(place):
    need_gnuplot()
    world = simulate(place)
    output = ranking(1, place / "a.yaml", *of_world(world), "--html", place / "no" / "page.html")
    complains(output, "--html", "cannot write", "No such file")


# Parts.


def merged(place, count, kind, words, *options):
    parts = [place / ("%s-%d-%d.part" % (kind, count, i)) for i in range(1, count + 1)]
    for i, part in enumerate(parts, 1):
        command(0, "replay", kind, *words, "--part", "%d/%d" % (i, count), "--out", part)
    random.Random(count).shuffle(parts)
    return command(0, "replay", "merge", *parts, *options)[0]


@case
def parts_of_rankings_make_the_report_of_the_whole_byte_for_byte(place):
    world = simulate(place)
    words = [place / "a.yaml", place / "worse.yaml", *of_world(world), "--baseline", "random"]
    want = ranking(0, *words, "--json")[0]
    for count in (1, 3, 8):
        equal(want, merged(place, count, "ranking", words, "--json"))
    equal(ranking(0, *words)[0], merged(place, 3, "ranking", words))


@case
def parts_of_estimates_make_the_report_of_the_whole_byte_for_byte(place):
    simulate(place)
    data, _ = live(place, 150, users=20)
    words = ["current", place / "bolder.yaml", "--data", data, "--positions", 5, "--draws", 20, "--baseline", "random",
             *LENIENT]
    want = counterfactual(0, *words, "--json")[0]
    for count in (1, 3, 8):
        equal(want, merged(place, count, "counterfactual", words, "--json"))


@case
def a_part_without_users_is_a_part(place):
    world = simulate(place, "--users", 4, "--signals", 400)
    words = [place / "a.yaml", *of_world(world)]
    equal(ranking(0, *words, "--json")[0], merged(place, 8, "ranking", words, "--json"))


@case
def parts_that_do_not_belong_together_are_refused_by_name(place):
    world = simulate(place)
    words = [place / "a.yaml", *of_world(world)]
    parts = [place / ("%d.part" % i) for i in range(1, 4)]
    for i, part in enumerate(parts, 1):
        ranking(0, *words, "--part", "%d/3" % i, "--out", part)
    first, second, third = parts
    complains(command(4, "replay", "merge", first, third), "part 2/3 is missing")
    complains(command(4, "replay", "merge", first, second, second), "2.part", "part 2/3 is given twice")
    ranking(0, *words, "--out", place / "whole.part")
    complains(command(4, "replay", "merge", first, place / "whole.part"), "whole.part", "not a part", "--part I/N")
    ranking(0, *words, "--k", 5, "--part", "3/3", "--out", third)
    complains(command(4, "replay", "merge", first, second, third), "3.part", "its k is 5", "it is 10")
    ranking(0, place / "worse.yaml", *of_world(world), "--part", "3/3", "--out", third)
    complains(command(4, "replay", "merge", first, second, third), "3.part", "contenders", "worse")
    ranking(0, *words, "--part", "2/4", "--out", third)
    complains(command(4, "replay", "merge", first, second, third), "3.part", "one of 4 parts")
    for size in (0, 5, 100, second.stat().st_size - 1):
        (place / "cut.part").write_bytes(second.read_bytes()[:size])
        assert re.search("damaged|cut off", command(1, "replay", "merge", first, place / "cut.part")[1]), size
    complains(command(1, "replay", "merge", world / "log.jsonl"), "log.jsonl", "no part of a replay")
    complains(command(1, "replay", "merge", place / "none.part"), "none.part", "cannot open")


# Mistakes.


@case
def options_that_contradict_or_mean_nothing_are_named(place):
    world = simulate(place)
    a = place / "a.yaml"
    complains(ranking(2, a), "--data DIR", "--log FILE", "neither")
    complains(ranking(2, a, "--log", world / "log.jsonl", "--data", world), "--data DIR and --log FILE are given")
    complains(ranking(2, a, "--data", world, "--sort"), "--sort", "--log alone")
    complains(ranking(2, a, *of_world(world), "--label", "likes"), '--label is "likes"', "long_view, complete, like")
    complains(ranking(2, a, *of_world(world), "--label", "skip"), '--label is "skip"')
    complains(ranking(2, a, *of_world(world), "--baseline", "popular"), '--baseline is "popular"', "recency or random")
    complains(ranking(2, *[a] * 6, *of_world(world), *["--baseline", "random"] * 3), "10 contenders", "at most 9")
    complains(ranking(2, a, *of_world(world), "--part", "9/8", "--out", place / "p"), "--part is I/N", '"9/8"')
    complains(ranking(2, a, *of_world(world), "--part", "1/8"), "--part needs --out FILE")
    complains(ranking(2, a, *of_world(world), "--locale", "??"), "--locale is a language tag", '"??"')
    complains(ranking(2, a, *of_world(world), "--rankings", "some"), "--rankings", "decisions, impressions, outcomes")
    complains(counterfactual(2, a, *files_of(world), "--reward", "likes"), '--reward: unknown label "likes"', "long_view")
    complains(counterfactual(2, a, *files_of(world), "--support", "min-luck=1"), "--support", "min-luck=1", "min-users")
    complains(counterfactual(2, a, *files_of(world), "--support", "min-users=x"), "--support: min-users", '"x"')
    complains(counterfactual(2, a, "--log", "-"), "--log -", "--reward-model none")


@case
def weights_that_cannot_be_used_are_named(place):
    world = simulate(place)
    (place / "wrong.yaml").write_text("version: w\nvalu: {like: 0}\nslate: {explore: maybe}\n")
    complains(ranking(4, place / "wrong.yaml", *of_world(world)), 'wrong.yaml:2:1: valu: unknown key; did you mean "value"?',
              "wrong.yaml:3:18: slate.explore", "2 problems")
    complains(ranking(1, place / "none.yaml", *of_world(world)), "none.yaml is no file", '"default"')
    complains(ranking(1, "current", *of_world(world)), "current is no file", '"default"')
    parsed(ranking(0, "default", *of_world(world), "--json"))


@case
def a_log_without_rankings_says_what_it_lacks(place):
    world = simulate(place)
    a = place / "a.yaml"
    complains(ranking(1, a, "--log", world / "catalogue.jsonl"), "the log has no impressions", "--rankings outcomes")
    complains(ranking(1, a, *files_of(world), "--rankings", "decisions"), "the log has no decisions")
    complains(ranking(2, a, *of_world(world), "--rankings", "decisions"), "--age and --locale are of impressions")
    complains(counterfactual(1, a, *files_of(world)), "no decision with a served slate is in the log", "--journal-share-ppm")
    complains(ranking(1, a, "--log", place / "none.jsonl"), "none.jsonl: cannot open")
    complains(ranking(1, a, "--data", place / "none"), "no data in directory")
    (place / "one.jsonl").write_text(json.dumps({"decision": {
        "time_ms": 1700000100000, "ranking_id": "r", "order": [1, 0],
        "request": {"user_id": "u", "locale": "hi-IN", "candidates": [{"video_id": "v1"}, {"video_id": "v2"}]}}}) + "\n")
    complains(ranking(1, a, "--log", place / "one.jsonl", "--rankings", "decisions"), "none of 1 decisions can be measured",
              "--window")


@case
def lines_that_mean_nothing_are_counted_with_reasons(place):
    world = simulate(place)
    log = (world / "log.jsonl").read_text().splitlines(keepends=True)
    log[100:100] = ["no JSON\n", '{"signal":{"user_id":"u"}}\n']
    (place / "bad.jsonl").write_text("".join(log))
    words = [place / "a.yaml", "--catalogue", world / "catalogue.jsonl", "--log", place / "bad.jsonl", "--age", 25]
    report = parsed(ranking(0, *words, "--json"))
    equal((2, [101, 102]), (report["source"]["rejected"], [r["line"] for r in report["source"]["rejects"]]))
    assert all(r["file"].endswith("bad.jsonl") and r["reason"] for r in report["source"]["rejects"]), report["source"]
    text = ranking(0, *words)[0]
    assert re.search(r"2 lines were passed over. The first: \S*bad.jsonl:101: ", " ".join(text.split())), text
    clean = parsed(ranking(0, place / "a.yaml", *of_world(world), "--json"))
    equal(clean["segments"], report["segments"])


@case
def a_packed_log_comes_through_a_pipe(place):
    world = simulate(place)
    packed = gzip.compress((world / "log.jsonl").read_bytes())
    words = ["replay", "ranking", place / "a.yaml", "--catalogue", world / "catalogue.jsonl", "--age", 25, "--json"]
    done = subprocess.run([REELRANK, *map(str, words), "--log", "-"], input=packed, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=TIMEOUT)
    equal(0, done.returncode)
    piped = json.loads(done.stdout)
    file = parsed(command(0, *words, "--log", world / "log.jsonl"))
    equal(file["segments"], piped["segments"])


# A server's own data.


@case
def a_directory_that_a_server_holds_is_left_alone(place):
    with Server(place, *ALL) as server:
        for kind in ("ranking", "counterfactual"):
            complains(command(3, "replay", kind, "default", "--data", server.data), server.address)


@case
def what_a_server_journaled_is_replayed_with_its_own_weights(place):
    simulate(place)
    data, world = live(place, 200)
    report = parsed(ranking(0, "current", "default", place / "bolder.yaml", "--data", data, "--json"))
    equal((200, "decisions"), (report["rankings"]["found"], report["options"]["rankings"]))
    version = report["contenders"][0]["version"]
    assert version.startswith("exploring@"), report["contenders"]
    report = parsed(ranking(0, version, "--data", data, "--rankings", "impressions", "--age", 25, "--json"))
    equal((200, version), (report["rankings"]["found"], report["contenders"][0]["version"]))
    complains(ranking(1, "exploring@0000000000000000", "--data", data), 'nor a version of "reelrank history"')
    equal(world.signals, report["source"]["signals"])


@case
def weights_that_made_the_log_earn_what_was_served(place):
    simulate(place)
    data, world = live(place, 400)
    report = parsed(counterfactual(0, "current", place / "bolder.yaml", "--data", data, "--positions", 5, "--baseline",
                                   "random", *LENIENT, "--json"))
    equal(["served", "current", "bolder.yaml", "random"], [c["name"] for c in report["contenders"]])
    equal(400, report["decisions"]["used"])
    served = value(report, "snips", 0)
    assert abs(served - report["logged"]["value"]) < 1e-12, (served, report["logged"])
    assert abs(value(report, "sequence_ips", 1) - value(report, "sequence_ips", 0)) < 1e-9, report["segments"][0]
    assert abs(value(report, "snips", 1) - served) < 0.03, (value(report, "snips", 1), served)
    assert "dm" not in [d["estimator"] for d in whole(report)["differences"]]
    equal([2], [change["contender"] for change in report["changes"]])


@case
def estimates_without_support_are_refused_with_the_option_that_overrides(place):
    simulate(place)
    data, _ = live(place, 60, users=20)
    report = parsed(counterfactual(0, "current", "--data", data, "--positions", 5, "--json"))
    refusals = {e["estimator"]: e["refused"] for e in whole(report)["estimates"] if e["contender"] == 1}
    assert "--support min-decisions=VALUE" in refusals["snips"], refusals
    text = counterfactual(0, "current", "--data", data, "--positions", 5)[0]
    assert "cannot be compared with served" in text and "Refused for all:" in text, text
    limits = [word for check in ("min-decisions=10", "min-users=10") for word in ("--support", check)]
    report = parsed(counterfactual(0, "current", "--data", data, "--positions", 5, *limits, "--json"))
    assert value(report, "snips", 0) > 0 and report["options"]["support"] == ["min-decisions=10", "min-users=10"]


# Foreign logs.


def table(header, rows):
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([header, *rows])
    return out.getvalue()


@case
def movielens_ratings_are_ranked_among_sampled_negatives(place):
    simulate(place)
    draw = random.Random(1)
    (place / "movies.csv").write_text(table(["movieId", "title", "genres"], [
        [i, "Film %d (1995)" % i, ("Comedy", "Drama")[i % 2]] for i in range(1, 61)]))
    (place / "ratings.csv").write_text(table(["userId", "movieId", "rating", "timestamp"], [
        [user, movie, 5 if movie % 2 == user % 2 else 1, 1260759144 + 86400 * n + user]
        for user in range(1, 31) for n, movie in enumerate(draw.sample(range(1, 61), 15))]))
    report = parsed(ranking(0, "default", "--format", "movielens", "--catalogue", place / "movies.csv", "--log",
                            place / "ratings.csv", "--assume-safety", "low", "--label", "like", "--negatives", 20,
                            "--baseline", "random", "--json"))
    equal(("outcomes", 20), (report["options"]["rankings"], report["options"]["negatives"]))
    equal(["weights", "baseline"], [c["kind"] for c in report["contenders"]])
    equal(report["rankings"]["measured"], report["rankings"]["sampled"])
    assert value(report, "ndcg@10", 0) > value(report, "ndcg@10", 1), whole(report)["values"]
    assert any("sampled" in note for note in report["notes"]), report["notes"]


@case
def metarank_rankings_are_decisions(place):
    simulate(place)
    draw = random.Random(2)
    lines = [{"event": "item", "id": "i%d" % i, "item": "m%d" % i, "timestamp": "1661431886000",
              "fields": [{"name": "genres", "value": [("a", "b")[i % 2]]}]} for i in range(30)]
    for n in range(60):
        at = 1661432000000 + n * 600000
        items = draw.sample(range(30), 6)
        lines.append({"event": "ranking", "id": "r%d" % n, "user": "u%d" % (n % 12), "timestamp": str(at), "session": "s",
                      "fields": [], "items": [{"id": "m%d" % i} for i in items]})
        lines.append({"event": "interaction", "id": "x%d" % n, "ranking": "r%d" % n, "timestamp": str(at + 1000),
                      "user": "u%d" % (n % 12), "session": "s", "type": "click", "item": "m%d" % min(items), "fields": []})
    (place / "events.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    report = parsed(ranking(0, "default", "--format", "metarank", "--log", place / "events.jsonl", "--assume-safety", "low",
                            "--label", "play", "--baseline", "random", "--json"))
    equal(("decisions", 60), (report["options"]["rankings"], report["rankings"]["found"]))
    assert value(report, "ndcg@10", 0) > 0, whole(report)["values"]


@case
def kuairand_logs_are_sorted_first(place):
    simulate(place)
    draw = random.Random(3)
    header = ["user_id", "video_id", "date", "hourmin", "time_ms", "is_click", "is_like", "is_follow", "is_comment",
              "is_forward", "is_hate", "long_view", "play_time_ms", "duration_ms", "profile_stay_time",
              "comment_stay_time", "is_profile_enter", "is_rand", "tab"]
    rows = []
    for user in range(40):
        for screen in range(3):
            for n, item in enumerate(draw.sample(range(50), 6)):
                likes = item % 3 == 0
                at = 1649400000000 + screen * 7200000 + user * 1000 + n * 10
                rows.append([user, item, 20220408, 1200, at, 1, 0, 0, 0, 0, 0, int(likes), 25000 if likes else 1000, 30000,
                             0, 0, 0, 1, 1])
    (place / "kuai.csv").write_text(table(header, rows))
    report = parsed(ranking(0, "default", "--format", "kuairand", "--log", place / "kuai.csv", "--assume-safety", "low",
                            "--age", 25, "--baseline", "random", "--json"))
    assert report["rankings"]["measured"] > 60, report["rankings"]
    assert value(report, "ndcg@10", 0) > value(report, "ndcg@10", 2), whole(report)["values"]


@case
def open_bandit_decisions_have_propensities(place):
    simulate(place)
    draw = random.Random(4)
    rows = [["2019-11-24 %02d:%02d:%02d.000000+00:00" % (n // 3600, n // 60 % 60, n % 60), draw.randrange(5), 1 + n % 3,
             int(draw.random() < 0.1 + 0.2 * (n % 2)), 0.2, *[0] * 5] for n in range(1500)]
    (place / "men.csv").write_text(table(["timestamp", "item_id", "position", "click", "propensity_score",
                                         *["user-item_affinity_%d" % i for i in range(5)]], rows))
    report = parsed(counterfactual(0, "--baseline", "random", "--format", "obd", "--log", place / "men.csv", "--reward",
                                   "play", "--assume-safety", "low", "--json"))
    equal(["served", "random"], [c["name"] for c in report["contenders"]])
    equal(1500, report["decisions"]["used"])
    equal([1, 2, 3], sorted({p["position"] for p in report["positions"]}))



run()
