#include <stdlib.h>
#include <string.h>

#include "ranker/hash.h"
#include "tests/ranker/weights_text.h"
#include "tests/test.h"

/* Experiments: who is in which arm, what an arm changes, and what stands in the answer. */

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { USERS = 1000000, ARMS = 4 };

static bool same_number(double a, double b)
{
    return !(a < b) && !(b < a);
}

static struct locale locale_of(const char *tag)
{
    struct locale locale;
    CHECK_EQ(STATUS_OK, locale_parse(text_of(tag), &locale));
    return locale;
}

static struct weights_chosen choose(const struct weights *weights, const char *tag, uint64_t user,
                                    const char *forced)
{
    struct weights_chosen chosen = {0};
    struct problem problem = {""};
    enum status status =
        weights_choose(weights, locale_of(tag), user, text_of(forced), &chosen, &problem);
    CHECK_STR("", problem.text);
    CHECK_EQ(STATUS_OK, status);
    CHECK_STR(weights_version(weights), chosen.version);
    return chosen;
}

static void check_not_chosen(const struct weights *weights, const char *tag, const char *forced,
                             const char *message)
{
    struct weights_chosen chosen;
    struct problem problem = {""};
    CHECK_EQ(STATUS_INVALID,
             weights_choose(weights, locale_of(tag), 1, text_of(forced), &chosen, &problem));
    char *at = strchr(problem.text, '@'); /* without the version's hash */
    if (at != NULL) {
        memmove(at, at + 17, strlen(at + 17) + 1);
    }
    CHECK_STR(message, problem.text);
}

static uint64_t user_key(int number)
{
    char id[32];
    snprintf(id, sizeof(id), "user-%d", number);
    return hash_key(text_of(id));
}

/* The last letter of an arm's name, counted from a = 0; the last place is for users in none. */
static int arm_of(const char *arms, const char *experiment)
{
    char start[40];
    snprintf(start, sizeof(start), "%s/", experiment);
    const char *at = strstr(arms, start);
    return at != NULL ? at[strlen(start)] - 'a' : ARMS - 1;
}

static double chi_square(const unsigned *counts, const double *shares, size_t count, double total)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        double expected = shares[i] * total;
        sum += expected > 0 ? (counts[i] - expected) * (counts[i] - expected) / expected : 0;
    }
    return sum;
}

/* The chi-square values that chance passes once in a thousand, by degrees of freedom. */
static const double once_in_a_thousand[] = {0, 10.828, 13.816, 16.266, 18.467, 20.515, 22.458};

static void arms_get_their_shares_of_a_million_users(void)
{
    struct weights *weights =
        weights_accept("version: a\n"
                       "experiments:\n"
                       "  half: {arms: {a: {share: 0.5}, b: {share: 0.5}}}\n"
                       "  third: {arms: {a: {share: 0.1}, b: {share: 0.2}, c: {share: 0.3}}}\n"
                       "  salted: {salt: summer, arms: {a: {share: 0.001}, b: {share: 0.25}}}\n");
    static const struct {
        const char *name;
        double shares[ARMS];
        unsigned freedom;
    } cases[] = {{"half", {0.5, 0.5, 0, 0}, 1},
                 {"third", {0.1, 0.2, 0.3, 0.4}, 3},
                 {"salted", {0.001, 0.25, 0, 0.749}, 2}};
    for (int keys = 0; keys < 2; keys++) { /* hashes of names, and numbers in a row */
        unsigned counts[COUNT(cases)][ARMS] = {{0}};
        for (int user = 1; user <= USERS; user++) {
            uint64_t key = keys == 0 ? user_key(user) : (uint64_t)user;
            const char *arms = choose(weights, "hi-IN", key, "").arms;
            for (size_t i = 0; i < COUNT(cases); i++) {
                counts[i][arm_of(arms, cases[i].name)]++;
            }
        }
        for (size_t i = 0; i < COUNT(cases); i++) {
            double found = chi_square(counts[i], cases[i].shares, ARMS, USERS);
            fprintf(stderr, "%s: chi-square %.3f\n", cases[i].name, found);
            CHECK(found < once_in_a_thousand[cases[i].freedom]);
        }
        CHECK_EQ(0, counts[0][ARMS - 1]); /* shares of 1 leave nobody out */
    }
    weights_unref(weights);
}

