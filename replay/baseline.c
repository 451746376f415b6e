#include "replay/baseline.h"

#include "ranker/check.h"
#include "ranker/random.h"

/* Above any count of views. */
static const double own_language = 0x1p40;

const char *baseline_name(enum baseline baseline)
{
    static const char *const names[BASELINE_COUNT] = {
        [BASELINE_POPULARITY] = "popularity",
        [BASELINE_LANGUAGE_POPULARITY] = "language, popularity",
        [BASELINE_LIKES] = "likes",
        [BASELINE_RECENCY] = "recency",
        [BASELINE_RANDOM] = "random",
    };
    CHECK((size_t)baseline < BASELINE_COUNT);
    return names[baseline];
}

bool baseline_speaks(const struct video *video, uint16_t language)
{
    for (size_t i = 0; i < LIMIT_VIDEO_LANGUAGES; i++) {
        if (language != 0 && video->languages[i] == language) {
            return true;
        }
    }
    return false;
}

static double decayed(const struct video *video, enum counter counter, int64_t now_ms)
{
    struct stats_moment now = stats_moment_of(now_ms, HALF_LIFE_14_DAYS);
    return (double)video->decayed.counts[HALF_LIFE_14_DAYS][counter] *
           stats_decay_factor(now, video->decayed.newest_tick);
}

static double views(const struct video *video, int64_t now_ms)
{
    double impressions = decayed(video, COUNTER_IMPRESSIONS, now_ms);
    double plays = decayed(video, COUNTER_PLAYS, now_ms);
    return impressions > plays ? impressions : plays;
}

static double value_of(enum baseline baseline, const struct video *video,
                       const struct rank_request *request)
{
    double own = baseline_speaks(video, locale_language(request->locale)) ? own_language : 0;
    switch (baseline) {
    case BASELINE_POPULARITY:
        return views(video, request->now_ms);
    case BASELINE_LANGUAGE_POPULARITY:
        return own + views(video, request->now_ms);
    case BASELINE_LIKES:
        return decayed(video, COUNTER_LIKES, request->now_ms);
    default:
        return (double)video->published_ms;
    }
}

void baseline_values(enum baseline baseline, const struct state *state,
                     const struct rank_request *request, uint64_t seed, double *out)
{
    struct random random = random_stream(seed, request->user_key, request->count);
    const struct video *videos[LIMIT_CANDIDATES];
    videos_find_many(state_videos(state), request->keys, request->count, videos);
    for (size_t i = 0; i < request->count; i++) {
        if (baseline == BASELINE_RANDOM) {
            out[i] = random_unit(&random);
        } else {
            out[i] = videos[i] != NULL ? value_of(baseline, videos[i], request) : -1;
        }
    }
}
