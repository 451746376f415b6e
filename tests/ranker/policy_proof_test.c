#include "ranker/policy_proof.h"

#include <stdlib.h>
#include <string.h>

#include "ranker/hash.h"
#include "tests/test.h"

/* A model that shows what is rated medium or below, to whoever is old enough. */
static struct model plain_model(void)
{
    return (struct model){
        .safety_max = SAFETY_MEDIUM, .age_max = 21, .unknown_age = 13, .seen_within_ms = 1000};
}

static struct policy_claim claim_of(const char *text)
{
    struct policy_claim claim;
    struct problem problem = {""};
    enum status status = policy_claim_parse(text_of(text), 0, &claim, &problem);
    if (status != STATUS_OK) {
        fprintf(stderr, "%s: %s\n", text, problem.text);
    }
    CHECK_EQ(STATUS_OK, status);
    return claim;
}

static bool is_proven(const struct model *model, const char *text)
{
    struct policy_claim claim = claim_of(text);
    struct policy_proof *proof = malloc(sizeof(*proof));
    struct policy_case example;
    bool is_category = claim.subject == POLICY_SUBJECT_CATEGORY;
    CHECK(proof != NULL);
    CHECK_EQ(STATUS_OK,
             policy_prove(model, is_category ? claim.key : 0, is_category ? 0 : claim.key, proof));
    bool proven = policy_claim_proven(&claim, proof, &example);
    free(proof);
    return proven;
}

struct expected {
    const char *claim;
    bool proven;
};

/* One proof for many claims that name nothing. */
static void check_claims(const struct model *model, const struct expected *list, size_t count)
{
    struct policy_proof *proof = malloc(sizeof(*proof));
    CHECK(proof != NULL);
    CHECK_EQ(STATUS_OK, policy_prove(model, 0, 0, proof));
    CHECK(proof->shown_count > 0);
    for (size_t i = 0; i < count; i++) {
        struct policy_claim claim = claim_of(list[i].claim);
        struct policy_case example;
        if (policy_claim_proven(&claim, proof, &example) != list[i].proven) {
            fprintf(stderr, "%s: want %s\n", list[i].claim, list[i].proven ? "proven" : "not");
            abort();
        }
    }
    free(proof);
}

#define CHECK_CLAIMS(model, list) check_claims((model), (list), sizeof(list) / sizeof((list)[0]))

static void what_the_rules_forbid_is_proven(void)
{
    const struct model model = plain_model();
    static const struct expected list[] = {
        {"video = unknown", true},      {"video = deleted", true},
        {"video = known", false},       {"unrated = yes", true},
        {"unrated = no", false},        {"safety > medium", true},
        {"safety >= medium", false},    {"safety = low", false},
        {"safety != medium", false},    {"safety <= low", false},
        {"safety > floor", true},       {"minimum_age > user", true},
        {"minimum_age >= user", false}, {"minimum_age > 21", true},
        {"minimum_age >= 21", false},   {"curated = none", false},
        {"curated < none", false},      {"region = forbidden", true},
        {"region = elsewhere", true},   {"region = unplaced", true},
        {"region = allowed", false},    {"language = other", false},
        {"language = unknown", false},  {"hidden = yes", true},
        {"hidden = no", false},         {"seen = excluded", true},
        {"seen = yes", false},          {"seen = no", false},
        {"category = unknown", false},  {"category = forbidden", true},
        {"tag = forbidden", true},      {"tag != forbidden", false},
    };
    CHECK_CLAIMS(&model, list);
}

static void stricter_rules_prove_more(void)
{
    struct model model = plain_model();
    model.safety_max = SAFETY_LOW;
    model.age_max = 16;
    model.curated_min = CURATED_FEATURED;
    model.language_rule = LANGUAGE_READABLE;
    model.seen_always = true;
    static const struct expected list[] = {
        {"safety > low", true},         {"minimum_age > 16", true},    {"minimum_age >= 16", false},
        {"curated < featured", true},   {"curated != featured", true}, {"language = other", true},
        {"language != readable", true}, {"seen = yes", true},          {"seen != no", true},
    };
    CHECK_CLAIMS(&model, list);
}

