"""reelrank tune: what it writes is valid, the same each time, and told honestly; what it refuses."""

import json

from calls import FAILED, INVALID, NOW_MS, OK, USAGE, call
from runner import case, run

SEARCH = ("--search", "value.like=0:40,multipliers.quality=0:3")


def world(place):
    if not (place / "w").exists():
        call(OK, "simulate", "--out", "w", "--videos", 300, "--users", 200, "--signals", 20000, "--now-ms", NOW_MS, cwd=place)
    return "--catalogue", "w/catalogue.jsonl", "--log", "w/log.jsonl", "--age", 25


def tune(place, *words, code=OK):
    return call(code, "tune", *world(place), "--trials", 60, *words, cwd=place)


def refused(place, *words, code=USAGE):
    told = tune(place, "--out", "new.yaml", *words, code=code)[1]
    assert not (place / "new.yaml").exists(), told
    return told


@case
def a_file_is_written_that_check_diff_replay_and_apply_take(place):
    out, told = tune(place, *SEARCH, "--k", 4, "--guard", "skip_share=0.05", "--out", "new.yaml")
    for word in ("tuning default", "for ndcg@4: ", "1 walk along the log", "value.like", "0 to 40", "the objective",
                 "held out", "at most 0.0500 worse: ", "On the time that was held out", "new.yaml: written, version default-tuned@"):
        assert word in out, (word, out)
    assert told == "", told
    assert "new.yaml: valid, version default-tuned@" in call(OK, "check", "new.yaml", cwd=place)[0]
    call(OK, "replay", "ranking", "default", "new.yaml", *world(place), cwd=place)
    call(OK, "import", "--data", "d", "--format", "jsonl", "--strict", "w/catalogue.jsonl", "w/log.jsonl", cwd=place)
    (place / "all.jsonl").write_text((place / "w/catalogue.jsonl").read_text() + (place / "w/log.jsonl").read_text())
    (place / "default.yaml").write_text("version: default\n")
    assert "top_1_changed" in call(OK, "diff", "default.yaml", "new.yaml", "--log", "all.jsonl", "--json", cwd=place)[0]
    call(OK, "apply", "new.yaml", "--data", "d", cwd=place)
    (place / "worse.yaml").write_text("version: worse\nvalue: {long_view: -3, watch_quantile: -3}\n")
    call(OK, "apply", "worse.yaml", "--data", "d", cwd=place)
    told = call(OK, "tune", "--data", "d", "--rankings", "impressions", "--weights", "current", "--age", 25, "--trials", 30,
                "--search", "value.long_view=-3:3", "--k", 4, "--version", "third", "--out", "third.yaml", "--json", cwd=place)[0]
    report = json.loads(told)
    assert report["weights"]["version"].startswith("worse@") and report["out"]["version"].startswith("third@"), report["out"]


@case
def without_search_what_the_file_states_is_searched_and_told(place):
    (place / "old.yaml").write_text("version: old\nvalue: {like: 8, skip: -2}\nmultipliers: {quality: 0.1}\n")
    out, told = tune(place, "--weights", "old.yaml", "--k", 4, "--out", "new.yaml", "--json")
    for line in ("value.like=2:32", "value.skip=-8:-0.5", "multipliers.quality=0:0.3"):
        assert "  %s\n" % line in told, (line, told)
    assert [item["path"] for item in json.loads(out)["parameters"]] == ["value.like", "value.skip", "multipliers.quality"]
    (place / "bare.yaml").write_text("version: bare\n")
    assert "--search PATH=LOW:HIGH names what to move" in tune(place, "--weights", "bare.yaml", "--out", "b.yaml", code=USAGE)[1]


@case
def the_same_seed_gives_the_same_bytes(place):
    words = ("--search", "value.like=0:40,features.freshness_half_life=6h:20d", "--walks", 4, "--k", 4, "--json")
    first, _ = tune(place, *words, "--out", "one.yaml")
    second, _ = tune(place, *words, "--out", "one.yaml", "--force")
    assert first == second
    other, _ = tune(place, *words, "--seed", 2, "--out", "two.yaml")
    assert [trial["values"] for trial in json.loads(other)["trials"]] != [trial["values"] for trial in json.loads(first)["trials"]]


@case
def what_is_held_out_was_never_searched_with(place):
    """Signals of the held-out time decide nothing: without them the same trials have the same figures."""
    report = json.loads(tune(place, *SEARCH, "--k", 4, "--validation-percent", 40, "--out", "new.yaml", "--json")[0])
    split = report["split"]
    assert split["train_until_ms"] + 3600 * 1000 == split["validation_from_ms"], split
    lines = (place / "w/log.jsonl").read_text().splitlines(True)
    flipped = []
    for line in lines:
        entry = json.loads(line)
        if entry.get("signal", {}).get("time_ms", 0) >= split["validation_from_ms"] and "watch_ms" in entry["signal"]:
            entry["signal"]["watch_ms"] = 1000 if entry["signal"]["watch_ms"] > 10000 else 60000
        flipped.append(json.dumps(entry) + "\n")
    (place / "w/log.jsonl").write_text("".join(flipped))
    other = json.loads(tune(place, *SEARCH, "--k", 4, "--validation-percent", 40, "--out", "new.yaml", "--force", "--json")[0])
    assert other["trials"] == report["trials"] and other["best"] == report["best"]
    assert other["held_out"]["difference"] != report["held_out"]["difference"]


