#include "replay/weights_edit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ranker/limits.h"
#include "ranker/random.h"
#include "tests/test.h"

/* The result of one edit, for the caller to free. */
static char *edit(const char *yaml, struct weights_edit wanted)
{
    char *out = NULL;
    size_t size = 0;
    struct problem problem = {""};
    enum status status = weights_edit(text_of(yaml), &wanted, 1, &out, &size, &problem);
    if (status != STATUS_OK) {
        fprintf(stderr, "%s\n", problem.text);
    }
    CHECK_EQ(STATUS_OK, status);
    CHECK_EQ(strlen(out), size);
    return out;
}

static void check(const char *want, const char *yaml, struct weights_edit wanted)
{
    char *out = edit(yaml, wanted);
    CHECK_STR(want, out);
    free(out);
}

static void check_refused(const char *message, const char *yaml, struct weights_edit wanted)
{
    char *out = NULL;
    size_t size = 0;
    struct problem problem = {""};
    CHECK_EQ(STATUS_INVALID, weights_edit(text_of(yaml), &wanted, 1, &out, &size, &problem));
    CHECK_STR(message, problem.text);
    CHECK(out == NULL);
}

static struct weights_edit like(const char *value)
{
    return (struct weights_edit){.path = {"value", "like"}, .value = text_of(value)};
}

static struct weights_edit head(const char *value)
{
    return (struct weights_edit){.path = {"heads", "like"}, .value = text_of(value)};
}

static void a_value_is_replaced_and_its_comment_stays(void)
{
    check("version: a # name\nvalue:\n  like: 3.5   # worth\n  # more\n  share: 1\n",
          "version: a # name\nvalue:\n  like: 12   # worth\n  # more\n  share: 1\n", like("3.5"));
}

static void a_value_in_brackets_is_replaced_among_them(void)
{
    check("version: a\nvalue: {share: 1, like: 3.5, skip: -1} # x\n",
          "version: a\nvalue: {share: 1, like: 12, skip: -1} # x\n", like("3.5"));
    check("{\"version\": a, \"value\": {\"like\":3.5}}",
          "{\"version\": a, \"value\": {\"like\":12}}", like("3.5"));
}

static void quotes_of_keys_and_values_are_minded(void)
{
    check("'version': b # x\n\"value\": {'like': 1}\n",
          "'version': \"a\" # x\n\"value\": {'like': 1}\n",
          (struct weights_edit){.path = {"version"}, .value = text_of("b")});
    check("version: a\n\"value\":\n  'like': 2\n", "version: a\n\"value\":\n  'like': '12'\n",
          like("2"));
}

static void a_mapping_of_lines_is_replaced_as_a_whole(void)
{
    check("version: a\nheads:\n  like: {kind: logistic,\n      bias: 1} # last\n\n  # next\n"
          "  share: {prior: 0.1}\n",
          "version: a\nheads:\n  like:\n    kind: rate\n    # inside\n    prior: 0.3 # last\n\n"
          "  # next\n  share: {prior: 0.1}\n",
          head("{kind: logistic,\nbias: 1}"));
}

static void a_comment_before_a_mapping_of_lines_stays(void)
{
    check("version: a\nheads:\n  like: # the heart\n    {prior: 0.5}\n",
          "version: a\nheads:\n  like: # the heart\n    prior: 0.3\n", head("{prior: 0.5}"));
}

static void a_list_of_lines_is_replaced(void)
{
    struct weights_edit tags = {.path = {"policy", "forbidden_tags"}, .value = text_of("[c]")};
    check("version: a\npolicy:\n  forbidden_tags: [c]\n  age_max: 3\n",
          "version: a\npolicy:\n  forbidden_tags:\n  - a\n  - b\n  age_max: 3\n", tags);
}

static void a_new_key_comes_last_in_its_mapping(void)
{
    check("version: a\nvalue:\n  share: 1 # s\n  like: 3.5\n# about policy\npolicy: {}\n",
          "version: a\nvalue:\n  share: 1 # s\n# about policy\npolicy: {}\n", like("3.5"));
    check("version: a\nvalue: {share: 1, like: 3.5} # s\n", "version: a\nvalue: {share: 1} # s\n",
          like("3.5"));
    check("version: a\nvalue: {like: 3.5}\n", "version: a\nvalue: {}\n", like("3.5"));
    check("version: a\nvalue: {share: 1, like: 3.5,}\n", "version: a\nvalue: {share: 1,}\n",
          like("3.5"));
}

