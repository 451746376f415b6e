#include "ranker/weights.h"

#include <jansson.h>
#include <locale.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config/default_weights.h"
#include "ranker/limits.h"
#include "tests/ranker/weights_text.h"
#include "tests/test.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { TEXT_SIZE = 4096, FILE_SIZE = 1 << 16 };

static const struct weights_problems *refuse(struct text yaml)
{
    return weights_refuse(yaml, NULL);
}

static void check_problem(const struct weights_problem *problem, unsigned line, unsigned column,
                          const char *path, const char *message)
{
    CHECK_STR(message, problem->message);
    CHECK_STR(path, problem->path);
    CHECK_EQ(line, problem->line);
    CHECK_EQ(column, problem->column);
}

/* The file has this one problem. */
static void check_refused(const char *yaml, unsigned line, unsigned column, const char *path,
                          const char *message)
{
    const struct weights_problems *problems = refuse(text_of(yaml));
    check_problem(&problems->items[0], line, column, path, message);
    CHECK_EQ(1, problems->count);
}

static char *read_file(const char *path)
{
    char *text = calloc(1, FILE_SIZE);
    FILE *file = fopen(path, "rb");
    CHECK(text != NULL);
    CHECK(file != NULL);
    CHECK(fread(text, 1, FILE_SIZE - 1, file) < FILE_SIZE - 1);
    fclose(file);
    return text;
}

static bool same_number(double a, double b)
{
    return !(a < b) && !(b < a);
}

static void a_version_alone_is_a_whole_file(void)
{
    struct weights *weights = weights_accept("version: a\n");
    const struct model *model = weights_model_of(weights, "und");
    CHECK(same_number(0.3, model->heads[HEAD_VALID_PLAY].prior));
    CHECK(same_number(0.001, model->heads[HEAD_REPORT].prior));
    CHECK(same_number(-1.5, model->heads[HEAD_SKIP].affinity));
    CHECK(same_number(3, model->multipliers[MULTIPLIER_LANGUAGE_MATCH]));
    CHECK(same_number(-0.6, model->multipliers[MULTIPLIER_SEEN_BEFORE]));
    CHECK(same_number(3 * 86400e3, model->freshness_half_life_ms));
    CHECK_EQ(7 * INT64_C(86400000), model->seen_within_ms);
    CHECK_EQ(SAFETY_MEDIUM, model->safety_max);
    CHECK_EQ(false, model->unrated_shown);
    CHECK_EQ(LANGUAGE_ANY, model->language_rule);
    CHECK_EQ(HALF_LIFE_14_DAYS, model->rate_half_life);
    CHECK_EQ(HALF_LIFE_1_DAY, model->popularity_half_life);
    weights_unref(weights);
    weights_unref(NULL);
}

static void every_kind_of_value_is_read(void)
{
    struct weights *weights = weights_accept("version: a\n"
                                             "features:\n"
                                             "  rate_half_life: 30m\n"
                                             "  freshness_half_life: 90m\n"
                                             "  popularity_scale: 1e3\n"
                                             "  affinity: {tag: .5, language: +2.}\n"
                                             "heads: {like: {kind: rate, prior: 0.25}}\n"
                                             "value: {like: -100}\n"
                                             "policy:\n"
                                             "  safety: 'high'\n"
                                             "  unrated: show\n"
                                             "  unknown_age: 21\n"
                                             "  seen_within: \"0d\"\n"
                                             "  language: readable\n"
                                             "slate: {creator_decay: -0}\n");
    const struct model *model = weights_model_of(weights, "hi-IN");
    CHECK_EQ(HALF_LIFE_30_MIN, model->rate_half_life);
    CHECK(same_number(90 * 60e3, model->freshness_half_life_ms));
    CHECK(same_number(1000, model->popularity_scale));
    CHECK(same_number(0.5, model->affinity_weights[AFFINITY_TAG]));
    CHECK(same_number(2, model->affinity_weights[AFFINITY_LANGUAGE]));
    CHECK(same_number(0.5, model->affinity_weights[AFFINITY_CREATOR])); /* as before */
    CHECK(same_number(0.25, model->heads[HEAD_LIKE].prior));
    CHECK(same_number(50, model->heads[HEAD_LIKE].strength));
    CHECK(same_number(-100, model->value[HEAD_LIKE]));
    CHECK_EQ(SAFETY_HIGH, model->safety_max);
    CHECK_EQ(true, model->unrated_shown);
    CHECK_EQ(21, model->unknown_age);
    CHECK_EQ(0, model->seen_within_ms);
    CHECK_EQ(LANGUAGE_READABLE, model->language_rule);
    CHECK(same_number(0, model->creator_decay) && 1 / (1 + model->creator_decay) > 0);
    weights_unref(weights);
}

