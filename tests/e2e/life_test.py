"""The life of a server: start, refusal to start, restart, the command line beside it, and its end under load."""

import json
import threading

import grpc

from client import (NOW_MS, TIMEOUT, Api, Feed, Server, command, equal, eventually, fails, new_signal, rank, record,
                    upsert, video)
from runner import case, run

UNAVAILABLE, INVALID = 3, 4  # the command's exit codes


def refusal(code, place, *words):
    """What a server that must not start says, without its log."""
    out, err = command(code, "serve", "--data", place / "data", "--listen", "127.0.0.1:0", *words)
    equal("", out)
    return "".join(line + "\n" for line in err.splitlines() if not line.startswith("time="))


def fill(api):
    ids = ["v%d" % i for i in range(20)]
    upsert(api, *[video(name, creator_id="c%d" % (i % 4), quality=(i % 7) / 6, duration_ms=5000 * (i + 1))
                  for i, name in enumerate(ids)])
    kinds = ("IMPRESSION", "PLAY", "WATCH", "LIKE", "SKIP", "FOLLOW_CREATOR", "HIDE_CREATOR")
    for user in range(10):
        record(api, *[new_signal(kinds[(i + user) % 6], user_id="u%d" % user, video_id=ids[i * user % 20],
                                 time_ms=NOW_MS - 1000 * i, watch_ms=500 * i if (i + user) % 6 == 2 else 0,
                                 locale=("hi-IN", "ru-RU")[user % 2]) for i in range(40)])
    record(api, new_signal("HIDE_CREATOR", user_id="u3", video_id="v2"))
    api.DeleteVideos(video_ids=["v7"])
    return ids


def answers(api, ids):
    return [rank(api, ids, user_id="u%d" % user, explain=True, exclude_seen=user % 2 == 1).SerializeToString(
        deterministic=True) for user in range(11)]


@case
def a_restart_keeps_everything(place):
    with Server(place) as server:
        ids = fill(server.api)
        before = answers(server.api, ids)
        status = server.api.GetStatus(state_digest=True)
    for end in ("stop", "kill", "stop"):
        with Server(place) as server:
            equal(before, answers(server.api, ids))
            again = server.api.GetStatus(state_digest=True)
            for name in ("state_digest", "state_sequence", "video_count", "user_count", "event_id_count",
                         "weights_version"):
                equal(getattr(status, name), getattr(again, name))
            getattr(server, end)()


@case
def event_ids_are_remembered_over_a_restart(place):
    batch = [new_signal("LIKE", event_id="e%d" % i) for i in range(10)] + [new_signal("SHARE")]
    with Server(place) as server:
        record(server.api, *batch)
    with Server(place) as server:
        equal(11, server.api.RecordSignals(signals=batch).duplicate)


@case
def event_ids_are_remembered_for_the_window_and_no_longer(place):
    batch = [new_signal("LIKE", event_id="e%d" % i) for i in range(30)]
    with Server(place, "--window-length", 10) as server:
        record(server.api, *batch)
        equal(10, server.api.RecordSignals(signals=batch[20:]).duplicate)
        equal((10, 10), (server.api.GetStatus().event_id_window, server.api.GetStatus().event_id_count))
    with Server(place, "--window-length", 10) as server:
        equal(10, server.api.RecordSignals(signals=batch[20:]).duplicate)
        equal(1, server.api.RecordSignals(signals=batch[:1]).accepted)


@case
def a_second_server_on_the_directory_is_refused(place):
    with Server(place) as server:
        line = refusal(UNAVAILABLE, place)
        assert str(server.data) in line and server.address in line, line
        record(server.api, new_signal("LIKE"))
    with Server(place) as server:
        equal(1, server.api.GetStatus().state_sequence)


@case
def a_taken_port_is_refused(place):
    with Server(place) as server:
        _, err = command(UNAVAILABLE, "serve", "--data", place / "other", "--listen", server.address)
        assert server.address in err.splitlines()[-1], err


@case
def an_address_beyond_loopback_is_refused(place):
    for address in ("0.0.0.0:0", "192.0.2.1:0", "[::]:0", "example.com:1", "127.0.0.1", "127.0.0.1:65536"):
        out, err = command(INVALID, "serve", "--data", place / "data", "--listen", address)
        assert "listen" in err.splitlines()[-1], err
    assert not (place / "data").exists()


@case
def weights_with_an_error_are_refused_with_their_place(place):
    path = place / "weights.yaml"
    for yaml, at, key, hint in [
            ("version: mine\nheads:\n  like: {prior: 0.1, strenght: 5}\n", "3:22", "heads.like.strenght", '"strength"'),
            ("version: mine\nvalue: {like: 1000}\n", "2:15", "value.like", "100"),
            ("version: mine\nversion: again\n", "2:1", "version", ""),
            ("version: [mine\n", "", "", "")]:
        path.write_text(yaml)
        text = refusal(INVALID, place, "--weights", path)
        assert "%s:%s" % (path, at) in text and key in text and hint in text, text
    assert "absent.yaml" in refusal(INVALID, place, "--weights", place / "absent.yaml")
    path.write_text("version: mine\n")
    with Server(place, "--weights", path) as server:
        assert rank(server.api, []).weights_version.startswith("mine@")


