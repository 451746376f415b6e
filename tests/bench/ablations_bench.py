"""What each number of the weights is worth: nDCG and AUC with one of them changed, the others as they are."""

import copy
import json
import os
import pathlib
import subprocess
import tempfile

import yaml

from harness import complete_programs, give_up, make_parser, show

EPILOG = """\
examples:
  ./dev bench ablations                                              the changes behind config/weights.yaml
  ./dev bench ablations --kuairand standard_likes_hates.tsv          and on KuaiRand's likes and hates
  ./dev bench ablations --change multipliers.freshness=0 --change "heads.like.prior=0.03 value.like=6"

A change is KEY=VALUE, or several with spaces between, which are made together. Differences are those of
the changed weights less the unchanged, on the worlds of ./dev bench quality.
"""

BATCH = 15  # files that one run of the program compares with the first
ROWS = ["all", "new users", "new videos", "own language", "new among 10"]
KUAIRAND_ROWS = ["like against hate AUC", "nDCG@10 of likes"]

ALL_HEADS = ["valid_play", "long_view", "complete", "watch_quantile", "like", "share", "follow"]
HIGH_PRIORS = [0.45, 0.3, 0.225, 0.675, 0.0225, 0.0045, 0.0045]

CHANGES = [
    "features.rate_half_life=1d",
    "features.rate_scope=region",
    "features.rate_scope=language",
    "features.affinity.creator=1",
    "features.affinity.creator=0",
    "features.affinity.category=0",
    "features.affinity.tag=0",
    "features.affinity.duration=0",
    " ".join(f"heads.{head}.prior={prior}" for head, prior in zip(ALL_HEADS, HIGH_PRIORS)),
    "value.like=0",
    "value.like=4",
    "value.like=30",
    "value.watch_quantile=0",
    "multipliers.freshness=0",
    "multipliers.freshness=1",
    "multipliers.popularity=0",
    "multipliers.popularity=1",
    "multipliers.quality=0",
    "multipliers.quality=1",
    "multipliers.curated=0",
    "multipliers.curated=0.5",
    "multipliers.language_match=1",
    "multipliers.language_match=6",
    "multipliers.local_creator=0",
    "multipliers.follows_creator=0",
    "multipliers.new_video=0",
    "multipliers.new_video=0.5",
    "multipliers.seen_before=0",
    "multipliers.fatigue_creator=0 multipliers.fatigue_category=0",
    "slate.creator_decay=1",
]


def parse(arguments):
    parser = make_parser("./dev bench ablations", __doc__, EPILOG)
    add = parser.add_argument
    add("--weights", default="config/weights.yaml", metavar="FILE", help="what is changed; without model files (%(default)s)")
    add("--change", action="append", metavar="CHANGE", help="instead of the built-in ones; again for more")
    add("--kuairand", metavar="FILE", help="KuaiRand's log of likes and hates, for two more columns")
    add("--seed", default="101", metavar="N", help="of the first world (%(default)s)")
    add("--worlds", default="5", metavar="N", help="(%(default)s)")
    add("--local-appeal-percent", default="0", metavar="N", help="of the worlds (%(default)s)")
    add("--json", action="store_true", help="print the report as JSON")
    add("--programs", default="bazel-bin", metavar="DIR", help="where they are built (%(default)s)")
    return parser.parse_args(arguments)


def changed(weights, change):
    """A copy with the change's keys set, at the top level and wherever a locale sets them too."""
    result = copy.deepcopy(weights)
    for part in change.split():
        key, equals, value = part.partition("=")
        if not equals:
            give_up(f'--change: "{part}" is not KEY=VALUE, such as multipliers.freshness=0')
        for root in [result, *result.get("locales", {}).values()]:
            set_key(root, key.split("."), yaml.safe_load(value), root is result)
    return result


def set_key(place, names, value, always):
    """Without always only where the key is already."""
    for name in names[:-1]:
        if name not in place and not always:
            return
        place = place.setdefault(name, {})
    if always or names[-1] in place:
        place[names[-1]] = value


def run(options, files, *arguments):
    command = [options.quality, "--json", *arguments]
    for file in files:
        command += ["--weights", file]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        give_up(done.stderr.strip())
    return {row["row"]: row["contenders"] for row in json.loads(done.stdout)["rows"]}


def differences(rows, names, count):
    """By changed file, what it adds to the first one, with its interval."""
    result = [{} for _ in range(count)]
    for name in names:
        for into, contender in zip(result, rows[name][1 : count + 1]):
            better = contender["first_is_better_by"]
            into[name] = {"mean": -better["mean"], "low": -better["high"], "high": -better["low"]}
    return result


def measure(options, place):
    weights = yaml.safe_load(pathlib.Path(options.weights).read_text(encoding="utf-8"))
    changes = options.change or CHANGES
    report = []
    for begin in range(0, len(changes), BATCH):
        files = [options.weights]
        for at, change in enumerate(changes[begin : begin + BATCH]):
            files.append(str(place / f"{at}.yaml"))
            text = yaml.safe_dump(changed(weights, change), allow_unicode=True)
            pathlib.Path(files[-1]).write_text(text, encoding="utf-8")
        worlds = ["--seed", options.seed, "--worlds", options.worlds]
        worlds += ["--local-appeal-percent", options.local_appeal_percent]
        found = differences(run(options, files, *worlds), ROWS, len(files) - 1)
        if options.kuairand:
            real = run(options, files, "--kuairand", options.kuairand)
            for into, more in zip(found, differences(real, KUAIRAND_ROWS, len(files) - 1)):
                into.update(more)
        report += [{"change": change, **row} for change, row in zip(changes[begin:], found)]
    return report


def print_report(report):
    """A table in Markdown, as docs/evaluation.md has it. What may be chance stands in brackets."""
    names = [name for name in report[0] if name != "change"]
    print("| changed | " + " | ".join(names) + " |")
    print("| --- " * (len(names) + 1) + "|")
    for row in report:
        cells = []
        for name in names:
            sure = row[name]["low"] > 0 or row[name]["high"] < 0
            cells.append(f"{row[name]['mean']:+.4f}" if sure else f"({row[name]['mean']:+.4f})")
        print(f"| `{row['change']}` | " + " | ".join(cells) + " |")


def main(arguments):
    options = parse(arguments)
    complete_programs(options, "quality")
    with tempfile.TemporaryDirectory(prefix="ablations-") as place:
        report = measure(options, pathlib.Path(place))
    show(options, report, print_report)
