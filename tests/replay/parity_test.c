#include "replay/parity.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reelrank/v1/decision.pb-c.h"
#include "reelrank/v1/signal.pb-c.h"
#include "store/log.h"
#include "tests/replay/place.h"
#include "tests/store/tamper.h"
#include "tests/test.h"

static const char yaml[] = "version: w\nvalue: {like: 12.5}\n";

struct told {
    unsigned count;
    char video_id[64];
    char text[160];
    bool has_totals;
    size_t term_count;
    struct parity_term terms[TERM_COUNT];
    size_t part_count;
    struct parity_part parts[PARITY_PARTS_MAX];
};

static void note(void *context, const struct parity_difference *difference)
{
    struct told *told = context;
    told->count++;
    snprintf(told->video_id, sizeof(told->video_id), "%s", difference->video_id);
    snprintf(told->text, sizeof(told->text), "%s", difference->text);
    told->has_totals = difference->has_totals;
    told->term_count = difference->term_count;
    memcpy(told->terms, difference->terms, sizeof(told->terms));
    told->part_count = difference->part_count;
    memcpy(told->parts, difference->parts, sizeof(told->parts));
}

static struct parity_report check(const struct place *place, struct told *told)
{
    struct parity_report report;
    struct problem problem = {""};
    *told = (struct told){0};
    struct parity_options options = {
        .data = place->path, .map_bytes = PLACE_MAP_BYTES, .different = note, .context = told};
    enum status status = parity_check(&options, &report, &problem);
    if (status != STATUS_OK) {
        fprintf(stderr, "%s\n", problem.text);
    }
    CHECK_EQ(STATUS_OK, status);
    return report;
}

/* Closes the place, and computes everything again. */
static struct parity_report close_and_check(struct place *place, struct told *told)
{
    place_close(place);
    struct parity_report report = check(place, told);
    place_free(place);
    return report;
}

/* Journals a decision after a change of its message, which is made in place. */
static void write_changed(struct place *place, void (*change)(Reelrank__V1__Decision *decision))
{
    struct text packed = place_decide(place);
    Reelrank__V1__Decision *decision =
        reelrank__v1__decision__unpack(NULL, packed.size, (const uint8_t *)packed.data);
    CHECK(decision != NULL && decision->n_scores == PLACE_VIDEOS);
    change(decision);
    struct text changed = {.size = reelrank__v1__decision__get_packed_size(decision)};
    uint8_t *bytes = malloc(changed.size);
    CHECK(bytes != NULL);
    reelrank__v1__decision__pack(decision, bytes);
    changed.data = (const char *)bytes;
    place_write(place, changed, place_sequence(place));
    reelrank__v1__decision__free_unpacked(decision, NULL);
    free(bytes);
}

static void what_was_served_comes_out_again(void)
{
    struct told told;
    struct place *place = place_open(yaml);
    place_keep_weights(place, yaml);
    place_write(place, place_decide(place), place_sequence(place));
    place_like(place, "second", "v2");
    place_write(place, place_decide(place), place_sequence(place));
    struct parity_report report = close_and_check(place, &told);
    CHECK_EQ(2, report.decisions);
    CHECK_EQ(2, report.equal);
    CHECK_EQ(2, report.with_totals);
    CHECK_EQ(0, report.different);
    CHECK_EQ(2 * (PLACE_VIDEOS + 1), report.candidates);
    CHECK_EQ(0, told.count);
}

static char third_id[64]; /* of the video at position 3 */

static void flip_third_score(Reelrank__V1__Decision *decision)
{
    uint64_t bits;
    memcpy(&bits, &decision->scores[2], sizeof(bits));
    bits ^= 1;
    memcpy(&decision->scores[2], &bits, sizeof(bits));
    snprintf(third_id, sizeof(third_id), "%s",
             decision->request->candidate_ids[decision->order[2]]);
}

/* The totals of terms are as they were, so it is the journal's score that is wrong. */
static void one_bit_of_a_score_is_noticed(void)
{
    struct told told;
    struct place *place = place_open(yaml);
    place_keep_weights(place, yaml);
    write_changed(place, flip_third_score);
    struct parity_report report = close_and_check(place, &told);
    CHECK_EQ(1, report.different);
    CHECK_EQ(0, report.equal);
    CHECK_EQ(1, told.count);
    CHECK_STR(third_id, told.video_id);
    CHECK(strstr(told.text, "at position 3; now it is") != NULL);
    CHECK(told.has_totals);
    CHECK_EQ(0, told.term_count);
}

static void flip_like_total(Reelrank__V1__Decision *decision)
{
    decision->term_totals[HEAD_LIKE] ^= 1;
}

