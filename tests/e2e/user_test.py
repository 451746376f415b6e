"""What is stored of a user, and the catalogue page by page, as a stock client reads them."""

import threading

import grpc

from client import NOW_MS, TIMEOUT, Server, equal, fails, new_signal, rank, record, upsert, video
from runner import case, run

CODE = grpc.StatusCode


def export(api, user_id):
    return list(api.ExportUser(user_id=user_id))


def record_many(api, count, user_of):
    for start in range(0, count, 1000):
        record(api, *[new_signal("LIKE", user_id=user_of(i), time_ms=NOW_MS + i)
                      for i in range(start, min(start + 1000, count))])


@case
def a_users_tastes_follows_and_counts_are_told(place):
    with Server(place) as server:
        api = server.api
        upsert(api, video("v1"), video("v2", creator_id="c-v1"), video("v3"))
        record(api, new_signal("IMPRESSION"), new_signal("FOLLOW_CREATOR", time_ms=NOW_MS + 1),
               new_signal("HIDE_CREATOR", video_id="v3", time_ms=NOW_MS + 2))
        user = api.GetUser(user_id="u1")
        equal(("u1", 3, 6), (user.user_id, user.signal_count, user.state_sequence))
        equal((NOW_MS, NOW_MS + 2), (user.first_signal_ms, user.last_signal_ms))
        equal((1, 1), (len(user.followed_creator_keys), len(user.hidden_creator_keys)))
        stored = {item.video.video_id: item.video_key for item in api.GetVideos(video_ids=["v1"]).videos}
        equal([stored["v1"]], [seen.video_key for seen in user.seen])
        values = {affinity.key: affinity.value for affinity in user.affinities if affinity.kind == "creator"}
        assert values[user.followed_creator_keys[0]] > 0 > values[user.hidden_creator_keys[0]], user


@case
def nobody_and_wrong_names_are_refused(place):
    with Server(place) as server:
        for call in (lambda name: server.api.GetUser(user_id=name), lambda name: export(server.api, name)):
            assert "nothing is known" in fails(CODE.NOT_FOUND, lambda: call("nobody"))
            assert "user_id" in fails(CODE.INVALID_ARGUMENT, lambda: call(""))
            assert "user_id" in fails(CODE.INVALID_ARGUMENT, lambda: call("x" * 129))


@case
def an_export_is_of_one_moment_and_in_order(place):
    with Server(place) as server:
        record_many(server.api, 9000, lambda i: "u%d" % (i % 3))
        pieces = server.api.ExportUser(user_id="u1")
        user = next(pieces).user
        record(server.api, new_signal("SHARE"))  # after the first answer: not in the export
        signals = [piece.signal for piece in pieces]
        equal((3000, 9000), (user.signal_count, user.state_sequence))
        equal([NOW_MS + i for i in range(1, 9000, 3)], [signal.time_ms for signal in signals])
        equal({"u1"}, {signal.user_id for signal in signals})
        equal(3002, len(export(server.api, "u1")))


@case
def ranking_goes_on_beside_exports(place):
    with Server(place, "--workers", "1") as server:
        api = server.api
        upsert(api, video("v1"))
        record_many(api, 20000, lambda i: "rare" if i == 19999 else "u%d" % (i % 5))
        found = []
        threads = [threading.Thread(target=lambda: found.append(len(export(api, "rare")))) for _ in range(8)]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            equal(["v1"], [ranked.video_id for ranked in rank(api, ["v1"]).slate])
        equal([2] * 8, found)


@case
def a_cancelled_export_leaves_the_server_well(place):
    with Server(place) as server:
        record_many(server.api, 9000, lambda i: "u1")
        for _ in range(20):
            call = server.api.stub("ExportUser")(server.api.request("ExportUser", user_id="u1"), timeout=TIMEOUT)
            next(call)
            call.cancel()
        equal(9001, len(export(server.api, "u1")))


def list_pages(api, size, token=""):
    """The ids of all pages from the token on."""
    listed = []
    while True:
        page = api.ListVideos(page_size=size, page_token=token)
        listed += [item.video.video_id for item in page.videos]
        token = page.next_page_token
        if not token:
            return listed


