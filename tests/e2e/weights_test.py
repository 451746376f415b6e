"""The life of weights: checked, applied, rolled back, listed, followed on disk, kept over restarts and with backups."""

import json
import os
import time

import grpc

from client import (NOW_MS, TIMEOUT, Server, command, equal, eventually, fails, new_signal, rank,
                    record, upsert, video)
from runner import case, run

INVALID_ARGUMENT = grpc.StatusCode.INVALID_ARGUMENT
NOT_FOUND = grpc.StatusCode.NOT_FOUND
FAILED, USAGE, INVALID = 1, 2, 4  # the command's exit codes
WATCH = ["--weights-watch-ms", 20]


def write(place, yaml, name="weights.yaml"):
    path = place / name
    path.write_text(yaml)
    return path


def name_of(version):
    return version.split("@")[0]


def in_force(server):
    return name_of(server.api.GetStatus().weights_version)


def problem(server):
    return server.api.GetStatus().weights_problem


def history(server):
    """Oldest first: (name, origin, note)."""
    changes = server.api.ListWeights().changes
    equal(list(range(len(changes), 0, -1)), [change.number for change in changes])
    equal([True] + [False] * (len(changes) - 1), [change.current for change in changes])
    return [(name_of(change.weights_version), change.origin, change.note) for change in reversed(changes)]


def by_command(place, *words):
    return [json.loads(line) for line in command(0, "history", "--json", *words)[0].splitlines()]


@case
def applied_weights_are_in_force_at_once_and_after_a_restart(place):
    with Server(place) as server:
        equal([("default", "built-in", "")], history(server))
        before = server.api.GetStatus()
        equal(("built-in", ""), (before.weights_origin, before.weights_problem))
        answer = server.api.ApplyWeights(weights_yaml="version: a\n", note="Это важно")
        equal((before.weights_version, False), (answer.previous_weights_version, answer.unchanged))
        equal(answer.weights_version, rank(server.api, []).weights_version)
        status = server.api.GetStatus()
        equal((answer.weights_version, "apply"), (status.weights_version, status.weights_origin))
        assert status.weights_time_ms >= before.weights_time_ms > NOW_MS, status
        equal([("default", "built-in", ""), ("a", "apply", "Это важно")], history(server))
    for end in ("stop", "kill", "stop"):
        with Server(place) as server:
            equal(answer.weights_version, rank(server.api, []).weights_version)
            equal(status.weights_time_ms, server.api.GetStatus().weights_time_ms)
            equal(2, len(history(server)))
            getattr(server, end)()


@case
def acknowledged_weights_survive_a_kill(place):
    with Server(place) as server:
        server.api.ApplyWeights(weights_yaml="version: a\n")
        server.kill()
    with Server(place) as server:
        equal("a", in_force(server))
    command(0, "verify", "--data", place / "data")


@case
def applying_what_is_in_force_changes_nothing_and_says_so(place):
    path = write(place, "version: a\n")
    with Server(place) as server:
        first, _ = command(0, "apply", path, "--target", server.address, "--note", "one")
        assert first.startswith("a@") and "is in force; before: default@" in first, first
        again, _ = command(0, "apply", path, "--target", server.address, "--note", "two")
        assert "was in force already; nothing has changed" in again, again
        equal([("default", "built-in", ""), ("a", "apply", "one")], history(server))
        assert json.loads(command(0, "apply", path, "--target", server.address, "--json")[0])["unchanged"]


