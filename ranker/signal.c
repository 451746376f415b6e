#include "ranker/signal.h"

enum { SHORT_PLAY_MS = 3000, VALID_PLAY_MS = 7000, LONG_VIEW_MS = 18000 };

bool signal_is_valid_play(int64_t watch_ms, int64_t duration_ms)
{
    if (duration_ms > 0 && duration_ms <= VALID_PLAY_MS) {
        return watch_ms >= duration_ms;
    }
    return watch_ms > VALID_PLAY_MS;
}

bool signal_is_long_view(int64_t watch_ms, int64_t duration_ms)
{
    if (duration_ms > 0 && duration_ms <= LONG_VIEW_MS) {
        return watch_ms >= duration_ms;
    }
    return watch_ms >= LONG_VIEW_MS;
}

bool signal_is_short_play(int64_t watch_ms, int64_t duration_ms)
{
    if (duration_ms > 0 && duration_ms < SHORT_PLAY_MS) {
        return watch_ms < duration_ms;
    }
    return watch_ms < SHORT_PLAY_MS;
}

bool signal_is_complete(int64_t watch_ms, int64_t duration_ms)
{
    return duration_ms > 0 && watch_ms >= duration_ms;
}

unsigned signal_duration_bucket(int64_t duration_ms)
{
    static const int64_t upper_ms[] = {7000, 15000, 30000, 60000, 120000, 300000, 600000};
    enum { BOUNDED = sizeof(upper_ms) / sizeof(upper_ms[0]) };
    _Static_assert(BOUNDED + 2 == DURATION_BUCKET_COUNT, "longer and unknown follow");

    if (duration_ms <= 0) {
        return DURATION_BUCKET_COUNT - 1;
    }
    unsigned bucket = 0;
    while (bucket < BOUNDED && duration_ms > upper_ms[bucket]) {
        bucket++;
    }
    return bucket;
}
