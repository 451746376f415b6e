"""Heads that commands train on a simulated log, beside one that was taught the truth. Seeded, so each figure is a fact."""

import os
import sys

from client import REELRANK
from runner import Skip, case, run
import kuairand_bench
import training_bench

QUALITY, ORACLE = (os.path.abspath(sys.argv.pop(2)) for _ in range(2))  # the runner would take them for the names of the cases wanted


def options(bench=training_bench, words=(), **values):
    found = bench.parse(list(words))
    for name, value in dict(values, reelrank=REELRANK, quality=QUALITY, oracle=ORACLE).items():
        setattr(found, name, value)
    return found


@case
def trees_come_within_two_percent_of_the_oracle_and_beat_the_default_weights(place):
    report = training_bench.measure(options(videos=4000, users=1500, signals=800000, test_rankings=1500, kinds="trees"), place)
    found = report["rows"]["all"]
    training_bench.print_report(report)
    assert found["trees"]["share_short"] < 0.02, found
    assert found["trees"]["over_default"]["low"] > 0.03, found
    assert found["oracle trees"]["over_default"]["low"] > 0, found


@case
def logistic_heads_of_a_short_log_come_within_two_percent_too(place):
    report = training_bench.measure(options(videos=5000, users=2000, signals=50000, test_rankings=2000, kinds="logistic"), place)
    found = report["rows"]["all"]
    training_bench.print_report(report)
    assert found["logistic"]["share_short"] < 0.02, found
    assert found["logistic"]["over_default"]["low"] > 0.02, found


@case
def heads_learnt_from_real_likes_find_later_ones(place):
    file = os.environ.get("KUAIRAND_LIKES_HATES", "")
    if not os.path.exists(file):
        raise Skip("KUAIRAND_LIKES_HATES names no file (--test_env=KUAIRAND_LIKES_HATES=FILE)")
    report = kuairand_bench.measure(options(kuairand_bench, [file]), place)
    kuairand_bench.print_report(report)
    for kind in ("logistic", "trees"):
        assert report["rows"]["nDCG@10 of likes"][kind]["over_default"]["low"] > 0, report
        assert report["rows"]["like against hate AUC"][kind]["over_default"]["mean"] > 0, report


run(case_seconds=3000)
