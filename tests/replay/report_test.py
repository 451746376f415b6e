"""Reports of replays: the published schema against the examples, and the page in headless Chromium.

usage: report_test.py RENDER_REPORT [FILTER]
"""

import copy
import json
import re
import shutil
import subprocess
import sys

import runner
from browser import browse, check_sound
from report_schema import check_described, errors_of
from runner import Skip, case

RENDER = sys.argv[1]
KINDS = ("ranking", "counterfactual")

def example(kind):
    with open("tests/replay/report_%s.json" % kind, encoding="utf-8") as file:
        return json.load(file)


def errors(report):
    return errors_of("replay-report", report)


def render(report, path, kind="page", code=0):
    if shutil.which("gnuplot") is None:
        raise Skip("gnuplot is not installed")
    (path / "report.json").write_text(json.dumps(report), encoding="utf-8")
    done = subprocess.run([RENDER, kind, str(path / "report.json")], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=60)
    assert done.returncode == code, done.stderr.decode()
    return done.stdout.decode() if code == 0 else done.stderr.decode()


def repeat(node, names, contender):
    """What contender 1 has, for another one as well."""
    for name in names:
        if name in node:
            node[name] += [dict(x, contender=contender) for x in node[name] if x["contender"] == 1]


def hostile(kind):
    """As many contenders and groups as are shown, with names that are long, or would be markup."""
    report = example(kind)
    names = ["<script>document.title = 'owned'</script>", "\"><img src=x onerror=alert(1)>", "&amp; ' \" <b>", "x" * 120,
             "candidate with a very long name, made of many words, as people do", "हिन्दी — தமிழ்", "`touch x`", "$(x)", "\u202eabc"]
    first = len(report["contenders"])
    report["contenders"] = [{"name": name, "kind": "weights", "version": name} for name in names]
    for extra in range(first, len(names)):
        for segment in report["segments"]:
            repeat(segment, ("values", "estimates", "differences", "support"), extra)
        repeat(report, ("exposure", "positions", "weight_histograms", "changes"), extra)
    locale = next(s for s in report["segments"] if s["dimension"] == "locale")
    report["segments"] += [dict(copy.deepcopy(locale), name="%s %d" % (names[i % len(names)], i)) for i in range(60)]
    for field in ("mean", "value", "low", "difference"):
        for segment in report["segments"][:3]:
            for key in ("values", "estimates", "differences"):
                if segment.get(key) and field in segment[key][-1]:
                    segment[key][-1][field] = None
    report["notes"] += names
    return report


@case
def the_examples_are_valid(_):
    for kind in KINDS:
        assert errors(example(kind)) == [], errors(example(kind))


@case
def the_schema_knows_what_is_wrong(_):
    changes = {
        "another schema": lambda r: r.update(schema=2),
        "another kind": lambda r: r.update(kind="diff"),
        "an unknown field": lambda r: r.update(extra=1),
        "an unknown field within": lambda r: r["segments"][0].update(extra=1),
        "no contenders": lambda r: r.pop("contenders"),
        "a contender too many": lambda r: r["contenders"].extend(r["contenders"] * 3),
        "an index too large": lambda r: r["segments"][0]["differences"][0].update(contender=9),
        "text for a number": lambda r: r["segments"][0]["differences"][0].update(low="0.1"),
        "a p above 1": lambda r: r["segments"][0]["differences"][0].update(p=1.1),
        "an unknown dimension": lambda r: r["segments"][0].update(dimension="region"),
        "a part that is none": lambda r: r["options"].update(part="2"),
    }
    for kind in KINDS:
        for name, change in changes.items():
            report = example(kind)
            change(report)
            assert errors(report), (kind, name)
    report = example("ranking")
    report["metrics"][0]["better"] = "more"
    assert errors(report)
    report = example("counterfactual")
    report["segments"][0]["support"][0]["verdict"] = "fair"
    assert errors(report)


@case
def the_schema_describes_every_field(_):
    check_described("replay-report")


@case
def hostile_reports_are_valid_too(_):
    for kind in KINDS:
        assert errors(hostile(kind)) == [], errors(hostile(kind))[:3]


@case
def a_page_is_one_file_without_scripts_or_addresses(path):
    for kind in KINDS:
        page = render(example(kind), path)
        assert not re.search(r"https?:|<script|<img|<link|<iframe|@import|url\(", page), kind
        assert set(re.findall(r"""\b(?:src|href)=["'](.)""", page)) <= {"#"}, kind


@case
def a_ranking_shows_its_key_figures_in_the_browser(path):
    found, text, console = browse(render(example("ranking"), path), path)
    check_sound(found, console)
    # A plot for each metric, for each difference, by group, Lorenz curves and languages.
    assert found["svgs"] == 6 + 3 + 1 + 1 + 1, found
    for figure in ["Does candidate rank better than current?",
                   "candidate ranks better than current: nDCG@10 +0.0107 [0.0087, 0.0126], corrected p < 0.0001",
                   "corrected for the 18 comparisons", "82,376 rankings measured of 96,120 found; 11,011 users",
                   "4 of 7 locales are better after correction", "0.3421", "−0.0060 [−0.0137, 0.0016], p = 1.00",
                   "popularity 823,760 2.1 % 0.962 0.941 81.1 % 97.9 % 37", "value.long_view 4 5.5",
                   "locales.ru-RU.slate.explore_share", "share of videos, the least shown first",
                   "Gain of the first 10 positions"]:
        assert figure in text, (figure, text)