static void a_new_key_comes_with_the_mappings_above_it(void)
{
    check("version: a\nvalue:\n  like: 3.5\n", "version: a\n", like("3.5"));
    check("{version: a, value: {like: 3.5}}", "{version: a}", like("3.5"));
    struct weights_edit deep = {.path = {"locales", "hi-IN", "heads", "like", "bias"},
                                .value = text_of("1")};
    check(
        "version: a\nlocales:\n    ru:\n        value: {}\n    hi-IN:\n      heads:\n        like:"
        "\n          bias: 1\n",
        "version: a\nlocales:\n    ru:\n        value: {}\n", deep);
}

static void a_text_without_a_last_line_end_gets_one_first(void)
{
    check("version: a\nvalue:\n  like: 3.5\n", "version: a", like("3.5"));
    check("version: a # x\nvalue:\n  like: 3.5\n", "version: a # x", like("3.5"));
}

static void lines_end_as_the_file_does(void)
{
    check("version: a # x\r\nheads:\r\n  like: {kind: logistic,\r\n      bias: 1}\r\n",
          "version: a # x\r\n", head("{kind: logistic,\nbias: 1}"));
    check("version: a\r\nvalue:\r\n  like: 3.5 # c\r\n  share: 1\r\n",
          "version: a\r\nvalue:\r\n  like: 12 # c\r\n  share: 1\r\n", like("3.5"));
}

static void marks_of_a_document_stay_around_it(void)
{
    check("%YAML 1.2\n---\nversion: a\nvalue:\n  like: 3.5\n...\n",
          "%YAML 1.2\n---\nversion: a\n...\n", like("3.5"));
    check("\xef\xbb\xbfversion: a\nvalue:\n  like: 3.5\n", "\xef\xbb\xbfversion: a\n", like("3.5"));
}

static void keys_after_question_marks_are_keys(void)
{
    check("? version\n: a\n? value\n: like: 3.5\n", "? version\n: a\n? value\n: like: 12\n",
          like("3.5"));
    check("? version\n: a\nvalue:\n  like: 3.5\n", "? version\n: a\n", like("3.5"));
}

static void characters_beyond_ascii_do_not_move_places(void)
{
    check(
        "version: a # \xe0\xa4\xb9\xe0\xa4\xbf\nfeatures: {sources: {\xe0\xa4\xb9: 0.5}} # \xd1\x8f"
        "\nvalue: {like: 3.5}\n",
        "version: a # \xe0\xa4\xb9\xe0\xa4\xbf\nfeatures: {sources: {\xe0\xa4\xb9: 0.5}} # \xd1\x8f"
        "\nvalue: {like: 12}\n",
        like("3.5"));
}

static void a_name_that_is_no_text_to_yaml_stands_in_quotes(void)
{
    struct weights_edit year = {.path = {"features", "sources", "2024"}, .value = text_of("0.5")};
    check("version: a\nfeatures: {sources: {\"2024\": 0.5}}\n",
          "version: a\nfeatures: {sources: {}}\n", year);
    year.path[2] = "true";
    check("version: a\nfeatures: {sources: {\"true\": 0.5}}\n",
          "version: a\nfeatures: {sources: {}}\n", year);
}

static void what_cannot_be_edited_is_named(void)
{
    check_refused("line 1, column 7: anchors are not allowed; write each value out", "a: &x 1\n",
                  like("1"));
    check_refused("value.like at line 2: the key stands again below",
                  "version: a\nvalue: {like: 1, like: 2}\n", like("1"));
    check_refused("value at line 2: no value; write {} there first", "version: a\nvalue:\n",
                  like("1"));
    check_refused("value.like at line 2: no value; write {} there first",
                  "version: a\nvalue: {like: }\n", like("1"));
    check_refused("value at line 2: no mapping of keys", "version: a\nvalue: [1]\n", like("1"));
    check_refused("the file at line 1: no mapping of keys", "- a\n", like("1"));
}

static void bytes_that_are_no_text_are_refused(void)
{
    check_refused("line 2: the line is not UTF-8", "version: a\n# \xff\n", like("1"));
    check_refused("line 1: the line is not UTF-8", "%A \xf5\n---\nversion: a\n", like("1"));
    check_refused("the value for value.like: line 1: the line is not UTF-8", "version: a\n",
                  like("\"\xff\""));
}

