#include "replay/simulate.h"

#include <stdlib.h>
#include <string.h>

#include "proto/json.h"
#include "ranker/hash.h"
#include "ranker/wire.h"
#include "replay/simulate_life.h"
#include "replay/truth.pb-c.h"
#include "tests/test.h"

static const int64_t now_ms = 1700000000000;

static struct simulate_options usual(void)
{
    struct simulate_options options = simulate_defaults(now_ms);
    options.test_count = 40;
    return options;
}

/* One world as text. */
struct written {
    char *entries; /* catalogue and log */
    char *truth;   /* NULL: nobody asked */
};

static struct written write_entries(const struct simulate_options *options)
{
    struct written written = {NULL, NULL};
    size_t size = 0;
    FILE *entries = open_memstream(&written.entries, &size);
    CHECK(entries != NULL);
    struct simulate_output output = {.catalogue = entries, .log = entries};
    CHECK_EQ(STATUS_OK, simulate_write(options, &output));
    CHECK_EQ(0, fclose(entries));
    return written;
}

static struct written write_world(const struct simulate_options *options)
{
    struct written written = {NULL, NULL};
    size_t size = 0;
    FILE *entries = open_memstream(&written.entries, &size);
    FILE *truth = open_memstream(&written.truth, &size);
    CHECK(entries != NULL);
    CHECK(truth != NULL);
    struct simulate_output output = {.catalogue = entries, .log = entries, .truth = truth};
    CHECK_EQ(STATUS_OK, simulate_write(options, &output));
    CHECK_EQ(0, fclose(entries));
    CHECK_EQ(0, fclose(truth));
    return written;
}

static void release(struct written *written)
{
    free(written->entries);
    free(written->truth);
}

/* Text read back line by line. */
struct reader {
    const char *next;
    const ProtobufCMessageDescriptor *descriptor;
    struct arena arena;
};

static char memory[1 << 20];

static struct reader reader_of(const char *text, const ProtobufCMessageDescriptor *descriptor)
{
    struct reader reader = {.next = text, .descriptor = descriptor};
    arena_init(&reader.arena, memory, sizeof(memory));
    return reader;
}

/* The next line's message, until the one after it; NULL at the end. */
static const void *reader_next(struct reader *reader)
{
    struct problem problem;
    ProtobufCMessage *message;
    size_t size = strcspn(reader->next, "\n");
    if (size == 0) {
        return NULL;
    }
    arena_reset(&reader->arena);
    struct text line = {reader->next, size};
    if (json_parse(line, reader->descriptor, &reader->arena, &message, &problem) != STATUS_OK) {
        fprintf(stderr, "%.*s\n%s\n", (int)size, reader->next, problem.text);
        abort();
    }
    reader->next += size + 1;
    return message;
}

static struct reader entries_of(const struct written *written)
{
    return reader_of(written->entries, &reelrank__v1__log_entry__descriptor);
}

static struct reader truth_of(const struct written *written)
{
    return reader_of(written->truth, &reelrank__replay__truth__descriptor);
}

static size_t video_number(const char *id)
{
    return (size_t)strtol(id + strlen("video-"), NULL, 10);
}

/* --- bytes -------------------------------------------------------------------------------------
 */

static void the_same_options_give_the_same_bytes(void)
{
    struct simulate_options options = usual();
    struct written first = write_world(&options);
    struct written second = write_world(&options);
    CHECK(strcmp(first.entries, second.entries) == 0);
    CHECK(strcmp(first.truth, second.truth) == 0);
    release(&second);
    options.seed = 2;
    second = write_world(&options);
    CHECK(strcmp(first.entries, second.entries) != 0);
    release(&first);
    release(&second);
}

/* Also without optimisation and under sanitizers. Whoever changes the world changes the numbers. */
static void the_bytes_are_these_on_every_machine(void)
{
    struct simulate_options options = usual();
    struct written written = write_world(&options);
    char got[64];
    snprintf(got, sizeof(got), "%016llx %016llx",
             (unsigned long long)hash_key(text_of(written.entries)),
             (unsigned long long)hash_key(text_of(written.truth)));
    CHECK_STR("747a4e011bae9f0e 233b989a227157d6", got);
    release(&written);
}

