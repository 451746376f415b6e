#include "ranker/features.h"
#include "ranker/watch.h"

/* Fewer views than this in a region say less than all regions together. */
enum { WATCH_VIEWS_MINIMUM = 100 };

enum status features_source_init(struct features_source *source, const struct profile *profile,
                                 const struct state *state, struct arena *arena)
{
    *source = (struct features_source){.profile = profile,
                                       .more = videos_more(state_videos(state)),
                                       .scoped = state_scoped(state)};
    struct quantiles *quantiles = &source->quantiles;
    for (unsigned i = 0; i < DURATION_BUCKET_COUNT; i++) {
        quantiles->histograms[i] =
            watch_find(state_watch(state), profile->locale.region, i, WATCH_VIEWS_MINIMUM);
    }
    quantiles->known = arena_new(arena, double, DURATION_BUCKET_COUNT *WATCH_BIN_COUNT);
    return quantiles->known != NULL ? STATUS_OK : STATUS_NO_MEMORY;
}