@case
def other_commands_on_the_directory_ask_the_server(place):
    with Server(place) as server:
        ids = fill(server.api)
        sequence = server.api.GetStatus().state_sequence
        out, _ = command(0, "status", "--data", server.data, "--json")
        equal(sequence, json.loads(out)["state_sequence"])
        candidates = place / "ids.txt"
        candidates.write_text("\n".join(ids))
        out, _ = command(0, "rank", "--data", server.data, "--user", "u1", "--locale", "hi-IN", "--age", 25,
                         "--now-ms", NOW_MS, "--candidates", candidates, "--json")
        want = rank(server.api, ids)
        got = json.loads(out)
        equal([(r.video_id, r.score) for r in want.slate], [(r["video_id"], r["score"]) for r in got["slate"]])
        lines = place / "signals.jsonl"
        lines.write_text(json.dumps({"signal": {"event_id": "cli", "user_id": "u1", "video_id": "v1", "time_ms": NOW_MS,
                                                "type": "SIGNAL_TYPE_LIKE"}}))
        command(0, "import", "--data", server.data, "--format", "jsonl", lines)
        equal(sequence + 1, server.api.GetStatus().state_sequence)
        equal(1, server.api.RecordSignals(signals=[new_signal("LIKE", event_id="cli")]).duplicate)
    out, _ = command(0, "status", "--data", server.data, "--json")
    equal(sequence + 1, json.loads(out)["state_sequence"])


@case
def idle_connections_do_not_hold_the_end_beyond_the_drain(place):
    with Server(place, "--drain-ms", 100) as server:
        for _ in range(5):
            rank(Api(server.channel()), [])
        server.terminate()
        equal(0, server.process.wait(4))


@case
def calls_in_flight_at_the_end_are_finished(place):
    with Server(place, "--drain-ms", 60000) as server:
        feed = Feed()
        acknowledged = server.api.StreamSignals(iter(feed))
        feed.put(server.api.request("StreamSignals", batch_id=1, signals=[new_signal("LIKE", event_id="a")]))
        equal(1, next(acknowledged).accepted)
        server.terminate()

        def refused():
            try:
                Api(server.channel()).GetStatus()
                return False
            except grpc.RpcError as error:
                # The core drops a call that races the start of a drain: CANCELLED, not refused yet.
                if error.code() == grpc.StatusCode.CANCELLED:
                    return False
                equal(grpc.StatusCode.UNAVAILABLE, error.code())
                return True

        eventually(refused)
        feed.put(server.api.request("StreamSignals", batch_id=2, signals=[new_signal("LIKE", event_id="b")]))
        equal((2, 1), (lambda answer: (answer.batch_id, answer.accepted))(next(acknowledged)))
        feed.end()
        equal([], list(acknowledged))
        equal(0, server.wait())
    with Server(place) as server:
        equal(2, server.api.GetStatus().state_sequence)


@case
def calls_that_do_not_end_are_cut_after_the_drain(place):
    with Server(place, "--drain-ms", 100) as server:
        feed = Feed()
        stream = server.api.RankStream(iter(feed))
        feed.put(server.api.request("RankStream", correlation_id=1))
        equal(1, next(stream).correlation_id)
        server.terminate()
        fails(grpc.StatusCode.UNAVAILABLE, lambda: stream)
        equal(0, server.wait())
        feed.end()


def load(server, thread, acknowledged, codes):
    """Calls of every kind until the server is gone. Fills acknowledged with signals, codes with how calls ended."""
    api = Api(server.channel())
    signals = 0
    while grpc.StatusCode.UNAVAILABLE not in codes:
        signals += 20
        batch = [new_signal("LIKE", event_id="%s.%d.%d" % (server.address, thread, signals + i)) for i in range(20)]
        recording = api.stub("RecordSignals").future(api.request("RecordSignals", signals=batch), timeout=TIMEOUT)
        upload = api.request("UploadSignals", signals=batch[:3])
        ranking = api.request("Rank", locale="hi-IN", candidate_ids=["v1"] * 100)
        stream = api.RankStream(iter([api.request("RankStream", correlation_id=1)] * 5))
        calls = [recording, api.stub("Rank").future(ranking, timeout=TIMEOUT),
                 api.stub("UploadSignals").future(iter([upload] * 3), timeout=TIMEOUT)]
        try:
            list(stream)
        except grpc.RpcError as error:
            codes.add(error.code())
        codes.update(call.code() for call in calls)
        if recording.code() == grpc.StatusCode.OK:
            acknowledged.extend(batch)


@case
def an_end_under_load_loses_nothing(place):
    """Calls finish, or end as UNAVAILABLE, or, where gRPC's core meets them during its shutdown, as CANCELLED."""
    allowed = {grpc.StatusCode.OK, grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED}
    for workers, drain_ms in [(1, 5000), (2, 5000), (1, 0), (2, 0)]:
        acknowledged, codes = [[], [], []], [set(), set(), set()]
        with Server(place, "--workers", workers, "--drain-ms", drain_ms) as server:
            threads = [threading.Thread(target=load, args=(server, i, acknowledged[i], codes[i])) for i in range(3)]
            for thread in threads:
                thread.start()
            eventually(lambda: sum(map(len, acknowledged)) > 500)
            server.terminate()
            equal(0, server.wait())
            for thread in threads:
                thread.join(TIMEOUT)
        assert set.union(*codes) <= allowed, codes
        batch = [signal for thread in acknowledged for signal in thread]
        with Server(place) as server:
            for begin in range(0, len(batch), 1000):
                response = server.api.RecordSignals(signals=batch[begin : begin + 1000])
                equal(len(response.results), response.duplicate)


run()