static void a_full_disk_is_told(void)
{
    FILE *out = fopen("/dev/full", "w");
    if (out == NULL) {
        test_skip("/dev/full is missing");
    }
    struct simulate_options options = usual();
    CHECK_EQ(STATUS_IO, simulate_write(&options, &(struct simulate_output){.log = out}));
    fclose(out);
}

/* --- the log -----------------------------------------------------------------------------------
 */

static void check_entry(const Reelrank__V1__LogEntry *entry)
{
    struct problem problem = {"neither a video nor a signal"};
    struct video_facts video;
    struct signal signal;
    enum status status = STATUS_INVALID;
    if (entry->entry_case == REELRANK__V1__LOG_ENTRY__ENTRY_VIDEO) {
        status = wire_video(entry->video, &video, &problem);
    } else if (entry->entry_case == REELRANK__V1__LOG_ENTRY__ENTRY_SIGNAL) {
        status = wire_signal(entry->signal, now_ms, &signal, &problem);
    }
    if (status != STATUS_OK) {
        fprintf(stderr, "%s\n", problem.text);
        abort();
    }
}

static void the_service_takes_every_line(void)
{
    struct simulate_options options = usual();
    struct written written = write_entries(&options);
    struct reader reader = entries_of(&written);
    const Reelrank__V1__LogEntry *entry;
    for (entry = reader_next(&reader); entry != NULL; entry = reader_next(&reader)) {
        check_entry(entry);
    }
    release(&written);
}

static void videos_come_first_and_signals_by_time(void)
{
    struct simulate_options options = usual();
    struct written written = write_entries(&options);
    struct reader reader = entries_of(&written);
    for (uint32_t i = 0; i < options.video_count; i++) {
        const Reelrank__V1__LogEntry *entry = reader_next(&reader);
        CHECK_EQ(REELRANK__V1__LOG_ENTRY__ENTRY_VIDEO, entry->entry_case);
        CHECK(entry->video->published_ms <= now_ms);
    }
    int64_t before_ms = now_ms - (int64_t)options.day_count * 24 * 3600 * 1000;
    uint32_t count = 0;
    const Reelrank__V1__LogEntry *entry;
    for (entry = reader_next(&reader); entry != NULL; entry = reader_next(&reader)) {
        CHECK_EQ(REELRANK__V1__LOG_ENTRY__ENTRY_SIGNAL, entry->entry_case);
        CHECK(entry->signal->time_ms >= before_ms);
        CHECK(entry->signal->time_ms <= now_ms);
        before_ms = entry->signal->time_ms;
        count++;
    }
    CHECK(count >= options.signal_count * 3 / 4);
    CHECK(count <= options.signal_count * 5 / 4);
    release(&written);
}

/* What the log's impressions say, by position and by video. */
struct impressions {
    double shown[LIFE_SCREEN + 1];
    double looked[LIFE_SCREEN + 1]; /* with a play or a skip */
    uint32_t by_video[601];
    uint32_t total;
};

static struct impressions count_impressions(const struct written *written)
{
    struct impressions impressions = {{0}, {0}, {0}, 0};
    struct reader reader = entries_of(written);
    const Reelrank__V1__LogEntry *entry;
    for (entry = reader_next(&reader); entry != NULL; entry = reader_next(&reader)) {
        const Reelrank__V1__Signal *signal = entry->signal;
        if (entry->entry_case != REELRANK__V1__LOG_ENTRY__ENTRY_SIGNAL) {
            continue;
        }
        CHECK(signal->position >= 1 && signal->position <= LIFE_SCREEN);
        bool impression = signal->type == REELRANK__V1__SIGNAL_TYPE__SIGNAL_TYPE_IMPRESSION;
        bool look = signal->type == REELRANK__V1__SIGNAL_TYPE__SIGNAL_TYPE_PLAY ||
                    signal->type == REELRANK__V1__SIGNAL_TYPE__SIGNAL_TYPE_SKIP;
        impressions.shown[signal->position] += impression;
        impressions.looked[signal->position] += look;
        impressions.by_video[video_number(signal->video_id)] += impression;
        impressions.total += impression;
    }
    return impressions;
}