static void json_is_yaml_too(void)
{
    struct weights *weights = weights_accept("{\"version\": \"a\", \"value\": {\"like\": 9}}");
    CHECK(same_number(9, weights_model_of(weights, "und")->value[HEAD_LIKE]));
    weights_unref(weights);
}

static void the_version_names_the_file_and_its_bytes(void)
{
    struct weights *weights = weights_accept("version: a.B_1-2\n");
    struct weights *commented = weights_accept("version: a.B_1-2 # other bytes\n");
    struct weights *again = weights_accept("version: a.B_1-2\n");
    CHECK_EQ(7 + 1 + 16, strlen(weights_version(weights)));
    CHECK(memcmp("a.B_1-2@", weights_version(weights), 8) == 0);
    CHECK_EQ(16, strspn(weights_version(weights) + 8, "0123456789abcdef"));
    CHECK_STR(weights_version(weights), weights_version(again));
    CHECK(strcmp(weights_version(weights), weights_version(commented)) != 0);
    weights_unref(weights);
    weights_unref(commented);
    weights_unref(again);
}

static void versions_are_1_to_32_plain_characters(void)
{
    weights_unref(weights_accept("version: 12345678901234567890123456789012\n"));
    weights_unref(weights_accept("version: 7\n"));
    check_refused(
        "version: 123456789012345678901234567890123\n", 1, 10, "version",
        "found \"1234567890123456789012345678...\"; allowed: 1 to 32 of A-Z a-z 0-9 . _ -");
    check_refused("version: \"a b\"\n", 1, 10, "version",
                  "found \"a b\"; allowed: 1 to 32 of A-Z a-z 0-9 . _ -");
    check_refused("version:\n", 1, 1, "version",
                  "found \"\"; allowed: 1 to 32 of A-Z a-z 0-9 . _ -");
    check_refused("version: [a]\n", 1, 10, "version", "found a list; expected a name");
}

static void a_missing_version_is_a_problem(void)
{
    check_refused("value: {like: 3}\n", 1, 1, "version",
                  "the key is missing; name these weights, as in version: a1");
}

static void files_that_say_nothing_are_refused(void)
{
    static const char *const nothing[] = {"", "\n\n", "# only a comment\n", "\xef\xbb\xbf"};
    for (size_t i = 0; i < COUNT(nothing); i++) {
        check_refused(nothing[i], 1, 1, "", "the file says nothing; it needs a version at least");
    }
    CHECK_EQ(1, refuse((struct text){.data = NULL, .size = 0})->count);
}

static void the_root_must_be_a_mapping(void)
{
    check_refused("- a\n", 1, 1, "",
                  "found a list; expected keys with values, such as version: a1");
    check_refused("hello\n", 1, 1, "",
                  "found a single value; expected keys with values, such as version: a1");
    check_refused("---\n", 1, 1, "",
                  "found nothing; expected keys with values, such as version: a1");
}

static void unknown_keys_are_refused_with_a_suggestion(void)
{
    weights_check_refused("valeu: {}", 2, 1, "valeu", "unknown key; did you mean \"value\"?");
    weights_check_refused("heads:\n  lik: {prior: 2}", 3, 3, "heads.lik",
                          "unknown key; did you mean \"like\"?");
    weights_check_refused("heads: {like: {pirors: 1}}", 2, 16, "heads.like.pirors",
                          "unknown key; did you mean \"prior\"?");
    weights_check_refused("slate: {caps: [1, {a: b}]}", 2, 9, "slate.caps",
                          "unknown key; allowed here: creator_decay, creator_floor, window, "
                          "creator_cap, category_cap, local_share, diversity, diversity_by, "
                          "diversity_positions, new_video_every, new_video_age, explore, "
                          "explore_epsilon, ...");
    weights_check_refused("value.like: 3", 2, 1, "value.like",
                          "unknown key; allowed here: version, features, languages, heads, value, "
                          "multipliers, policy, slate, locales, experiments");
    weights_check_refused("val\x01ue: {}", 2, 1, "val?ue", "unknown key; did you mean \"value\"?");
}