/* Chi-square of a table of two experiments' arms against what its rows and columns make likely. */
static double contingency(unsigned table[ARMS][ARMS])
{
    double rows[ARMS] = {0};
    double columns[ARMS] = {0};
    double sum = 0;
    for (int i = 0; i < ARMS; i++) {
        for (int j = 0; j < ARMS; j++) {
            rows[i] += table[i][j];
            columns[j] += table[i][j];
        }
    }
    for (int i = 0; i < ARMS; i++) {
        for (int j = 0; j < ARMS; j++) {
            double expected = rows[i] * columns[j] / USERS;
            double miss = table[i][j] - expected;
            sum += expected > 0 ? miss * miss / expected : 0;
        }
    }
    return sum;
}

static void arms_of_two_experiments_are_independent(void)
{
    struct weights *weights =
        weights_accept("version: a\n"
                       "experiments:\n"
                       "  one: {arms: {a: {share: 0.5}, b: {share: 0.5}}}\n"
                       "  two: {arms: {a: {share: 0.1}, b: {share: 0.2}, c: {share: 0.3}}}\n"
                       "  one1: {arms: {a: {share: 0.5}, b: {share: 0.25}}}\n");
    static const char *const pairs[][2] = {{"one", "two"}, {"one", "one1"}, {"two", "one1"}};
    static const unsigned freedom[] = {1 * 3, 1 * 2, 3 * 2};
    unsigned tables[COUNT(pairs)][ARMS][ARMS] = {{{0}}};
    for (int user = 1; user <= USERS; user++) {
        const char *arms = choose(weights, "ru", user_key(user), "").arms;
        for (size_t i = 0; i < COUNT(pairs); i++) {
            tables[i][arm_of(arms, pairs[i][0])][arm_of(arms, pairs[i][1])]++;
        }
    }
    for (size_t i = 0; i < COUNT(pairs); i++) {
        double found = contingency(tables[i]);
        fprintf(stderr, "%s and %s: chi-square %.3f\n", pairs[i][0], pairs[i][1], found);
        CHECK(found < once_in_a_thousand[freedom[i]]);
    }
    weights_unref(weights);
}

static void one_salt_puts_the_same_users_into_two_experiments(void)
{
    struct weights *weights = weights_accept("version: a\n"
                                             "experiments:\n"
                                             "  one: {salt: x, arms: {a: {share: 0.5}}}\n"
                                             "  two: {salt: x, arms: {a: {share: 0.5}}}\n");
    for (int user = 1; user < 1000; user++) {
        const char *arms = choose(weights, "ru", user_key(user), "").arms;
        CHECK_EQ(arm_of(arms, "one"), arm_of(arms, "two"));
    }
    weights_unref(weights);
}

/* The documented rule, worked out from the hash alone. */
static const char *arm_by_the_rule(const char *salt, uint64_t user)
{
    uint64_t seed = XXH3_64bits(salt, strlen(salt));
    char bytes[sizeof(user)];
    for (size_t i = 0; i < sizeof(user); i++) {
        bytes[i] = (char)(user >> (8 * i));
    }
    uint64_t place = XXH3_64bits_withSeed(bytes, sizeof(bytes), seed) >> 11;
    uint64_t whole = UINT64_C(1) << 53;
    return place < whole / 4 ? "e/a" : place < whole / 4 * 3 ? "e/b" : "";
}