@case
def weights_with_problems_change_nothing(place):
    path = write(place, "version: a\nheadz: 1\nvalue: {like: 1000}\n")
    with Server(place) as server:
        _, err = command(INVALID, "apply", path, "--target", server.address)
        assert "%s:2:1: headz: " % path in err and "%s:3:15: value.like: " % path in err, err
        assert "nothing was applied: 2 problems" in err, err
        text = fails(INVALID_ARGUMENT, lambda: server.api.ApplyWeights(weights_yaml=path.read_text()))
        assert "2 problems, the first at 2:1: headz: unknown key" in text, text
        text = fails(INVALID_ARGUMENT, lambda: server.api.ApplyWeights(weights_yaml="version: a\n", note="n" * 257))
        assert "note: found 257 bytes" in text, text
        server.api.ApplyWeights(weights_yaml="version: longest_note\n", note="n" * 256)
        text = fails(INVALID_ARGUMENT, lambda: server.api.ApplyWeights(weights_yaml=""))
        assert "problem" in text, text
        equal(["default", "longest_note"], [name for name, _, _ in history(server)])
        _, err = command(FAILED, "apply", place / "absent.yaml", "--target", server.address)
        assert "No such file" in err, err


@case
def rollback_goes_back_and_forth(place):
    with Server(place) as server:
        text = fails(NOT_FOUND, lambda: server.api.RollbackWeights())
        assert "no weights before default@" in text, text
        for name in ("alpha", "beta", "gamma"):
            server.api.ApplyWeights(weights_yaml="version: %s\n" % name)
        out, _ = command(0, "rollback", "--target", server.address)
        assert out.startswith("beta@") and "before: gamma@" in out, out
        equal("beta", name_of(rank(server.api, []).weights_version))
        alpha = server.api.GetWeights(weights_version="alpha")
        digits = alpha.weights_version.split("@")[1]
        answer = server.api.RollbackWeights(weights_version=digits[:6], note="ä" * 128)
        equal((alpha.weights_version, False), (answer.weights_version, answer.unchanged))
        assert server.api.RollbackWeights(weights_version="alpha").unchanged
        text = fails(NOT_FOUND, lambda: server.api.RollbackWeights(weights_version="gama"))
        assert 'did you mean "gamma"?' in text, text
        text = fails(INVALID_ARGUMENT, lambda: server.api.RollbackWeights(note="n" * 257))
        assert "note: found 257 bytes" in text, text
        _, err = command(FAILED, "rollback", "delta", "--target", server.address)
        assert 'no weights "delta"' in err, err
        equal(["default", "alpha", "beta", "gamma", "beta", "alpha"], [name for name, _, _ in history(server)])
        equal([("rollback", ""), ("rollback", "ä" * 128)], [(origin, note) for _, origin, note in history(server)][4:])


@case
def any_version_is_printed_byte_for_byte(place):
    yaml = "# Für Tests: हिन्दी\r\nversion: odd   # two\n\n\n"
    path = place / "odd.yaml"
    path.write_bytes(yaml.encode())
    with Server(place) as server:
        command(0, "apply", path, "--target", server.address)
        command(0, "apply", write(place, "version: next\n"), "--target", server.address)
        out, _ = command(0, "weights", "odd", "--data", server.data)
        equal(yaml, out)
        equal("version: next\n", command(0, "weights", "--data", server.data)[0])
        equal(yaml, server.api.GetWeights(weights_version="odd").weights_yaml)
    equal(yaml, command(0, "weights", "odd", "--data", place / "data")[0])
    shipped, _ = command(0, "weights", "default", "--data", place / "data")
    assert "version: default" in shipped, shipped[:200]