static void numbers_out_of_range_are_refused(void)
{
    weights_check_refused("heads: {like: {prior: 1}}", 2, 23, "heads.like.prior",
                          "found 1; allowed: 0.0001 to 0.9999");
    weights_check_refused("value: {like: 100.5}", 2, 15, "value.like",
                          "found 100.5; allowed: -100 to 100");
    weights_check_refused("value: {like: 1e999}", 2, 15, "value.like",
                          "found 1e999; allowed: -100 to 100");
    weights_check_refused("policy: {unknown_age: 22}", 2, 23, "policy.unknown_age",
                          "found 22; allowed: 0 to 21");
    weights_check_refused("policy: {unknown_age: 1.5}", 2, 23, "policy.unknown_age",
                          "found 1.5; allowed: a whole number from 0 to 21");
}

static void what_is_no_number_is_refused(void)
{
    static const char *const bad[] = {".nan", ".inf", "-.inf", "nan", "0x10", "1_000", "1,5",
                                      "+",    ".",    "1e",    "1 2", "--1",  "true"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        char body[TEXT_SIZE];
        char message[TEXT_SIZE];
        snprintf(body, sizeof(body), "value:\n  like: %s", bad[i]);
        snprintf(message, sizeof(message), "found \"%s\"; allowed: a number from -100 to 100",
                 bad[i]);
        weights_check_refused(body, 3, 9, "value.like", message);
    }
    weights_check_refused(
        "value: {like: '3'}", 2, 15, "value.like",
        "found the text \"3\"; a number from -100 to 100 is written without quotes");
    weights_check_refused("value:\n  like:", 3, 3, "value.like",
                          "found nothing; allowed: -100 to 100");
    weights_check_refused("value:\n  like: [3]", 3, 9, "value.like",
                          "found a list; expected -100 to 100");
    weights_check_refused("value:\n  like: {a: 3}", 3, 9, "value.like",
                          "found a mapping; expected -100 to 100");
    weights_check_refused("value: 3", 2, 8, "value",
                          "found a single value; expected keys with values, indented below");
    weights_check_refused("value:", 2, 1, "value",
                          "found nothing; expected keys with values, indented below");
}

static void durations_need_a_whole_number_and_a_unit(void)
{
    static const char *const bad[] = {"3", "d", "1.5d", "3 d", "-3d", "3w", "3dd", "1234567890d"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        char body[TEXT_SIZE];
        char message[TEXT_SIZE];
        snprintf(body, sizeof(body), "features:\n  freshness_half_life: %s", bad[i]);
        snprintf(message, sizeof(message),
                 "found \"%s\"; allowed: a duration from 1h to 365d, a whole number with its unit "
                 "s, m, h or d",
                 bad[i]);
        weights_check_refused(body, 3, 24, "features.freshness_half_life", message);
    }
    weights_check_refused("features: {freshness_half_life: 59m}", 2, 33,
                          "features.freshness_half_life", "found 59m; allowed: 1h to 365d");
    weights_check_refused("policy: {seen_within: 366d}", 2, 23, "policy.seen_within",
                          "found 366d; allowed: 0d to 365d");
    weights_unref(weights_accept("version: a\nfeatures: {freshness_half_life: 3600s}\n"));
    weights_unref(weights_accept("version: a\npolicy: {seen_within: 8760h}\n"));
}

static void choices_are_listed_when_missed(void)
{
    weights_check_refused(
        "policy: {safety: hgih}", 2, 18, "policy.safety",
        "found \"hgih\"; allowed: low, medium, high, floor; did you mean \"high\"?");
    weights_check_refused("policy: {unrated: yes}", 2, 19, "policy.unrated",
                          "found \"yes\"; allowed: drop, show");
    weights_check_refused("features: {rate_half_life: 24h}", 2, 28, "features.rate_half_life",
                          "found \"24h\"; allowed: 30m, 1d, 14d");
    weights_check_refused("heads: {like: {kind: tree}}", 2, 22, "heads.like.kind",
                          "found \"tree\"; allowed: rate, linear, logistic, trees; did you mean "
                          "\"trees\"?");
}

static void a_key_may_stand_once(void)
{
    weights_check_refused("value: {like: 3, like: 3}", 2, 18, "value.like",
                          "the key stands here again; first on line 2");
    weights_check_refused("value: {}\nslate: {}\nvalue: {}", 4, 1, "value",
                          "the key stands here again; first on line 2");
    check_refused("version: a\nversion: b\n", 2, 1, "version",
                  "the key stands here again; first on line 1");
}

