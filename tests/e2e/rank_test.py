"""Rank and RankStream through the real server."""

import random
import struct
import time

import grpc

from client import (NOW_MS, TIMEOUT, Feed, Server, equal, fails, ids_of, new_signal, number, rank, record, rules_of,
                    schema_class, text, upsert, video)
from runner import case, run

INVALID = grpc.StatusCode.INVALID_ARGUMENT


def varied_videos(count):
    """Videos that differ in everything the weights look at; creators have several."""
    return [video("v%d" % i, creator_id="c%d" % (i % 7), languages=[("hi", "ta", "en", "ru")[i % 4]],
                  duration_ms=5000 + 3000 * i, published_ms=NOW_MS - 3600000 * i, quality=(i % 5) / 4,
                  categories=["k%d" % (i % 3)], tags=["t%d" % (i % 5)], premium=i % 6 == 0,
                  curated_tier=i % 3, creator_region=("IN", "RU")[i % 2])
            for i in range(count)]


def varied_signals(count):
    kinds = ["IMPRESSION", "PLAY", "WATCH", "LIKE", "SHARE", "SKIP", "COMPLETE", "COMMENT", "FOLLOW_CREATOR",
             "NOT_INTERESTED"]
    return [new_signal(kinds[i % 10], user_id="u%d" % (i % 3), video_id="v%d" % (i * 7 % 30),
                       time_ms=NOW_MS - 60000 * i, watch_ms=1000 * i if kinds[i % 10] == "WATCH" else 0,
                       locale="hi-IN") for i in range(count)]


def fill(api):
    """The ids of 30 rankable videos with statistics, in mixed order, and their keys by id."""
    videos = varied_videos(30)
    response = upsert(api, *videos)
    record(api, *varied_signals(200))
    keys = {v.video_id: result.video_key for v, result in zip(videos, response.results)}
    ids = list(keys)
    random.Random(1).shuffle(ids)
    return ids, keys


def scores_of(response):
    return {ranked.index: ranked.score for ranked in response.slate}


@case
def every_candidate_is_in_the_slate_or_dropped(place):
    with Server(place) as server:
        api = server.api
        ids, _ = fill(api)
        upsert(api, video("unrated", safety_rating="SAFETY_RATING_UNRATED"))
        ids = ids[:10] + ["unknown", "unrated", ids[0]] + ids[10:]
        for limit in (0, 1, 7, 30, 2000):
            response = rank(api, ids, limit=limit)
            placed = [ranked.index for ranked in response.slate]
            equal(min(limit or 30, 30), len(placed))
            equal(list(range(len(ids))), sorted(placed + [dropped.index for dropped in response.dropped]))
            for entry in [*response.slate, *response.dropped]:
                equal(ids[entry.index], entry.video_id)
            rules = {dropped.index: dropped.rule for dropped in response.dropped}
            equal(["unknown_video", "unrated", "repeated"], [rules.pop(i) for i in (10, 11, 12)])
            equal({"below_limit"} if limit in (1, 7) else set(), set(rules.values()))


@case
def slate_is_ordered_with_positions_and_propensities(place):
    with Server(place) as server:
        ids, _ = fill(server.api)
        response = rank(server.api, ids)
        equal(list(range(1, 31)), [ranked.position for ranked in response.slate])
        scores = [ranked.score for ranked in response.slate]
        equal(sorted(scores, reverse=True), scores)
        assert len(set(scores)) > 20, "the weights tell videos apart: %r" % scores
        assert all(0 < ranked.propensity <= 1 for ranked in response.slate)
        equal(NOW_MS, response.now_ms)
        equal(32, len(bytes.fromhex(response.ranking_id)) * 2)
        name, digest = response.weights_version.split("@")
        equal(("default", 16), (name, len(digest)))


@case
def a_shorter_limit_is_the_top_of_the_longer_slate(place):
    with Server(place) as server:
        ids, _ = fill(server.api)
        whole = rank(server.api, ids)
        equal(whole.slate[:5], rank(server.api, ids, limit=5).slate[:])