static void a_value_that_is_no_value_is_refused(void)
{
    const char *yaml = "version: a\nvalue: {like: 1, share: 2}\n";
    struct weights_edit bad = like("[1");
    char *out = NULL;
    size_t size = 0;
    struct problem problem = {""};
    CHECK_EQ(STATUS_INVALID, weights_edit(text_of(yaml), &bad, 1, &out, &size, &problem));
    CHECK(strstr(problem.text, "the value for value.like: line ") == problem.text);
    const char *const values[] = {"2 # so", "skip: 3", "2, skip: 3", "2}\nheads: {"};
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        bad.value = text_of(values[i]);
        CHECK_EQ(STATUS_INVALID, weights_edit(text_of(yaml), &bad, 1, &out, &size, &problem));
        CHECK(out == NULL);
    }
}

static void a_file_that_would_grow_too_large_is_refused(void)
{
    char *yaml = malloc(LIMIT_WEIGHTS_BYTES + 1);
    CHECK(yaml != NULL);
    for (size_t i = 0; i < LIMIT_WEIGHTS_BYTES; i++) {
        yaml[i] = i % 64 == 11 ? '#' : i % 64 == 10 ? '\n' : 'x';
    }
    memcpy(yaml, "version: a\n", strlen("version: a\n"));
    yaml[LIMIT_WEIGHTS_BYTES] = '\0';
    struct weights_edit same = {.path = {"version"}, .value = text_of("b")};
    char *out = edit(yaml, same);
    CHECK_EQ(LIMIT_WEIGHTS_BYTES, strlen(out));
    free(out);
    same.value = text_of("bb");
    check_refused("the file would have 1048577 bytes; allowed: up to 1048576", yaml, same);
    free(yaml);
}

static void numbers_read_back_as_they_were(void)
{
    char text[WEIGHTS_NUMBER_SIZE];
    const struct {
        double number;
        const char *text;
    } known[] = {{0.1, "0.1"},   {-3.2, "-3.2"},  {0, "0"},
                 {1000, "1000"}, {1e-7, "1e-07"}, {0.1 + 0.2, "0.30000000000000004"}};
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        weights_edit_number(known[i].number, text);
        CHECK_STR(known[i].text, text);
    }
    struct random random = {17};
    for (int i = 0; i < 10000; i++) {
        double number = ldexp(random_unit(&random) - 0.5, (int)random_below(&random, 80) - 60);
        weights_edit_number(number, text);
        double again = strtod(text, NULL);
        CHECK(memcmp(&number, &again, sizeof(number)) == 0);
    }
}

/* Whole files, edited in many places one after the other. */
static struct weights *parse(const char *yaml)
{
    struct weights *weights = NULL;
    static struct weights_problems problems;
    enum status status = weights_parse(text_of(yaml), &weights, &problems);
    if (status != STATUS_OK) {
        fprintf(stderr, "%u: %s: %s\n%s", problems.items[0].line, problems.items[0].path,
                problems.items[0].message, yaml);
    }
    CHECK_EQ(STATUS_OK, status);
    return weights;
}

static char *read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    char *bytes = calloc(1, LIMIT_WEIGHTS_BYTES + 1);
    CHECK(file != NULL);
    CHECK(bytes != NULL);
    CHECK(fread(bytes, 1, LIMIT_WEIGHTS_BYTES, file) > 0);
    CHECK(fclose(file) == 0);
    return bytes;
}

static size_t count_lines_of_comments(const char *text)
{
    size_t count = 0;
    for (const char *at = strchr(text, '#'); at != NULL; at = strchr(at + 1, '#')) {
        count++;
    }
    return count;
}

static void check_model(const struct weights *weights, const struct weights *before, double worth,
                        const struct feature_weight *learnt, unsigned count)
{
    struct locale any = {0};
    struct model now = *weights_model(weights, any);
    struct model was = *weights_model(before, any);
    const struct head_model *head = &now.heads[HEAD_LIKE];
    CHECK(now.value[HEAD_LIKE] >= worth && now.value[HEAD_LIKE] <= worth);
    CHECK_EQ(HEAD_KIND_LOGISTIC, head->kind);
    CHECK_EQ(count, head->weight_count);
    for (unsigned i = 0; i < count; i++) {
        CHECK_EQ(learnt[i].feature, head->weights[i].feature);
        CHECK(memcmp(&learnt[i].weight, &head->weights[i].weight, sizeof(double)) == 0);
    }
    now.value[HEAD_LIKE] = was.value[HEAD_LIKE];
    now.heads[HEAD_LIKE] = was.heads[HEAD_LIKE];
    CHECK(memcmp(&now, &was, sizeof(now)) == 0);
}