static void the_arm_follows_from_salt_and_user_key_alone(void)
{
    static const char *const salts[] = {
        "e", "summer 2026", "0123456789012345678901234567890123456789012345678901234567890123"};
    for (size_t i = 0; i < COUNT(salts); i++) {
        char yaml[512];
        snprintf(yaml, sizeof(yaml),
                 "version: a\nexperiments: {e: {salt: \"%s\", arms: {a: {share: 0.25}, b: {share: "
                 "0.5}}}}\n",
                 salts[i]);
        struct weights *weights = weights_accept(yaml);
        for (int user = 1; user < 1000; user++) {
            CHECK_STR(arm_by_the_rule(salts[i], user_key(user)),
                      choose(weights, "hi", user_key(user), "").arms);
        }
        weights_unref(weights);
    }
    struct weights *unsalted = weights_accept(
        "version: a\nexperiments: {e: {arms: {a: {share: 0.25}, b: {share: 0.5}}}}\n");
    CHECK_STR(arm_by_the_rule("e", user_key(7)), choose(unsalted, "hi", user_key(7), "").arms);
    weights_unref(unsalted);
}

static void what_is_added_behind_moves_nobody(void)
{
    struct weights *before = weights_accept(
        "version: a\nexperiments: {e: {arms: {a: {share: 0.1}, b: {share: 0.2}}}}\n");
    struct weights *after =
        weights_accept("version: b\n"
                       "experiments:\n"
                       "  e: {arms: {a: {share: 0.1}, b: {share: 0.2}, c: {share: 0.3}}}\n"
                       "  f: {arms: {a: {share: 1}}}\n"
                       "locales: {hi: {value: {like: 1}}}\n");
    for (int user = 1; user < 10000; user++) {
        int was = arm_of(choose(before, "hi", user_key(user), "").arms, "e");
        int is = arm_of(choose(after, "hi", user_key(user), "").arms, "e");
        CHECK(is == was || (was == ARMS - 1 && is == 2));
    }
    weights_unref(before);
    weights_unref(after);
}

static void visitors_are_in_no_experiment(void)
{
    struct weights *weights =
        weights_accept("version: a\nexperiments: {e: {arms: {a: {share: 1, value: {like: 1}}}}}\n");
    CHECK_STR("", choose(weights, "hi", 0, "").arms);
    CHECK(same_number(12, choose(weights, "hi", 0, "").model->value[HEAD_LIKE]));
    CHECK_STR("e/a", choose(weights, "hi", 1, "").arms);
    CHECK(same_number(1, choose(weights, "hi", 1, "").model->value[HEAD_LIKE]));
    weights_unref(weights);
}

static void arms_override_the_locale_in_file_order(void)
{
    struct weights *weights =
        weights_accept("version: a\n"
                       "experiments:\n"
                       "  one: {arms: {a: {share: 1, value: {like: 2, share: 2, skip: -2}}}}\n"
                       "  two: {arms: {z: {share: 0}, a: {share: 1, value: {like: 3, share: 3}}}}\n"
                       "locales: {hi: {value: {like: 1, share: 1, skip: -1, report: -1}}}\n");
    struct weights_chosen chosen = choose(weights, "hi-IN", 5, "");
    CHECK_STR("one/a,two/a", chosen.arms);
    CHECK(same_number(3, chosen.model->value[HEAD_LIKE]));
    CHECK(same_number(-2, chosen.model->value[HEAD_SKIP]));
    CHECK(same_number(-1, chosen.model->value[HEAD_REPORT]));
    CHECK(same_number(1, weights_model_of(weights, "hi-IN")->value[HEAD_LIKE]));
    CHECK(same_number(-60, choose(weights, "ru", 5, "").model->value[HEAD_REPORT]));
    chosen = choose(weights, "hi", 0, "two/z");
    CHECK_STR("two/z", chosen.arms);
    CHECK(same_number(1, chosen.model->value[HEAD_LIKE]));
    weights_unref(weights);
}

