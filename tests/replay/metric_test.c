#include "replay/metric.h"

#include <string.h>

#include "tests/test.h"

static void names_and_titles_tell_k_where_it_counts(void)
{
    char name[METRIC_NAME_SIZE];
    char title[METRIC_TITLE_SIZE];
    metric_name(METRIC_NDCG_AT, 10, name);
    metric_title(METRIC_NDCG_AT, 10, title);
    CHECK_STR("ndcg@10", name);
    CHECK_STR("nDCG@10", title);
    metric_name(METRIC_MAP, 10, name);
    metric_title(METRIC_GAUC, 10, title);
    CHECK_STR("map", name);
    CHECK_STR("Grouped AUC", title);
}

static void every_metric_has_a_name_of_its_own_and_a_definition(void)
{
    char names[METRIC_COUNT][METRIC_NAME_SIZE];
    for (int i = 0; i < METRIC_COUNT; i++) {
        metric_name((enum metric)i, 2000, names[i]);
        CHECK(strlen(names[i]) < METRIC_NAME_SIZE - 1);
        CHECK(strlen(metric_definition((enum metric)i)) > 20);
        for (int j = 0; j < i; j++) {
            CHECK(strcmp(names[i], names[j]) != 0);
        }
    }
}

static void the_document_names_every_metric(void)
{
    static char document[1 << 16];
    FILE *file = fopen("docs/metrics.md", "r");
    CHECK(file != NULL);
    size_t size = fread(document, 1, sizeof(document) - 1, file);
    CHECK(size > 0 && size < sizeof(document) - 1);
    fclose(file);
    for (int i = 0; i < METRIC_COUNT; i++) {
        char name[METRIC_NAME_SIZE];
        char quoted[METRIC_NAME_SIZE + 2];
        metric_name((enum metric)i, 10, name);
        snprintf(quoted, sizeof(quoted), "`%s`", name);
        CHECK(strstr(document, quoted) != NULL);
    }
}

static void what_is_better_has_a_word(void)
{
    CHECK_STR("higher", metric_better_name(metric_better(METRIC_AUC)));
    CHECK_STR("neither", metric_better_name(metric_better(METRIC_GINI_AT)));
    CHECK_STR("lower", metric_better_name(METRIC_LOWER));
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(names_and_titles_tell_k_where_it_counts),
        TEST(every_metric_has_a_name_of_its_own_and_a_definition),
        TEST(the_document_names_every_metric),
        TEST(what_is_better_has_a_word),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
