#ifndef RANKER_EFFECT_H
#define RANKER_EFFECT_H

#include <stdbool.h>
#include <stdint.h>

#include "ranker/stats.h"

/*
 * What one signal adds to the aggregates over many users: all of it that outlives the user. A view
 * counts once, so it follows from the signal and from what was known of its user then.
 */
struct effect {
    uint64_t video_key; /* 0: it adds nothing */
    uint32_t tick;      /* stats_tick() of the signal's time */
    uint16_t region;    /* scopes it counts in besides the global one; 0: none */
    uint16_t language;  /* likewise */
    struct stats_delta delta;
    bool watched;            /* the view's watch time moves, from bin to bin: */
    int8_t watch_bin_before; /* -1: the view had none */
    uint8_t watch_bin_after; /* below WATCH_BIN_COUNT */
    uint8_t watch_bucket;    /* below DURATION_BUCKET_COUNT */
    uint16_t watch_region;   /* 0: counts in no region's distribution */
};

#endif