/* By the model of examination: 1 / (1 + 0.12 (position - 1)), so 1 at first and 0.48 at the tenth.
 */
static void lower_positions_are_looked_at_less(void)
{
    struct simulate_options options = usual();
    struct written written = write_entries(&options);
    struct impressions impressions = count_impressions(&written);
    for (unsigned position = 1; position <= LIFE_SCREEN; position++) {
        double share = impressions.looked[position] / impressions.shown[position];
        double want = 1 / (1 + 0.12 * (position - 1));
        CHECK(impressions.shown[position] > 500);
        CHECK(share > want - 0.06 && share < want + 0.06);
    }
    release(&written);
}

static int falling(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a;
    uint32_t right = *(const uint32_t *)b;
    return left < right ? 1 : left > right ? -1 : 0;
}

static void few_videos_have_most_of_the_views(void)
{
    struct simulate_options options = usual();
    struct written written = write_entries(&options);
    struct impressions impressions = count_impressions(&written);
    qsort(impressions.by_video, 601, sizeof(impressions.by_video[0]), falling);
    uint32_t tenth = 0;
    for (size_t i = 0; i < 60; i++) {
        tenth += impressions.by_video[i];
    }
    CHECK(tenth * 10 > impressions.total * 3);
    CHECK_EQ(0, impressions.by_video[570]);
    release(&written);
}

/* Time that a user watched of each category that is among names. */
static void sum_watches(const struct written *written, const char *user_id,
                        const char *const names[], int64_t sums[], size_t count)
{
    static char categories[601][16];
    struct reader reader = entries_of(written);
    const Reelrank__V1__LogEntry *entry;
    for (size_t i = 1; i <= 600; i++) {
        entry = reader_next(&reader);
        snprintf(categories[i], sizeof(categories[i]), "%s", entry->video->categories[0]);
    }
    for (entry = reader_next(&reader); entry != NULL; entry = reader_next(&reader)) {
        const Reelrank__V1__Signal *signal = entry->signal;
        for (size_t i = 0; i < count; i++) {
            bool same = strcmp(categories[video_number(signal->video_id)], names[i]) == 0;
            sums[i] += same && strcmp(signal->user_id, user_id) == 0 ? signal->watch_ms : 0;
        }
    }
}

static void named_users_watch_what_they_like(void)
{
    static const char *const names[] = {"comedy", "music",  "dance",  "food",
                                        "sports", "travel", "beauty", "education"};
    static const struct {
        const char *user_id;
        size_t tastes[2];
    } users[] = {{"user-hi", {0, 3}}, {"user-ru", {4, 1}}, {"user-id", {5, 3}}};
    struct simulate_options options = usual();
    struct written written = write_entries(&options);
    for (size_t u = 0; u < 3; u++) {
        int64_t sums[8] = {0};
        int64_t total = 0;
        sum_watches(&written, users[u].user_id, names, sums, 8);
        for (size_t i = 0; i < 8; i++) {
            total += sums[i];
        }
        CHECK(2 * (sums[users[u].tastes[0]] + sums[users[u].tastes[1]]) > total);
    }
    release(&written);
}

/* --- the truth ---------------------------------------------------------------------------------
 */

static uint32_t count_signals(const struct written *written, const char *user_id)
{
    struct reader reader = entries_of(written);
    uint32_t count = 0;
    const Reelrank__V1__LogEntry *entry;
    for (entry = reader_next(&reader); entry != NULL; entry = reader_next(&reader)) {
        count += entry->entry_case == REELRANK__V1__LOG_ENTRY__ENTRY_SIGNAL &&
                 strcmp(entry->signal->user_id, user_id) == 0;
    }
    return count;
}

