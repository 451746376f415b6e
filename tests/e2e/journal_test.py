"""The decision journal of the real server, and what reads it: export, forgetting, diff, backup."""

import json
import pathlib
import random
import re
import shutil
import subprocess

import grpc

from client import (NOW_MS, Server, command, equal, eventually, fails, new_signal, rank, record, schema_class, upsert,
                    video)
from runner import Skip, case, run

CODE = grpc.StatusCode
ALL = ("--journal-share-ppm", 1000000)
LANGUAGES = ("hi", "ta", "en", "ru")


def fill(api):
    """The ids of 40 videos in four languages, with signals of three users."""
    videos = [video("v%d" % i, creator_id="c%d" % (i % 7), languages=[LANGUAGES[i % 4]], duration_ms=5000 + 3000 * i,
                    published_ms=NOW_MS - 3600000 * i, quality=(i % 5) / 4, premium=i % 6 == 0, curated_tier=i % 3,
                    creator_region=("IN", "RU")[i % 2]) for i in range(40)]
    upsert(api, *videos)
    kinds = ["IMPRESSION", "PLAY", "LIKE", "SHARE", "SKIP", "FOLLOW_CREATOR"]
    record(api, *[new_signal(kinds[i % 6], user_id="u%d" % (i % 3), video_id="v%d" % (i * 7 % 40),
                             time_ms=NOW_MS - 60000 * i, locale="hi-IN") for i in range(200)])
    ids = [v.video_id for v in videos]
    random.Random(1).shuffle(ids)
    return ids


def decisions_of(api, user_id):
    return [piece.decision for piece in api.ExportUser(user_id=user_id) if piece.WhichOneof("item") == "decision"]


def written(api, count):
    eventually(lambda: api.GetStatus().journal_written >= count)
    equal(count, api.GetStatus().journal_written)


def rank_many(api, ids, count):
    """Requests of every shape; returns their answers by ranking_id."""
    answers = {}
    for i in range(count):
        values = {"user_id": "u%d" % (i % 3), "locale": ("hi-IN", "ru-RU", "ta-IN")[i % 3], "limit": (0, 5, 40)[i % 3],
                  "now_ms": NOW_MS + i, "age_years": 20}
        if i % 4 == 1:
            values["candidates"] = [{"video_id": v, "retrieval_score": n / 7, "source": "s%d" % (n % 3)}
                                    for n, v in enumerate(ids)]
        else:
            values["candidate_ids"] = ids
        if i % 4 == 2:
            values["response_form"] = "RESPONSE_FORM_PACKED"
        if i % 5 == 0:
            values["explain"] = True
        answer = api.Rank(**values)
        answers[answer.ranking_id] = answer
    return answers


@case
def journaled_decisions_recompute_bit_for_bit(place):
    with Server(place, *ALL) as server:
        api = server.api
        answers = rank_many(api, fill(api), 24)
        written(api, len(answers))
        seen = set()
        for user in ("u0", "u1", "u2"):
            for decision in decisions_of(api, user):
                seen.add(decision.ranking_id)
                answer = answers[decision.ranking_id]
                equal(answer.state_sequence, decision.state_sequence)
                equal(answer.weights_version, decision.weights_version)
                request = decision.request
                request.response_form = 1
                again = api.stub("Rank")(request, timeout=60)
                equal(decision.ranking_id, again.ranking_id)
                equal(list(decision.order), [ranked.index for ranked in again.slate])
                equal(list(decision.scores), [ranked.score for ranked in again.slate])
                equal([dropped.index for dropped in again.dropped], list(decision.dropped_index))
                assert all(ranked.propensity == 1 for ranked in again.slate) or decision.propensities, decision
        equal(set(answers), seen)


@case
def the_share_decides_how_many_are_kept(place):
    with Server(place, "--journal-share-ppm", 0) as server:
        ids = fill(server.api)
        rank_many(server.api, ids, 5)
        equal(0, server.api.GetStatus().journal_bytes)
        assert not (server.data / "journal").exists()
    with Server(place, *ALL) as server:
        rank_many(server.api, ids, 5)
        written(server.api, 5)


@case
def the_journal_survives_a_kill_but_for_the_last_second(place):
    with Server(place, *ALL) as server:
        rank_many(server.api, fill(server.api), 6)
        written(server.api, 6)
        server.kill()
    with Server(place, *ALL) as server:
        equal(2, len(decisions_of(server.api, "u0")))
        assert server.api.GetStatus().journal_oldest_ms > 0