@case
def the_catalogue_is_listed_the_latest_first(place):
    names = ["v%d" % i for i in range(25)]
    with Server(place) as server:
        api = server.api
        upsert(api, *[video(name) for name in names])
        for size in (0, 1, 10, 1000):
            equal(names[::-1], list_pages(api, size))
        assert "page_size" in fails(CODE.INVALID_ARGUMENT, lambda: api.ListVideos(page_size=1001))
        assert "page_token" in fails(CODE.INVALID_ARGUMENT, lambda: api.ListVideos(page_token="7"))
        first = api.ListVideos(page_size=10)
        api.DeleteVideos(video_ids=["v3", "v20", "v24"])
    with Server(place) as server:  # a token outlives a restart, and what was deleted may have been dropped meanwhile
        rest = list_pages(server.api, 4, first.next_page_token)
        seen = [item.video.video_id for item in first.videos]
        equal(set(names) - {"v3"}, set(seen) | set(rest))
        for size in (1, 10):
            equal(set(names) - {"v3", "v20", "v24"}, set(list_pages(server.api, size)))


def files_with(place, needle):
    """Files of the data directory that contain the bytes anywhere."""
    return [path.name for path in (place / "data").iterdir() if needle.encode() in path.read_bytes()]


@case
def a_forgotten_user_is_nowhere_and_counts_stay(place):
    with Server(place) as server:
        api = server.api
        upsert(api, video("v1"))
        for i in range(400):
            record(api, new_signal("SHARE", user_id="somebody-to-forget" if i % 3 == 0 else "u%d" % i, video_id="v1",
                                   event_id="event-of-%s-%d" % ("forgotten" if i % 3 == 0 else "other", i),
                                   ranking_id="ranking-of-forgotten" if i % 3 == 0 else "", time_ms=NOW_MS + i))
        before = api.GetStatus(state_digest=True)
        assert files_with(place, "somebody-to-forget"), "the test looks where they are"
        receipt = api.ForgetUser(user_id="somebody-to-forget")
        equal((134, True, 402), (receipt.signals_erased, receipt.state_erased, receipt.state_sequence))
        assert "nothing is known" in fails(CODE.NOT_FOUND, lambda: api.GetUser(user_id="somebody-to-forget"))
        for needle in ("somebody-to-forget", "event-of-forgotten", "ranking-of-forgotten"):
            equal([], files_with(place, needle))
        assert files_with(place, "event-of-other")
        after = api.GetStatus(state_digest=True)
        equal(before.aggregates_digest, after.aggregates_digest)
        equal(0, after.forgets_pending)
        equal(400, api.GetVideos(video_ids=["v1"], statistics=True).videos[0].statistics[0].shares)
        digest = after.state_digest
    with Server(place) as server:  # from the checkpoint
        equal(digest, server.api.GetStatus(state_digest=True).state_digest)
    (place / "data" / "state.mdb").unlink()
    with Server(place) as server:  # from the log
        equal(digest, server.api.GetStatus(state_digest=True).state_digest)
        equal(2, len(export(server.api, "u1")))


@case
def what_comes_late_of_a_forgotten_user_is_refused(place):
    with Server(place) as server:
        api = server.api
        old = new_signal("LIKE", time_ms=NOW_MS, event_id="e1")
        record(api, old)
        receipt = api.ForgetUser(user_id="u1")
        for signal in (old, new_signal("SHARE", time_ms=receipt.time_ms)):
            result = api.RecordSignals(signals=[signal]).results[0]
            equal(3, result.outcome)
            assert "was forgotten" in result.reason, result.reason
        fails(CODE.NOT_FOUND, lambda: api.GetUser(user_id="u1"))
        record(api, new_signal("SHARE", time_ms=receipt.time_ms + 1))  # somebody new
        equal(1, api.GetUser(user_id="u1").signal_count)
    with Server(place) as server:
        result = server.api.RecordSignals(signals=[old]).results[0]
        equal(3, result.outcome)
        equal(2, server.api.ForgetUser(user_id="u1").signals_erased)


@case
def forgetting_needs_a_name_and_not_a_known_one(place):
    with Server(place) as server:
        assert "user_id" in fails(CODE.INVALID_ARGUMENT, lambda: server.api.ForgetUser(user_id=""))
        receipt = server.api.ForgetUser(user_id="nobody")
        equal((0, False), (receipt.signals_erased, receipt.state_erased))


run()