static void the_truth_counts_what_the_log_has(void)
{
    struct simulate_options options = usual();
    options.test_count = 3;
    struct written written = write_world(&options);
    struct impressions impressions = count_impressions(&written);
    struct reader reader = truth_of(&written);
    for (uint32_t i = 0; i < options.test_count; i++) {
        const Reelrank__Replay__TestRanking *test =
            ((const Reelrank__Replay__Truth *)reader_next(&reader))->test;
        CHECK_EQ(100, test->n_candidates);
        CHECK_EQ(now_ms, test->time_ms);
        for (size_t j = 0; j < test->n_candidates; j++) {
            const Reelrank__Replay__TestCandidate *candidate = test->candidates[j];
            CHECK_EQ(impressions.by_video[video_number(candidate->video_id)],
                     candidate->impressions);
        }
        char user_id[64];
        uint32_t signals = test->user_signals;
        snprintf(user_id, sizeof(user_id), "%s", test->user_id);
        /* The other reader uses the same memory, so test is gone from here on. */
        CHECK_EQ(signals, count_signals(&written, user_id));
    }
    release(&written);
}

static void what_was_shown_is_in_the_log_with_its_propensity(void)
{
    struct simulate_options options = usual();
    struct written written = write_world(&options);
    struct impressions impressions = count_impressions(&written);
    struct reader reader = truth_of(&written);
    uint32_t shown = 0;
    const Reelrank__Replay__Truth *line;
    for (line = reader_next(&reader); line != NULL; line = reader_next(&reader)) {
        if (line->line_case != REELRANK__REPLAY__TRUTH__LINE_SHOWN) {
            continue;
        }
        CHECK_EQ(line->shown->n_video_ids, line->shown->n_propensities);
        CHECK(line->shown->n_video_ids <= LIFE_SCREEN);
        for (size_t i = 0; i < line->shown->n_propensities; i++) {
            CHECK(line->shown->propensities[i] > 0 && line->shown->propensities[i] <= 1);
        }
        shown += (uint32_t)line->shown->n_video_ids;
    }
    CHECK_EQ(impressions.total, shown);
    release(&written);
}

static void new_users_and_videos_are_among_those_asked_for(void)
{
    struct simulate_options options = usual();
    struct written written = write_world(&options);
    struct reader reader = truth_of(&written);
    uint32_t without_signals = 0;
    uint32_t few_signals = 0;
    uint32_t without_views = 0;
    for (uint32_t i = 0; i < options.test_count; i++) {
        const Reelrank__Replay__TestRanking *test =
            ((const Reelrank__Replay__Truth *)reader_next(&reader))->test;
        without_signals += test->user_signals == 0;
        few_signals += test->user_signals > 0 && test->user_signals < 25;
        for (size_t j = 0; j < test->n_candidates; j++) {
            without_views += test->candidates[j]->impressions == 0;
        }
    }
    CHECK(without_signals >= 3);
    CHECK(few_signals >= 3);
    CHECK(without_views >= 10 * options.test_count);
    release(&written);
}

/* A catalogue has what policy must drop, and the feed of then showed none of it. */
static void policy_has_something_to_drop(void)
{
    struct simulate_options options = usual();
    struct written written = write_entries(&options);
    struct impressions impressions = count_impressions(&written);
    struct reader reader = entries_of(&written);
    uint32_t unsafe = 0;
    uint32_t unrated = 0;
    uint32_t adult = 0;
    uint32_t allowed = 0;
    uint32_t forbidden = 0;
    for (uint32_t i = 0; i < options.video_count; i++) {
        const Reelrank__V1__Video *video =
            ((const Reelrank__V1__LogEntry *)reader_next(&reader))->video;
        bool rated_out =
            video->safety_rating != REELRANK__V1__SAFETY_RATING__SAFETY_RATING_LOW_RISK &&
            video->safety_rating != REELRANK__V1__SAFETY_RATING__SAFETY_RATING_MEDIUM_RISK;
        CHECK(!rated_out || impressions.by_video[i + 1] == 0);
        unrated += video->safety_rating == REELRANK__V1__SAFETY_RATING__SAFETY_RATING_UNRATED;
        unsafe += rated_out;
        adult += video->minimum_age_years == 18;
        allowed += video->n_regions_allowed == 1;
        forbidden += video->n_regions_forbidden == 1;
    }
    CHECK(unrated >= 10);
    CHECK(unsafe >= unrated + 10);
    CHECK(adult >= 10);
    CHECK(allowed >= 5);
    CHECK(forbidden >= 5);
    release(&written);
}

