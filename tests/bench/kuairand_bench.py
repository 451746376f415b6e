"""Heads learnt from the first part of KuaiRand's likes and hates, measured on the rest, through the commands."""

import csv
import json
import pathlib
import tempfile

from harness import complete_programs, make_parser, show
from training_bench import DEFAULT, call, interval, less, write_base

EPILOG = """\
examples:
  ./dev bench kuairand standard_likes_hates.tsv              what docs/evaluation.md reports
  ./dev bench kuairand standard_likes_hates.tsv --inner      the same on the first 80 %, where choices were made

The protocol is that of ./dev bench quality --kuairand: the last fifth of the reactions tests, and nothing of it is known
before. Heads are trained on what comes before it with `reelrank train`, whose own validation is the last fifth of that.
"""

HISTORY_PERCENT = 80
DAY_MS = 24 * 3600 * 1000
# How a video did with others of late, its length, and what the user thought of that length: all that this log can tell.
# Chosen with --inner, among all features and all rates of everyone.
FEATURES = ["taste", "affinity_duration", "duration_s", "duration_bucket", "new_user", "new_video", "watch_quantile",
            "like_rate_global_30m", "like_rate_global_1d", "like_rate_global_14d", "not_interested_rate_global_1d",
            "not_interested_rate_global_14d", "popularity_global_30m", "popularity_global_1d", "popularity_global_14d"]


def parse(arguments):
    parser = make_parser("./dev bench kuairand", __doc__, EPILOG)
    add = parser.add_argument
    add("file", help="KuaiRand's log of likes and hates")
    add("--inner", action="store_true", help="take the first 80 %% for the whole, to choose by")
    add("--features", default=",".join(FEATURES), metavar="NAME,...", help="that heads read (those that --inner chose)")
    add("--json", action="store_true", help="print the report as JSON")
    add("--programs", default="bazel-bin", metavar="DIR", help="where they are built (%(default)s)")
    return parser.parse_args(arguments)


def read(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def history(rows):
    """Rows from before the reaction that is the first after 80 % of them, as replay/quality_kuairand.c cuts."""
    times = sorted(int(row["time_ms"]) for row in rows)
    split = times[len(rows) * HISTORY_PERCENT // 100]
    return [row for row in rows if int(row["time_ms"]) < split]


def write_table(rows, path):
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0].keys(), delimiter="\t", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def videos(rows):
    """Each video of the file, as a catalogue would have it when it is first shown; the log names none before that."""
    durations = {}
    for row in rows:
        durations[row["video_id"]] = durations.get(row["video_id"]) or int(row["duration_ms"])
    for video, duration in durations.items():
        yield {"video": {"video_id": video, "languages": ["zh"], "duration_ms": duration, "safety_rating": "SAFETY_RATING_LOW_RISK"}}


def signals(number, row):
    """What `reelrank import --format kuairand` makes of a row."""
    watch = min(int(row["play_time_ms"]), DAY_MS)
    kinds = ["IMPRESSION"] + (["PLAY", "WATCH"] if watch > 0 else [])
    kinds += ["LIKE" if row["label"] == "1" else "NOT_INTERESTED"]
    kinds += [kind for column, kind in (("is_follow", "FOLLOW_CREATOR"), ("is_comment", "COMMENT"), ("is_forward", "SHARE"))
              if row[column] == "1"]
    for kind in kinds:
        signal = {"event_id": f"{number}-{kind}", "user_id": row["user_id"], "video_id": row["video_id"], "locale": "zh-CN",
                  "type": "SIGNAL_TYPE_" + kind, "time_ms": int(row["time_ms"]), "video_duration_ms": int(row["duration_ms"])}
        yield {"signal": {**signal, "watch_ms": watch} if kind == "WATCH" else signal}


def write_log(all_rows, rows, path):
    in_time = sorted(rows, key=lambda row: int(row["time_ms"]))
    entries = list(videos(all_rows)) + [entry for number, row in enumerate(in_time) for entry in signals(number, row)]
    path.write_text("".join(json.dumps(entry) + "\n" for entry in entries), encoding="utf-8")


def train(options, place, kind):
    out = place / f"{kind}.yaml"
    return out, json.loads(call(options.reelrank, "train", kind, "--log", place / "log.jsonl", "--rankings", "impressions", "--locale",
                                "zh-CN", "--label", "like", "--features", options.features, "--weights", place / "base.yaml", "--out", out,
                                "--json"))["heads"][0]


def measure_beside(options, table, files):
    words = [word for file in files for word in ("--weights", file)]
    return json.loads(call(options.quality, "--kuairand", table, "--json", *words))


def measure(options, place):
    rows = read(options.file)
    rows = history(rows) if options.inner else rows
    write_table(rows, place / "table.tsv")
    write_log(rows, history(rows), place / "log.jsonl")
    write_base(place, "like")
    trained = {kind: train(options, place, kind) for kind in ("logistic", "trees")}
    files = [DEFAULT] + [out for out, _ in trained.values()]
    beside = [measure_beside(options, place / "table.tsv", files), measure_beside(options, place / "table.tsv", files[:0:-1])]
    report = {"kuairand": beside[0]["kuairand"], "rows": {}}
    report["heads"] = {kind: {side: head[side] for side in ("training", "validation")} for kind, (_, head) in trained.items()}
    for row, last in zip(beside[0]["rows"], beside[1]["rows"]):
        contenders = {name: {"value": found["value"], "over_default": less(found["first_is_better_by"])}
                      for name, found in zip(["default", "logistic", "trees"], row["contenders"])}
        contenders["trees"]["over_logistic"] = last["contenders"][1]["first_is_better_by"]
        report["rows"][row["row"]] = contenders
    return report


def print_report(report):
    """A table in Markdown, as docs/evaluation.md has it."""
    counts = report["kuairand"]
    print(f"{counts['history']} reactions as history, {counts['tested']} as test, of {counts['users']} users\n")
    print("| | default | logistic | trees | logistic over default | trees over default | trees over logistic |")
    print("| --- " * 7 + "|")
    for row, found in report["rows"].items():
        cells = [interval(found[name]["value"]) for name in ("default", "logistic", "trees")]
        cells += [interval(found[name]["over_default"], "+") for name in ("logistic", "trees")]
        cells += [interval(found["trees"]["over_logistic"], "+")]
        print(f"| {row} | " + " | ".join(cells) + " |")
    for kind, head in report["heads"].items():
        auc = head["validation"]["auc"]
        print(f"{kind}, validation within the history: AUC {auc['value']:.3f} [{auc['low']:.3f}, {auc['high']:.3f}]")


def main(arguments):
    options = parse(arguments)
    complete_programs(options, "quality")
    with tempfile.TemporaryDirectory(prefix="kuairand-") as place:
        report = measure(options, pathlib.Path(place))
    show(options, report, print_report)
