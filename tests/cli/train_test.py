"""reelrank train: what it writes is valid, the same each time, and better than the base rate; what it refuses."""

import json
import os
import pty
import re
import shutil
import signal
import subprocess

from calls import FAILED, INVALID, NOW_MS, OK, REELRANK, TIMEOUT, USAGE, call
from report_schema import check_described, check_report
from runner import Skip, case, run


def world(place):
    if not (place / "w").exists():
        call(OK, "simulate", "--out", "w", "--videos", 300, "--users", 200, "--signals", 20000, "--now-ms", NOW_MS, cwd=place)
    return "--catalogue", "w/catalogue.jsonl", "--log", "w/log.jsonl"


def train(place, *words, code=OK):
    return call(code, "train", "logistic", *world(place), *words, cwd=place)


def grow(place, *words, code=OK):
    return call(code, "train", "trees", *world(place), "--trees", 40, "--depth", 3, *words, cwd=place)


def report_of(told):
    """What --json printed, if it is as the schema says."""
    report = json.loads(told)
    check_report("train-report", report)
    return report


def refused(place, *words, code=USAGE):
    told = train(place, *words, code=code)[1]
    assert sorted(path.name for path in place.iterdir() if ".yaml" in path.name and path.name != "old.yaml") == [], told
    return told


@case
def a_head_is_learnt_written_and_accepted(place):
    told = train(place, "--label", "long_view", "--out", "new.yaml")[0]
    assert "new.yaml: written, version default-trained@" in told, told
    assert "replay ranking default new.yaml --catalogue w/catalogue.jsonl --log w/log.jsonl" in told, told
    for word in ("examples", "gain over the base rate", "AUC", "calibration error", "penalty", "largest effects"):
        assert word in told, (word, told)
    assert "new.yaml: valid, version default-trained@" in call(OK, "check", "new.yaml", cwd=place)[0]
    report = json.loads(call(OK, "replay", "ranking", "default", "new.yaml", *world(place), "--json", cwd=place)[0])
    assert [item["name"] for item in report["contenders"]][:2] == ["default", "new.yaml"], report["contenders"]
    keys = [key for change in report["changes"] for key in change["keys"]]
    assert any("long_view" in json.dumps(key) for key in keys), keys


@case
def figures_are_those_of_a_head_that_has_learnt(place):
    report = report_of(train(place, "--label", "long_view,skip", "--out", "new.yaml", "--json")[0])
    assert [head["head"] for head in report["heads"]] == ["long_view", "skip"] and not report["stopped"], report
    for head in report["heads"]:
        training, validation = head["training"], head["validation"]
        assert training["examples"] + validation["examples"] + head["gap"] + head["unknown"] == report["examples"]
        assert 0 < validation["positives"] < validation["examples"] < training["examples"]
        for side in (training, validation):
            assert abs(side["gain"]["value"] - (side["base_rate_log_loss"] - side["log_loss"])) < 1e-9, side
            assert sum(bin["count"] for bin in side["reliability"]) == side["examples"], side
        assert abs(training["predicted"] - training["observed"]) < 1e-5, training
        assert validation["gain"]["low"] <= validation["gain"]["value"] <= validation["gain"]["high"]
        assert head["l2"] in [tried["l2"] for tried in head["tried"]] and head["converged"], head
        assert len(head["weights"]) + len(head["constant"]) == 118
    long_view = report["heads"][0]["validation"]
    assert long_view["gain"]["low"] > 0 and long_view["auc"]["low"] > 0.6, long_view
    assert report["train_until_ms"] + 3600 * 1000 == report["validation_from_ms"], report


@case
def the_same_log_gives_the_same_bytes(place):
    files = []
    for out in ("one.yaml", "two.yaml"):
        train(place, "--label", "long_view,like", "--position-effects", "--balanced", "--out", out)
        files.append((place / out).read_bytes())
    assert files[0] == files[1]
    told = train(place, "--label", "long_view,like", "--balanced", "--out", "two.yaml", "--force")[0]
    assert "two.yaml: written" in told and (place / "two.yaml").read_bytes() != files[0]