@case
def the_same_works_on_a_directory_without_a_server(place):
    data = place / "data"
    with Server(place) as server:
        upsert(server.api, video("v1"))
    command(0, "apply", write(place, "version: a\n"), "--data", data, "--note", "offline")
    command(0, "apply", write(place, "version: b\n"), "--data", data)
    out, _ = command(0, "rollback", "--data", data, "--note", "b is worse")
    assert out.startswith("a@"), out
    changes = by_command(place, "--data", data)
    equal([("a", "rollback"), ("b", "apply"), ("a", "apply"), ("default", "built-in")],
          [(name_of(change["weights_version"]), change["origin"]) for change in changes])
    equal(["a"], [name_of(change["weights_version"]) for change in changes if change["current"]])
    equal(["b is worse", "", "offline", ""], [change["note"] for change in changes])
    out, _ = command(0, "history", "--data", data, "--limit", 2)
    assert out.splitlines()[1].startswith("*") and "older ones follow" in out and "offline" not in out, out
    status = json.loads(command(0, "status", "--data", data, "--json")[0])
    equal(("a", "rollback"), (name_of(status["weights_version"]), status["weights_origin"]))
    ids = write(place, "v1\n", "ids.txt")
    words = ["rank", "--data", data, "--locale", "hi-IN", "--candidates", ids, "--json"]
    equal("a", name_of(json.loads(command(0, *words)[0])["weights_version"]))
    own = write(place, "version: own\n", "own.yaml")
    equal("own", name_of(json.loads(command(0, *words, "--weights", own)[0])["weights_version"]))
    equal(4, len(by_command(place, "--data", data)))
    with Server(place) as server:
        equal("a", in_force(server))


@case
def a_changed_file_comes_into_force_written_in_place_or_replaced(place):
    path = write(place, "version: a\n")
    with Server(place, "--weights", path, *WATCH) as server:
        equal([("a", "file", "")], history(server))
        path.write_text("version: b\n")
        eventually(lambda: in_force(server) == "b")
        os.rename(write(place, "version: c\n", "weights.new"), path)
        eventually(lambda: in_force(server) == "c")
        equal("file", server.api.GetStatus().weights_origin)
        path.write_text("version: d\nheadz: 1\n")
        eventually(lambda: problem(server) != "")
        assert "1 problem, the first at 2:1: headz" in problem(server), problem(server)
        equal("c", name_of(rank(server.api, []).weights_version))
        text = command(0, "status", "--target", server.address)[0]
        assert "weights problem" in text and "headz" in text and "weights from         file" in text, text
        path.unlink()
        eventually(lambda: "No such file" in problem(server))
        path.write_text("version: d\n")
        eventually(lambda: in_force(server) == "d")
        equal("", problem(server))
        log = server.log_text()
        assert "%s:2:1: headz: unknown key" % path in log, log
        assert 'event=weights_applied version="b@' in log and "event=weights_refused" in log, log
        equal([name for name in "abcd"], [name for name, _, _ in history(server)])


@case
def a_link_that_is_moved_is_followed(place):
    """As a cluster mounts its files: a link to a directory, which is replaced as a whole."""
    for name in ("one", "two"):
        (place / name).mkdir()
        write(place / name, "version: %s\n" % name)
    (place / "now").symlink_to("one")
    with Server(place, "--weights", place / "now" / "weights.yaml", *WATCH) as server:
        (place / "then").symlink_to("two")
        os.rename(place / "then", place / "now")
        eventually(lambda: in_force(server) == "two")


@case
def no_watch_when_it_is_off(place):
    path = write(place, "version: a\n")
    with Server(place, "--weights", path, "--weights-watch-ms", 0) as server:
        path.write_text("version: b\n")
        for _ in range(50):
            equal("a", name_of(rank(server.api, []).weights_version))
    with Server(place, "--weights", path, "--weights-watch-ms", 0) as server:
        equal("b", in_force(server))


@case
def a_file_that_stays_does_not_undo_what_was_applied(place):
    path = write(place, "version: a\n")
    with Server(place, "--weights", path, *WATCH) as server:
        server.api.ApplyWeights(weights_yaml="version: b\n")
        path.touch()
    with Server(place, "--weights", path, *WATCH) as server:
        equal("b", in_force(server))
        server.api.RollbackWeights()
        equal("a", in_force(server))
        server.api.RollbackWeights()
    with Server(place) as server:
        equal("b", in_force(server))
    path.write_text("version: c\n")
    with Server(place, "--weights", path, *WATCH) as server:
        equal("c", in_force(server))
        equal(["a", "b", "a", "b", "c"], [name for name, _, _ in history(server)])


