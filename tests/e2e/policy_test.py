"""What policy and the user's own signals do to a slate, through the real server."""

from client import NOW_MS, Server, equal, ids_of, new_signal, rank, record, rules_of, upsert, video
from runner import case, run

SAFETY = ["UNSPECIFIED", "UNRATED", "LOW_RISK", "MEDIUM_RISK", "HIGH_RISK", "FLOOR"]


def rated():
    return [video(name, safety_rating="SAFETY_RATING_" + name) for name in SAFETY]


def weights(place, yaml):
    path = place / "weights.yaml"
    path.write_text("version: test\n" + yaml)
    return "--weights", path


def scores_of(response):
    return {ranked.video_id: ranked.score for ranked in response.slate}


@case
def safety_ratings_above_the_locales_are_dropped(place):
    with Server(place) as server:
        upsert(server.api, *rated())
        response = rank(server.api, SAFETY)
        equal({"LOW_RISK", "MEDIUM_RISK"}, set(ids_of(response)))
        equal({"UNSPECIFIED": "unrated", "UNRATED": "unrated", "HIGH_RISK": "safety", "FLOOR": "safety"},
              rules_of(response))


@case
def safety_may_differ_by_locale(place):
    yaml = "policy: {safety: low}\nlocales:\n  ru: {policy: {safety: floor}}\n  ta-IN: {policy: {unrated: show}}\n"
    with Server(place, *weights(place, yaml)) as server:
        upsert(server.api, *rated())
        equal({"LOW_RISK"}, set(ids_of(rank(server.api, SAFETY))))
        equal(set(SAFETY[2:]), set(ids_of(rank(server.api, SAFETY, locale="ru-RU"))))
        equal({"UNSPECIFIED", "UNRATED", "LOW_RISK"}, set(ids_of(rank(server.api, SAFETY, locale="ta-IN"))))


@case
def age_is_a_minimum_and_an_unknown_one_the_strictest(place):
    with Server(place) as server:
        names = ["0", "13", "18", "21"]
        upsert(server.api, *[video(name, minimum_age_years=int(name)) for name in names])
        for age, shown in [(0, 1), (12, 1), (13, 2), (17, 2), (18, 3), (21, 4), (150, 4)]:
            response = rank(server.api, names, age_years=age)
            equal(set(names[:shown]), set(ids_of(response)))
            equal(dict.fromkeys(names[shown:], "age"), rules_of(response))


@case
def the_age_assumed_of_the_unknown_is_the_locales(place):
    with Server(place, *weights(place, "locales: {id: {policy: {unknown_age: 13}}}\n")) as server:
        upsert(server.api, video("v13", minimum_age_years=13))
        equal({"v13": "age"}, rules_of(rank(server.api, ["v13"], age_years=0)))
        equal({}, rules_of(rank(server.api, ["v13"], age_years=0, locale="id-ID")))
        equal({"v13": "age"}, rules_of(rank(server.api, ["v13"], age_years=12, locale="id-ID")))


@case
def regions_allow_and_forbid_and_forbidding_wins(place):
    with Server(place) as server:
        names = ["everywhere", "in", "not-in", "both"]
        upsert(server.api, video("everywhere"), video("in", regions_allowed=["IN"]),
               video("not-in", regions_forbidden=["IN"]),
               video("both", regions_allowed=["IN", "RU"], regions_forbidden=["IN"]))
        shown = lambda **values: set(ids_of(rank(server.api, names, **values)))
        equal({"everywhere", "in"}, shown())
        equal({"everywhere", "not-in", "both"}, shown(locale="ru-RU"))
        equal({"everywhere", "not-in"}, shown(locale="id-ID"))
        equal({"everywhere", "in"}, shown(locale="ru-RU", region="IN"))
        equal({"everywhere"}, shown(locale="hi"))  # nowhere known: fails closed
        equal({"in": "region", "not-in": "region", "both": "region"}, rules_of(rank(server.api, names, locale="hi")))


@case
def where_the_locale_demands_it_a_video_must_be_readable(place):
    with Server(place, *weights(place, "locales: {hi: {policy: {language: readable}}}\n")) as server:
        names = ["hi", "ta", "ta-hi", "none"]
        upsert(server.api, video("hi"), video("ta", languages=["ta"]),
               video("ta-hi", languages=["ta"], caption_languages=["en", "hi"]), video("none", languages=[]))
        equal({"ta": "language", "none": "language"}, rules_of(rank(server.api, names)))
        equal({"none": "language"}, rules_of(rank(server.api, names, languages=["en", "ta"])))
        equal({}, rules_of(rank(server.api, names, locale="ru-RU")))


@case
def several_reasons_give_the_first_rule(place):
    with Server(place) as server:
        upsert(server.api, video("v1", safety_rating="SAFETY_RATING_FLOOR", minimum_age_years=21,
                                 regions_forbidden=["IN"]))
        equal({"v1": "safety"}, rules_of(rank(server.api, ["v1"], age_years=5)))
        upsert(server.api, video("v1", minimum_age_years=21, regions_forbidden=["IN"]))
        equal({"v1": "age"}, rules_of(rank(server.api, ["v1"], age_years=5)))