@case
def trees_are_learnt_written_and_accepted(place):
    (place / "m").mkdir()
    report = report_of(grow(place, "--label", "long_view,skip", "--out", "m/new.yaml", "--json")[0])
    assert [(head["head"], head["kind"]) for head in report["heads"]] == [("long_view", "trees"), ("skip", "trees")]
    for head in report["heads"]:
        assert (place / "m" / head["model"]).stat().st_size == head["model_bytes"], head["model"]
        assert head["model"].startswith(head["head"] + "-") and 1 <= head["trees"] <= head["tried"] <= 40, head
        assert sum(bin["count"] for bin in head["validation"]["reliability"]) == head["validation"]["examples"]
        assert all(gain["gain"] > 0 for gain in head["gains"]) and head["gains"], head["gains"]
    long_view = report["heads"][0]["validation"]
    assert long_view["gain"]["low"] > 0 and long_view["auc"]["low"] > 0.6, long_view
    assert len(list((place / "m").iterdir())) == 3
    assert "m/new.yaml: valid, version default-trained@" in call(OK, "check", "m/new.yaml", cwd=place)[0]
    told = json.loads(call(OK, "replay", "ranking", "default", "m/new.yaml", *world(place), "--json", cwd=place)[0])
    assert told["contenders"][1]["version"] == report["version"], told["contenders"]


@case
def the_same_log_gives_the_same_trees(place):
    told = grow(place, "--label", "skip", "--features", "taste,quality", "--out", "one.yaml")[0]
    assert "largest gains" in told and " trees, the best of " in told, told
    grow(place, "--label", "skip", "--features", "taste,quality", "--out", "two.yaml")
    assert (place / "one.yaml").read_bytes() == (place / "two.yaml").read_bytes()
    assert len(list(place.glob("skip-*.json"))) == 1
    grow(place, "--label", "skip", "--features", "taste,quality", "--seed", 2, "--out", "two.yaml", "--force")
    assert (place / "one.yaml").read_bytes() != (place / "two.yaml").read_bytes()
    assert "valid" in call(OK, "check", "one.yaml", cwd=place)[0]  # its model is there still


@case
def trees_learn_an_order_too(place):
    words = ("--label", "long_view", "--features", "taste,quality,long_view_rate_global_14d,skip_rate_global_14d")
    plain = report_of(grow(place, *words, "--out", "plain.yaml", "--json")[0])["heads"][0]
    order = report_of(grow(place, *words, "--objective", "order", "--out", "order.yaml", "--json")[0])["heads"][0]
    assert (plain["objective"], order["objective"]) == ("probability", "order")
    for head in (plain, order):
        assert len(head["rounds"]) == head["tried"] and head["validation"]["auc"]["low"] > 0.55, head
    assert 0.2 < plain["rounds"][-1]["held_out"] < 0.7, plain["rounds"]  # log loss
    chosen = order["rounds"][order["trees"] - 1]["held_out"]
    assert chosen == max(each["held_out"] for each in order["rounds"]) > 0.5, order["rounds"]  # nDCG
    assert abs(order["validation"]["predicted"] - order["validation"]["observed"]) < 0.1, order["validation"]
    assert "valid" in call(OK, "check", "order.yaml", cwd=place)[0]
    told = grow(place, "--label", "watch_quantile", "--objective", "order", "--out", "new.yaml", code=USAGE)[1]
    assert "watch_quantile is a share" in told, told
    told = grow(place, "--label", "skip", "--objective", "order", "--propensity-weights", 5, "--out", "new.yaml", code=USAGE)[1]
    assert "--propensity-weights weighs examples" in told, told


@case
def signs_are_known_or_given_or_none(place):
    def signs(*words):
        told = grow(place, "--label", "long_view", "--features", "quality,skip_rate_global_14d,freshness", "--trees", 5, *words,
                    "--out", "new.yaml", "--force", "--json")[0]
        return {sign["feature"]: sign["sign"] for sign in report_of(told)["heads"][0]["monotone"]}

    known = {"quality": 1, "skip_rate_global_14d": -1}
    assert signs() == signs("--monotone", "known") == known
    assert signs("--monotone", "none") == {}
    assert signs("--monotone", "freshness=+1") == {"freshness": 1}
    assert signs("--monotone", "known,freshness=-1,quality=0") == {"freshness": -1, "skip_rate_global_14d": -1}
    for wrong, why in (("qualty=+1", 'did you mean "quality"?'), ("quality=2", "the sign is +1, -1 or 0"),
                       ("quality", 'is neither "known" nor FEATURE=+1'), ("", "--monotone is empty")):
        assert why in grow(place, "--label", "skip", "--monotone", wrong, "--out", "other.yaml", code=USAGE)[1], wrong


@case
def trees_leave_out_what_the_place_did(place):
    words = ("--label", "long_view", "--features", "taste,quality", "--json")
    plain = report_of(grow(place, *words, "--out", "plain.yaml")[0])["heads"][0]
    beside = report_of(grow(place, *words, "--position-effects", "--out", "beside.yaml")[0])["heads"][0]
    assert plain["places"] == [] and plain["model"] != beside["model"]
    places = {each["place"]: each for each in beside["places"] if each["rows"] > 0}
    assert set(places) >= {"1", "2", "3", "4 to 5"} and places["1"]["rows"] > 100, places
    assert sum(each["rows"] for each in places.values()) == beside["training"]["examples"], places
    assert abs(beside["training"]["predicted"] - beside["training"]["observed"]) < 0.01, beside["training"]
    told = grow(place, "--label", "long_view", "--features", "taste,quality", "--position-effects", "--out", "other.yaml")[0]
    assert "effect of the position, log odds" in told, told