@case
def a_broken_file_at_a_start_leaves_the_last_good_version(place):
    path = write(place, "version: a\n")
    with Server(place, "--weights", path, *WATCH) as server:
        equal("a", in_force(server))
    path.write_text("version: b\nheadz: 1\n")
    with Server(place, "--weights", path, *WATCH) as server:
        equal("a", name_of(rank(server.api, []).weights_version))
        assert "headz" in problem(server), problem(server)
        log = server.log_text()
        assert "%s:2:1: headz: unknown key" % path in log and "level=warn event=weights_refused" in log, log
        equal(1, log.count("level=warn"))
        path.write_text("version: b\n")
        eventually(lambda: in_force(server) == "b")
        equal("", problem(server))
    path.unlink()
    with Server(place, "--weights", path, *WATCH) as server:
        equal("b", in_force(server))
        assert "No such file" in problem(server), problem(server)


@case
def backup_and_restore_keep_the_history(place):
    path = write(place, "version: filed\n")
    with Server(place, "--weights", path) as server:
        record(server.api, new_signal("LIKE"))
        server.api.ApplyWeights(weights_yaml="version: a\n", note="kept")
        want = history(server)
        command(0, "backup", "--data", server.data, place / "backup")
        server.api.ApplyWeights(weights_yaml="version: after\n")
    (place / "again").mkdir()
    command(0, "restore", place / "backup", "--data", place / "again" / "data")
    command(0, "verify", "--data", place / "again" / "data")
    with Server(place / "again", "--weights", path) as server:
        equal(want, history(server))
        equal("a", in_force(server))
        equal("version: filed\n", server.api.GetWeights(weights_version="filed").weights_yaml)


@case
def verify_counts_the_history_and_finds_what_is_damaged(place):
    with Server(place) as server:
        record(server.api, new_signal("LIKE"))
        server.api.ApplyWeights(weights_yaml="version: to_be_damaged\n")
    out, _ = command(0, "verify", "--data", place / "data", "--json")
    equal(2, json.loads(out)["files"][0]["weights_changes"])
    file = place / "data" / "data.mdb"
    data = file.read_bytes()
    file.write_bytes(data.replace(b"version: to_be_damaged\n", b"version: to_be_damagee\n"))
    out, _ = command(FAILED, "verify", "--data", place / "data")
    assert "of the weights' history fails validation" in out, out
    with Server(place) as server:
        equal("default", in_force(server))
        assert "is missing or damaged" in problem(server), problem(server)


@case
def a_long_history_is_listed_in_pages(place):
    with Server(place) as server:
        for i in range(1, 1200):
            server.api.ApplyWeights(weights_yaml="version: v%d\n" % (i % 7))
        page = server.api.ListWeights()
        equal((1000, True), (len(page.changes), page.more))
        rest = server.api.ListWeights(before_number=page.changes[-1].number)
        equal((200, False), (len(rest.changes), rest.more))
        equal([1200, 1199, 1198], [change.number for change in server.api.ListWeights(limit=3).changes])
        changes = by_command(place, "--target", server.address, "--limit", 0)
        equal(list(range(1200, 0, -1)), [change["number"] for change in changes])


@case
def a_retry_gets_the_answer_of_the_old_weights(place):
    with Server(place) as server:
        upsert(server.api, video("v1"))
        before = rank(server.api, ["v1"], request_id="r")
        server.api.ApplyWeights(weights_yaml="version: a\n")
        equal(before.SerializeToString(), rank(server.api, ["v1"], request_id="r").SerializeToString())
        equal("a", name_of(rank(server.api, ["v1"], request_id="s").weights_version))


