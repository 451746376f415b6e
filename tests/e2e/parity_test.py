"""What was served is computed again from the log and the journal, and is the same, bit for bit."""

import json
import random
import shutil
import threading

from client import NOW_MS, Server, command, equal, eventually, new_signal, record, upsert, video
from runner import case, run

ALL = ("--journal-share-ppm", 1000000)
LANGUAGES = ("hi", "ta", "en", "ru")
KINDS = ["IMPRESSION", "PLAY", "LIKE", "SHARE", "SKIP", "FOLLOW_CREATOR", "NOT_INTERESTED", "HIDE_CREATOR"]
USERS = 12
WEIGHTS = """version: w%d
value: {like: %d}
features: {rate_scope: %s}
slate: {explore: %s, explore_positions: 5, creator_cap: %d, window: 6, diversity: %s}
locales:
  hi: {multipliers: {language_match: %d}}
experiments:
  half: {arms: {a: {share: 0.5, value: {share: 30}}, b: {share: 0.3}}}
"""


def weights(number):
    return WEIGHTS % (number, 5 + number, ("global", "region", "language")[number % 3],
                      ("none", "plackett_luce", "epsilon_greedy")[number % 3], number % 3,
                      ("0", "0.4")[number % 2], 2 + number % 4)


class Mix:
    """Signals, rankings, catalogue changes, reloads and forgets, all drawn from one seed."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.ids = ["v%d" % i for i in range(60)]
        self.signals = 0
        self.ranked = 0

    def fill(self, api):
        upsert(api, *[self.video(video_id) for video_id in self.ids])

    def video(self, video_id):
        draw = self.random
        return video(video_id, creator_id="c%d" % draw.randrange(9), languages=[draw.choice(LANGUAGES)],
                     duration_ms=draw.randrange(3000, 120000), published_ms=NOW_MS - draw.randrange(10**9),
                     quality=draw.random(), categories=["k%d" % draw.randrange(5)], tags=["t%d" % draw.randrange(9)],
                     embedding=[draw.uniform(-1, 1) for _ in range(8)])

    def record(self, api):
        draw = self.random
        signals = []
        for _ in range(draw.randrange(1, 40)):
            self.signals += 1
            signals.append(new_signal(draw.choice(KINDS), user_id="u%d" % draw.randrange(USERS),
                                      video_id=draw.choice(self.ids), event_id="e%d" % self.signals,
                                      time_ms=NOW_MS - draw.randrange(86400000), locale=draw.choice(["hi-IN", "ru-RU"])))
        api.RecordSignals(signals=signals)  # those of users who were forgotten since are refused

    def rank(self, api):
        draw = self.random
        self.ranked += 1
        api.Rank(user_id=draw.choice(["u%d" % draw.randrange(USERS), ""]), locale=draw.choice(["hi-IN", "ru-RU", "xx-YY"]),
                 candidate_ids=draw.sample(self.ids + ["unknown"], 40), limit=draw.choice([0, 10]),
                 age_years=draw.choice([0, 20]), exclude_seen=draw.random() < 0.3, explain=draw.random() < 0.2,
                 request_id=draw.choice(["", "r%d" % self.ranked]), now_ms=draw.choice([0, NOW_MS + self.ranked]))

    def go(self, api, steps):
        for step in range(steps):
            chance = self.random.random()
            if chance < 0.2:
                self.record(api)
            elif chance < 0.23:
                upsert(api, self.video(self.random.choice(self.ids)))
            elif chance < 0.25:
                api.ApplyWeights(weights_yaml=weights(self.random.randrange(9)))
            else:
                self.rank(api)


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
    assert "nothing to replay" in command(2, "replay", "parities", "--data", place / "backup")[1]


run()