@case
def contributions_add_up_exactly_in_any_order(place):
    with Server(place) as server:
        ids, _ = fill(server.api)
        response = rank(server.api, ids, explain=True)
        shuffle = random.Random(2).shuffle
        for ranked in response.slate:
            values = [term.value for term in ranked.contributions]
            for _ in range(5):
                equal(ranked.score, sum(values))
                shuffle(values)
            assert all((value * 2**32).is_integer() and abs(value) < 2**20 for value in values), values
            names = [term.name for term in ranked.contributions]
            assert len(names) == len(set(names)) and {"valid_play", "shift", "language_match"} <= set(names), names
        plain = rank(server.api, ids)
        for ranked in response.slate:
            del ranked.contributions[:]
            del ranked.features[:]
            del ranked.moves[:]
        equal(plain.slate[:], response.slate[:])


@case
def packed_form_says_the_same_as_the_slate(place):
    with Server(place) as server:
        ids, _ = fill(server.api)
        ids += ["unknown", ids[0]]
        slate = rank(server.api, ids, limit=20)
        packed = rank(server.api, ids, limit=20, response_form="RESPONSE_FORM_PACKED")
        equal([ranked.index for ranked in slate.slate], packed.order[:])
        equal([struct.unpack("f", struct.pack("f", ranked.score))[0] for ranked in slate.slate], packed.score[:])
        equal([dropped.index for dropped in slate.dropped], packed.dropped_index[:])
        rules = schema_class("RankResponse").DESCRIPTOR.fields_by_name["dropped_rule"].enum_type
        names = [rules.values_by_number[rule].name for rule in packed.dropped_rule]
        equal(["DROP_RULE_" + dropped.rule.upper() for dropped in slate.dropped], names)
        equal(([], []), (packed.slate[:], packed.dropped[:]))
        for name in ("ranking_id", "state_sequence", "weights_version", "now_ms"):
            equal(getattr(slate, name), getattr(packed, name))


@case
def the_three_forms_of_candidates_agree(place):
    with Server(place) as server:
        api = server.api
        ids, keys = fill(api)
        by_id = rank(api, ids)
        by_key = rank(api, [], candidate_keys=[keys[name] for name in ids])
        by_message = rank(api, [], candidates=[{"video_id": name} for name in ids])
        equal(by_id.slate[:], by_message.slate[:])
        equal([(r.index, r.score, r.position) for r in by_id.slate],
              [(r.index, r.score, r.position) for r in by_key.slate])
        equal({""}, {ranked.video_id for ranked in by_key.slate})
        stored = api.GetVideos(video_ids=ids).videos
        equal([keys[name] for name in ids], [entry.video_key for entry in stored])


@case
def retrieval_scores_lift_candidates(place):
    with Server(place) as server:
        ids, _ = fill(server.api)
        plain = scores_of(rank(server.api, ids[:1]))
        lifted = scores_of(rank(server.api, [], candidates=[
            {"video_id": ids[0], "retrieval_score": 1.0, "source": "two-tower"}]))
        assert lifted[0] > plain[0], (plain, lifted)


@case
def visitor_and_unknown_user_rank_alike(place):
    with Server(place) as server:
        ids, _ = fill(server.api)
        visitor = rank(server.api, ids, user_id="")
        equal(visitor.slate[:], rank(server.api, ids, user_id="never seen").slate[:])
        assert ids_of(visitor) != ids_of(rank(server.api, ids, user_id="u1"))


@case
def no_candidates_give_an_empty_slate(place):
    with Server(place) as server:
        response = rank(server.api, [])
        equal((0, 0, 0), (len(response.slate), len(response.dropped), response.state_sequence))


@case
def unknown_ids_are_dropped_as_unknown_video(place):
    with Server(place) as server:
        ids = ["nobody", "x" * 128, "видео", "हिन्दी", "\U0001F600"]
        response = rank(server.api, ids)
        equal(dict.fromkeys(ids, "unknown_video"), rules_of(response))
        response = rank(server.api, [], candidate_keys=[1, 2**64 - 1])
        equal(["unknown_video"] * 2, [dropped.rule for dropped in response.dropped])


