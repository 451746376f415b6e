"""Signals and catalogue entries through the real server: outcomes, repeats, limits, totals."""

import threading
import time

import grpc

from client import (NOW_MS, TIMEOUT, Feed, Server, equal, fails, new_signal, rank, record, rules_of, schema_class,
                    statistics, upsert, video)
from runner import case, run

INVALID = grpc.StatusCode.INVALID_ARGUMENT
ACCEPTED, DUPLICATE, REJECTED = 1, 2, 3


def totals(response):
    return response.accepted, response.duplicate, response.rejected


def outcomes(response):
    return [result.outcome for result in response.results]


def likes(count, prefix="e", **values):
    return [new_signal("LIKE", event_id="%s%d" % (prefix, i), user_id="u%d" % i, **values) for i in range(count)]


@case
def each_signal_has_its_outcome(place):
    with Server(place) as server:
        named, plain = new_signal("LIKE", event_id="e1"), new_signal("PLAY")
        response = server.api.RecordSignals(signals=[named, plain, named, plain, new_signal("LIKE", user_id="")])
        equal([ACCEPTED, ACCEPTED, DUPLICATE, DUPLICATE, REJECTED], outcomes(response))
        equal((2, 2, 1), totals(response))
        equal(2, response.state_sequence)
        equal([""] * 4, [result.reason for result in response.results[:4]])
        assert "signal.user_id" in response.results[4].reason, response.results[4]


@case
def a_retried_batch_is_all_duplicates_and_changes_nothing(place):
    with Server(place) as server:
        upsert(server.api, video("v1"))
        batch = likes(50) + [new_signal("PLAY", user_id="p%d" % i) for i in range(50)]
        record(server.api, *batch)
        before = server.api.GetStatus(state_digest=True)
        counts = statistics(server.api, "v1")
        for _ in range(3):
            response = server.api.RecordSignals(signals=batch)
            equal((0, 100, 0), totals(response))
            equal(before.state_sequence, response.state_sequence)
        equal(before.state_digest, server.api.GetStatus(state_digest=True).state_digest)
        equal(counts, statistics(server.api, "v1"))


@case
def an_event_id_names_the_signal_whatever_else_differs(place):
    with Server(place) as server:
        record(server.api, new_signal("LIKE", event_id="e1"))
        response = server.api.RecordSignals(signals=[new_signal("SHARE", event_id="e1", user_id="another")])
        equal((0, 1, 0), totals(response))
        record(server.api, new_signal("LIKE", event_id="e1 "), new_signal("LIKE"),
               new_signal("LIKE", time_ms=NOW_MS - 30 * 86400000))


@case
def every_bad_field_is_named_and_the_rest_of_the_batch_kept(place):
    ahead = time.time_ns() // 1000000 + 25 * 3600 * 1000
    bad = [("signal.user_id", {"user_id": "x" * 129}), ("signal.user_id", {"user_id": ""}),
           ("signal.video_id", {"video_id": ""}), ("signal.video_id", {"video_id": "x" * 129}),
           ("signal.event_id", {"event_id": "x" * 129}), ("signal.locale", {"locale": "no_such!"}),
           ("signal.ranking_id", {"ranking_id": "x" * 65}), ("signal.time_ms", {"time_ms": 0}),
           ("signal.time_ms", {"time_ms": ahead}), ("signal.watch_ms", {"watch_ms": 86400001}),
           ("signal.watch_ms", {"watch_ms": -1}), ("signal.video_duration_ms", {"video_duration_ms": 86400001})]
    with Server(place) as server:
        batch = []
        for i, (_, values) in enumerate(bad):
            batch += [new_signal("WATCH", **values), new_signal("LIKE", user_id="good%d" % i)]
        batch += [schema_class("Signal")(user_id="u", video_id="v", time_ms=1, type=kind) for kind in (0, 15, -1)]
        response = server.api.RecordSignals(signals=batch)
        equal((len(bad), 0, len(bad) + 3), totals(response))
        for (field, _), result in zip(bad, response.results[::2]):
            equal(REJECTED, result.outcome)
            assert field in result.reason, "%r does not name %s" % (result.reason, field)
        assert all("signal.type" in result.reason for result in response.results[-3:]), response.results[-3:]


@case
def ids_of_the_longest_length_are_kept(place):
    with Server(place) as server:
        record(server.api, new_signal("LIKE", event_id="e" * 128, user_id="u" * 128, video_id="v" * 128,
                                      ranking_id="r" * 64, locale="hi-Latn-IN"))


@case
def a_thousand_signals_are_taken_and_one_more_is_refused(place):
    with Server(place) as server:
        record(server.api, *likes(1000))
        details = fails(INVALID, lambda: server.api.RecordSignals(signals=likes(1001, "f")))
        assert "signals" in details and "1000" in details, details
        status = server.api.GetStatus()
        equal((1000, 1000), (status.state_sequence, status.event_id_count))
        record(server.api, *likes(1000, "f"))