@case
def streamed_requests_are_journaled_too(place):
    with Server(place, *ALL) as server:
        api = server.api
        ids = fill(api)
        requests = [schema_class("RankStreamRequest")(correlation_id=i, request={
            "user_id": "u1", "locale": "hi-IN", "candidate_ids": ids, "now_ms": NOW_MS + i}) for i in range(3)]
        equal(3, len(list(api.RankStream(iter(requests)))))
        written(api, 3)
        equal(3, len(decisions_of(api, "u1")))


@case
def a_retry_is_journaled_once(place):
    with Server(place, *ALL) as server:
        api = server.api
        values = {"user_id": "u1", "locale": "hi-IN", "candidate_ids": fill(api), "now_ms": NOW_MS}
        first = api.Rank(request_id="r1", **values)
        equal(first, api.Rank(request_id="r1", **values))
        api.Rank(request_id="r2", **values)  # written behind whatever the retry would have left
        written(api, 2)


@case
def the_share_takes_whole_and_streamed_requests_alike(place):
    with Server(place, "--journal-share-ppm", 300000) as server:
        api = server.api
        ids = fill(api)
        requests = [{"user_id": "u1", "locale": "hi-IN", "candidate_ids": ids, "now_ms": NOW_MS + i, "limit": i % 2 * 10}
                    for i in range(60)]
        whole = [api.Rank(**request).ranking_id for request in requests]
        stream = schema_class("RankStreamRequest")
        streamed = [answer.response.ranking_id for answer in api.RankStream(
            iter([stream(correlation_id=i, request=request) for i, request in enumerate(requests)]))]
        equal(sorted(whole), sorted(streamed))
    with Server(place) as server:  # whoever ended has written everything
        decisions = decisions_of(server.api, "u1")
    kept = [decision.ranking_id for decision in decisions]
    assert 5 < len(set(kept)) < 40, kept  # 18 are due
    equal([2] * len(kept), [kept.count(ranking_id) for ranking_id in kept])
    for decision in decisions:
        equal(round(sum(decision.scores) * 2**32), sum(decision.term_totals))


@case
def forgetting_takes_decisions_along(place):
    with Server(place, *ALL) as server:
        api = server.api
        ids = fill(api)
        rank_many(api, ids, 9)  # some may wait in memory still
        receipt = api.ForgetUser(user_id="u1")
        equal(3, receipt.decisions_erased)
        fails(CODE.NOT_FOUND, lambda: api.ExportUser(user_id="u1"))
        equal(3, len(decisions_of(api, "u2")))
        for path in (server.data / "journal").iterdir():
            assert b"\x12\x02u1" not in path.read_bytes(), path
    command(0, "verify", "--data", place / "data")


@case
def who_only_watched_has_decisions_and_can_be_forgotten(place):
    with Server(place, *ALL) as server:
        api = server.api
        ids = fill(api)
        rank(api, ids, user_id="silent")
        written(api, 1)
        equal(1, len(decisions_of(api, "silent")))
        equal(1, api.ForgetUser(user_id="silent").decisions_erased)
        fails(CODE.NOT_FOUND, lambda: api.ExportUser(user_id="silent"))


@case
def visitors_are_journaled_and_belong_to_nobody(place):
    with Server(place, *ALL) as server:
        rank(server.api, fill(server.api), user_id="")
        written(server.api, 1)


def weights_text(**multipliers):
    text = pathlib.Path("config/weights.yaml").read_text()
    for name, factor in multipliers.items():
        text = re.sub(r"\b%s: ([0-9.]+)" % name, lambda found: "%s: %g" % (name, float(found.group(1)) * factor), text)
    return text


def diff(api, old, new, **values):
    response = api.DiffWeights(old_weights_yaml=old, new_weights_yaml=new, **values)
    return response, json.loads(response.report_json)