@case
def nothing_better_writes_nothing_and_says_so(place):
    (place / "old.yaml").write_text("version: old\nmultipliers: {quality: 2}\n")
    out, told = tune(place, "--weights", "old.yaml", "--search", "multipliers.quality=-1:-0.9", "--k", 4, "--out", "new.yaml",
                     code=FAILED)
    assert "No trial is better" in out and " trials is better than old.yaml; no file is written" in told, told
    report = json.loads(tune(place, "--weights", "old.yaml", "--search", "multipliers.quality=-1:-0.9", "--k", 4, "--out",
                             "new.yaml", "--json", "--html", "page.html", code=FAILED)[0])
    assert report["best"] is None and report["out"] is None and report["held_out"] is None and len(report["trials"]) > 0
    assert "Nothing better was found" in (place / "page.html").read_text()
    assert not (place / "new.yaml").exists()


@case
def rankings_beyond_the_memory_are_left_out_and_told(place):
    out, told = call(OK, "tune", *world(place), *SEARCH, "--trials", 30, "--k", 4, "--memory-mib", 1, "--out", "new.yaml", cwd=place)
    assert "rankings do not fit into --memory-mib" in told and "did not fit into --memory-mib" in out.replace("\n", " "), (out, told)


@case
def what_is_there_is_replaced_on_demand_only(place):
    (place / "new.yaml").write_text("version: precious\n")
    told = tune(place, *SEARCH, "--out", "new.yaml", code=USAGE)[1]
    assert "--out new.yaml is there" in told and "--force" in told, told
    assert (place / "new.yaml").read_text() == "version: precious\n"
    tune(place, *SEARCH, "--k", 4, "--out", "new.yaml", "--force")
    assert "default-tuned" in (place / "new.yaml").read_text()
    assert sorted(path.name for path in place.iterdir()) == ["new.yaml", "w"]


@case
def options_that_are_wrong_are_named(place):
    assert "--out FILE is required" in tune(place, code=USAGE)[1]
    wants = {
        ("--search", "value.love=0:8"): '--search: "value.love" is no number that can be searched',
        ("--search", "value.like=0"): "they are LOW:HIGH",
        ("--search", "value.like=0:800"): "found 800; allowed: -100 to 100",
        ("--search", "value.like=0:8,value.like=1:2"): "value.like is named twice",
        ("--search", ""): "--search is empty",
        ("--search", "policy.unknown_age=0:18"): "what may be shown is not for figures to decide",
        ("--objective", "ndcg@5"): '--objective is "ndcg@5"; it is a metric',
        ("--objective", "skip_share"): '--objective is "skip_share"; it is a metric',
        ("--objective", "dm"): "--objective dm rests on a model alone",
        ("--objective", "snips"): "--objective snips needs decisions",
        ("--guard", "skips=0.1"): '--guard: there is no figure "skips"',
        ("--guard", "skip_share=-1"): "--guard: skip_share is",
        ("--front", "ndcg@10"): "it names two figures",
        ("--front", "ndcg@10,language_share"): "--front: language_share is one figure for each language",
        ("--support", "min-users"): "--support: ",
        ("--label", "likes"): '--label is "likes"; it can be',
        ("--reward", "love"): "--reward: ",
        ("--negatives", "5"): "--negatives is of --rankings outcomes alone",
        ("--version", "a b"): "--version is ",
    }
    for words, want in wants.items():
        told = refused(place, *words)
        assert want in told, (words, told)
    told = call(USAGE, "tune", "--log", "-", "--out", "new.yaml", cwd=place)[1]
    assert "--log -: tuning reads the log more than once" in told or "tuning reads the log more than once" in told, told


@case
def what_cannot_be_searched_or_written_is_told_before_the_log_is_read(place):
    told = refused(place, *SEARCH, "--gap", 500000, code=INVALID)
    assert "leave nothing to train with" in told, told
    told = tune(place, *SEARCH, "--out", "no/such/new.yaml", code=FAILED)[1]
    assert "--out no/such/new.yaml: cannot write: No such file" in told, told
    (place / "old.yaml").write_text("version: %s\n" % ("x" * 30))
    assert "give a --version" in refused(place, "--weights", "old.yaml", *SEARCH)
    (place / "old.yaml").write_text("version: old\nheads: {like: {kind: logistic, weights: {taste: 1}}}\n")
    told = refused(place, "--weights", "old.yaml", "--search", "heads.like.prior=0.01:0.1", code=INVALID)
    assert "heads.like.prior" in told, told


@case
def guards_that_nothing_keeps_leave_no_file(place):
    """Whatever moves, some figure gets worse by more than nothing."""
    told = tune(place, "--search", "multipliers.quality=2.9:3", "--k", 4, "--guard", "ndcg@4=0,map=0,mrr=0,watch_ndcg@4=0,gauc=0,"
                "xauc=0,new_share=0,language_share=0,skip_share=0", "--out", "new.yaml", code=FAILED)[1]
    assert "and keeps the guards; no file is written" in told, told


run()