@case
def an_empty_batch_is_no_error(place):
    with Server(place) as server:
        record(server.api, *likes(3))
        response = server.api.RecordSignals()
        equal(((0, 0, 0), 3), (totals(response), response.state_sequence))


@case
def statistics_count_what_was_sent(place):
    """Worked out by hand: v1 lasts 15 s. u1 watches 8 s (valid play), u2 20 s (long view, complete)."""
    with Server(place) as server:
        upsert(server.api, video("v1"))
        record(server.api,
               *[new_signal("IMPRESSION", user_id=user) for user in ("u1", "u2", "u3")],
               *[new_signal("PLAY", user_id=user) for user in ("u1", "u2")],
               new_signal("WATCH", user_id="u1", watch_ms=3000), new_signal("WATCH", user_id="u1", watch_ms=8000),
               new_signal("WATCH", user_id="u1", watch_ms=5000), new_signal("WATCH", user_id="u2", watch_ms=20000),
               new_signal("SKIP", user_id="u3"), new_signal("LIKE", user_id="u1"), new_signal("LIKE", user_id="u2"),
               new_signal("SHARE", user_id="u1"), new_signal("COMMENT", user_id="u1"),
               new_signal("FOLLOW_CREATOR", user_id="u2"), new_signal("NOT_INTERESTED", user_id="u3"),
               new_signal("REPORT", user_id="u3"))
        equal(schema_class("VideoStatistics")(
            scope="global", impressions=3, plays=2, valid_plays=2, long_views=1, completes=1, skips=1, likes=2,
            shares=1, comments=1, follows=1, not_interested=1, reports=1, watch_ms=28000), statistics(server.api, "v1"))


@case
def signals_of_videos_the_catalogue_lacks_are_kept_for_them(place):
    with Server(place) as server:
        record(server.api, *likes(5, video_id="later"))
        equal({"later": "unknown_video"}, rules_of(rank(server.api, ["later"])))
        upsert(server.api, video("later"))
        equal(5, statistics(server.api, "later").likes)