static void looser_rules_prove_less(void)
{
    struct model model = plain_model();
    model.safety_max = SAFETY_FLOOR;
    model.unrated_shown = true;
    model.seen_within_ms = 0;
    static const struct expected list[] = {
        {"unrated = yes", false},   {"safety = floor", false}, {"safety > floor", true},
        {"seen = excluded", false}, {"video = deleted", true}, {"minimum_age > user", true},
    };
    CHECK_CLAIMS(&model, list);
}

static void forbidden_categories_are_proven_by_name(void)
{
    struct model model = plain_model();
    model.forbidden_categories.count = 1;
    model.forbidden_categories.keys[0] = (uint32_t)hash_key(text_of("street food"));
    CHECK(is_proven(&model, "category = street food"));
    CHECK_EQ(claim_of("category = street food").key, claim_of("category = \"street food\"").key);
    CHECK(!is_proven(&model, "category = music"));
    CHECK(!is_proven(&model, "category = \"forbidden\"")); /* a name of that spelling */
    static const struct expected list[] = {{"category = forbidden", true},
                                           {"category = unknown", true},
                                           {"category != unknown", false}};
    CHECK_CLAIMS(&model, list);
}

static void forbidden_tags_are_proven_by_name(void)
{
    struct model model = plain_model();
    model.forbidden_tags.count = 1;
    model.forbidden_tags.keys[0] = (uint32_t)hash_key(text_of("casino"));
    CHECK(is_proven(&model, "tag = casino"));
    CHECK(!is_proven(&model, "tag = music"));
    CHECK(is_proven(&model, "tag = forbidden"));
}

/* Names that a binary search would miss are found, for each is tried. */
static void a_list_out_of_order_is_found_out(void)
{
    struct model model = plain_model();
    model.forbidden_tags = (struct forbidden_names){.count = 3, .keys = {9, 5, 7}};
    CHECK(!is_proven(&model, "tag = forbidden"));
}

static void a_counterexample_is_a_case_that_is_shown(void)
{
    const struct model model = plain_model();
    struct policy_proof *proof = malloc(sizeof(*proof));
    struct policy_case example;
    char text[POLICY_CASE_SIZE];
    CHECK(proof != NULL);
    CHECK_EQ(STATUS_OK, policy_prove(&model, 0, 0, proof));
    struct policy_claim claim = claim_of("safety > low");
    CHECK(!policy_claim_proven(&claim, proof, &example));
    policy_case_describe(example, text);
    CHECK_STR("rated medium risk; not curated", text);
    claim = claim_of("minimum_age >= 18");
    CHECK(!policy_claim_proven(&claim, proof, &example));
    policy_case_describe(example, text);
    CHECK_STR("rated low risk; not curated; for people of 18 or more, while the user is an adult",
              text);
    free(proof);
}

static void claims_that_cannot_be_read_say_where_and_what_was_meant(void)
{
    static const struct {
        const char *claim;
        const char *problem;
    } bad[] = {
        {"", "column 1: found nothing; facts are: video, safety"},
        {"saftey > low", "column 1: found saftey; "},
        {"saftey > low", "did you mean \"safety\"?"},
        {"safety", "column 7: behind safety comes =, !=, <, <=, > or >="},
        {"safety ~ low", "column 8: behind safety comes"},
        {"safety > hihg", "column 10: found hihg; values of safety are: low, medium, high, floor; "
                          "did you mean \"high\"?"},
        {"safety > ", "found nothing; values of safety"},
        {"region > forbidden", "column 8: behind region comes = or !="},
        {"minimum_age > 22", "column 15: found 22; a number of years from 0 to 21"},
        {"minimum_age > x", "found x; a number of years"},
        {"tag = \"a", "column 7: the quote is never closed"},
        {"tag =", "a name of 1 to 64 bytes"},
        {"tag != a", "only = goes with a name"},
        {"seen = yes no", "column 12: nothing may follow the value"},
        {"tag = \"a\" b", "column 11: nothing may follow the value"},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct policy_claim claim = {.value = 99};
        struct problem problem = {""};
        CHECK_EQ(STATUS_INVALID, policy_claim_parse(text_of(bad[i].claim), 0, &claim, &problem));
        if (strstr(problem.text, bad[i].problem) == NULL) {
            fprintf(stderr, "want %s in %s\n", bad[i].problem, problem.text);
            abort();
        }
        CHECK_EQ(99, claim.value);
    }
}

