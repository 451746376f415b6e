"""How near to the truth heads come that were trained on a log: worlds whose truth is known, through the commands."""

import json
import os
import pathlib
import subprocess
import tempfile

from harness import complete_programs, complete_sizes, give_up, make_parser, show

EPILOG = """\
examples:
  ./dev bench training                    a log of a million signals, long views: some five minutes
  ./dev bench training --label like       likes, of which there are a tenth as many
  ./dev bench training --signals 200000   a shorter log, so shorter histories
  ./dev bench training --quick            a small world, in a minute

One world is lived for its log, from which the commands train. Another one, of the next seed, is ranked,
by what its users would truly do. docs/evaluation.md tells what each row is.
"""

NOW_MS = 1795305600000
HEADS = ["valid_play", "long_view", "complete", "watch_quantile", "like", "share", "follow", "skip", "not_interested", "report"]
MULTIPLIERS = ["freshness", "popularity", "quality", "curated", "premium", "language_match", "local_creator", "follows_creator",
               "new_video", "seen_before", "retrieval", "fatigue_creator", "fatigue_category"]
# What bears on these worlds' users. Rates of regions and languages are left out, since nothing differs from place to place
# here, and those of half an hour and of rare events, since they are mostly chance.
FEATURES = ["freshness", "duration_s", "quality", "curated", "popularity", "new_video", "watch_quantile", "taste", "affinity_creator",
            "affinity_category", "affinity_tag", "affinity_duration", "language_match", "local_creator", "seen_before", "fatigue_creator",
            "fatigue_category", "new_user", "valid_play_rate_global_14d", "long_view_rate_global_1d", "long_view_rate_global_14d",
            "skip_rate_global_14d", "like_rate_global_14d"]
FULL = {"videos": 5000, "users": 2000, "signals": 1000000, "test_rankings": 2000}
QUICK = {"videos": 2000, "users": 800, "signals": 150000, "test_rankings": 500}
DEFAULT = "config/weights.yaml"
ROWS = ["all", "new users", "known users", "new videos"]


def parse(arguments):
    parser = make_parser("./dev bench training", __doc__, EPILOG)
    add = parser.add_argument
    add("--label", default="long_view", choices=HEADS, help="the head that is learnt, and what a ranking should put first (%(default)s)")
    add("--seed", type=int, default=201, metavar="N", help="of the world that has the log; the next one is ranked (%(default)s)")
    for name, value in FULL.items():
        add("--" + name.replace("_", "-"), type=int, metavar="N", help=f"of each world ({value})")
    add("--kinds", default="logistic,trees", metavar="KIND,...", help="of heads (%(default)s)")
    add("--features", default=",".join(FEATURES), metavar="NAME,...", help="that heads may read (those that suit these worlds)")
    add("--quick", action="store_true", help="a small world")
    add("--json", action="store_true", help="print the report as JSON")
    add("--programs", default="bazel-bin", metavar="DIR", help="where they are built (%(default)s)")
    options = parser.parse_args(arguments)
    complete_sizes(options, FULL, QUICK)
    return options