static void one_bit_of_a_total_is_noticed(void)
{
    struct told told;
    struct place *place = place_open(yaml);
    place_keep_weights(place, yaml);
    write_changed(place, flip_like_total);
    struct parity_report report = close_and_check(place, &told);
    CHECK_EQ(1, report.different);
    CHECK(strstr(told.text, "not what it is made of") != NULL);
    CHECK_EQ(1, told.term_count);
    CHECK_STR("like", told.terms[0].name);
    CHECK_EQ(told.terms[0].served ^ 1, told.terms[0].now);
    CHECK_EQ(0, told.part_count);
}

static void leave_totals_out(Reelrank__V1__Decision *decision)
{
    decision->n_term_totals = 0;
}

static void decisions_from_before_there_were_totals_are_computed_again(void)
{
    struct told told;
    struct place *place = place_open(yaml);
    place_keep_weights(place, yaml);
    write_changed(place, leave_totals_out);
    struct parity_report report = close_and_check(place, &told);
    CHECK_EQ(1, report.equal);
    CHECK_EQ(0, report.with_totals);
}

static void another_event_before_it_is_noticed(void)
{
    struct told told;
    struct place *place = place_open(yaml);
    place_keep_weights(place, yaml);
    struct text packed = place_decide(place);
    place_like(place, "second", "v2");
    place_write(place, packed, place_sequence(place)); /* which knew nothing of that like */
    struct parity_report report = close_and_check(place, &told);
    CHECK_EQ(1, report.different);
    CHECK_EQ(1, told.count);
}

/* 12.5 has the bits 1.1001 * 2^3. Another one, worth 2^-24, times a probability of 0.015 is four
 * times what scores resolve. */
static void one_bit_of_a_weight_is_noticed_and_its_term_named(void)
{
    struct told told;
    struct place *place = place_open(PLACE_SCORE_OF("12.5", "0", "0"));
    place_keep_weights(place, PLACE_SCORE_OF("12.500000059604644775390625", "0", "0"));
    place_write(place, place_decide(place), place_sequence(place));
    struct parity_report report = close_and_check(place, &told);
    CHECK_EQ(1, report.different);
    CHECK(strstr(told.text, "its score was") != NULL);
    CHECK_EQ(1, told.term_count);
    CHECK_STR("like", told.terms[0].name);
    CHECK(told.terms[0].now > told.terms[0].served);
    CHECK(told.part_count > 0);
    CHECK_STR("like", told.parts[0].name);
    CHECK(told.parts[0].value > 0);
}

/* The last bit of 12.5 moves no score by 2^-32. The weights are others all the same. */
static void a_bit_of_a_weight_that_moves_no_score_is_noticed(void)
{
    struct told told;
    struct place *place = place_open(yaml);
    place_keep_weights(place, "version: w\nvalue: {like: 12.500000000000002}\n");
    place_write(place, place_decide(place), place_sequence(place));
    struct parity_report report = close_and_check(place, &told);
    CHECK_EQ(1, report.different);
    CHECK(strstr(told.text, "what the history has of these weights is w@") != NULL);
    CHECK_EQ(0, told.term_count);
}

/* quality scales what long_view is a part of, so both differ, the cause first. */
static void several_terms_are_named(void)
{
    struct told told;
    struct place *place = place_open(PLACE_SCORE_OF("1", "12.5", "0.5"));
    place_keep_weights(place, PLACE_SCORE_OF("1", "25", "0.5"));
    place_write(place, place_decide(place), place_sequence(place));
    (void)close_and_check(place, &told);
    CHECK_EQ(2, told.term_count);
    CHECK_STR("long_view", told.terms[0].name);
    CHECK(llabs(2 * told.terms[0].served - told.terms[0].now) <= 2 * PLACE_VIDEOS); /* rounded */
    CHECK_STR("quality", told.terms[1].name);
    CHECK_STR("long_view", told.parts[0].name);
    for (size_t i = 1; i < told.part_count; i++) {
        CHECK(told.parts[i].value < told.parts[i - 1].value);
    }
}

/* A record of the log under other hands. */
struct altered {
    uint64_t sequence;
    uint8_t bytes[512];
    size_t size;
};

static unsigned count_bits(const uint8_t *a, const uint8_t *b, size_t size)
{
    unsigned count = 0;
    for (size_t i = 0; i < size; i++) {
        count += (unsigned)__builtin_popcount(a[i] ^ b[i]);
    }
    return count;
}

