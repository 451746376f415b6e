"""Heads learnt from decisions whose positions were drawn, and served."""

import json
import random

from client import NOW_MS, Server, command
from runner import case, run

VIDEOS = ["v%02d" % i for i in range(40)]
SCREENS = 400
SCREEN_MS = 120000
SHOWN = 6


def signal(kind, user, video, at, ranking, place, **more):
    return {"signal": {"user_id": user, "video_id": video, "type": "SIGNAL_TYPE_" + kind, "time_ms": at, "locale": "hi-IN",
                       "event_id": "%s-%s-%s" % (ranking, video, kind), "ranking_id": ranking, "position": place, **more}}


def screen(number, draw):
    """A decision, its candidates in an even draw of all orders, and who looked on: by quality, and by the place."""
    at = NOW_MS + number * SCREEN_MS
    user = "u%02d" % draw.randrange(60)
    ranking = "r%d" % number
    shown = draw.sample(range(len(VIDEOS)), SHOWN)
    yield {"decision": {"time_ms": at, "request": {"user_id": user, "locale": "hi-IN", "age_years": 25,
                                                   "candidates": [{"video_id": VIDEOS[i]} for i in shown]},
                        "ranking_id": ranking, "order": list(range(SHOWN)),
                        "propensities": [1 / (SHOWN - place) for place in range(SHOWN)]}}
    for place, i in enumerate(shown, 1):
        yield signal("IMPRESSION", user, VIDEOS[i], at + place * 1000, ranking, place)
        looks_on = draw.random() < (i / len(VIDEOS)) * (1.1 - place / 10)
        yield signal("WATCH", user, VIDEOS[i], at + place * 1000 + 500, ranking, place,
                     watch_ms=19000 if looks_on else 2000, video_duration_ms=20000)


def write_log(place):
    draw = random.Random(3)
    entries = [{"video": {"video_id": name, "creator_id": "c" + name, "languages": ["hi"], "duration_ms": 20000,
                          "quality": i / len(VIDEOS), "safety_rating": "SAFETY_RATING_LOW_RISK"}}
               for i, name in enumerate(VIDEOS)]
    for number in range(SCREENS):
        entries += screen(number, draw)
    log = place / "log.jsonl"
    log.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    return log


def learnt(log, kind, out, *words):
    return json.loads(command(0, "train", kind, "--log", log, "--rankings", "decisions", "--label", "long_view", "--features",
                              "quality,freshness", "--out", out, "--json", *words)[0])["heads"][0]


@case
def decisions_teach_heads_that_a_server_takes(place):
    log = write_log(place)
    plain = learnt(log, "logistic", place / "plain.yaml", "--l2", "0.001")
    weighed = learnt(log, "logistic", place / "weighed.yaml", "--l2", "0.001", "--propensity-weights", 4)
    trees = learnt(log, "trees", place / "trees.yaml", "--trees", 30, "--depth", 2)
    grown = learnt(log, "trees", place / "grown.yaml", "--trees", 30, "--depth", 2, "--propensity-weights", 4)
    assert grown["model"] != trees["model"]
    for head in (plain, weighed, trees, grown):
        assert head["training"]["gain"]["low"] > 0 and head["validation"]["auc"]["low"] > 0.5, head
        assert head["training"]["examples"] == plain["training"]["examples"] > SCREENS * SHOWN / 2, head["training"]
    part = 18 ** 2 / (6 * (3 * 16 + 9 + 4 + 1))  # 1 / propensity is 6, 5, 4, 3, 2, 1 by place, cut to 4: 18 in all
    for head, want in ((plain, 1), (weighed, part), (trees, 1), (grown, part)):
        training = head["training"]
        assert abs(training["effective_examples"] / training["examples"] - want) < 1e-6, (want, training)
    with Server(place) as server:
        command(0, "import", "--target", server.address, "--format", "jsonl", log)
        for name in ("plain.yaml", "trees.yaml"):
            command(0, "apply", "--target", server.address, place / name)
            answer = server.api.Rank(user_id="u01", locale="hi-IN", age_years=25, candidate_ids=VIDEOS, request_id=name)
            assert answer.weights_version.startswith("default-trained@") and len(answer.slate) > 10, answer


run()
