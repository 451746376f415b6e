"""What is asked of a server in each row of the matrix, and the pools of requests for it."""

import dataclasses
import os
import subprocess

FORM_TEXTS = {"ids": "string ids", "keys": "numeric ids"}
DRAW_TEXTS = {"hot": "popular", "uniform": "uniform"}
METHODS = {
    False: "/reelrank.v1.RankingService/Rank",
    True: "/reelrank.v1.RankingService/RankStream",
}
CONNECTIONS = 8
UNDER_WAY = 8  # calls, or messages, on each connection
BODIES = 1000
BODIES_MANY = 10000  # where it is users that grow: each request has another


@dataclasses.dataclass(frozen=True)
class Variant:
    form: str  # ids or keys
    draw: str  # hot or uniform
    candidates: int = 500
    stream: bool = False
    tls: bool = False
    data: str = "main"  # whose server answers

    def name(self):
        """As in the report's JSON."""
        words = [self.form, self.draw, str(self.candidates)]
        words += ["stream"] * self.stream + ["tls"] * self.tls
        return "-".join(words + [self.data] * (self.data != "main"))

    def title(self):
        words = [str(self.candidates), FORM_TEXTS[self.form] + ",", DRAW_TEXTS[self.draw]]
        words += [", stream"] * self.stream + [", TLS"] * self.tls
        return " ".join(words).replace(" ,", ",")

    def pool_name(self):
        words = [self.data, self.form, self.draw, str(self.candidates)]
        return "-".join(words + ["stream"] * self.stream) + ".pool"

    def shape(self):
        """Options of load: always as many under way."""
        words = ["--path", METHODS[self.stream], "--connections", CONNECTIONS]
        if self.stream:
            words += ["--streams", 1, "--messages", UNDER_WAY]
        else:
            words += ["--streams", UNDER_WAY]
        return words + ["--tls"] * self.tls

    def open_shape(self):
        """Streams enough that a late answer does not hold the next request."""
        words = ["--path", METHODS[self.stream], "--connections", CONNECTIONS]
        words += ["--streams", 16, "--messages", 4] if self.stream else ["--streams", 64]
        return words + ["--tls"] * self.tls


FORMS_AND_DRAWS = [("ids", "hot"), ("ids", "uniform"), ("keys", "hot"), ("keys", "uniform")]
BASIC = [Variant(form, draw) for form, draw in FORMS_AND_DRAWS]
COUNTS = [
    Variant(form, draw, count)
    for count in (100, 300, 1000)
    for form, draw in (("ids", "uniform"), ("keys", "hot"))
]
STREAMS = [Variant("ids", "uniform", stream=True), Variant("keys", "hot", stream=True)]
SECURE = [dataclasses.replace(variant, tls=True) for variant in BASIC]
# Data with few and with many, whose servers are compared. Small ones have fewer videos than would be popular: uniform is
# what grows.
GROWTH = {"videos": ("small", "main")}
GROWTH_FULL = {**GROWTH, "more_videos": ("main", "large"), "users": ("few_users", "many_users")}


def growing(data):
    return Variant("ids", "uniform", data=data)


def write_pool(options, variant, sizes, folder):
    """Writes the variant's pool for data of that size, unless it is there; returns its path."""
    path = os.path.join(folder, variant.pool_name())
    if not os.path.exists(path):
        words = ["--output", path, "--form", variant.form, "--draw", variant.draw]
        words += ["--videos", sizes["videos"], "--users", sizes["users"]]
        bodies = BODIES_MANY if variant.data in GROWTH_FULL["users"] else BODIES
        words += ["--candidates", variant.candidates, "--bodies", bodies]
        words += ["--stream"] * variant.stream
        subprocess.run([options.requests_program, *map(str, words)], check=True)
    return path