static void all_problems_are_reported_in_file_order(void)
{
    const struct weights_problems *problems = refuse(text_of("valeu: {like: 3}\n"
                                                             "slate:\n"
                                                             "  creator_decay: 2\n"
                                                             "  ? [a, b]\n"
                                                             "  : 3\n"
                                                             "policy: {safety: &x low}\n"
                                                             "locales:\n"
                                                             "  hi: {value: {like: *x}}\n"));
    CHECK_EQ(6, problems->count);
    check_problem(&problems->items[0], 1, 1, "valeu", "unknown key; did you mean \"value\"?");
    check_problem(&problems->items[1], 1, 1, "version",
                  "the key is missing; name these weights, as in version: a1");
    check_problem(&problems->items[2], 3, 18, "slate.creator_decay", "found 2; allowed: 0 to 1");
    check_problem(&problems->items[3], 4, 5, "slate", "a key must be a single word");
    check_problem(&problems->items[4], 6, 21, "policy.safety",
                  "anchors are not allowed; write each value out");
    check_problem(&problems->items[5], 8, 22, "locales.hi.value.like",
                  "aliases are not allowed; write the value out");
}

static void no_more_problems_are_kept_than_fit(void)
{
    char yaml[TEXT_SIZE] = "";
    size_t used = 0;
    for (int i = 0; i < 100; i++) {
        used += (size_t)snprintf(yaml + used, sizeof(yaml) - used, "key%d: 1\n", i);
    }
    const struct weights_problems *problems = refuse(text_of(yaml));
    CHECK_EQ(WEIGHTS_PROBLEMS_MAX, problems->count);
    CHECK_STR("key31", problems->items[31].path);
}

static void anchors_aliases_tags_and_more_documents_are_refused(void)
{
    weights_check_refused("value: {like: !!float 3}", 2, 23, "value.like",
                          "tags are not allowed; write the bare value");
    weights_check_refused("value: &v {like: 3}", 2, 11, "value",
                          "anchors are not allowed; write each value out");
    weights_check_refused(
        "value: {<<: *v}", 2, 9, "value.<<",
        "unknown key; allowed here: valid_play, long_view, complete, watch_quantile, "
        "like, share, follow, skip, not_interested, report, negative_offset");
    check_refused("version: a\n---\nversion: b\n", 2, 1, "",
                  "a second document starts; a weights file is one");
    check_refused("&a {version: a}\n", 1, 4, "", "anchors are not allowed; write each value out");
}

static void values_need_no_escapes_and_no_second_line(void)
{
    static const char *const message = "a key or value must be on one line, without escapes";
    weights_check_refused("value: {\"like\\0\": 3}", 2, 9, "value", message);
    weights_check_refused("policy: {safety: 'lo''w'}", 2, 18, "policy.safety", message);
    weights_check_refused("policy: {safety: \"\\x6cow\"}", 2, 18, "policy.safety", message);
    weights_check_refused("policy:\n  safety: >\n    low", 4, 1, "policy.safety", message);
    weights_check_refused("value:\n  like:\n    3\n    4", 4, 5, "value.like", message);
}

static void broken_yaml_is_located(void)
{
    weights_check_refused("value:\n\tlike: 3", 3, 1, "",
                          "tab character may not be used as indentation");
    weights_check_refused("value: {like: 3", 3, 1, "", "missing comma in flow mapping");
    weights_check_refused("value: \"like", 2, 9, "", "double-quoted scalar without closing quote");
    weights_check_refused("value: {like: 3}\n%what", 3, 2, "", "Unsupported directive");
    check_refused("%YAML 3.0\n---\nversion: a\n", 1, 1, "", "this is not YAML");
}

static void bytes_that_are_no_text_are_refused(void)
{
    check_refused("version: a\n# \xff\n", 2, 1, "", "the line is not UTF-8");
    const struct weights_problems *problems =
        refuse((struct text){.data = "version: a\nv\0", .size = 13});
    check_problem(&problems->items[0], 2, 1, "", "the line has a zero byte; the file must be text");
}

static char *repeat(const char *unit, size_t size)
{
    char *text = malloc(size);
    CHECK(text != NULL);
    size_t unit_size = strlen(unit);
    for (size_t i = 0; i < size; i++) {
        text[i] = unit[i % unit_size];
    }
    return text;
}

static void the_largest_file_is_read_and_one_byte_more_is_not(void)
{
    char *yaml = repeat("#\n", LIMIT_WEIGHTS_BYTES + 1);
    memcpy(yaml, "version: a\n", 11);
    static struct weights_problems problems;
    struct weights *weights = NULL;
    CHECK_EQ(STATUS_OK, weights_parse((struct text){.data = yaml, .size = LIMIT_WEIGHTS_BYTES},
                                      &weights, &problems));
    weights_unref(weights);
    refuse((struct text){.data = yaml, .size = LIMIT_WEIGHTS_BYTES + 1});
    free(yaml);
}

