#include "replay/example_text.h"

#include <inttypes.h>
#include <math.h>

#include "ranker/check.h"

/* Most features are small whole numbers, which need no search for their digits. */
static void print_number(FILE *file, double value)
{
    enum { WHOLE_MAX = 1000 };
    if (value >= 0 && value <= WHOLE_MAX && !signbit(value)) {
        unsigned whole = (unsigned)value;
        if (!(value > whole)) {
            fprintf(file, "%u", whole);
            return;
        }
    }
    fprintf(file, "%.9g", value);
}

/* ---- LibSVM ---- */

/* One line, since XGBoost 1.7 takes comments on later ones for rows. */
static void begin_libsvm(FILE *file, enum head label)
{
    fprintf(file, "# label %s of features", head_name(label));
    for (unsigned i = 0; i < FEATURE_COUNT; i++) {
        fprintf(file, " %u:%s", i + 1, feature_name(i));
    }
    fputc('\n', file);
}

static void print_libsvm(FILE *file, enum head label, const struct example *example)
{
    print_number(file, example_label(example, label));
    fprintf(file, " qid:%" PRIu64, example->group);
    for (unsigned i = 0; i < FEATURE_COUNT; i++) {
        if (!isnan(example->features[i])) {
            fprintf(file, " %u:", i + 1);
            print_number(file, (double)example->features[i]);
        }
    }
    fputc('\n', file);
}

/* ---- CSV ---- */

static void begin_csv(FILE *file)
{
    fputs("time_ms,user_key,video_key,group,position,propensity,weight,watch_ms,duration_ms,"
          "censored",
          file);
    for (unsigned i = 0; i < HEAD_COUNT; i++) {
        fprintf(file, ",label_%s", head_name(i));
    }
    for (unsigned i = 0; i < FEATURE_COUNT; i++) {
        fprintf(file, ",%s", feature_name(i));
    }
    fputc('\n', file);
}

/* A field behind another; empty for NaN. */
static void print_field(FILE *file, double value)
{
    fputc(',', file);
    if (!isnan(value)) {
        print_number(file, value);
    }
}

static void print_whole_field(FILE *file, uint32_t value, bool known)
{
    fputc(',', file);
    if (known) {
        fprintf(file, "%" PRIu32, value);
    }
}

static void print_csv(FILE *file, const struct example *example)
{
    fprintf(file, "%" PRId64 ",%016" PRIx64 ",%016" PRIx64 ",%" PRIu64, example->time_ms,
            example->user_key, example->video_key, example->group);
    print_whole_field(file, example->position, example->position > 0);
    print_field(file, example->propensity);
    print_field(file, example->weight);
    print_whole_field(file, example->watch_ms, true);
    print_whole_field(file, example->duration_ms, example->duration_ms > 0);
    print_whole_field(file, example->censored, true);
    for (unsigned i = 0; i < HEAD_COUNT; i++) {
        print_field(file, example_knows(example, i) ? example_label(example, i) : (double)NAN);
    }
    for (unsigned i = 0; i < FEATURE_COUNT; i++) {
        print_field(file, (double)example->features[i]);
    }
    fputc('\n', file);
}

void example_text_begin(FILE *file, enum example_form form, enum head label)
{
    CHECK((unsigned)label < HEAD_COUNT);
    if (form == EXAMPLE_LIBSVM) {
        begin_libsvm(file, label);
    } else {
        begin_csv(file);
    }
}

bool example_text_row(FILE *file, enum example_form form, enum head label,
                      const struct example *example)
{
    if (form == EXAMPLE_CSV) {
        print_csv(file, example);
        return true;
    }
    bool known = example_knows(example, label);
    if (known) {
        print_libsvm(file, label, example);
    }
    return known;
}