static void every_combination_of_arms_has_its_own_model(void)
{
    struct weights *weights = weights_accept(
        "version: a\n"
        "experiments:\n"
        "  one: {arms: {a: {share: 0.4, value: {like: 1}}, b: {share: 0.4, value: {like: 2}}}}\n"
        "  two: {arms: {a: {share: 0.4, value: {share: 1}}, b: {share: 0.4, value: {share: 2}}}}\n"
        "  six: {arms: {a: {share: 0.4, value: {skip: 1}}, b: {share: 0.4, value: {skip: 2}}}}\n");
    static const double like[ARMS] = {1, 2, 0, 12};
    static const double share[ARMS] = {1, 2, 0, 20};
    static const double skip[ARMS] = {1, 2, 0, -1};
    bool seen[ARMS][ARMS][ARMS] = {{{false}}};
    int combinations = 0;
    for (int user = 1; user < 5000; user++) {
        struct weights_chosen chosen = choose(weights, "id-ID", user_key(user), "");
        int one = arm_of(chosen.arms, "one");
        int two = arm_of(chosen.arms, "two");
        int six = arm_of(chosen.arms, "six");
        CHECK(same_number(like[one], chosen.model->value[HEAD_LIKE]));
        CHECK(same_number(share[two], chosen.model->value[HEAD_SHARE]));
        CHECK(same_number(skip[six], chosen.model->value[HEAD_SKIP]));
        combinations += !seen[one][two][six];
        seen[one][two][six] = true;
    }
    CHECK_EQ(27, combinations);
    weights_unref(weights);
}

static void experiments_run_where_their_locales_are_rested_on(void)
{
    struct weights *weights = weights_accept(
        "version: a\n"
        "experiments:\n"
        "  e: {locales: [hi, ru_RU, und-ID], arms: {a: {share: 1, value: {like: 1}}}}\n"
        "locales: {und-IN: {value: {share: 5}}}\n");
    static const struct {
        const char *tag;
        const char *arms;
        double share;
    } cases[] = {{"hi", "e/a", 20},     {"hi-IN", "e/a", 5},  {"hi-Latn-IN", "e/a", 5},
                 {"ru", "", 20},        {"ru-RU", "e/a", 20}, {"ru-Cyrl-RU", "e/a", 20},
                 {"ru-IN", "", 5},      {"ta-IN", "", 5},     {"jv-ID", "e/a", 20},
                 {"und-ID", "e/a", 20}, {"und", "", 20},      {"id", "", 20}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct weights_chosen chosen = choose(weights, cases[i].tag, 9, "");
        CHECK_STR(cases[i].arms, chosen.arms);
        CHECK(same_number(cases[i].share, chosen.model->value[HEAD_SHARE]));
        CHECK(same_number(cases[i].arms[0] != '\0' ? 1 : 12, chosen.model->value[HEAD_LIKE]));
    }
    weights_unref(weights);
}

static void a_forced_arm_leaves_other_experiments_alone(void)
{
    struct weights *weights = weights_accept("version: a\n"
                                             "experiments:\n"
                                             "  one: {arms: {a: {share: 0}, b: {share: 1}}}\n"
                                             "  two: {arms: {a: {share: 1}}}\n");
    CHECK_STR("one/b,two/a", choose(weights, "hi", 3, "").arms);
    CHECK_STR("one/a,two/a", choose(weights, "hi", 3, "one/a").arms);
    CHECK_STR("one/a", choose(weights, "hi", 0, "one/a").arms);
    weights_unref(weights);
}

static void forcing_what_is_no_arm_is_refused(void)
{
    struct weights *weights = weights_accept(
        "version: a\n"
        "experiments: {ranker: {locales: [hi, ru-RU], arms: {control: {share: 1}}}}\n");
    check_not_chosen(weights, "hi", "ranker/contrl",
                     "experiment \"ranker/contrl\" is no arm of weights a; did you mean "
                     "\"ranker/control\"?");
    check_not_chosen(weights, "hi", "x",
                     "experiment \"x\" is no arm of weights a; an arm is written as in "
                     "\"ranker/control\"");
    check_not_chosen(weights, "id", "ranker/control",
                     "experiment \"ranker\" does not run in the request's locale, only in hi and "
                     "others");
    weights_unref(weights);
    weights = weights_accept("version: a\n");
    check_not_chosen(weights, "hi", "x/y",
                     "experiment \"x/y\" is no arm; weights a have no experiments");
    weights_unref(weights);
}

