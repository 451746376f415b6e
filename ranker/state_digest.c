#include <stdlib.h>
#include <string.h>

#include "ranker/hash.h"
#include "ranker/state_internal.h"

/*
 * Each row is hashed as fixed-width little-endian fields and the hashes are added up, so that
 * neither places in tables nor padding matter.
 */

static void put(XXH3_state_t *hash, uint64_t value, unsigned size)
{
    unsigned char bytes[8];
    for (unsigned i = 0; i < size; i++) {
        bytes[i] = (unsigned char)(value >> (8 * i));
    }
    (void)XXH3_64bits_update(hash, bytes, size); /* fails only for NULL */
}

static void put_float(XXH3_state_t *hash, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof(bits));
    put(hash, bits, 4);
}

static uint64_t digest_stats(const struct statistics_row *scoped)
{
    const struct stats *stats = scoped->stats;
    XXH3_state_t hash;
    (void)XXH3_64bits_reset(&hash);
    put(&hash, scoped->video_key, 8);
    put(&hash, scoped->kind, 1);
    put(&hash, scoped->code, 2);
    for (unsigned i = 0; i < COUNTER_COUNT; i++) {
        put(&hash, (uint64_t)stats->total[i], 8);
    }
    put(&hash, (uint64_t)stats->watch_ms, 8);
    put(&hash, stats->newest_tick, 4);
    put(&hash, stats->bucket_count, 4);
    for (uint32_t i = 0; i < stats->bucket_count; i++) {
        const struct stats_bucket *bucket = &stats->buckets[i];
        put(&hash, bucket->start_tick, 4);
        put(&hash, bucket->level, 1);
        for (unsigned k = 0; k < COUNTER_COUNT; k++) {
            put(&hash, (uint32_t)bucket->counts[k], 4);
        }
    }
    return XXH3_64bits_digest(&hash);
}

static uint64_t digest_histograms(uint16_t region, const struct watch_histogram *histograms)
{
    XXH3_state_t hash;
    (void)XXH3_64bits_reset(&hash);
    put(&hash, region, 2);
    for (unsigned i = 0; i < DURATION_BUCKET_COUNT; i++) {
        put(&hash, histograms[i].count, 8);
        for (unsigned bin = 0; bin < WATCH_BIN_COUNT; bin++) {
            put(&hash, histograms[i].bins[bin], 8);
        }
    }
    return XXH3_64bits_digest(&hash);
}

static void put_affinities(XXH3_state_t *hash, const struct affinity *affinities, unsigned count)
{
    put(hash, count, 2);
    for (unsigned i = 0; i < count; i++) {
        put(hash, affinities[i].key, 8);
        put_float(hash, affinities[i].value);
        put(hash, affinities[i].time_s, 4);
    }
}

static void put_seen(XXH3_state_t *hash, const struct seen *seen, unsigned count)
{
    put(hash, count, 2);
    for (unsigned i = 0; i < count; i++) {
        put(hash, seen[i].video_key, 8);
        put(hash, seen[i].ranking_key, 8);
        put(hash, seen[i].time_s, 4);
        put(hash, seen[i].watch_ms, 4);
        put(hash, seen[i].watch_region, 2);
        put(hash, seen[i].watch_bucket, 1);
        put(hash, seen[i].flags, 1);
    }
}

static void put_creators(XXH3_state_t *hash, const uint64_t *keys, const uint32_t *times_s,
                         unsigned count)
{
    put(hash, count, 2);
    for (unsigned i = 0; i < count; i++) {
        put(hash, keys[i], 8);
        put(hash, times_s[i], 4);
    }
}

static uint64_t digest_user(const struct user *user)
{
    XXH3_state_t hash;
    (void)XXH3_64bits_reset(&hash);
    put(&hash, user->key, 8);
    put(&hash, (uint64_t)user->first_signal_ms, 8);
    put(&hash, (uint64_t)user->last_signal_ms, 8);
    put(&hash, user->signal_count, 8);
    for (unsigned i = 0; i < AFFINITY_KIND_COUNT; i++) {
        put_affinities(&hash, user->affinities[i], user->affinity_count[i]);
    }
    put_seen(&hash, user->seen, user->seen_count);
    put_creators(&hash, user->follows, user->follow_times_s, user->follow_count);
    put_creators(&hash, user->hides, user->hide_times_s, user->hide_count);
    return XXH3_64bits_digest(&hash);
}

static void put_regions(XXH3_state_t *hash, const struct region_set *set)
{
    put(hash, set->count, 2);
    for (unsigned i = 0; i < set->count; i++) {
        put(hash, set->regions[i], 2);
    }
}

static void put_languages(XXH3_state_t *hash, const uint16_t languages[LIMIT_VIDEO_LANGUAGES])
{
    for (unsigned i = 0; i < LIMIT_VIDEO_LANGUAGES; i++) {
        put(hash, languages[i], 2);
    }
}