/* Of the signal "watched" one bit of watch_ms: 17,000 becomes 17,000 + 2,048. */
static bool alter(void *context, uint64_t sequence, const struct record *record)
{
    struct altered *altered = context;
    if (record->kind != EVENT_SIGNAL) {
        return true;
    }
    Reelrank__V1__Signal *signal =
        reelrank__v1__signal__unpack(NULL, record->payload_size, record->payload);
    CHECK(signal != NULL);
    if (strcmp(signal->event_id, "watched") == 0) {
        uint8_t payload[256];
        struct record changed = *record;
        signal->watch_ms ^= 2048;
        CHECK_EQ(record->payload_size, reelrank__v1__signal__pack(signal, payload));
        CHECK_EQ(1, count_bits(payload, record->payload, record->payload_size));
        changed.payload = payload;
        altered->sequence = sequence;
        altered->size = record_size(&changed);
        CHECK(altered->size <= sizeof(altered->bytes));
        record_encode(&changed, altered->bytes);
    }
    reelrank__v1__signal__free_unpacked(signal, NULL);
    return true;
}

static void alter_log(const char *path)
{
    struct problem problem;
    struct log *log;
    struct log_options options = {.path = path, .map_bytes = PLACE_MAP_BYTES};
    struct altered altered = {0};
    CHECK_EQ(STATUS_OK, log_open(&options, &log, &problem));
    CHECK_EQ(STATUS_OK, log_poll(log, 0, alter, &altered, &problem));
    log_close(log);
    CHECK(altered.size > 0);
    MDB_val value = {.mv_size = altered.size, .mv_data = altered.bytes};
    tamper_record(path, altered.sequence, &value);
}

/* Of 20 s, 19,048 ms are a long view and 17,000 are not, which moves long_view, and by the user's
 * taste like. */
static void one_bit_of_an_event_is_noticed_and_its_terms_named(void)
{
    struct told told;
    struct place *place = place_open(PLACE_SCORE_OF("3", "12.5", "0"));
    place_keep_weights(place, PLACE_SCORE_OF("3", "12.5", "0"));
    place_write(place, place_decide(place), place_sequence(place));
    place_watch(place, "watched", "v2", 17000);
    place_write(place, place_decide(place), place_sequence(place));
    place_close(place);
    struct parity_report report = check(place, &told);
    CHECK_EQ(2, report.equal);
    alter_log(place->path);
    report = check(place, &told);
    CHECK_EQ(1, report.equal); /* the one from before */
    CHECK_EQ(1, report.different);
    CHECK_EQ(2, told.term_count);
    CHECK_STR("long_view", told.terms[0].name);
    CHECK_STR("like", told.terms[1].name);
    CHECK(told.part_count > 0);
    place_free(place);
}

static void what_cannot_be_computed_is_counted_apart(void)
{
    struct told told;
    struct place *place = place_open(yaml);
    place_write(place, place_decide(place), place_sequence(place));       /* weights nobody kept */
    place_write(place, place_decide(place), place_sequence(place) + 100); /* another log's */
    place_write(place, text_of("no decision"), place_sequence(place));
    struct parity_report report = close_and_check(place, &told);
    CHECK_EQ(3, report.decisions);
    CHECK_EQ(1, report.unknown_weights);
    CHECK_EQ(1, report.behind_log);
    CHECK_EQ(1, report.unreadable);
    CHECK_EQ(0, report.equal + report.different + report.before_base);
}

static void decisions_come_in_the_order_of_their_states(void)
{
    enum { COUNT = 200 };
    struct told told;
    struct place *place = place_open(yaml);
    struct text packed[COUNT];
    uint64_t sequences[COUNT];
    place_keep_weights(place, yaml);
    for (unsigned i = 0; i < COUNT; i++) {
        char event_id[16];
        char video_id[16];
        snprintf(event_id, sizeof(event_id), "e%u", i);
        snprintf(video_id, sizeof(video_id), "v%u", i % PLACE_VIDEOS);
        place_like(place, event_id, video_id);
        packed[i] = place_decide(place);
        sequences[i] = place_sequence(place);
    }
    for (unsigned i = 0; i < COUNT; i++) {
        unsigned at = (i * 77) % COUNT; /* 77 and 200 have no common factor */
        place_write(place, packed[at], sequences[at]);
    }
    struct parity_report report = close_and_check(place, &told);
    CHECK_EQ(COUNT, report.equal);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(what_was_served_comes_out_again),
        TEST(one_bit_of_a_score_is_noticed),
        TEST(one_bit_of_a_total_is_noticed),
        TEST(decisions_from_before_there_were_totals_are_computed_again),
        TEST(another_event_before_it_is_noticed),
        TEST(one_bit_of_a_weight_is_noticed_and_its_term_named),
        TEST(a_bit_of_a_weight_that_moves_no_score_is_noticed),
        TEST(several_terms_are_named),
        TEST(one_bit_of_an_event_is_noticed_and_its_terms_named),
        TEST(what_cannot_be_computed_is_counted_apart),
        TEST(decisions_come_in_the_order_of_their_states),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