@case
def two_thousand_candidates_are_ranked_and_one_more_is_refused(place):
    with Server(place) as server:
        api = server.api
        ids = ["m%d" % i for i in range(2000)]
        for begin in (0, 1000):
            upsert(api, *[video(name) for name in ids[begin : begin + 1000]])
        equal(2000, len(rank(api, ids, explain=True).slate))
        assert "candidate_ids" in fails(INVALID, lambda: rank(api, ids + ["m2000"]))
        assert "candidate_keys" in fails(INVALID, lambda: rank(api, [], candidate_keys=range(2001)))
        candidates = [{"video_id": name} for name in ids + ["m2000"]]
        assert "candidates" in fails(INVALID, lambda: rank(api, [], candidates=candidates))


@case
def errors_name_the_field(place):
    bad = [
        ("locale", {"locale": ""}),
        ("locale", {"locale": "not_a!tag"}),
        ("locale", {"locale": "hi-" + "x" * 40}),
        ("languages", {"languages": ["hi", "??"]}),
        ("languages", {"languages": ["hi"] * 9}),
        ("region", {"region": "IND"}),
        ("age_years", {"age_years": 151}),
        ("limit", {"limit": 2001}),
        ("now_ms", {"now_ms": -1}),
        ("response_form", {"response_form": 3}),
        ("request_id", {"request_id": "r" * 65}),
        ("user_id", {"user_id": "u" * 129}),
        ("experiment", {"experiment": "none/such"}),
        ("candidate_ids[1]", {"candidate_ids": ["v1", ""]}),
        ("candidate_ids[0]", {"candidate_ids": ["v" * 129]}),
        ("candidates", {"candidate_ids": ["v1"], "candidate_keys": [1]}),
        ("candidates[0].retrieval_score", {"candidates": [{"video_id": "v1", "retrieval_score": float("nan")}]}),
        ("candidates.source", {"candidates": [{"video_id": "v1", "source": "s" * 65}]}),
    ]
    with Server(place) as server:
        for field, values in bad:
            details = fails(INVALID, lambda: server.api.Rank(**{"locale": "hi-IN", **values}))
            assert field in details, "%r does not name %s" % (details, field)
        details = fails(INVALID, lambda: server.api.Rank(locale="not_a!tag"))
        assert '"not_a!tag"' in details, details


@case
def text_that_is_not_utf8_is_refused_by_name(place):
    with Server(place) as server:
        call = server.api.stub("Rank", raw=True)
        locale = text(3, "hi-IN")
        for field, data in [("candidate_ids[0]", text(8, b"\xff\xfe") + locale), ("user_id", text(2, b"\xc3") + locale),
                            ("locale", text(3, b"\xff"))]:
            assert field in fails(INVALID, lambda: call(data, timeout=TIMEOUT))


@case
def no_time_means_the_servers_clock(place):
    with Server(place) as server:
        before = time.time_ns() // 1000000
        response = rank(server.api, [], now_ms=0)
        assert before <= response.now_ms <= time.time_ns() // 1000000, response.now_ms


@case
def a_rank_after_an_acknowledgement_sees_the_signals(place):
    with Server(place) as server:
        upsert(server.api, video("v1"))
        for i in range(20):
            before = rank(server.api, ["v1"]).slate[0].score
            signals = [new_signal(kind, user_id="a%d" % i) for kind in ("PLAY", "LIKE")]
            sequence = record(server.api, *signals).state_sequence
            after = rank(server.api, ["v1"])
            assert after.state_sequence >= sequence and after.slate[0].score > before, i


@case
def a_retried_request_gets_the_same_bytes_after_the_state_moved_on(place):
    with Server(place) as server:
        api = server.api
        ids, _ = fill(api)
        call = api.stub("Rank", raw=True)

        def ask(request_id, **values):
            request = api.request("Rank", request_id=request_id, user_id="u1", locale="hi-IN", age_years=25,
                                  candidate_ids=ids, **values)
            return call(request.SerializeToString(), timeout=TIMEOUT)

        first = ask("r1")
        record(api, *[new_signal("LIKE", video_id=ids[-1], user_id="w%d" % i) for i in range(50)])
        equal(first, ask("r1"))
        later = schema_class("RankResponse").FromString(ask("r2"))
        assert later.state_sequence == schema_class("RankResponse").FromString(first).state_sequence + 50
        limited = schema_class("RankResponse").FromString(ask("r1", limit=3))
        equal((3, later.state_sequence), (len(limited.slate), limited.state_sequence))