@case
def a_file_against_itself_changes_nothing(place):
    with Server(place, *ALL) as server:
        api = server.api
        rank_many(api, fill(api), 20)
        written(api, 20)
        for old in ("", weights_text()):
            response, report = diff(api, old, weights_text())
            equal((20, 0, 0), (response.decisions, response.top_1_changed, response.top_10_changed))
            equal((20, 20), (report["served_known"], report["served_again"]))
            equal(0, report["figures"]["slate_changed"]["count"])
            equal((1, 1), (report["figures"]["kendall_tau"]["value"], report["figures"]["kendall_tau"]["low"]))
            equal(1, report["figures"]["rank_biased_overlap"]["value"])
            equal([], report["movers"])
            for groups in report["exposure"].values():
                equal({0}, {group["change"] for group in groups})
                assert abs(sum(group["before"] for group in groups) - 1) < 1e-9, groups
            for drop in report["drops"]:
                equal(drop["before"], drop["after"])


@case
def a_doubled_language_match_gives_the_users_language_more(place):
    with Server(place, *ALL) as server:
        api = server.api
        ids = fill(api)
        for i in range(12):
            rank(api, ids, user_id="u%d" % (i % 3), locale="hi-IN", now_ms=NOW_MS + i)
        written(api, 12)
        response, report = diff(api, weights_text(language_match=0.1), weights_text(language_match=0.2))
        equal(12, response.decisions)
        hindi = [group for group in report["exposure"]["language"] if group["name"] == "hi"][0]
        assert hindi["change"] > 0 and hindi["low"] > 0, hindi
        assert report["figures"]["slate_changed"]["value"] == 1, report["figures"]
        assert report["figures"]["kendall_tau"]["value"] < 1, report["figures"]
        _, back = diff(api, weights_text(language_match=0.2), weights_text(language_match=0.1))
        less = [group for group in back["exposure"]["language"] if group["name"] == "hi"][0]
        assert abs(hindi["change"] + less["change"]) < 1e-9, (hindi, less)
        equal([mover["key"] for mover in report["movers"]], [mover["key"] for mover in back["movers"]])


@case
def the_newest_decisions_count(place):
    with Server(place, *ALL) as server:
        api = server.api
        rank_many(api, fill(api), 10)
        written(api, 10)
        response, report = diff(api, "", weights_text(), decision_limit=3)
        equal((3, 3), (response.decisions, report["limit"]))
        equal((NOW_MS + 7, NOW_MS + 9), (report["from_ms"], report["to_ms"]))
        equal(0, diff(api, "", weights_text(), decision_limit=100000)[1]["passed_over"])
        assert "at most 100000" in fails(CODE.INVALID_ARGUMENT, lambda: diff(api, "", weights_text(), decision_limit=100001))


@case
def broken_weights_are_refused_with_their_place(place):
    with Server(place) as server:
        broken = weights_text().replace("multipliers:", "multiplyers:", 1)
        details = fails(CODE.INVALID_ARGUMENT, lambda: diff(server.api, "", broken))
        assert re.match(r"new_weights_yaml: 1 problem, the first at \d+:\d+: multiplyers", details), details
        details = fails(CODE.INVALID_ARGUMENT, lambda: diff(server.api, broken, weights_text()))
        assert details.startswith("old_weights_yaml:"), details
        equal(0, diff(server.api, "", weights_text())[0].decisions)


@case
def a_long_diff_lets_other_calls_in_and_ends_with_the_server(place):
    with Server(place, *ALL, "--workers", 1) as server:
        api = server.api
        ids = fill(api)
        for start in range(0, 3000, 300):
            requests = [schema_class("RankStreamRequest")(correlation_id=i, request={
                "user_id": "u1", "locale": "hi-IN", "candidate_ids": ids, "now_ms": NOW_MS + start + i})
                for i in range(300)]
            equal(300, len(list(api.RankStream(iter(requests)))))
        written(api, 3000)
        request = api.request("DiffWeights", new_weights_yaml=weights_text(language_match=2), decision_limit=100000)
        call = api.stub("DiffWeights").future(request, timeout=60)
        between = 0
        while not call.done():
            rank(api, ids)
            between += 1
        assert between > 5, between
        assert call.result().decisions >= 3000, call.result()
        call = api.stub("DiffWeights").future(request, timeout=60)
        rank(api, ids)
        server.stop()
        server.killed = True  # it has ended well already
        assert call.exception() is None or call.code() in (CODE.UNAVAILABLE, CODE.CANCELLED), call.exception()