static void a_locale_that_rests_on_none_of_the_file_is_told(void)
{
    struct weights *weights =
        weights_accept("version: a\n"
                       "experiments: {e: {locales: [ta], arms: {a: {share: 1}}}}\n"
                       "locales: {hi: {}, und-ID: {}, ru-RU: {}}\n");
    static const char *const listed[] = {"hi", "hi-US", "hi-Latn-US", "jv-ID", "ru-RU"};
    static const char *const others[] = {"ru", "ta", "ta-IN", "und", "en-US", "und-RU"};
    for (size_t i = 0; i < COUNT(listed); i++) {
        CHECK_EQ(false, choose(weights, listed[i], 1, "").locale_default);
    }
    for (size_t i = 0; i < COUNT(others); i++) {
        CHECK_EQ(true, choose(weights, others[i], 1, "").locale_default);
    }
    weights_unref(weights);
    weights = weights_accept("version: a\n");
    CHECK_EQ(false, choose(weights, "hi", 1, "").locale_default);
    weights_unref(weights);
}

static void shares_add_up_to_one_at_most(void)
{
    weights_check_refused("experiments: {e: {arms: {a: {share: 0.6}, b: {share: 0.5}}}}", 2, 54,
                          "experiments.e.arms.b.share",
                          "with this share the experiment's add up to 1.1; allowed: 1 at most");
    struct weights *weights = weights_accept(
        "version: a\n" /* a little above 1 in binary */
        "experiments: {e: {arms: {a: {share: 0.7}, b: {share: 0.1}, c: {share: 0.2}}}}\n");
    unsigned none = 0;
    for (int user = 1; user < 100000; user++) {
        none += choose(weights, "hi", user_key(user), "").arms[0] == '\0';
    }
    CHECK_EQ(0, none);
    weights_unref(weights);
}

static void experiments_say_what_they_need(void)
{
    weights_check_refused("experiments: {e: {}}", 2, 15, "experiments.e.arms",
                          "the key is missing; an experiment has one arm at least");
    weights_check_refused("experiments: {e: {arms: {}}}", 2, 19, "experiments.e.arms",
                          "found no arm; an experiment has one at least");
    weights_check_refused("experiments: {e: {arms: {a: {}}}}", 2, 26, "experiments.e.arms.a.share",
                          "the key is missing; say which part of the users gets this arm");
    weights_check_refused("experiments: {e: {arms: {a: {share: 1.5}}}}", 2, 37,
                          "experiments.e.arms.a.share", "found 1.5; allowed: 0 to 1");
    weights_check_refused("experiments: {e f: {arms: {a: {share: 1}}}}", 2, 15, "experiments.e f",
                          "found \"e f\"; allowed: 1 to 32 of A-Z a-z 0-9 . _ -");
    weights_check_refused("experiments: {e: {arms: {a: {share: 1}, a: {share: 0}}}}", 2, 41,
                          "experiments.e.arms.a", "the key stands here again; first on line 2");
    weights_check_refused("experiments: {e: {arms: {a: {share: 1}}}, e: {}}", 2, 43,
                          "experiments.e", "the key stands here again; first on line 2");
    weights_check_refused("experiments: {e: {locales: [hi, Hi], arms: {a: {share: 1}}}}", 2, 33,
                          "experiments.e.locales", "the locale hi stands here again");
    weights_check_refused("experiments: {e: {locales: [], arms: {a: {share: 1}}}}", 2, 19,
                          "experiments.e.locales",
                          "found an empty list; name a locale, or leave the key out for all");
    weights_check_refused("experiments: {e: {salt: 7, arms: {a: {share: 1}}}}", 2, 25,
                          "experiments.e.salt",
                          "found 7, which is no text to YAML; write it in quotes: \"7\"");
    weights_check_refused("experiments: {e: {value: {}, arms: {a: {share: 1}}}}", 2, 19,
                          "experiments.e.value", "unknown key; allowed here: salt, locales, arms");
    weights_check_refused("experiments: {e: {arms: {a: {share: 1, inherit: hi}}}}", 2, 40,
                          "experiments.e.arms.a.inherit",
                          "unknown key; allowed here: share, features, languages, heads, value, "
                          "multipliers, policy, slate");
    weights_check_refused("locales: {hi: {share: 1}}", 2, 16, "locales.hi.share",
                          "unknown key; allowed here: inherit, features, languages, heads, value, "
                          "multipliers, policy, slate");
}

