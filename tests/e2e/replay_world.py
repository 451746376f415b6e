"""A server whose first positions are drawn, people who like some videos more than others, and what comes of it."""

import random

from client import NOW_MS, Server, eventually, new_signal, record, upsert, video
from mix import ALL

EXPLORING = """version: exploring
slate: {explore: plackett_luce, explore_temperature: %s, explore_positions: 5}
"""
SHOWN = 5
SCREEN_MS = 120000


class World:
    """Videos with an appeal that nobody is told, and users who take screen after screen."""

    def __init__(self, seed, videos=40, users=60):
        self.random = random.Random(seed)
        self.appeal = {"v%03d" % i: self.random.random() ** 2 for i in range(videos)}
        self.users = ["u%03d" % i for i in range(users)]
        self.now_ms = NOW_MS
        self.screens = 0
        self.signals = 0

    def fill(self, api):
        upsert(api, *[video(name, quality=round(0.5 * self.appeal[name] + 0.5 * self.random.random(), 3),
                            creator_id="c%d" % (i % 20), languages=[("hi", "ta")[i % 2]],
                            duration_ms=20000) for i, name in enumerate(sorted(self.appeal))])

    def signal(self, kind, user, ranked, place, ranking_id, **values):
        self.signals += 1
        return new_signal(kind, user_id=user, video_id=ranked.video_id, event_id="e%d" % self.signals,
                          locale="hi-IN", ranking_id=ranking_id, position=place, **values)

    def screen(self, api, candidates=12):
        """One user is shown a slate, and looks on for 18 seconds with the chance of the video's appeal."""
        self.screens += 1
        self.now_ms += SCREEN_MS
        user = self.random.choice(self.users)
        answer = api.Rank(user_id=user, locale="hi-IN" if int(user[1:]) % 3 else "ta-IN", age_years=25,
                          candidate_ids=self.random.sample(sorted(self.appeal), candidates), limit=SHOWN,
                          now_ms=self.now_ms, request_id="r%d" % self.screens)
        signals = []
        for place, ranked in enumerate(answer.slate, 1):
            at = self.now_ms + place * 1000
            signals.append(self.signal("IMPRESSION", user, ranked, place, answer.ranking_id, time_ms=at))
            long_view = self.random.random() < self.appeal[ranked.video_id]
            signals.append(self.signal("WATCH", user, ranked, place, answer.ranking_id, time_ms=at + 500,
                                       watch_ms=19000 if long_view else 2000, video_duration_ms=20000))
        record(api, *signals)


def live(place, screens, seed=1, temperature=0.5, **values):
    """The data directory of a server that has ended, and the world."""
    world = World(seed, **values)
    with Server(place, *ALL) as server:
        world.fill(server.api)
        server.api.ApplyWeights(weights_yaml=EXPLORING % temperature, note="draws")
        for _ in range(screens):
            world.screen(server.api)
        eventually(lambda: server.api.GetStatus().journal_written >= screens)
        data = server.data
    return data, world