static void put_facts(XXH3_state_t *hash, const struct videos *videos, const struct video *row)
{
    put(hash, row->key, 8);
    put(hash, row->creator_key, 8);
    struct video_source source = videos_source(videos, row);
    put(hash, source.content_hash, 8);
    put(hash, source.log_sequence, 8);
    put(hash, (uint64_t)row->published_ms, 8);
    put(hash, row->duration_ms, 4);
    put_float(hash, row->quality);
    for (unsigned i = 0; i < LIMIT_VIDEO_CATEGORIES; i++) {
        put(hash, row->category_keys[i], 4);
    }
    uint32_t tags[LIMIT_VIDEO_TAGS];
    videos_get_tags(videos, row, tags);
    for (unsigned i = 0; i < LIMIT_VIDEO_TAGS; i++) {
        put(hash, tags[i], 4);
    }
    put_languages(hash, row->languages);
    put_languages(hash, row->caption_languages);
    put_regions(hash, videos_region_set(videos, row->regions_allowed));
    put_regions(hash, videos_region_set(videos, row->regions_forbidden));
    put(hash, row->creator_region, 2);
    put(hash, row->minimum_age_years, 1);
    put(hash, row->safety, 1);
    put(hash, row->curated, 1);
    put(hash, row->duration_bucket, 1);
    put(hash, row->premium, 1);
    put(hash, row->known, 1);
    put(hash, row->deleted, 1);
}

/* Nothing where there is none, as of videos from before there were any. */
static void put_embedding(XXH3_state_t *hash, const struct embedding *embedding)
{
    for (unsigned i = 0; embedding != NULL && i < LIMIT_VIDEO_EMBEDDING; i++) {
        put(hash, (uint8_t)embedding->values[i], 1);
    }
    if (embedding != NULL) {
        put(hash, embedding->size, 1);
    }
}

static uint64_t digest_video(const struct videos *videos, const struct video *row)
{
    XXH3_state_t hash;
    (void)XXH3_64bits_reset(&hash);
    put_facts(&hash, videos, row);
    put_embedding(&hash, videos_embedding(videos, row));
    struct stats_decayed decayed;
    videos_get_decayed(videos, row, &decayed);
    for (unsigned h = 0; h < HALF_LIFE_COUNT; h++) {
        for (unsigned i = 0; i < COUNTER_SCORED_COUNT; i++) {
            put_float(&hash, decayed.counts[h][i]);
        }
    }
    put(&hash, decayed.newest_tick, 4);
    put(&hash, decayed.mean_watch_ms, 4);
    return XXH3_64bits_digest(&hash);
}

static enum status sum_stats(const struct state *state, struct arena *arena, uint64_t *sum)
{
    *sum = 0;
    for (size_t i = 0; i < state->stats.count; i++) {
        struct statistics_row row;
        arena_reset(arena);
        enum status status = state_read_statistics(state, i, arena, &row);
        if (status != STATUS_OK) {
            return status;
        }
        *sum += digest_stats(&row);
    }
    return STATUS_OK;
}

static uint64_t sum_watch(const struct watch *watch)
{
    uint64_t sum = digest_histograms(0, watch->global);
    for (uint32_t i = 0; i < watch->region_count; i++) {
        sum += digest_histograms(watch->regions[i].region, watch->regions[i].histograms);
    }
    return sum;
}

static enum status sum_users(const struct state *state, struct arena *arena, uint64_t *sum)
{
    *sum = 0;
    for (size_t i = 0; i < state->users.count; i++) {
        const struct user *user;
        arena_reset(arena);
        enum status status = state_read_user(state, i, arena, &user);
        if (status != STATUS_OK) {
            return status;
        }
        *sum += digest_user(user);
    }
    return STATUS_OK;
}

/* Sums over what may have to be loaded. */
struct sums {
    uint64_t users;
    uint64_t statistics;
};

static enum status sum_up(const struct state *state, struct sums *out)
{
    struct arena arena;
    void *memory = malloc(STATE_LOAD_BYTES);
    if (memory == NULL) {
        return STATUS_NO_MEMORY;
    }
    arena_init(&arena, memory, STATE_LOAD_BYTES);
    enum status status = sum_users(state, &arena, &out->users);
    if (status == STATUS_OK) {
        status = sum_stats(state, &arena, &out->statistics);
    }
    free(memory);
    return status;
}

static uint64_t sum_videos(const struct videos *videos)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < videos_count(videos); i++) {
        sum += digest_video(videos, videos_at(videos, i));
    }
    return sum;
}

static uint64_t digest_of_users(uint64_t count, uint64_t sum)
{
    XXH3_state_t hash;
    (void)XXH3_64bits_reset(&hash);
    put(&hash, count, 8);
    put(&hash, sum, 8);
    return XXH3_64bits_digest(&hash);
}

enum status state_digest(const struct state *state, struct state_digests *out)
{
    struct sums sums;
    enum status status = sum_up(state, &sums);
    if (status != STATUS_OK) {
        return status;
    }
    XXH3_state_t hash;
    (void)XXH3_64bits_reset(&hash);
    put(&hash, state->stats.count, 8);
    put(&hash, sums.statistics, 8);
    put(&hash, state->watch.region_count, 4);
    put(&hash, sum_watch(&state->watch), 8);
    put(&hash, (uint64_t)state->newest_signal_ms, 8);
    out->aggregates = XXH3_64bits_digest(&hash);

    put(&hash, state->users.count, 8);
    put(&hash, sums.users, 8);
    put(&hash, videos_count(state->videos), 8);
    put(&hash, sum_videos(state->videos), 8);
    put(&hash, state->sequence, 8);
    out->all = XXH3_64bits_digest(&hash);
    out->users = digest_of_users(state->users.count, sums.users);
    return STATUS_OK;
}