/* Chances and what is drawn from them agree: within 5 deviations, over 40,000 views. */
static void what_happens_is_as_likely_as_the_truth_says(void)
{
    struct simulate_options options = usual();
    struct world world;
    struct random random = {7};
    struct memory memories = {{0}, {0}, 0};
    double wanted[VIEW_EVENT_COUNT] = {0};
    double variance[VIEW_EVENT_COUNT] = {0};
    double found[VIEW_EVENT_COUNT] = {0};
    CHECK_EQ(STATUS_OK, world_init(&world, &options));
    for (int i = 0; i < 40000; i++) {
        struct view view = {.world = &world,
                            .user = random_below(&random, world.user_count),
                            .video = random_below(&random, world.video_count),
                            .time_ms = now_ms};
        struct view_truth truth = view_judge(&view, &memories);
        struct view_outcome outcome = view_draw(&view, &truth, &random);
        for (size_t event = 0; event < VIEW_EVENT_COUNT; event++) {
            double chance = truth.events[event];
            wanted[event] += chance;
            variance[event] += chance * (1 - chance);
            found[event] += outcome.happened[event];
        }
    }
    for (size_t event = 0; event < VIEW_EVENT_COUNT; event++) {
        double off = found[event] - wanted[event];
        CHECK(wanted[event] > 5);
        CHECK(off * off < 25 * variance[event] + 1);
    }
    world_release(&world);
}

/* Each thing a user may like or dislike, all else the same. */
static void tastes_move_the_utility_as_told(void)
{
    struct simulate_options options = usual();
    struct world world;
    struct memory fresh = {{0}, {0}, 0};
    CHECK_EQ(STATUS_OK, world_init(&world, &options));
    struct view view = {.world = &world, .user = 0, .video = 0, .time_ms = now_ms};
    struct world_user *user = &world.users[0];
    struct world_video *video = &world.videos[0];
    double plain = view_judge(&view, &fresh).utility;
    user->tastes[video->category] += 1;
    CHECK(view_judge(&view, &fresh).utility > plain);
    user->tastes[video->category] -= 1;
    video->appeal += 1;
    CHECK(view_judge(&view, &fresh).utility > plain);
    video->appeal -= 1;
    video->language = RUSSIAN;
    video->bilingual = false;
    CHECK(view_judge(&view, &fresh).utility < plain);
    video->language = HINDI;
    view.seen = true;
    CHECK(view_judge(&view, &fresh).utility < plain);
    view.seen = false;
    struct memory tired = fresh;
    for (int i = 0; i < 3; i++) {
        memory_add(&tired, 0, now_ms - 60000);
    }
    CHECK(view_judge(&view, &tired).utility < plain);
    view.time_ms += (int64_t)30 * 24 * 3600 * 1000;
    double later = view_judge(&view, &fresh).utility;
    double healed = view_judge(&view, &tired).utility;
    CHECK(later - healed < 0.001 && healed - later < 0.001);
    world_release(&world);
}

/* --- limits ------------------------------------------------------------------------------------
 */

static void the_smallest_worlds_are_made(void)
{
    struct simulate_options tiny = simulate_defaults(SIMULATE_NOW_MIN_MS);
    tiny.video_count = 1;
    tiny.user_count = 1;
    tiny.day_count = 1;
    tiny.test_count = 1;
    tiny.candidates_count = 1;
    for (uint32_t signals = 0; signals < 100; signals += 33) {
        tiny.signal_count = signals;
        struct written written = write_world(&tiny);
        struct reader reader = truth_of(&written);
        const Reelrank__Replay__Truth *line = reader_next(&reader);
        CHECK_EQ(1, line->test->n_candidates);
        CHECK_STR("video-00001", line->test->candidates[0]->video_id);
        release(&written);
    }
}