static void the_longest_line_is_read_and_one_byte_more_is_not(void)
{
    enum { LINE = 65536 };
    char *yaml = repeat(" ", LINE + 3);
    memcpy(yaml, "version: a #", 12);
    yaml[LINE] = '\n';
    yaml[LINE + 2] = '\0';
    weights_unref(weights_accept(yaml));
    yaml[LINE] = ' ';
    yaml[LINE + 1] = '\0';
    check_refused(yaml, 1, 1, "", "the line is longer than 65536 bytes");
    free(yaml);
}

static void bombs_end_soon_in_a_problem(void)
{
    static const char *const units[] = {
        "[",  "{",     "- ",   "? ",  "{a: ", "[[],", "&a ",      "*a ",   "!a ", "'",
        "\"", "---\n", "%X\n", "|\n", ": ",   "{? ",  "<<: *a\n", "a:\n ", "\t",  "a: {b: 1}\n"};
    for (size_t i = 0; i < COUNT(units); i++) {
        char *yaml = repeat(units[i], LIMIT_WEIGHTS_BYTES);
        for (size_t at = 60000; at < LIMIT_WEIGHTS_BYTES; at += 60000) {
            yaml[at] = '\n';
        }
        refuse((struct text){.data = yaml, .size = LIMIT_WEIGHTS_BYTES});
        free(yaml);
    }
}

static void locales_inherit_from_region_language_and_script(void)
{
    struct weights *weights = weights_accept("locales:\n" /* before what they inherit from */
                                             "  hi_latn_in: {value: {report: -5}}\n"
                                             "  hi-Latn: {value: {skip: -4}}\n"
                                             "  hi-IN: {value: {share: 13, skip: -3}}\n"
                                             "  hi: {value: {like: 12, share: 12}}\n"
                                             "  und-IN: {value: {complete: 11, like: 11}}\n"
                                             "value: {long_view: 10, complete: 10}\n"
                                             "version: a\n");
    static const struct {
        const char *tag;
        double values[6]; /* long_view, complete, like, share, skip, report */
    } cases[] = {
        {"und", {10, 10, 12, 20, -1, -60}},        {"en-US", {10, 10, 12, 20, -1, -60}},
        {"und-IN", {10, 11, 11, 20, -1, -60}},     {"ta-IN", {10, 11, 11, 20, -1, -60}},
        {"hi", {10, 10, 12, 12, -1, -60}},         {"hi-US", {10, 10, 12, 12, -1, -60}},
        {"hi-Deva-US", {10, 10, 12, 12, -1, -60}}, {"hi-IN", {10, 11, 12, 13, -3, -60}},
        {"hi-Deva-IN", {10, 11, 12, 13, -3, -60}}, {"hi-Latn", {10, 10, 12, 12, -4, -60}},
        {"hi-Latn-US", {10, 10, 12, 12, -4, -60}}, {"hi-Latn-IN", {10, 11, 12, 13, -4, -5}},
    };
    static const enum head heads[] = {HEAD_LONG_VIEW, HEAD_COMPLETE, HEAD_LIKE,
                                      HEAD_SHARE,     HEAD_SKIP,     HEAD_REPORT};
    for (size_t i = 0; i < COUNT(cases); i++) {
        for (size_t j = 0; j < COUNT(heads); j++) {
            double got = weights_model_of(weights, cases[i].tag)->value[heads[j]];
            if (!same_number(cases[i].values[j], got)) {
                fprintf(stderr, "%s: %s: want %g, got %g\n", cases[i].tag, head_name(heads[j]),
                        cases[i].values[j], got);
                abort();
            }
        }
    }
    weights_unref(weights);
}

static void a_language_meets_a_region_it_was_not_written_with(void)
{
    struct weights *weights = weights_accept("version: a\n"
                                             "locales:\n"
                                             "  hi: {value: {like: 1}}\n"
                                             "  hi-Latn: {value: {share: 2}}\n"
                                             "  und-IN: {value: {follow: 3}}\n");
    const struct model *model = weights_model_of(weights, "hi-Latn-IN");
    CHECK(same_number(1, model->value[HEAD_LIKE]));
    CHECK(same_number(2, model->value[HEAD_SHARE]));
    CHECK(same_number(3, model->value[HEAD_FOLLOW]));
    CHECK(same_number(20, weights_model_of(weights, "hi-Latn")->value[HEAD_FOLLOW]));
    CHECK(same_number(3, weights_model_of(weights, "hi-IN")->value[HEAD_FOLLOW]));
    CHECK(same_number(20, weights_model_of(weights, "hi-IN")->value[HEAD_SHARE]));
    weights_unref(weights);
}

