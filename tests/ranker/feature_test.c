#include "ranker/feature.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ranker/weights_table.h"
#include "tests/test.h"

static void every_feature_is_found_by_its_name(void)
{
    for (unsigned i = 0; i < FEATURE_COUNT; i++) {
        CHECK_EQ(i, feature_find(text_of(feature_name(i))));
    }
    CHECK_EQ(FEATURE_COUNT, feature_find(text_of("likes")));
    CHECK_EQ(FEATURE_COUNT, feature_find(text_of("")));
    CHECK_STR("freshness", feature_name(FEATURE_FRESHNESS));
    CHECK_STR("like_rate_region_1d", feature_name(FEATURE_LIKE_RATE_REGION_1D));
    CHECK_STR("report_rate_language_14d", feature_name(FEATURE_COUNT - 1));
}

static void a_name_with_a_slip_is_near_the_one_that_was_meant(void)
{
    CHECK_STR("freshness", feature_nearest("freshnes"));
    CHECK_STR("report_rate_language_14d", feature_nearest("report_rate_langauge_14d"));
    CHECK(feature_nearest("kangaroo") == NULL);
}

static void every_feature_is_documented(void)
{
    for (unsigned i = 0; i < FEATURE_COUNT; i++) {
        const struct feature_facts *facts = feature_facts(i);
        CHECK(facts->about != NULL && facts->about[0] != '\0');
        CHECK(facts->formula != NULL && facts->formula[0] != '\0');
        CHECK(facts->unit != NULL && facts->unit[0] != '\0');
        CHECK(isfinite(facts->min) && isfinite(facts->max));
        CHECK(facts->min < facts->max);
        CHECK(facts->cost_ns >= 0);
        CHECK(feature_origin_name(facts->origin)[0] != '\0');
    }
}

/* What a formula of a counted feature says must fit its name: it is made of the same parts. */
static void formulas_of_counted_features_speak_of_their_scope(void)
{
    const struct feature_facts *facts = feature_facts(FEATURE_LIKE_RATE_GLOBAL_1D);
    CHECK_STR("(likes + k * heads.like.prior) / (views + k), k = heads.like.strength",
              facts->formula);
    facts = feature_facts(FEATURE_LIKE_RATE_REGION_30M);
    CHECK_STR("(likes + k * like_rate_global_30m) / (views + k), k = features.region_strength",
              facts->formula);
    facts = feature_facts(FEATURE_NOT_INTERESTED_RATE_LANGUAGE_14D);
    CHECK_STR("(marks + k * not_interested_rate_region_14d) / (views + k), "
              "k = features.language_strength",
              facts->formula);
}

/* Without a last part that stands for any name, such as KIND. */
static void check_key(const char *key, size_t size)
{
    char path[64];
    CHECK(size < sizeof(path));
    memcpy(path, key, size);
    path[size] = '\0';
    char *last = strrchr(path, '.');
    if (last[1] >= 'A' && last[1] <= 'Z') {
        *last = '\0';
    }
    if (weights_row_find(path, WEIGHTS_TOP) == NULL) {
        fprintf(stderr, "%s is no key of the weights file\n", path);
        abort();
    }
}

/* Returns how many keys the text names. */
static size_t check_keys(const char *text)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz_.ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    size_t count = 0;
    for (const char *at = text; *at != '\0';) {
        size_t size = strspn(at, letters);
        const char *dot = size > 0 ? memchr(at, '.', size) : NULL;
        if (dot > at && dot < at + size - 1) {
            check_key(at, size);
            count++;
        }
        at += size > 0 ? size : 1;
    }
    return count;
}

static void names_with_a_dot_in_texts_are_keys_of_the_weights_file(void)
{
    size_t count = 0;
    for (unsigned i = 0; i < FEATURE_COUNT; i++) {
        count += check_keys(feature_facts(i)->about) + check_keys(feature_facts(i)->formula);
    }
    CHECK(count > 90); /* each smoothed rate names one */
}

static void a_set_gives_its_features_rising(void)
{
    struct feature_set set = {{0}};
    CHECK_EQ(FEATURE_COUNT, feature_set_next(&set, 0));
    static const unsigned members[] = {0, 5, 63, 64, 65, FEATURE_COUNT - 1};
    enum { MEMBERS = sizeof(members) / sizeof(members[0]) };
    for (unsigned i = 0; i < MEMBERS; i++) {
        CHECK(!feature_set_has(&set, members[i]));
        feature_set_add(&set, members[i]);
        CHECK(feature_set_has(&set, members[i]));
    }
    unsigned next = 0;
    for (unsigned i = 0; i < MEMBERS; i++) {
        enum feature feature = feature_set_next(&set, next);
        CHECK_EQ(members[i], feature);
        next = (unsigned)feature + 1;
    }
    CHECK_EQ(FEATURE_COUNT, feature_set_next(&set, next));
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(every_feature_is_found_by_its_name),
        TEST(a_name_with_a_slip_is_near_the_one_that_was_meant),
        TEST(every_feature_is_documented),
        TEST(formulas_of_counted_features_speak_of_their_scope),
        TEST(names_with_a_dot_in_texts_are_keys_of_the_weights_file),
        TEST(a_set_gives_its_features_rising),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