static void a_larger_world_begins_with_the_same_videos(void)
{
    struct simulate_options options = usual();
    struct world small;
    struct world large;
    CHECK_EQ(STATUS_OK, world_init(&small, &options));
    options.user_count = 5000;
    CHECK_EQ(STATUS_OK, world_init(&large, &options));
    for (uint32_t i = 0; i < small.video_count; i++) {
        CHECK_EQ(small.videos[i].published_ms, large.videos[i].published_ms);
    }
    for (uint32_t i = 0; i < small.user_count; i++) {
        CHECK_EQ(small.users[i].age_years, large.users[i].age_years);
    }
    world_release(&small);
    world_release(&large);
}

static void candidates_are_mostly_of_the_language_and_differ(void)
{
    struct simulate_options options = usual();
    options.candidates_count = 60;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    CHECK(out != NULL);
    CHECK_EQ(STATUS_OK, simulate_write_candidates(&options, "hi", out));
    fclose(out);
    bool asked[601] = {false};
    int count = 0;
    for (char *at = text; *at != '\0'; at = strchr(at, '\n') + 1) {
        size_t video = video_number(at);
        CHECK(video >= 1 && video <= 600 && !asked[video]);
        asked[video] = true;
        count++;
    }
    CHECK_EQ(60, count);

    int hindi = 0;
    struct written written = write_entries(&options);
    struct reader reader = entries_of(&written);
    for (uint32_t i = 1; i <= options.video_count; i++) {
        const Reelrank__V1__LogEntry *entry = reader_next(&reader);
        hindi += asked[i] && strcmp(entry->video->languages[0], "hi") == 0;
    }
    CHECK_EQ(40, hindi);
    release(&written);
    free(text);
}

/* Of 600 videos in 8 locales, when the option asks for a deviation of 1.5. */
static void appeal_differs_by_locale_when_asked_for(void)
{
    struct simulate_options options = usual();
    struct world world;
    CHECK_EQ(STATUS_OK, world_init(&world, &options));
    CHECK(!(world_local_appeal(&world, 1, &world_locales[0]) > 0));
    CHECK(!(world_local_appeal(&world, 1, &world_locales[0]) < 0));
    world_release(&world);
    options.local_appeal_percent = 150;
    CHECK_EQ(STATUS_OK, world_init(&world, &options));
    double sum = 0;
    double squares = 0;
    double products = 0; /* of two locales */
    for (uint32_t i = 0; i < world.video_count; i++) {
        double first = world_local_appeal(&world, i, &world_locales[0]);
        for (size_t locale = 0; locale < WORLD_LOCALES; locale++) {
            double appeal = world_local_appeal(&world, i, &world_locales[locale]);
            sum += appeal;
            squares += appeal * appeal;
            products += locale == 1 ? first * appeal : 0;
        }
    }
    double count = (double)world.video_count * WORLD_LOCALES;
    /* Three standard errors: 1.5 / sqrt(4800), 2.25 * sqrt(2 / 4800), 2.25 / sqrt(600). */
    CHECK(sum / count > -0.065 && sum / count < 0.065);
    CHECK(squares / count > 2.25 - 0.14 && squares / count < 2.25 + 0.14);
    CHECK(products / world.video_count > -0.28 && products / world.video_count < 0.28);
    world_release(&world);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(the_same_options_give_the_same_bytes),
        TEST(the_bytes_are_these_on_every_machine),
        TEST(a_full_disk_is_told),
        TEST(the_service_takes_every_line),
        TEST(videos_come_first_and_signals_by_time),
        TEST(lower_positions_are_looked_at_less),
        TEST(few_videos_have_most_of_the_views),
        TEST(named_users_watch_what_they_like),
        TEST(the_truth_counts_what_the_log_has),
        TEST(what_was_shown_is_in_the_log_with_its_propensity),
        TEST(new_users_and_videos_are_among_those_asked_for),
        TEST(policy_has_something_to_drop),
        TEST(what_happens_is_as_likely_as_the_truth_says),
        TEST(tastes_move_the_utility_as_told),
        TEST(appeal_differs_by_locale_when_asked_for),
        TEST(the_smallest_worlds_are_made),
        TEST(a_larger_world_begins_with_the_same_videos),
        TEST(candidates_are_mostly_of_the_language_and_differ),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
