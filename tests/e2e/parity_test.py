"""What was served is computed again from the log and the journal, and is the same, bit for bit."""

import json
import shutil
import threading

from client import NOW_MS, Server, command, equal, eventually, new_signal, record
from mix import ALL, Mix
from runner import case, run

def parity(code, data):
    return json.loads(command(code, "replay", "parity", "--data", data, "--json")[0])


@case
def a_mixed_life_is_computed_again_bit_for_bit(place):
    mix = Mix(1)
    with Server(place, *ALL) as server:
        mix.fill(server.api)
        mix.go(server.api, 300)
    with Server(place, *ALL) as server:
        mix.go(server.api, 200)
        server.api.ForgetUser(user_id="u3")
        mix.go(server.api, 100)
        server.kill()
    with Server(place, *ALL) as server:
        mix.go(server.api, 200)
        threads = [threading.Thread(target=Mix(2 + i).go, args=(server.api, 150)) for i in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        server.api.ForgetUser(user_id="u5")
        data = server.data
    report = parity(0, data)
    assert report["decisions"] > 700, report
    equal((report["decisions"], 0), (report["equal"], report["different"]))
    equal(report["decisions"], report["with_totals"])
    text = command(0, "replay", "parity", "--data", data)[0]
    assert "equal, bit for bit %d" % report["equal"] in " ".join(text.split()), text


@case
def what_the_log_no_longer_has_is_counted_apart(place):
    mix = Mix(7)
    options = (*ALL, "--map-mib", 16, "--retain-mib", 1, "--checkpoint-records", 1000, "--window-length", 1024)
    with Server(place, *options) as server:
        mix.fill(server.api)
        mix.go(server.api, 30)
        for _ in range(60):
            record(server.api, *[new_signal("IMPRESSION", user_id="u%d" % (i % 50), video_id="v%d" % (i % 60),
                                            time_ms=NOW_MS + i, event_id="%d-%d" % (_, i)) for i in range(500)])
        eventually(lambda: server.api.GetStatus().log_first_sequence > 5000)
        mix.go(server.api, 100)
        data = server.data
    report = parity(0, data)
    assert report["base"] > 0 and report["before_base"] > 0, report
    assert report["equal"] > 50, report
    equal(report["decisions"], report["equal"] + report["before_base"])


@case
def a_restored_backup_is_computed_again_beside_the_server(place):
    mix = Mix(3)
    with Server(place, *ALL) as server:
        mix.fill(server.api)
        mix.go(server.api, 120)
        eventually(lambda: server.api.GetStatus().journal_written >= mix.ranked)
        message = command(3, "replay", "parity", "--data", server.data)[1]
        assert "is in use by the server" in message or "holds" in message, message
        command(0, "backup", "--data", server.data, place / "backup")
    command(0, "restore", place / "backup", "--data", place / "copy")
    report = parity(0, place / "copy")
    equal((report["decisions"], 0), (report["equal"], report["different"]))
    assert report["decisions"] > 50, report
    shutil.rmtree(place / "copy")
    assert 'did you mean "reelrank replay parity"?' in command(2, "replay", "parities", "--data", place / "backup")[1]


@case
def nothing_compared_is_no_success(place):
    with Server(place, *ALL) as server:
        Mix(5).fill(server.api)
        data = server.data
    report, complaint = command(1, "replay", "parity", "--data", data, "--json")
    equal(0, json.loads(report)["decisions"])
    assert "nothing was compared: the journal has no decisions" in complaint, complaint


run()