@case
def a_large_file_does_not_hold_up_rankings(place):
    """A file of 1 MiB takes its time to parse, on a thread where nobody waits for it."""
    large = "version: large\n" + "# %s\n" % ("x" * 200) * 5100
    assert len(large) < 1 << 20
    with Server(place, "--workers", 1) as server:
        calls = [server.api.stub("CheckWeights").future(server.api.request("CheckWeights", weights_yaml=large), timeout=TIMEOUT)
                 for _ in range(8)]
        slowest = 0
        while not all(call.done() for call in calls):
            started = time.monotonic()
            rank(server.api, [])
            slowest = max(slowest, time.monotonic() - started)
        assert all(call.result().valid for call in calls)
        assert slowest < 5, slowest
        equal("large", name_of(server.api.ApplyWeights(weights_yaml=large).weights_version))



WITH_MODEL = "version: trees\nheads: {like: {kind: trees, model: models/like.json}}\nvalue: {like: 50}\n"


def stump(low, high):
    """A model of one split, by quality at a half, as XGBoost writes it."""
    tree = {"left_children": [1, -1, -1], "right_children": [2, -1, -1], "split_conditions": [0.5, low, high],
            "split_indices": [0, 0, 0], "default_left": [1, 0, 0], "split_type": [0, 0, 0]}
    return json.dumps({"learner": {
        "objective": {"name": "reg:squarederror"}, "feature_names": ["quality"],
        "learner_model_param": {"base_score": "0.5", "num_class": "0"},
        "gradient_booster": {"name": "gbtree", "model": {"trees": [tree]}}}})


def write_model(place, low, high):
    (place / "models").mkdir(exist_ok=True)
    (place / "models" / "like.json").write_text(stump(low, high))


def best(api):
    """Which of two videos that differ in quality alone stands first."""
    return rank(api, ["good", "bad"]).slate[0].video_id


def two_videos(api):
    upsert(api, video("good", quality=0.9), video("bad", quality=0.1))


@case
def model_files_go_along_with_their_weights(place):
    write_model(place, -0.4, 0.4)
    path = write(place, WITH_MODEL)
    with Server(place) as server:
        two_videos(server.api)
        assert "valid, version trees@" in command(0, "check", path)[0]
        command(0, "apply", path, "--target", server.address)
        equal("good", best(server.api))
        write_model(place, 0.4, -0.4)
        out, _ = command(0, "apply", path, "--target", server.address)
        equal("bad", best(server.api))
        first, second = [change.weights_version for change in server.api.ListWeights().changes][1::-1]
        assert first != second and name_of(first) == name_of(second), (first, second)
        assert out.startswith(second), out
        [model] = server.api.GetWeights(weights_version=first).models
        equal(("models/like.json", stump(-0.4, 0.4)), (model.name, model.content.decode()))
        assert server.api.CheckWeights(weights_yaml=WITH_MODEL, models=[model]).weights_version == first
        server.api.RollbackWeights()
        equal("good", best(server.api))
        out, err = command(0, "weights", first, "--target", server.address)
        assert out == WITH_MODEL and "1 model files; --models DIR writes them" in err, err
        command(0, "weights", first, "--target", server.address, "--models", place / "copy")
        equal(stump(-0.4, 0.4), (place / "copy" / "models" / "like.json").read_text())
    (place / "models" / "like.json").unlink()
    with Server(place) as server:  # from the history
        equal(("good", first), (best(server.api), server.api.GetStatus().weights_version))
    command(0, "verify", "--data", place / "data")


@case
def a_changed_model_file_comes_into_force_too(place):
    write_model(place, -0.4, 0.4)
    with Server(place, "--weights", write(place, WITH_MODEL), *WATCH) as server:
        two_videos(server.api)
        equal("good", best(server.api))
        write_model(place, 0.4, -0.4)
        eventually(lambda: best(server.api) == "bad")
        (place / "models" / "like.json").write_text(stump(0.4, -0.4)[:-9])
        eventually(lambda: "models/like.json" in problem(server))
        equal("bad", best(server.api))
        (place / "models" / "like.json").unlink()
        eventually(lambda: "No such file" in problem(server))
        write_model(place, -0.4, 0.4)
        eventually(lambda: best(server.api) == "good")
        equal("", problem(server))
        equal(["file"] * 3, [origin for _, origin, _ in history(server)])