@case
def the_same_request_at_the_same_time_gets_the_same_bytes(place):
    with Server(place) as server:
        ids, _ = fill(server.api)
        answers = {rank(server.api, ids, explain=True).SerializeToString(deterministic=True) for _ in range(20)}
        equal(1, len(answers))


def stream_requests(api, correlated):
    return [api.request("RankStream", correlation_id=correlation, request=request)
            for correlation, request in correlated]


@case
def stream_answers_in_order_with_correlation_ids(place):
    with Server(place) as server:
        api = server.api
        ids, _ = fill(api)
        base = {"user_id": "u1", "locale": "hi-IN", "age_years": 25, "now_ms": NOW_MS}
        requests = stream_requests(api, [(2**64 - 1 - i * 3, {"candidate_ids": ids[: i % 31], **base})
                                         for i in range(200)])
        answers = list(api.RankStream(iter(requests)))
        equal([request.correlation_id for request in requests], [answer.correlation_id for answer in answers])
        for i in (0, 1, 30, 199):
            equal(rank(api, ids[: i % 31]), answers[i].response)


@case
def one_bad_request_does_not_end_the_stream(place):
    with Server(place) as server:
        api = server.api
        upsert(api, video("v1"))
        good = {"locale": "hi-IN", "age_years": 25, "candidate_ids": ["v1"]}
        feed = Feed()
        answers = api.RankStream(iter(feed))
        for correlation, request, field in [(1, good, None), (2, {**good, "locale": "??"}, "locale"), (3, good, None),
                                            (4, {**good, "candidate_ids": [""]}, "candidate_ids[0]"),
                                            (5, None, "request"), (6, good, None)]:
            feed.put(*stream_requests(api, [(correlation, request)]))
            answer = next(answers)
            equal(correlation, answer.correlation_id)
            equal("error" if field else "response", answer.WhichOneof("result"))
            if field:
                equal(INVALID.value[0], answer.error.code)
                assert field in answer.error.message, answer
        feed.end()
        equal([], list(answers))


@case
def an_id_with_a_nul_is_cut_there_and_harms_nothing(place):
    """protobuf-c ends strings at a zero byte, so "v1", NUL, "x" is taken as "v1"."""
    with Server(place) as server:
        api = server.api
        upsert(api, video("v1"))
        response = rank(api, ["v1\0x", "v2\0"])
        equal(["v1"], ids_of(response))
        equal({"v2": "unknown_video"}, rules_of(response))
        assert "candidate_ids[0]" in fails(INVALID, lambda: rank(api, ["\0v1"]))
        assert "locale" in fails(INVALID, lambda: rank(api, ["v1"], locale="\0hi-IN"))
        equal(["v1"], ids_of(rank(api, ["v1"], locale="hi-IN\0\xff", user_id="u\0", request_id="\0")))
        upsert(api, video("n1\0tail", creator_id="c\0d", categories=["k\0"]))
        [stored] = api.GetVideos(video_ids=["n1"]).videos
        equal(("n1", "c"), (stored.video.video_id, stored.video.creator_id))
        equal((1, 1), (record(api, new_signal("LIKE", event_id="e\0a", video_id="n1")).accepted,
                       api.RecordSignals(signals=[new_signal("LIKE", event_id="e\0b", video_id="n1")]).duplicate))
        response = api.RecordSignals(signals=[new_signal("LIKE", user_id="\0")])
        assert response.rejected == 1 and "user_id" in response.results[0].reason, response
        equal((1, []), (api.DeleteVideos(video_ids=["n1\0other"]).deleted,
                        list(api.GetVideos(video_ids=["n1"]).videos)))


@case
def numbers_of_fields_the_contract_lacks_are_passed_over(place):
    with Server(place) as server:
        call = server.api.stub("Rank", raw=True)
        answer = call(text(3, "hi-IN") + number(999, 7) + text(1000, "later"), timeout=TIMEOUT)
        equal(0, len(schema_class("RankResponse").FromString(answer).slate))


run()