@case
def the_command_prints_tables_json_and_a_page(place):
    old, new, page = place / "old.yaml", place / "new.yaml", place / "diff.html"
    old.write_text(weights_text())
    new.write_text(weights_text(language_match=0.1))
    with Server(place, *ALL) as server:
        rank_many(server.api, fill(server.api), 20)
        written(server.api, 20)
        table, _ = command(0, "diff", "current", new, "--target", server.address, "--html", page)
        for words in ("20 requests of the journal", "another first video", "exposure by language, %", "biggest movers"):
            assert words in table, table
        again, _ = command(0, "diff", "current", new, "--target", server.address)
        equal(table, again)
    html = page.read_text()
    assert html.startswith("<!doctype html>") and html.rstrip().endswith("</html>"), html[:100]
    assert "http" not in html and "<script" not in html and "<link" not in html, "needs the network"
    text, _ = command(0, "diff", old, new, "--data", place / "data", "--json")
    report = json.loads(text)
    equal((20, "journal", str(old)), (report["requests"], report["source"], report["old"]["name"]))
    equal("multipliers.language_match", report["changes"][0]["key"])
    equal(text, command(0, "diff", old, new, "--data", place / "data", "--json")[0])
    command(2, "diff", old, "--data", place / "data")
    command(2, "diff", old, new, "--data", place / "data", "--journal", "--log", "x")
    new.write_text("version: x\nnonsense: 1\n")
    _, complaint = command(4, "diff", old, new, "--data", place / "data")
    assert "new.yaml:2:1" in complaint, complaint


def check_schema(value, schema, root, path="report"):
    """As much of JSON Schema as docs/diff.md uses."""
    if "$ref" in schema:
        schema = root["$defs"][schema["$ref"].split("/")[-1]]
    kinds = {"object": dict, "array": list, "string": str, "integer": int, "number": (int, float)}
    assert isinstance(value, kinds[schema["type"]] if "type" in schema else object), (path, value)
    assert value == schema.get("const", value) and value in schema.get("enum", [value]), (path, value)
    if isinstance(value, dict):
        assert set(schema.get("required", [])) <= set(value), (path, sorted(value))
        for name, item in value.items():
            known = schema.get("properties", {}).get(name, schema.get("additionalProperties"))
            assert known is not None, "%s.%s is not documented" % (path, name)
            check_schema(item, known, root, path + "." + name)
    if isinstance(value, list):
        for i, item in enumerate(value):
            check_schema(item, schema["items"], root, "%s[%d]" % (path, i))


@case
def reports_are_as_their_schema_says(place):
    [schema] = re.findall(r"```json\n(.*?)```", pathlib.Path("docs/diff.md").read_text(), re.DOTALL)
    schema = json.loads(schema)
    old, new, log = place / "old.yaml", place / "new.yaml", place / "log.jsonl"
    old.write_text(weights_text(language_match=0.1))
    new.write_text(weights_text())
    write_log(log, log_lines())
    report = json.loads(command(0, "diff", old, new, "--log", log, "--age", 25, "--json")[0])
    assert report["movers"] and report["changes"], report
    check_schema(report, schema, schema)
    with Server(place, *ALL) as server:
        rank_many(server.api, fill(server.api), 10)
        written(server.api, 10)
        report = diff(server.api, "", weights_text(language_match=0.1))[1]
        assert report["drops"], report
        check_schema(report, schema, schema)