@case
def weights_may_name_a_model_file_before_it_is_there(place):
    path = write(place, "version: plain\n")
    with Server(place, "--weights", path, *WATCH) as server:
        write(place, WITH_MODEL)
        eventually(lambda: "models/like.json" in problem(server))
        equal("plain", in_force(server))
        write_model(place, -0.4, 0.4)
        eventually(lambda: in_force(server) == "trees")
        equal("", problem(server))


@case
def a_diff_ranks_with_the_model_files_of_both_sides(place):
    write_model(place, -0.4, 0.4)
    path = write(place, WITH_MODEL)
    with Server(place, "--journal-share-ppm", 1000000) as server:
        two_videos(server.api)
        command(0, "apply", path, "--target", server.address)
        equal("good", best(server.api))
        eventually(lambda: server.api.GetStatus().journal_written == 1)
        words = ["diff", "current", path, "--target", server.address, "--json"]
        equal(0, json.loads(command(0, *words)[0])["figures"]["top_1_changed"]["value"])
        write_model(place, 0.4, -0.4)
        equal(1, json.loads(command(0, *words)[0])["figures"]["top_1_changed"]["value"])


@case
def a_model_file_that_is_not_there_is_told_of(place):
    with Server(place) as server:
        answer = server.api.CheckWeights(weights_yaml=WITH_MODEL)
        assert not answer.valid and "was not given with the weights" in answer.problems[0].message, answer
        equal((2, "heads.like.model"), (answer.problems[0].line, answer.problems[0].path))
        _, err = command(INVALID, "apply", write(place, WITH_MODEL), "--target", server.address)
        assert '"models/like.json": it cannot be read: No such file' in err and "weights.yaml:2:" in err, err


@case
def a_model_file_that_no_head_names_is_refused(place):
    with Server(place) as server:
        models = [{"name": "lost.json", "content": b"{}"}]
        text = fails(INVALID_ARGUMENT, lambda: server.api.ApplyWeights(weights_yaml="version: a\n", models=models))
        assert 'model file "lost.json" is given, but no head' in text, text
        answer = server.api.CheckWeights(weights_yaml="version: a\n", models=[{"name": "../up.json", "content": b"{}"}])
        assert not answer.valid and "stays below" in answer.problems[0].message, answer
        long = [{"name": "n" * 129, "content": b""}]
        text = fails(INVALID_ARGUMENT, lambda: server.api.CheckWeights(weights_yaml="version: a\n", models=long))
        assert "a name has 129 bytes" in text, text


@case
def rankings_are_counted_by_arm_until_the_server_stops(place):
    path = write(place, "version: a\nexperiments: {e: {arms: {all: {share: 1}, none: {share: 0}}}}\n")
    with Server(place) as server:
        server.api.ApplyWeights(weights_yaml=path.read_text())
        for user in ("u1", "u2", ""):
            rank(server.api, [], user_id=user)
        rank(server.api, [], experiment="e/none")
        text, _ = command(0, "status", "--target", server.address)
        assert "\nrankings             2 in e/all\nrankings             1 in e/none\n" in text, text
        path.write_text(path.read_text().replace("e: {", "f: {"))
        command(0, "apply", path, "--target", server.address)
        rank(server.api, [])
        answer = json.loads(command(0, "status", "--json", "--target", server.address)[0])
        equal([{"arm": "e/all", "rankings": 2}, {"arm": "e/none", "rankings": 1}, {"arm": "f/all", "rankings": 1}],
              answer["arms"])
    with Server(place) as server:
        equal(0, len(server.api.GetStatus().arms))


run()