@case
def a_hidden_creator_is_dropped_for_that_user_alone(place):
    with Server(place) as server:
        names = ["a1", "a2", "b1"]
        upsert(server.api, *[video(name, creator_id=name[0]) for name in names])
        record(server.api, new_signal("HIDE_CREATOR", video_id="a1"))
        equal({"a1": "hidden_creator", "a2": "hidden_creator"}, rules_of(rank(server.api, names)))
        equal({}, rules_of(rank(server.api, names, user_id="u2")))
        equal({}, rules_of(rank(server.api, names, user_id="")))
        upsert(server.api, video("a3", creator_id="a"))
        equal({"a3": "hidden_creator"}, rules_of(rank(server.api, ["a3"])))


@case
def seen_videos_are_dropped_when_asked_within_the_policys_time(place):
    with Server(place) as server:
        names = ["recent", "old", "unseen"]
        upsert(server.api, *map(video, names))
        day = 86400000
        record(server.api, new_signal("IMPRESSION", video_id="recent", time_ms=NOW_MS - 6 * day),
               new_signal("WATCH", video_id="old", time_ms=NOW_MS - 8 * day, watch_ms=9000))
        equal({"recent": "seen"}, rules_of(rank(server.api, names, exclude_seen=True)))
        equal({}, rules_of(rank(server.api, names)))
        equal({}, rules_of(rank(server.api, names, exclude_seen=True, user_id="u2")))
        later = rank(server.api, names, exclude_seen=True, now_ms=NOW_MS + 2 * day)
        equal({}, rules_of(later))


@case
def not_interested_lowers_the_creators_other_videos(place):
    """Videos alike but for their creators: before they score the same, after the disliked creator's fall."""
    with Server(place) as server:
        names = ["a1", "b1", "b2"]
        upsert(server.api, *[video(name, creator_id=name[0]) for name in ["a1", "b1", "b2", "b3", "b4"]])
        before = scores_of(rank(server.api, ["a1", "b1"]))
        equal(before["a1"], before["b1"])
        record(server.api, *[new_signal("NOT_INTERESTED", video_id=name) for name in ("b3", "b4")])
        after = rank(server.api, names)
        scores = scores_of(after)
        equal("a1", ids_of(after)[0])
        assert scores["b1"] < before["b1"] and scores["b1"] < scores["a1"], (before, scores)
        other = scores_of(rank(server.api, ["a1", "b1"], user_id="u2"))
        equal(before, other)
        record(server.api, new_signal("HIDE_CREATOR", video_id="b3"))
        equal({"b1": "hidden_creator", "b2": "hidden_creator"}, rules_of(rank(server.api, names)))


@case
def what_a_user_likes_lifts_what_is_like_it(place):
    with Server(place) as server:
        upsert(server.api, *[video(name, creator_id=name[0], categories=[name[0]]) for name in ("a1", "a2", "b1")])
        equal(["b1", "a2"], ids_of(rank(server.api, ["b1", "a2"])))  # alike: candidate order
        record(server.api, new_signal("PLAY", video_id="a1"), new_signal("WATCH", video_id="a1", watch_ms=15000),
               new_signal("LIKE", video_id="a1"))
        equal(["a2", "b1"], ids_of(rank(server.api, ["b1", "a2"])))
        equal(["b1", "a2"], ids_of(rank(server.api, ["b1", "a2"], user_id="u2")))


@case
def people_get_their_own_language_first(place):
    with Server(place) as server:
        names = ["ru", "hi", "id", "ta"]
        upsert(server.api, *[video(name, languages=[name]) for name in names])
        for locale, first in [("hi-IN", "hi"), ("hi-Latn-IN", "hi"), ("ru-RU", "ru"), ("id-ID", "id"), ("in-ID", "id"),
                              ("ta-IN", "ta")]:
            equal(first, ids_of(rank(server.api, names, locale=locale))[0])


@case
def a_creator_does_not_fill_the_slate(place):
    with Server(place) as server:
        upsert(server.api, *[video("a%d" % i, creator_id="a", quality=1) for i in range(5)],
               *[video("b%d" % i, creator_id="b", quality=0.9) for i in range(5)])
        slate = ids_of(rank(server.api, ["%s%d" % (c, i) for c in "ab" for i in range(5)]))
        equal({"a", "b"}, {name[0] for name in slate[:2]})
        equal({"a", "b"}, {name[0] for name in slate[2:4]})


@case
def weights_in_force_are_told_by_every_answer(place):
    with Server(place, *weights(place, "")) as server:
        version = rank(server.api, []).weights_version
        assert version.startswith("test@"), version
        equal(version, server.api.GetStatus().weights_version)
        checked = server.api.CheckWeights(weights_yaml="version: test\n")
        equal((True, version), (checked.valid, checked.weights_version))


@case
def checking_weights_gives_line_column_path_and_a_suggestion(place):
    with Server(place) as server:
        yaml = "version: x\nheads:\n  lik: {kind: rate}\n  share: {prior: 2}\n"
        response = server.api.CheckWeights(weights_yaml=yaml)
        equal(False, response.valid)
        got = {(problem.line, problem.path) for problem in response.problems}
        equal({(3, "heads.lik"), (4, "heads.share.prior")}, got)
        [unknown] = [problem for problem in response.problems if problem.line == 3]
        assert unknown.column == 3 and "like" in unknown.message, unknown
        equal("", response.weights_version)


run()