static void two_keys_for_one_locale_are_a_problem(void)
{
    weights_check_refused("locales:\n  in-ID: {}\n  id_id: {}", 4, 3, "locales.id_id",
                          "the locale id-ID stands here again; first on line 3");
}

static void malformed_locales_are_refused(void)
{
    static const char *const not_a_locale =
        "found \"hindi\", which is no locale; write a BCP 47 tag such as hi, hi-Latn, ru-RU or "
        "und-IN";
    weights_check_refused("locales: {hindi: {}}", 2, 11, "locales.hindi", not_a_locale);
    weights_check_refused("locales: {und: {}}", 2, 11, "locales.und",
                          "found \"und\", which is every locale; the top level stands for that");
    weights_check_refused(
        "locales: {und-Latn-IN: {}}", 2, 11, "locales.und-Latn-IN",
        "found \"und-Latn-IN\", which is no locale here; und takes a region only, as "
        "in und-IN");
    weights_check_refused(
        "locales: {hi: {version: a}}", 2, 16, "locales.hi.version",
        "unknown key; allowed here: inherit, features, languages, heads, value, multipliers, "
        "policy, slate");
    weights_check_refused("locales:\n  hi:", 3, 3, "locales.hi",
                          "found nothing; expected sections, indented below, or {}");
    weights_check_refused("locales: []", 2, 10, "locales",
                          "found a list; expected locales with their sections, indented below");
}

static void as_many_locales_as_documented_and_no_more(void)
{
    enum { SIZE = 16384, MAX = 256 };
    char *yaml = calloc(1, SIZE);
    CHECK(yaml != NULL);
    int used = snprintf(yaml, SIZE, "version: a\nlocales:\n");
    for (int i = 0; i < MAX; i++) { /* half languages, half regions: the most combinations */
        used += snprintf(yaml + used, (size_t)(SIZE - used), "  %s%c%c: {}\n", i % 2 ? "und-" : "",
                         'a' + i / 20, 'a' + i % 20);
    }
    weights_unref(weights_accept(yaml));
    snprintf(yaml + used, (size_t)(SIZE - used), "  zz: {}\n");
    check_refused(yaml, MAX + 3, 3, "locales.zz", "more than 256 locales");
    free(yaml);
}

static void scores_that_could_leave_exact_arithmetic_are_refused(void)
{
    weights_check_refused("value: {like: 100}\n"
                          "multipliers: {freshness: 10, popularity: 10, quality: 10, premium: 10}",
                          1, 1, "multipliers",
                          "scores could reach 22251486; lower value or multipliers until they stay "
                          "below 262144");
    weights_check_refused("multipliers: {freshness: 10}\n"
                          "locales:\n"
                          "  und-IN: {multipliers: {quality: 10}}\n"
                          "  hi: {multipliers: {premium: 10}}", /* each fine, but not hi-IN */
                          5, 3, "locales.hi.multipliers",
                          "scores could reach 955248; lower value or multipliers until they stay "
                          "below 262144");
}

static void the_numeric_locale_does_not_matter(void)
{
    if (setlocale(LC_ALL, "ru_RU.UTF-8") == NULL && setlocale(LC_ALL, "de_DE.UTF-8") == NULL) {
        test_skip("no locale with a decimal comma is installed");
    }
    struct weights *weights = weights_accept("version: a\nvalue: {like: 0.5}\n");
    CHECK(same_number(0.5, weights_model_of(weights, "und")->value[HEAD_LIKE]));
    weights_unref(weights);
}

static void the_shipped_file_states_the_defaults(void)
{
    char *yaml = read_file("config/weights.yaml");
    struct weights *shipped = weights_accept(yaml);
    struct weights *empty = weights_accept("version: a\n");
    CHECK(memcmp(weights_model_of(shipped, "und"), weights_model_of(empty, "und"),
                 sizeof(struct model)) == 0);
    CHECK(
        same_number(4, weights_model_of(shipped, "hi-IN")->multipliers[MULTIPLIER_LANGUAGE_MATCH]));
    CHECK(same_number(0.05,
                      weights_model_of(shipped, "hi-IN")->multipliers[MULTIPLIER_LOCAL_CREATOR]));
    CHECK(same_number(30, weights_model_of(shipped, "in_ID")->value[HEAD_SHARE]));
    weights_unref(shipped);
    weights_unref(empty);
    free(yaml);
}