static void columns_count_what_stands_before_the_claim(void)
{
    struct policy_claim claim;
    struct problem problem = {""};
    CHECK_EQ(STATUS_OK, policy_claim_parse(text_of("hi: seen=yes  "), 3, &claim, &problem));
    CHECK_EQ(POLICY_SUBJECT_SEEN, claim.subject);
    CHECK_EQ(STATUS_INVALID, policy_claim_parse(text_of("hi: sene=yes"), 3, &claim, &problem));
    CHECK(strstr(problem.text, "column 5") != NULL);
}

static struct model model_of(const char *policy)
{
    static struct weights_problems problems;
    char yaml[160];
    struct weights *weights = NULL;
    snprintf(yaml, sizeof(yaml), "version: t\npolicy: {%s}\n", policy);
    CHECK_EQ(STATUS_OK, weights_parse(text_of(yaml), &weights, &problems));
    struct model model = *weights_model(weights, (struct locale){0});
    weights_unref(weights);
    return model;
}

/* A proof is reused for models that judge alike: a key forgotten there would be a false proof. */
static void models_that_differ_in_any_rule_are_not_equal(void)
{
    static const char *const policies[] = {
        "safety: low",  "unrated: show",      "unknown_age: 3",    "seen_within: 1d",
        "seen: always", "language: readable", "curated: approved", "age_max: 20",
    };
    const struct model plain = model_of("");
    CHECK(policy_equal(&plain, &plain));
    for (size_t i = 0; i < sizeof(policies) / sizeof(policies[0]); i++) {
        const struct model other = model_of(policies[i]);
        CHECK(!policy_equal(&plain, &other));
        CHECK(policy_equal(&other, &other));
    }
    struct model other = plain;
    other.forbidden_tags.count = 1;
    CHECK(!policy_equal(&plain, &other));
    other = plain;
    other.forbidden_categories = (struct forbidden_names){.count = 1, .keys = {3}};
    CHECK(!policy_equal(&plain, &other));
    struct model another = other;
    another.forbidden_categories.keys[0] = 4;
    CHECK(!policy_equal(&other, &another));
}

static void every_model_of_the_weights_is_listed(void)
{
    static struct weights_problems problems;
    static const char *const names[] = {"und", "und-IN", "hi", "hi-IN", "ru-RU"};
    struct weights *weights = NULL;
    CHECK_EQ(STATUS_OK, weights_parse(text_of("version: t\nlocales:\n  ru-RU: {}\n"
                                              "  hi: {policy: {safety: low}}\n"
                                              "  und-IN: {policy: {unrated: show}}\n"
                                              "experiments:\n  e:\n    locales: [hi-IN]\n    arms: "
                                              "{a: {share: 0.5, policy: {safety: high}}}\n"),
                                      &weights, &problems));
    size_t count = 0;
    struct locale locale;
    struct weights_chosen chosen;
    for (; weights_locale_at(weights, count, &locale); count++) {
        char text[LOCALE_TEXT_SIZE];
        locale_format(locale, text);
        CHECK(count < 5);
        CHECK_STR(names[count], text);
        CHECK(weights_model_at(weights, locale, 0, &chosen));
        CHECK(chosen.model == weights_model(weights, locale));
        bool is_indian_hindi = count == 3; /* which has both */
        CHECK_EQ(count == 1 || is_indian_hindi, chosen.model->unrated_shown);
        CHECK_EQ(is_indian_hindi ? 2 : 1, weights_model_at(weights, locale, 1, &chosen) + 1);
        CHECK(!weights_model_at(weights, locale, 2, &chosen));
    }
    CHECK_EQ(5, count);
    weights_unref(weights);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(what_the_rules_forbid_is_proven),
        TEST(stricter_rules_prove_more),
        TEST(looser_rules_prove_less),
        TEST(forbidden_categories_are_proven_by_name),
        TEST(forbidden_tags_are_proven_by_name),
        TEST(a_list_out_of_order_is_found_out),
        TEST(a_counterexample_is_a_case_that_is_shown),
        TEST(claims_that_cannot_be_read_say_where_and_what_was_meant),
        TEST(columns_count_what_stands_before_the_claim),
        TEST(models_that_differ_in_any_rule_are_not_equal),
        TEST(every_model_of_the_weights_is_listed),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