/* Writes experiments e0, e1, ..., each of so many arms. */
static void write_experiments(char *out, size_t size, int count, int arms)
{
    size_t used = (size_t)snprintf(out, size, "version: a\nexperiments:\n");
    for (int i = 0; i < count; i++) {
        used += (size_t)snprintf(out + used, size - used, "  e%d:\n    arms:\n", i);
        for (int j = 0; j < arms; j++) {
            used += (size_t)snprintf(out + used, size - used, "      a%d: {share: 0.1}\n", j);
        }
    }
}

static void check_limit(const char *yaml, const char *path, const char *message)
{
    const struct weights_problems *problems = weights_refuse(text_of(yaml), NULL);
    CHECK_STR(message, problems->items[0].message);
    CHECK_STR(path, problems->items[0].path);
    CHECK_EQ(1, problems->count);
}

static void as_many_experiments_arms_and_models_as_documented_and_no_more(void)
{
    char yaml[4096];
    write_experiments(yaml, sizeof(yaml), 1, WEIGHTS_ARMS_MAX);
    weights_unref(weights_accept(yaml));
    write_experiments(yaml, sizeof(yaml), 1, WEIGHTS_ARMS_MAX + 1);
    check_limit(yaml, "experiments.e0.arms.a8", "more than 8 arms");

    write_experiments(yaml, sizeof(yaml), WEIGHTS_EXPERIMENTS_MAX, 2); /* 3^8 models */
    struct weights *weights = weights_accept(yaml);
    unsigned long hits = 0;
    for (int user = 1; user < 10000; user++) {
        hits += strlen(choose(weights, "hi", user_key(user), "").arms) / 5; /* "e0/a0" */
    }
    CHECK(hits > 15500 && hits < 16500); /* 8 experiments, a fifth of users in each */
    weights_unref(weights);

    write_experiments(yaml, sizeof(yaml), WEIGHTS_EXPERIMENTS_MAX + 1, 1);
    check_limit(yaml, "experiments.e8", "more than 8 experiments");
    write_experiments(yaml, sizeof(yaml), 4, 8);
    weights_unref(weights_accept(yaml)); /* 9^4 models */
    write_experiments(yaml, sizeof(yaml), 5, 8);
    check_limit(yaml, "experiments",
                "one model for each locale and combination of arms makes 59049; allowed: 20000; "
                "run fewer experiments at once, or in fewer locales");
}

static void no_combination_of_arms_may_leave_exact_arithmetic(void)
{
    weights_check_refused("multipliers: {freshness: 10}\n"
                          "experiments:\n"
                          "  one: {arms: {a: {share: 0.1, multipliers: {quality: 10}}}}\n"
                          "  two: {arms: {a: {share: 0.1, multipliers: {premium: 10}}}}",
                          5, 16, "experiments.two.arms.a.multipliers",
                          "scores could reach 955248; lower value or multipliers until they stay "
                          "below 262144");
}