@case
def a_page_is_one_file_of_what_was_printed(place):
    if shutil.which("gnuplot") is None:
        raise Skip("gnuplot is not installed")
    words = ("--label", "long_view", "--features", "taste,quality", "--html", "page.html", "--json")
    for learn, shown in ((grow, "What each further tree brought"), (train, "Choice of the penalty")):
        report = report_of(learn(place, *words, "--out", "new.yaml", "--force")[0])
        page = (place / "page.html").read_text()
        gain = report["heads"][0]["validation"]["gain"]["value"]
        assert page.startswith("<!doctype html>") and page.rstrip().endswith("</html>") and "http" not in page
        assert shown in page and report["version"] in page and "<b class=\"up\">%+.4f</b>" % gain in page, page
    told = grow(place, "--label", "skip", "--features", "taste", "--out", "other.yaml", "--html", "no/such/page.html", code=FAILED)[1]
    assert "--html no/such/page.html: cannot write" in told, told


def interrupted(place, *words):
    """What a command said that was interrupted once its progress showed that it was growing trees."""
    terminal, end = pty.openpty()
    process = subprocess.Popen([REELRANK, *map(str, words)], cwd=place, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=end)
    os.close(end)
    shown = b""
    while not re.search(rb"\d of \d[^\r]* trees, [^\r]* left", shown):
        shown += os.read(terminal, 4096)
    process.send_signal(signal.SIGINT)
    told = process.communicate(timeout=TIMEOUT)[0].decode()
    os.close(terminal)
    return process.returncode, told, shown.decode()


@case
def an_interrupt_leaves_the_best_so_far(place):
    (place / "old.yaml").write_text("version: old\nheads:\n  skip: {prior: 0.1}\n")
    code, told, shown = interrupted(place, "train", "trees", *world(place), "--weights", "old.yaml", "--label", "long_view,skip",
                                    "--trees", 1000, "--learning-rate", "0.001", "--early-stopping", 1000, "--depth", 8, "--out",
                                    "new.yaml", "--json")
    report = report_of(told)
    assert code == OK and report["stopped"] and "long_view (1 of 2)" in shown, (code, told, shown)
    assert [head["head"] for head in report["heads"]] == ["long_view"] and 1 <= report["heads"][0]["tried"] < 1000, told
    assert "valid" in call(OK, "check", "new.yaml", cwd=place)[0]
    assert "skip: {prior: 0.1}" in (place / "new.yaml").read_text()


@case
def trees_that_cannot_be_written_leave_nothing(place):
    (place / "old.yaml").write_text("version: old\nlocales:\n  hi-IN: {heads: {skip: {prior: 0.01}}}\n")
    told = grow(place, "--weights", "old.yaml", "--label", "skip", "--out", "new.yaml", code=INVALID)[1]
    assert "locales.hi-IN.heads.skip.prior: " in told, told
    # Of a kind that is met when the head is trees, not before.
    (place / "old.yaml").write_text("version: old\nlocales:\n  hi-IN: {heads: {skip: {bias: 1}}}\nheads:\n"
                                    "  skip: {kind: logistic, weights: {taste: 1}}\n")
    told = grow(place, "--weights", "old.yaml", "--label", "skip", "--out", "new.yaml", code=INVALID)[1]
    assert "locales.hi-IN.heads.skip.bias: " in told, told
    assert sorted(path.name for path in place.iterdir()) == ["old.yaml", "w"]
    for rate in ("0", "2", "x"):
        told = grow(place, "--label", "skip", "--learning-rate", rate, "--out", "new.yaml", code=USAGE)[1]
        assert '--learning-rate is "%s"; it is a number above 0, up to 1' % rate in told, told
    assert "--depth" in grow(place, "--label", "skip", "--depth=13", "--out", "new.yaml", code=USAGE)[1]


@case
def a_data_directory_teaches_what_its_log_does(place):
    words = ("--label", "long_view", "--features", "quality,taste", "--l2", "0.01")
    train(place, *words, "--out", "log.yaml")
    call(OK, "import", "--data", "d", "--format", "jsonl", "--strict", "w/catalogue.jsonl", "w/log.jsonl", cwd=place)
    told = call(OK, "train", "logistic", "--data", "d", "--weights", "current", "--rankings", "impressions", *words, "--out",
                "data.yaml", cwd=place)[0]
    assert "reelrank diff current data.yaml --data d\n" in told, told
    assert (place / "log.yaml").read_bytes() == (place / "data.yaml").read_bytes()