def call(*words):
    done = subprocess.run([str(word) for word in words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        give_up(f"{os.path.basename(str(words[0]))} {words[1]}: {done.stderr.strip()}")
    return done.stdout


def simulate(options, place, seed):
    world = place / f"world-{seed}"
    call(options.reelrank, "simulate", "--out", world, "--seed", seed, "--now-ms", NOW_MS, "--videos", options.videos, "--users",
         options.users, "--signals", options.signals, "--test-rankings", options.test_rankings)
    return world


def write_base(place, label):
    """Weights that order by one head alone, whatever it is: no other head, no multiplier, no decay."""
    value = ", ".join(f"{head}: {int(head == label)}" for head in HEADS)
    multipliers = ", ".join(f"{name}: 0" for name in MULTIPLIERS)
    base = place / "base.yaml"
    base.write_text(f"version: base\nvalue: {{{value}}}\nmultipliers: {{{multipliers}}}\nslate: {{creator_decay: 1}}\n", encoding="utf-8")
    return base


def train(options, place, world, base, kind):
    """What the command says of itself, and the weights."""
    out = place / f"{kind}.yaml"
    words = ["--catalogue", world / "catalogue.jsonl", "--log", world / "log.jsonl", "--age", 25, "--label", options.label]
    words += ["--features", options.features, "--position-effects", "--weights", base, "--out", out, "--json"]
    words += ["--monotone", "none"] if kind == "trees" else []
    return json.loads(call(options.reelrank, "train", kind, *words))["heads"][0], out


def teach(options, place, world, base, kind):
    out = place / f"oracle-{kind}.yaml"
    call(options.oracle, "--simulated", world, "--weights", base, "--value", options.label, "--kind", kind, "--features", options.features,
         "--out", out)
    return out


def measure_with(options, world, files):
    """By row and file of weights, beside the first of them."""
    words = [word for file in files for word in ("--weights", file)]
    report = json.loads(call(options.quality, "--simulated", world, "--gain", options.label, "--json", *words))
    return {row["row"]: row["contenders"][: len(files)] for row in report["rows"]}


def less(interval):
    return {"mean": -interval["mean"], "low": -interval["high"], "high": -interval["low"]}


def measure_row(row, by_default, by_oracle, names, best):
    """Each contender's nDCG, what it has over the default weights, and what the best oracle has over it."""
    found = {}
    for at, name in enumerate(names):
        beside = by_oracle[row][0 if at == best else at + (at < best)]
        found[name] = {"ndcg": by_default[row][at]["value"], "over_default": less(by_default[row][at]["first_is_better_by"]),
                       "short_of_oracle": beside["first_is_better_by"]}
        found[name]["share_short"] = found[name]["short_of_oracle"]["mean"] / by_oracle[row][0]["value"]["mean"]
    return found


def measure(options, place):
    learnt, ranked = (simulate(options, place, options.seed + i) for i in range(2))
    base = write_base(place, options.label)
    kinds = options.kinds.split(",")
    figures, files = {}, [pathlib.Path(DEFAULT), base]
    for kind in kinds:
        figures[kind], out = train(options, place, learnt, base, kind)
        files.append(out)
    files += [teach(options, place, learnt, base, kind) for kind in kinds]
    names = ["default", "its head"] + kinds + ["oracle " + kind for kind in kinds]
    by_default = measure_with(options, ranked, files)
    best = max(range(len(files) - len(kinds), len(files)), key=lambda at: by_default["all"][at]["value"]["mean"])
    by_oracle = measure_with(options, ranked, [files[best]] + files[:best] + files[best + 1 :])
    rows = {row: measure_row(row, by_default, by_oracle, names, best) for row in ROWS if row in by_default}
    gains = {kind: {side: figures[kind][side] for side in ("training", "validation")} for kind in kinds}
    return {"label": options.label, "signals": options.signals, "users": options.users, "videos": options.videos,
            "oracle": names[best], "heads": gains, "rows": rows}


def interval(values, sign=""):
    return f"{values['mean']:{sign}.4f} [{values['low']:{sign}.4f}, {values['high']:{sign}.4f}]"


def print_report(report):
    """Tables in Markdown, as docs/evaluation.md has them. The ideal, which knows what no feature does, has 1."""
    print(f"nDCG@10 of the true {report['label']}; the best oracle: {report['oracle']}")
    for row, contenders in report["rows"].items():
        print(f"\n| {row} | nDCG@10 | over default | short of the oracle | of its nDCG |\n| --- | --- | --- | --- | --- |")
        for name, found in contenders.items():
            print(f"| {name} | {interval(found['ndcg'])} | {interval(found['over_default'], '+')} | {interval(found['short_of_oracle'], '+')} | "
                  f"{100 * found['share_short']:.1f} % |")


def main(arguments):
    options = parse(arguments)
    complete_programs(options, "quality", "oracle")
    with tempfile.TemporaryDirectory(prefix="training-") as place:
        report = measure(options, pathlib.Path(place))
    show(options, report, print_report)
