"""Signals, rankings, catalogue changes and reloads of every kind, drawn from a seed, on a server that journals all."""

import random

from client import NOW_MS, new_signal, upsert, video

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
        for _ in range(steps):
            chance = self.random.random()
            if chance < 0.2:
                self.record(api)
            elif chance < 0.23:
                upsert(api, self.video(self.random.choice(self.ids)))
            elif chance < 0.25:
                api.ApplyWeights(weights_yaml=weights(self.random.randrange(9)))
            else:
                self.rank(api)