@case
def all_else_of_the_weights_stays_as_it_is(place):
    text = ("# ours\nversion: old   # of May\nheads:\n  like: {prior: 0.03}  # a guess\n  skip: {prior: 0.1}\n"
            "value: {like: 9}\n")
    (place / "old.yaml").write_text(text)
    train(place, "--weights", "old.yaml", "--label", "like", "--features", "quality,taste", "--l2", "0.01",
          "--version", "2024", "--out", "new.yaml")
    before, after = text.splitlines(), (place / "new.yaml").read_text().splitlines()
    assert after[:3] == ["# ours", 'version: "2024"   # of May', "heads:"], after
    assert after[3].startswith("  like: {kind: logistic, bias: ") and after[-2:] == before[-2:], after
    weights = " ".join(after)
    assert "quality: " in weights and "taste: " in weights and "freshness" not in weights, weights
    assert "version 2024@" in call(OK, "check", "new.yaml", cwd=place)[0]


@case
def what_is_there_is_replaced_on_demand_only(place):
    (place / "new.yaml").write_text("version: precious\n")
    words = ("--label", "like", "--l2", "0.01", "--features", "quality", "--out", "new.yaml")
    told = train(place, *words, code=USAGE)[1]
    assert "--out new.yaml is there" in told and "--force" in told, told
    assert (place / "new.yaml").read_text() == "version: precious\n"
    train(place, *words, "--force")
    assert "logistic" in (place / "new.yaml").read_text()
    assert sorted(path.name for path in place.iterdir()) == ["new.yaml", "w"]
    assert "no regular file" in refused_beside(place, "--label", "like", "--out", "/dev/null", "--force")


def refused_beside(place, *words):
    return train(place, *words, code=USAGE)[1]


@case
def options_that_are_wrong_are_named(place):
    out = ("--out", "new.yaml")
    assert "--label HEAD,... is required" in refused(place, *out)
    assert "--out FILE is required" in refused(place, "--label", "like")
    assert '--label "love" is no head; there are valid_play' in refused(place, "--label", "like,love", *out)
    assert "--label names like twice" in refused(place, "--label", "like,skip,like", *out)
    assert "--label is empty" in refused(place, "--label", "", *out)
    assert 'did you mean "quality"?' in refused(place, "--label", "like", "--features", "taste,qualty", *out)
    assert "--features is empty" in refused(place, "--label", "like", "--features", "", *out)
    for l2 in ("0", "-1", "x", "1e-3x", "nan", "inf"):
        assert '--l2 is "%s"; it is a number above 0' % l2 in refused(place, "--label", "like", "--l2=" + l2, *out)
    for version in ("", "a b", "x" * 33):
        assert "--version is " in refused(place, "--label", "like", "--version", version, *out)
    told = refused(place, "--label", "like", "--propensity-weights", 10, *out)
    assert "--propensity-weights needs --rankings decisions" in told, told
    told = call(USAGE, "train", "logistic", "--label", "like", *out, cwd=place)[1]
    assert "neither --data DIR nor --log FILE is given" in told, told


@case
def what_cannot_be_learnt_or_written_leaves_nothing(place):
    told = refused(place, "--label", "like", "--gap", 500000, "--out", "new.yaml", code=INVALID)
    assert "leave nothing to train with" in told, told
    quiet = [line for line in (place / "w/log.jsonl").read_text().splitlines(True) if "SIGNAL_TYPE_LIKE" not in line]
    (place / "w/quiet.jsonl").write_text("".join(quiet))
    told = call(INVALID, "train", "logistic", "--catalogue", "w/catalogue.jsonl", "--log", "w/quiet.jsonl", "--label", "skip,like",
                "--features", "quality", "--l2", "1", "--out", "new.yaml", cwd=place)[1]
    assert "train logistic: like: " in told and "0 are positive" in told, told
    told = refused(place, "--label", "like", "--out", "no/such/new.yaml", code=FAILED)
    assert "--out no/such/new.yaml: cannot write: No such file" in told, told
    (place / "old.yaml").write_text("version: old\nlocales:\n  hi-IN: {heads: {like: {prior: 0.01}}}\n")
    told = refused(place, "--weights", "old.yaml", "--label", "like", "--out", "new.yaml", code=INVALID)
    assert "new.yaml:3:26: locales.hi-IN.heads.like.prior: " in told and "were not written" in told, told
    (place / "old.yaml").write_text("version: %s\n" % ("x" * 30))
    told = refused(place, "--weights", "old.yaml", "--label", "like", "--out", "new.yaml", code=INVALID)
    assert "give a --version" in told, told


@case
def the_schema_describes_every_field(_):
    check_described("train-report")


run()