@case
def the_page_shows_in_a_browser(place):
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        raise Skip("no Chromium is installed")
    old, new, log, page = place / "<b>old.yaml", place / "new.yaml", place / "log.jsonl", place / "diff.html"
    old.write_text(weights_text(language_match=0.01))
    new.write_text(weights_text())
    write_log(log, log_lines())
    command(0, "diff", old, new, "--log", log, "--age", 25, "--html", page)
    shown = subprocess.run([browser, "--headless", "--no-sandbox", "--disable-gpu", "--user-data-dir=%s" % place,
                            "--dump-dom", page.as_uri()], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
    if shown.returncode != 0:
        raise Skip("Chromium does not start here")
    dom = shown.stdout.decode()
    equal(6, dom.count('class="card"'))
    assert dom.count("<svg") >= 4 and dom.count("<h2>") == 5, dom
    assert "&lt;b&gt;old.yaml" in dom and "<b>old.yaml" not in dom, "a name is taken for HTML"


def log_lines():
    """Two languages; a user is shown five videos at a time, and likes the Hindi one first shown."""
    lines = [{"video": {"video_id": "v%d" % i, "creator_id": "c%d" % (i % 3), "languages": [("hi", "ru")[i % 2]],
                        "duration_ms": 9000, "safety_rating": "SAFETY_RATING_LOW_RISK",
                        "published_ms": NOW_MS - 86400000}} for i in range(10)]
    for n in range(6):
        for position in range(5):
            lines.append({"signal": {"user_id": "u1", "video_id": "v%d" % ((n + position) % 10), "locale": "hi-IN",
                                     "type": "SIGNAL_TYPE_IMPRESSION", "time_ms": NOW_MS + 3600000 * n + 1000 * position,
                                     "ranking_id": "r%d" % n, "position": position + 1}})
        lines.append({"signal": {"user_id": "u1", "video_id": "v%d" % (n + n % 2), "locale": "hi-IN",
                                 "type": "SIGNAL_TYPE_LIKE", "time_ms": NOW_MS + 3600000 * n + 9000}})
    return lines


def write_log(path, lines):
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


@case
def a_log_stands_in_for_a_journal(place):
    old, new, log = place / "old.yaml", place / "new.yaml", place / "log.jsonl"
    old.write_text(weights_text(language_match=0.01))
    new.write_text(weights_text())
    lines = log_lines()
    write_log(log, lines)
    words = ("diff", old, new, "--log", log, "--age", 25, "--json")
    text, _ = command(0, *words)
    report = json.loads(text)
    equal(("log", 6, 6), (report["source"], report["requests"], report["served_known"]))
    equal((NOW_MS, NOW_MS + 5 * 3600000), (report["from_ms"], report["to_ms"]))
    equal(len(lines), report["state_sequence"])
    hindi = [group for group in report["exposure"]["language"] if group["name"] == "hi"][0]
    assert hindi["change"] > 0, hindi
    equal(text, command(0, *words)[0])
    write_log(log, lines[:10] + lines[:9:-1])  # the signals backwards: times decide
    equal(report["figures"], json.loads(command(0, *words)[0])["figures"])
    equal(2, json.loads(command(0, *words, "--limit", 2)[0])["requests"])


@case
def a_log_without_ranking_ids_goes_by_time(place):
    old, log = place / "old.yaml", place / "log.jsonl"
    old.write_text(weights_text())
    lines = log_lines()
    for line in lines:
        line.get("signal", {}).pop("ranking_id", None)
    write_log(log, lines)
    report = json.loads(command(0, "diff", old, old, "--log", log, "--age", 25, "--json")[0])
    equal((6, 0), (report["requests"], report["figures"]["slate_changed"]["count"]))


@case
def the_future_is_not_known_to_a_request_of_a_log(place):
    """What comes after a request's first impression must not change how it is ranked."""
    old, new, log = place / "old.yaml", place / "new.yaml", place / "log.jsonl"
    old.write_text(weights_text(language_match=0.01))
    new.write_text(weights_text())
    lines = log_lines()[:15]
    write_log(log, lines)
    words = ("diff", old, new, "--log", log, "--age", 25, "--json")
    before = json.loads(command(0, *words)[0])
    future = [{"signal": {"user_id": user, "video_id": "v%d" % video, "type": "SIGNAL_TYPE_" + kind,
                          "time_ms": NOW_MS + 1 + n}}
              for n, (user, video, kind) in enumerate((u, v, k) for u in ("u1", "u2") for v in (0, 1, 4)
                                                     for k in ("LIKE", "SHARE", "SKIP", "HIDE_CREATOR"))]
    write_log(log, lines + future)
    after = json.loads(command(0, *words)[0])
    equal(1, after["requests"])
    for name in ("figures", "exposure", "movers", "drops"):
        equal(before[name], after[name])


@case
def a_backup_has_the_journal_and_a_restore_brings_it_back(place):
    with Server(place, *ALL) as server:
        rank_many(server.api, fill(server.api), 9)
        written(server.api, 9)
        command(0, "backup", "--data", server.data, place / "backup")
        assert (place / "backup" / "journal.seg").exists()
    command(0, "restore", place / "backup", "--data", place / "restored")
    verdict = json.loads(command(0, "verify", "--data", place / "restored", "--json")[0])
    equal([9], [file["decisions"] for file in verdict["files"] if file["name"] == "journal"])


run()