static void the_embedded_weights_are_the_shipped_file(void)
{
    char *yaml = read_file("config/weights.yaml");
    CHECK_EQ(strlen(yaml), default_weights_size);
    CHECK_STR(yaml, default_weights);
    free(yaml);
}

static void the_shipped_file_names_every_key(void)
{
    char *yaml = read_file("config/weights.yaml");
    for (unsigned i = 0; i < HEAD_COUNT; i++) {
        CHECK(strstr(yaml, head_name(i)) != NULL);
    }
    for (unsigned i = 0; i < MULTIPLIER_COUNT; i++) {
        CHECK(strstr(yaml, multiplier_name(i)) != NULL);
    }
    free(yaml);
}

static void the_examples_are_valid(void)
{
    static const char *const paths[] = {"config/examples/hi-IN.yaml", "config/examples/ru-RU.yaml",
                                        "config/examples/id-ID.yaml"};
    for (size_t i = 0; i < COUNT(paths); i++) {
        char *yaml = read_file(paths[i]);
        weights_unref(weights_accept(yaml));
        free(yaml);
    }
}

static char *schema(void)
{
    size_t size = weights_schema(NULL, 0);
    char *text = malloc(size + 1);
    CHECK(text != NULL);
    CHECK_EQ(size, weights_schema(text, size + 1));
    CHECK_EQ(size, strlen(text));
    return text;
}

/* On failure: bazel run //tests/ranker:print_schema > config/weights.schema.json */
static void the_published_schema_is_the_parsers(void)
{
    char *published = read_file("config/weights.schema.json");
    char *built = schema();
    CHECK_STR(built, published);
    free(published);
    free(built);
}

static void a_short_buffer_gets_the_schemas_start_and_its_size(void)
{
    char *whole = schema();
    char start[64];
    CHECK_EQ(strlen(whole), weights_schema(start, sizeof(start)));
    CHECK_EQ(sizeof(start) - 1, strlen(start));
    CHECK(memcmp(whole, start, sizeof(start) - 1) == 0);
    free(whole);
}

/* What a head's key cannot be without. */
static const char *needed_beside(const char *path, const char *value)
{
    if (strstr(path, ".bias") != NULL) {
        return ", kind: linear, weights: {}";
    }
    if (strcmp(value, "linear") == 0 || strcmp(value, "logistic") == 0) {
        return ", weights: {}";
    }
    return "";
}

/* Whether the parser takes the value for the key with this dotted path. */
static bool is_accepted(const char *path, const char *value)
{
    static struct weights_problems problems;
    char yaml[TEXT_SIZE];
    int used = snprintf(yaml, sizeof(yaml), "{version: a, ");
    int depth = 1;
    for (const char *c = path; *c != '\0'; c++) {
        used += snprintf(yaml + used, sizeof(yaml) - (size_t)used, *c == '.' ? ": {" : "%c", *c);
        depth += *c == '.' ? 1 : 0;
    }
    used += snprintf(yaml + used, sizeof(yaml) - (size_t)used, ": %s%s", value,
                     needed_beside(path, value));
    for (; depth > 0; depth--) {
        used += snprintf(yaml + used, sizeof(yaml) - (size_t)used, "}");
    }
    struct weights *weights = NULL;
    enum status status = weights_parse(text_of(yaml), &weights, &problems);
    if (status == STATUS_OK) {
        weights_unref(weights);
    } else {
        CHECK_STR(path, problems.items[0].path);
    }
    return status == STATUS_OK;
}

static bool number_is_accepted(const char *path, double number)
{
    char value[TEXT_SIZE];
    snprintf(value, sizeof(value), "%.17g", number);
    return is_accepted(path, value);
}

static void check_number(const char *path, const json_t *leaf)
{
    double min = json_number_value(json_object_get(leaf, "minimum"));
    double max = json_number_value(json_object_get(leaf, "maximum"));
    double step = strcmp(json_string_value(json_object_get(leaf, "type")), "integer") == 0
                      ? 1
                      : (max - min) * 1e-9;
    CHECK(min < max);
    CHECK(number_is_accepted(path, min));
    CHECK(number_is_accepted(path, max));
    CHECK(!number_is_accepted(path, min - step));
    CHECK(!number_is_accepted(path, max + step));
    CHECK(number_is_accepted(path, json_number_value(json_object_get(leaf, "default"))));
    CHECK(!is_accepted(path, "word"));
}