static void arms_and_locales_merge_weights_of_features(void)
{
    struct weights *weights = weights_accept(
        "version: a\n"
        "heads: {like: {kind: linear, weights: {taste: 1}}}\n"
        "locales: {hi: {heads: {like: {weights: {quality: 2}}}}}\n"
        "experiments:\n"
        "  e: {arms: {a: {share: 1, heads: {like: {weights: {taste: 3, source: 4}}}}}}\n");
    const struct head_model *head = &choose(weights, "hi", 1, "").model->heads[HEAD_LIKE];
    CHECK_EQ(3, head->weight_count);
    CHECK_EQ(FEATURE_QUALITY, head->weights[0].feature);
    CHECK_EQ(FEATURE_TASTE, head->weights[1].feature);
    CHECK(same_number(3, head->weights[1].weight));
    CHECK(same_number(4, head->weights[2].weight));
    CHECK_EQ(2, choose(weights, "hi", 0, "").model->heads[HEAD_LIKE].weight_count);
    CHECK_EQ(2, choose(weights, "ru", 1, "").model->heads[HEAD_LIKE].weight_count);
    weights_unref(weights);
}

/* All heads with all features, and experiments of two arms that each change all heads. */
static void write_full_heads(char *out, size_t size, int experiments)
{
    size_t used = (size_t)snprintf(out, size, "version: a\nheads:\n");
    for (unsigned i = 0; i < HEAD_COUNT; i++) {
        used += (size_t)snprintf(out + used, size - used, "  %s:\n    kind: linear\n    weights:\n",
                                 head_name(i));
        for (unsigned j = 0; j < FEATURE_COUNT; j++) {
            used += (size_t)snprintf(out + used, size - used, "      %s: 1\n", feature_name(j));
        }
    }
    used += (size_t)snprintf(out + used, size - used, "experiments:\n");
    for (int i = 0; i < 2 * experiments; i++) {
        if (i % 2 == 0) {
            used += (size_t)snprintf(out + used, size - used, "  e%d:\n   arms:\n", i / 2);
        }
        used += (size_t)snprintf(out + used, size - used, "    a%d: {share: 0.5, heads: {", i % 2);
        for (unsigned j = 0; j < HEAD_COUNT; j++) {
            used += (size_t)snprintf(out + used, size - used, "%s%s: {weights: {taste: 2}}",
                                     j > 0 ? ", " : "", head_name(j));
        }
        used += (size_t)snprintf(out + used, size - used, "}}\n");
    }
}

static void merged_weights_of_features_are_bounded(void)
{
    enum { SIZE = 1 << 17 };
    char *yaml = malloc(SIZE);
    CHECK(yaml != NULL);
    write_full_heads(yaml, SIZE, 6); /* 728 combinations of 1,190 weights */
    struct weights *weights = weights_accept(yaml);
    CHECK_EQ(FEATURE_COUNT, choose(weights, "hi", 1, "").model->heads[HEAD_REPORT].weight_count);
    weights_unref(weights);
    write_full_heads(yaml, SIZE, 7); /* 2,186 of them */
    const struct weights_problems *problems = weights_refuse(text_of(yaml), NULL);
    CHECK_STR("the weights of all heads, locales and arms are too many; allowed: 1048576",
              problems->items[0].message);
    free(yaml);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(arms_get_their_shares_of_a_million_users),
        TEST(arms_of_two_experiments_are_independent),
        TEST(one_salt_puts_the_same_users_into_two_experiments),
        TEST(the_arm_follows_from_salt_and_user_key_alone),
        TEST(what_is_added_behind_moves_nobody),
        TEST(visitors_are_in_no_experiment),
        TEST(arms_override_the_locale_in_file_order),
        TEST(every_combination_of_arms_has_its_own_model),
        TEST(experiments_run_where_their_locales_are_rested_on),
        TEST(a_forced_arm_leaves_other_experiments_alone),
        TEST(forcing_what_is_no_arm_is_refused),
        TEST(a_locale_that_rests_on_none_of_the_file_is_told),
        TEST(shares_add_up_to_one_at_most),
        TEST(experiments_say_what_they_need),
        TEST(as_many_experiments_arms_and_models_as_documented_and_no_more),
        TEST(no_combination_of_arms_may_leave_exact_arithmetic),
        TEST(arms_and_locales_merge_weights_of_features),
        TEST(merged_weights_of_features_are_bounded),
    };
    return test_main(argc, argv, tests, COUNT(tests));
}