@case
def a_counterfactual_report_shows_its_key_figures_in_the_browser(path):
    found, text, console = browse(render(example("counterfactual"), path), path)
    check_sound(found, console)
    # Estimates of the contenders by position and by slate, differences, the effective sample, weights, by group, by position.
    assert found["svgs"] == 8 + 3 + 1 + 3 + 2 + 1, found
    for figure in ["Would candidate do better than served?", "0.0831 play per position as served",
                   "494,256 decisions used of 501,230 found", "2 of 3 contenders are well supported",
                   "random cannot be compared with served: Self-normalised DR is refused (effective sample size is 109; at "
                   "least 200 are needed)", "candidate 168,047 34.0 % 42.0 % 19.4 0.991 0.0040 good",
                   "the mean weight is 0.41; it should be 1", "214.6 0.991 0.0040 poor one decision weighs 214.6",
                   "214.6 0.991 0.0040 poor, overridden one decision", "overridden: largest_weight", "importance weight", "reward at the position"]:
        assert figure in text, (figure, text)


@case
def names_that_are_markup_or_long_do_no_harm_in_the_browser(path):
    for kind in KINDS:
        found, text, console = browse(render(hostile(kind), path), path)
        check_sound(found, console)
        assert "<script>document.title = 'owned'</script>" in text, kind


@case
def a_training_shows_its_key_figures_in_the_browser(path):
    page = render(example("training"), path, "training")
    assert not re.search(r"https?:|<script|<img|<link|<iframe|@import|url\(", page)
    found, text, console = browse(page, path)
    check_sound(found, console)
    # Reliability of both heads, rounds, gains and places of the trees, penalties and effects of the logistic one.
    assert found["svgs"] == 2 + 3 + 2, found
    for figure in ["like is not told apart from the base rate: gain +0.0013 [−0.0014, 0.0046], AUC 0.662 [0.522, 0.801]",
                   "skip predicts better than the base rate: gain +0.0178 [0.0109, 0.0245]",
                   "8,753, videos shown by 1,164 rankings", "20 gradient-boosted trees, the best of 40, learnt for the probability",
                   "0.85 % predicted, 0.83 % observed", "17 positives validate of 2,041 examples; learnt from 56",
                   "May only raise the prediction: quality, taste, affinity_category, like_rate_*. Effect of the position",
                   "1: 787 examples", "+1.432", "examples 6,690 2,041", "gain over the base rate 0.00569 [0.00368, 0.00892]",
                   "Logistic, with a weight for each of 4 features and a penalty of 0.01; 36 iterations", "Choice of the penalty",
                   "−0.233", "20 103 0.03046 0.02913 −0.00134", "What each further tree brought"]:
        assert figure in text, (figure, text)


@case
def a_training_of_odd_names_and_missing_parts_does_no_harm_in_the_browser(path):
    report = example("training")
    report.update(stopped=True, out="<script>document.title = 'owned'</script>" + "x" * 120, version="\"><img src=x onerror=alert(1)>")
    trees, logistic = report["heads"]
    trees.update(objective="order", places=[], monotone=[])
    trees["validation"].update(gain={"value": -0.01, "low": -0.02, "high": -0.005}, auc={"value": None, "low": None, "high": None},
                               reliability=[])
    trees["gains"] = [dict(gain, feature="<b>%s" % gain["feature"]) for gain in trees["gains"]]
    logistic.update(tried=[], weights=[], places=[{"place": "<i>1", "rows": 5, "effect": 0.5}])
    report["heads"] += [copy.deepcopy(trees) for _ in range(3)]
    found, text, console = browse(render(report, path, "training"), path)
    check_sound(found, console)
    for figure in ["like predicts worse than the base rate", "the last head is the best so far", "learnt for the order within rankings",
                   "nDCG@10", "<b>taste", "<i>1: 5 examples", "<script>document.title = 'owned'</script>"]:
        assert figure in text, (figure, text)
    report["heads"] = []
    check_sound(*browse(render(report, path, "training"), path)[::2])


@case
def a_page_of_another_kind_is_refused(path):
    told = render(example("ranking"), path, "training", code=1)
    assert 'found a report "ranking" of schema 1; this program shows "training" of 1' in told, told
    told = render(example("training"), path, code=1)
    assert 'found "training"; allowed: ranking, counterfactual' in told, told


@case
def the_probe_finds_what_is_wrong(path):
    """What the cases above rest on: a broken page is noticed."""
    broken = render(example("ranking"), path).replace("<main>", """<main><script>console.error("x")</script>
<div style="width:1500px">wide</div><svg style="margin-left:1100px;height:20px" viewBox="0 0 10 10"><text x="9">outside</text></svg>
<p id="a"></p><p id="a"></p><svg><use href="#nothing"/></svg><img src="nothing.png">""")
    found, _, console = browse(broken, path)
    assert console, "an error on the console"
    for key in ("overflow", "unlabelled", "empty", "outside", "clipped", "ids", "dangling", "foreign"):
        assert found[key], (key, found)


if __name__ == "__main__":
    runner.run()