static void check_words(const char *path, const json_t *leaf)
{
    size_t i;
    json_t *word;
    json_array_foreach(json_object_get(leaf, "enum"), i, word)
    {
        /* Trees need a file, which is tested in weights_heads_test.c. */
        if (strcmp(json_string_value(word), "trees") != 0) {
            CHECK(is_accepted(path, json_string_value(word)));
        }
    }
    CHECK(is_accepted(path, json_string_value(json_object_get(leaf, "default"))));
    CHECK(!is_accepted(path, "word"));
}

/* Returns how many leaves it tried against the parser. */
static unsigned check_section(const char *path, json_t *section)
{
    unsigned count = 0;
    const char *name;
    json_t *value;
    json_object_foreach(json_object_get(section, "properties"), name, value)
    {
        char below[TEXT_SIZE];
        snprintf(below, sizeof(below), "%s.%s", path, name);
        CHECK(json_object_get(value, "description") != NULL);
        if (json_object_get(value, "properties") != NULL) {
            count += check_section(below, value);
            continue;
        }
        if (json_object_get(value, "default") == NULL) {
            continue; /* mappings, lists and files: tests/config/schema_test.py */
        }
        if (json_object_get(value, "minimum") != NULL) {
            check_number(below, value);
        } else {
            check_words(below, value);
        }
        count++;
    }
    return count;
}

/* Every scalar has a default, so this is how many there are. */
static unsigned count_defaults(const char *text)
{
    unsigned count = 0;
    for (const char *at = strstr(text, "\"default\":"); at != NULL;
         at = strstr(at + 1, "\"default\":")) {
        count++;
    }
    return count;
}

static void schema_and_parser_agree_on_every_bound(void)
{
    char *text = schema();
    json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    CHECK(root != NULL);
    unsigned count = 0;
    const char *name;
    json_t *section;
    json_object_foreach(json_object_get(root, "$defs"), name, section)
    {
        if (strcmp(name, "feature_weights") != 0) { /* a feature has a page of its own */
            count += check_section(name, section);
        }
    }
    CHECK_EQ(count_defaults(text), count);
    json_decref(root);
    free(text);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(a_version_alone_is_a_whole_file),
        TEST(every_kind_of_value_is_read),
        TEST(json_is_yaml_too),
        TEST(the_version_names_the_file_and_its_bytes),
        TEST(versions_are_1_to_32_plain_characters),
        TEST(a_missing_version_is_a_problem),
        TEST(files_that_say_nothing_are_refused),
        TEST(the_root_must_be_a_mapping),
        TEST(unknown_keys_are_refused_with_a_suggestion),
        TEST(numbers_out_of_range_are_refused),
        TEST(what_is_no_number_is_refused),
        TEST(durations_need_a_whole_number_and_a_unit),
        TEST(choices_are_listed_when_missed),
        TEST(a_key_may_stand_once),
        TEST(all_problems_are_reported_in_file_order),
        TEST(no_more_problems_are_kept_than_fit),
        TEST(anchors_aliases_tags_and_more_documents_are_refused),
        TEST(values_need_no_escapes_and_no_second_line),
        TEST(broken_yaml_is_located),
        TEST(bytes_that_are_no_text_are_refused),
        TEST(the_largest_file_is_read_and_one_byte_more_is_not),
        TEST(the_longest_line_is_read_and_one_byte_more_is_not),
        TEST(bombs_end_soon_in_a_problem),
        TEST(locales_inherit_from_region_language_and_script),
        TEST(a_language_meets_a_region_it_was_not_written_with),
        TEST(two_keys_for_one_locale_are_a_problem),
        TEST(malformed_locales_are_refused),
        TEST(as_many_locales_as_documented_and_no_more),
        TEST(scores_that_could_leave_exact_arithmetic_are_refused),
        TEST(the_numeric_locale_does_not_matter),
        TEST(the_shipped_file_states_the_defaults),
        TEST(the_embedded_weights_are_the_shipped_file),
        TEST(the_shipped_file_names_every_key),
        TEST(the_examples_are_valid),
        TEST(the_published_schema_is_the_parsers),
        TEST(a_short_buffer_gets_the_schemas_start_and_its_size),
        TEST(schema_and_parser_agree_on_every_bound),
    };
    return test_main(argc, argv, tests, COUNT(tests));
}
