#ifndef TESTS_BENCH_FEED_H
#define TESTS_BENCH_FEED_H

#include <stddef.h>
#include <stdint.h>

/*
 * Signals without end, each with an event id of its own, as many people cause them who watch at the
 * same time: impression, play, progress, then skip or completion, at times like or share. Each
 * signal is the next step of another of FEED_VIEWS views, so neighbours have nothing in common.
 * Packed by hand: making one takes some 20 ns, and a server has the processor for itself.
 */
struct feed;

enum { FEED_VIEWS = 4096, FEED_SIGNAL_MAX = 80, FEED_TYPES = 16 };

/* Users and videos are those of the dataset (dataset.h), from a first number on. */
struct feed_options {
    uint64_t first_user;
    uint64_t users; /* drawn uniformly */
    uint64_t first_video;
    uint64_t videos;
    unsigned skew; /* of the videos, see dataset_draw_skewed() */
    uint64_t seed; /* other seeds give other event ids */
};

struct feed *feed_new(const struct feed_options *options);
void feed_free(struct feed *feed);

/* Writes the next signal, a packed reelrank.v1.Signal; returns its size, FEED_SIGNAL_MAX at most.
 */
size_t feed_signal(struct feed *feed, int64_t time_ms, uint8_t *out);

/* How many signals of a type, a number of reelrank.v1.SignalType below FEED_TYPES, it has written.
 */
uint64_t feed_count(const struct feed *feed, unsigned type);

#endif