static void check_file(const char *path, struct random *random)
{
    char *yaml = read_file(path);
    struct weights *before = parse(yaml);
    struct feature_weight learnt[FEATURE_COUNT];
    unsigned count = 0;
    for (unsigned i = 0; i < FEATURE_COUNT; i += 1 + random_below(random, 4)) {
        learnt[count++] = (struct feature_weight){i, 2000 * random_unit(random) - 1000};
    }
    char *trained = NULL;
    struct problem problem;
    CHECK_EQ(STATUS_OK, weights_edit_logistic(-4.25, learnt, count, &trained, &problem));
    double worth = 40 * random_unit(random) - 20;
    char number[WEIGHTS_NUMBER_SIZE];
    weights_edit_number(worth, number);
    const struct weights_edit edits[] = {
        head(trained), like(number), {.path = {"version"}, .value = text_of("trained-1")}};
    char *out = NULL;
    size_t size = 0;
    CHECK_EQ(STATUS_OK, weights_edit(text_of(yaml), edits, 3, &out, &size, &problem));
    struct weights *now = parse(out);
    check_model(now, before, worth, learnt, count);
    CHECK(strncmp(weights_version(now), "trained-1@", 10) == 0);
    CHECK_EQ(count_lines_of_comments(yaml), count_lines_of_comments(out));
    weights_unref(now);
    weights_unref(before);
    free(out);
    free(trained);
    free(yaml);
}

static void shipped_files_take_trained_heads(void)
{
    struct random random = {23};
    for (int i = 0; i < 20; i++) {
        check_file("config/weights.yaml", &random);
        check_file("config/examples/hi-IN.yaml", &random);
        check_file("config/examples/ru-RU.yaml", &random);
        check_file("config/examples/id-ID.yaml", &random);
    }
}

static void weights_beyond_the_files_bounds_are_refused(void)
{
    char *out = NULL;
    struct problem problem = {""};
    const struct feature_weight weight = {FEATURE_TASTE, 1000.5};
    CHECK_EQ(STATUS_INVALID, weights_edit_logistic(0, &weight, 1, &out, &problem));
    CHECK_STR("taste: 1000.5; allowed: -1000 to 1000", problem.text);
    CHECK_EQ(STATUS_INVALID, weights_edit_logistic(NAN, NULL, 0, &out, &problem));
    CHECK_STR("bias: nan; allowed: -1000 to 1000", problem.text);
}

static void a_head_of_no_weights_is_a_head(void)
{
    char *trained = NULL;
    struct problem problem = {""};
    CHECK_EQ(STATUS_OK, weights_edit_logistic(-1.5, NULL, 0, &trained, &problem));
    CHECK_STR("{kind: logistic, bias: -1.5, weights: {}}", trained);
    char *out = edit("version: a\n", head(trained));
    weights_unref(parse(out));
    free(out);
    free(trained);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(a_value_is_replaced_and_its_comment_stays),
        TEST(a_value_in_brackets_is_replaced_among_them),
        TEST(quotes_of_keys_and_values_are_minded),
        TEST(a_mapping_of_lines_is_replaced_as_a_whole),
        TEST(a_comment_before_a_mapping_of_lines_stays),
        TEST(a_list_of_lines_is_replaced),
        TEST(a_new_key_comes_last_in_its_mapping),
        TEST(a_new_key_comes_with_the_mappings_above_it),
        TEST(a_text_without_a_last_line_end_gets_one_first),
        TEST(lines_end_as_the_file_does),
        TEST(marks_of_a_document_stay_around_it),
        TEST(keys_after_question_marks_are_keys),
        TEST(characters_beyond_ascii_do_not_move_places),
        TEST(a_name_that_is_no_text_to_yaml_stands_in_quotes),
        TEST(what_cannot_be_edited_is_named),
        TEST(bytes_that_are_no_text_are_refused),
        TEST(a_value_that_is_no_value_is_refused),
        TEST(a_file_that_would_grow_too_large_is_refused),
        TEST(numbers_read_back_as_they_were),
        TEST(shipped_files_take_trained_heads),
        TEST(weights_beyond_the_files_bounds_are_refused),
        TEST(a_head_of_no_weights_is_a_head),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