@case
def concurrent_callers_lose_nothing(place):
    """Eight threads, each its own connection; half of what they send they send twice."""
    with Server(place) as server:
        upsert(server.api, video("v1"))
        got = []

        def send(thread):
            record_signals = type(server.api)(server.channel()).RecordSignals
            for i in range(20):
                batch = likes(25, "t%d.%d." % (thread, i))
                got.append(totals(record_signals(signals=batch)))
                if i % 2:
                    got.append(totals(record_signals(signals=batch)))

        threads = [threading.Thread(target=send, args=(thread,)) for thread in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(TIMEOUT)
        equal((4000, 2000, 0), tuple(sum(column) for column in zip(*got)))
        status = server.api.GetStatus()
        equal((4001, 4000), (status.state_sequence, status.event_id_count))


@case
def a_stream_acknowledges_each_batch_in_order(place):
    with Server(place) as server:
        feed = Feed()
        answers = server.api.StreamSignals(iter(feed))
        for i in range(1, 51):
            feed.put(server.api.request("StreamSignals", batch_id=i * 10, signals=likes(3, "s%d." % i)))
            answer = next(answers)
            equal((i * 10, (3, 0, 0), [ACCEPTED] * 3, 3 * i),
                  (answer.batch_id, totals(answer), outcomes(answer), answer.state_sequence))
        feed.end()
        equal([], list(answers))
        again = [server.api.request("StreamSignals", batch_id=i, signals=likes(3, "s%d." % i))
                 for i in range(1, 51)]
        answers = list(server.api.StreamSignals(iter(again)))
        equal([(i, (0, 3, 0)) for i in range(1, 51)], [(a.batch_id, totals(a)) for a in answers])


@case
def what_a_stream_acknowledged_is_seen_by_others(place):
    with Server(place) as server:
        upsert(server.api, video("v1"))
        feed = Feed()
        answers = server.api.StreamSignals(iter(feed))
        for i in range(10):
            feed.put(server.api.request("StreamSignals", signals=likes(1, "x%d." % i)))
            sequence = next(answers).state_sequence
            assert rank(server.api, ["v1"]).state_sequence >= sequence
        feed.end()


@case
def a_bad_signal_does_not_end_a_stream_but_a_batch_too_long_does(place):
    with Server(place) as server:
        feed = Feed()
        answers = server.api.StreamSignals(iter(feed))
        feed.put(server.api.request("StreamSignals", batch_id=1, signals=[new_signal("LIKE", video_id="")]))
        equal((0, 0, 1), totals(next(answers)))
        feed.put(server.api.request("StreamSignals", batch_id=2, signals=likes(1)))
        equal((1, 0, 0), totals(next(answers)))
        feed.put(server.api.request("StreamSignals", batch_id=3, signals=likes(1001, "f")))
        assert "signals" in fails(INVALID, lambda: answers)
        feed.end()
        equal(1, server.api.GetStatus().state_sequence)


@case
def an_upload_is_answered_with_totals_and_the_first_reasons(place):
    with Server(place) as server:
        messages = [server.api.request("UploadSignals", signals=likes(100, "u%d." % (i % 8))) for i in range(10)]
        bad = [new_signal("LIKE", locale="bad locale %d" % i) for i in range(15)]
        messages.append(server.api.request("UploadSignals", signals=bad))
        response = server.api.UploadSignals(iter(messages))
        equal((800, 200, 15), totals(response))
        equal(800, response.state_sequence)
        equal(10, len(response.reasons))
        for i, reason in enumerate(response.reasons):
            assert "signal.locale" in reason and "bad locale %d" % i in reason, reason


@case
def an_empty_upload_is_no_error(place):
    with Server(place) as server:
        equal((0, 0, 0), totals(server.api.UploadSignals(iter([]))))
        record(server.api, *likes(2))
        equal((0, 0, 0), totals(server.api.UploadSignals(iter([server.api.request("UploadSignals")]))))


@case
def an_upload_that_fails_midway_keeps_what_went_before(place):
    with Server(place) as server:
        messages = [server.api.request("UploadSignals", signals=likes(count, "%d." % count)) for count in (10, 1001)]
        fails(INVALID, lambda: server.api.UploadSignals(iter(messages)))
        response = server.api.UploadSignals(iter(messages[:1]))
        equal((0, 10, 0), totals(response))


@case
def videos_come_back_as_they_were_sent(place):
    with Server(place) as server:
        full = video("v1", caption_languages=["en", "ta"], categories=["music", "dance"], tags=["a", "b"],
                     regions_allowed=["IN", "BD"], regions_forbidden=["RU"], minimum_age_years=16, quality=0.75,
                     curated_tier="CURATED_TIER_FEATURED", premium=True, creator_region="IN", title="हिन्दी",
                     embedding=[0.5, -1.25], inferred=["languages"])
        upsert(server.api, full, video("v2"))
        response = server.api.GetVideos(video_ids=["v2", "none", "v1"])
        equal([video("v2"), full], [stored.video for stored in response.videos])
        equal(["none"], response.not_found[:])


@case
def repeated_and_bad_videos_are_told_apart(place):
    with Server(place) as server:
        upsert(server.api, video("v1"))
        batch = [video("v1"), video("v1", quality=0.5), video(""), video("v2", languages=["??"]), video("v3")]
        response = server.api.UpsertVideos(videos=batch)
        equal([DUPLICATE, ACCEPTED, REJECTED, REJECTED, ACCEPTED], outcomes(response))
        equal((2, 1, 2, 3), (*totals(response), response.state_sequence))
        assert "video_id" in response.results[2].reason and "languages" in response.results[3].reason, response
        too_many = [video("w%d" % i) for i in range(1001)]
        assert "videos" in fails(INVALID, lambda: server.api.UpsertVideos(videos=too_many))
        equal(1000, server.api.UpsertVideos(videos=too_many[:1000]).accepted)


@case
def an_update_changes_only_the_fields_it_names(place):
    with Server(place) as server:
        upsert(server.api, video("v1", title="old", quality=0.25))
        change = schema_class("Video")(video_id="v1", title="new", premium=True)
        response = server.api.UpsertVideos(videos=[change], update_fields=["title", "premium"])
        equal([ACCEPTED], outcomes(response))
        [stored] = server.api.GetVideos(video_ids=["v1"]).videos
        equal(video("v1", title="new", quality=0.25, premium=True), stored.video)
        details = fails(INVALID, lambda: server.api.UpsertVideos(videos=[change], update_fields=["titel"]))
        assert "titel" in details, details


@case
def a_deleted_video_is_dropped_until_it_is_sent_again(place):
    with Server(place) as server:
        upsert(server.api, video("v1"))
        record(server.api, *likes(5))
        response = server.api.DeleteVideos(video_ids=["v1", "none"])
        equal((1, 1), (response.deleted, response.not_found))
        equal({"v1": "deleted"}, rules_of(rank(server.api, ["v1"])))
        equal(["v1"], server.api.GetVideos(video_ids=["v1"]).not_found[:])
        equal(0, server.api.DeleteVideos(video_ids=["v1"]).deleted)
        upsert(server.api, video("v1"))
        equal({}, rules_of(rank(server.api, ["v1"])))
        equal(5, statistics(server.api, "v1").likes)


@case
def a_store_that_is_full_refuses_signals_and_ranks_on(place):
    with Server(place, "--map-mib", 1) as server:
        upsert(server.api, video("v1"))
        exhausted = None
        for i in range(100):
            try:
                accepted = record(server.api, *likes(1000, "%d." % i)).state_sequence
            except grpc.RpcError as error:
                exhausted = error
                break
        equal(grpc.StatusCode.RESOURCE_EXHAUSTED, exhausted.code())
        status = server.api.GetStatus()
        equal(accepted, status.state_sequence)
        assert status.store_bytes <= status.store_budget_bytes, status
        equal((0, 1000, 0), totals(server.api.RecordSignals(signals=likes(1000, "0."))))
        equal(accepted, rank(server.api, ["v1"]).state_sequence)


run()
