#include <stdlib.h>
#include <string.h>

#include "ranker/hash.h"
#include "ranker/trees.h"
#include "tests/ranker/weights_text.h"
#include "tests/test.h"

/* Heads of every kind, mappings, lists, model files, and `inherit`. */

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool same_number(double a, double b)
{
    return !(a < b) && !(b < a);
}

/* One leaf of 0.5 over a base of 0.5, by the feature "taste". */
static const char stump[] =
    "{\"learner\": {\"objective\": {\"name\": \"reg:squarederror\"},"
    " \"learner_model_param\": {\"base_score\": \"5E-1\", \"num_class\": \"0\"},"
    " \"feature_names\": [\"taste\"],"
    " \"gradient_booster\": {\"name\": \"gbtree\", \"model\": {\"trees\": [{"
    "\"left_children\": [1, -1, -1], \"right_children\": [2, -1, -1],"
    " \"split_conditions\": [0.25, -0.5, 0.5], \"split_indices\": [0, 0, 0],"
    " \"default_left\": [1, 0, 0], \"split_type\": [0, 0, 0]}]}}}}";

/* Model files in memory; counts how often each is asked for. */
struct folder {
    const char *text;
    unsigned loads;
};

static enum status load(void *context, const char *name, struct text *out, struct problem *problem)
{
    struct folder *folder = context;
    folder->loads++;
    if (strcmp(name, "models/like.json") != 0 && strcmp(name, "b.json") != 0) {
        problem_set(problem, "cannot read %s: No such file", name);
        return STATUS_NOT_FOUND;
    }
    *out = text_of(folder->text);
    return STATUS_OK;
}

static void heads_of_sums_have_a_bias_and_weights_by_rising_feature(void)
{
    struct weights *weights =
        weights_accept("version: a\n"
                       "heads:\n"
                       "  like:\n"
                       "    kind: logistic\n"
                       "    bias: -3.5\n"
                       "    weights: {like_rate_region_1d: 4, freshness: -1000, taste: 1000}\n"
                       "  share: {kind: linear, weights: {}}\n");
    const struct model *model = weights_model_of(weights, "und");
    const struct head_model *like = &model->heads[HEAD_LIKE];
    CHECK_EQ(HEAD_KIND_LOGISTIC, like->kind);
    CHECK(same_number(-3.5, like->bias));
    CHECK_EQ(3, like->weight_count);
    CHECK_EQ(FEATURE_FRESHNESS, like->weights[0].feature);
    CHECK_EQ(FEATURE_TASTE, like->weights[1].feature);
    CHECK_EQ(FEATURE_LIKE_RATE_REGION_1D, like->weights[2].feature);
    CHECK(same_number(-1000, like->weights[0].weight));
    CHECK(same_number(1000, like->weights[1].weight));
    CHECK(same_number(4, like->weights[2].weight));
    CHECK_EQ(HEAD_KIND_LINEAR, model->heads[HEAD_SHARE].kind);
    CHECK_EQ(0, model->heads[HEAD_SHARE].weight_count);
    CHECK(same_number(0, model->heads[HEAD_SHARE].bias));
    CHECK_EQ(HEAD_KIND_RATE, model->heads[HEAD_FOLLOW].kind);
    weights_unref(weights);
}

static void locales_override_single_weights_of_a_head(void)
{
    struct weights *weights = weights_accept(
        "version: a\n"
        "heads: {like: {kind: linear, bias: 1, weights: {freshness: 1, taste: 2, source: 3}}}\n"
        "locales:\n"
        "  hi: {heads: {like: {weights: {taste: 20, quality: 5}}}}\n"
        "  hi-IN: {heads: {like: {bias: 7, weights: {source: 0}}}}\n");
    static const enum feature features[] = {FEATURE_FRESHNESS, FEATURE_QUALITY, FEATURE_TASTE,
                                            FEATURE_SOURCE};
    static const double want[] = {1, 5, 20, 0};
    const struct head_model *like = &weights_model_of(weights, "hi-IN")->heads[HEAD_LIKE];
    CHECK_EQ(COUNT(features), like->weight_count);
    for (size_t i = 0; i < COUNT(features); i++) {
        CHECK_EQ(features[i], like->weights[i].feature);
        CHECK(same_number(want[i], like->weights[i].weight));
    }
    CHECK(same_number(7, like->bias));
    CHECK_EQ(3, weights_model_of(weights, "ru")->heads[HEAD_LIKE].weight_count);
    weights_unref(weights);
}

static void a_locale_changes_the_kind_of_a_head(void)
{
    struct weights *weights =
        weights_accept("version: a\n"
                       "heads: {like: {prior: 0.25}}\n"
                       "locales:\n"
                       "  hi: {heads: {like: {kind: logistic, weights: {taste: 1}}}}\n"
                       "  hi-IN: {heads: {like: {weights: {taste: 2}}}}\n"
                       "  hi-Latn: {heads: {like: {kind: rate, strength: 7}}}\n");
    CHECK_EQ(HEAD_KIND_RATE, weights_model_of(weights, "und")->heads[HEAD_LIKE].kind);
    CHECK_EQ(HEAD_KIND_LOGISTIC, weights_model_of(weights, "hi-IN")->heads[HEAD_LIKE].kind);
    const struct head_model *latin = &weights_model_of(weights, "hi-Latn")->heads[HEAD_LIKE];
    CHECK_EQ(HEAD_KIND_RATE, latin->kind);
    CHECK(same_number(0.25, latin->prior)); /* as at the top */
    CHECK(same_number(7, latin->strength));
    weights_unref(weights);
}

static void keys_that_the_kind_does_not_use_are_refused(void)
{
    weights_check_refused("heads: {like: {bias: 1}}", 2, 16, "heads.like.bias",
                          "this head's kind is rate, which does not use the key; it is for linear "
                          "or logistic");
    weights_check_refused("heads: {like: {kind: linear, weights: {}, prior: 0.5}}", 2, 43,
                          "heads.like.prior",
                          "this head's kind is linear, which does not use the key; it is for rate");
    weights_check_refused("locales:\n  hi: {heads: {like: {weights: {taste: 1}}}}", 3, 23,
                          "locales.hi.heads.like.weights",
                          "this head's kind is rate, which does not use the key; it is for linear "
                          "or logistic");
    weights_check_refused("experiments: {e: {arms: {a: {share: 1, heads: {like: {bias: 1}}}}}}", 2,
                          55, "experiments.e.arms.a.heads.like.bias",
                          "this head's kind is rate, which does not use the key; it is for linear "
                          "or logistic");
}

static void kinds_without_what_they_need_are_refused(void)
{
    weights_check_refused("heads: {like: {kind: linear, bias: 1}}", 2, 16, "heads.like.kind",
                          "kinds linear and logistic need the key weights, numbers by feature");
    weights_check_refused("locales:\n  hi: {heads: {like: {kind: trees}}}", 3, 23,
                          "locales.hi.heads.like.kind",
                          "kind trees needs the key model, the name of a model file");
}

static void weights_that_are_no_numbers_of_features_are_refused(void)
{
#define LINEAR "heads: {like: {kind: linear, weights: "
    weights_check_refused(LINEAR "{tast: 1}}}", 2, 40, "heads.like.weights.tast",
                          "unknown feature; did you mean \"taste\"?");
    weights_check_refused(LINEAR "{xxxxxxxx: [1]}}}", 2, 40, "heads.like.weights.xxxxxxxx",
                          "unknown feature; \"reelrank features\" lists all 118");
    weights_check_refused(LINEAR "{taste: 1, taste: 2}}}", 2, 50, "heads.like.weights.taste",
                          "the key stands here again; first on line 2");
    weights_check_refused(LINEAR "{taste: 1000.5}}}", 2, 47, "heads.like.weights.taste",
                          "found 1000.5; allowed: -1000 to 1000");
    weights_check_refused(LINEAR "{taste: {a: 1}}}}", 2, 47, "heads.like.weights.taste",
                          "found a mapping; expected -1000 to 1000");
    weights_check_refused(LINEAR "[taste]}}", 2, 39, "heads.like.weights",
                          "found a list; expected names with numbers, indented below");
#undef LINEAR
    CHECK_EQ(118, FEATURE_COUNT);
}

static void a_model_file_is_loaded_once_and_shared(void)
{
    struct folder folder = {.text = stump};
    const struct weights_loader loader = {.load = load, .context = &folder};
    struct weights *weights = weights_accept_with(
        "version: a\n"
        "heads:\n"
        "  like: {kind: trees, model: models/like.json}\n"
        "  skip: {kind: trees, model: 'models/like.json'}\n"
        "locales: {hi: {heads: {like: {model: b.json}, share: {kind: trees, model: b.json}}}}\n",
        &loader);
    const struct model *model = weights_model_of(weights, "ru");
    const struct model *hindi = weights_model_of(weights, "hi");
    CHECK_EQ(2, folder.loads);
    CHECK(model->heads[HEAD_LIKE].trees != NULL);
    CHECK(model->heads[HEAD_LIKE].trees == model->heads[HEAD_SKIP].trees);
    CHECK(hindi->heads[HEAD_LIKE].trees != model->heads[HEAD_LIKE].trees);
    CHECK(hindi->heads[HEAD_LIKE].trees == hindi->heads[HEAD_SHARE].trees);
    CHECK_EQ(FEATURE_TASTE, trees_feature(hindi->heads[HEAD_LIKE].trees, 0));
    weights_unref(weights);
}

static void a_model_of_a_head_that_is_no_trees_is_refused(void)
{
    struct folder folder = {.text = stump};
    const struct weights_loader loader = {.load = load, .context = &folder};
    const struct weights_problems *problems = weights_refuse(
        text_of("version: a\nheads: {like: {kind: rate, model: b.json}}\n"), &loader);
    CHECK_STR("this head's kind is rate, which does not use the key; it is for trees",
              problems->items[0].message);
    CHECK_STR("heads.like.model", problems->items[0].path);
    CHECK_EQ(28, problems->items[0].column);
    CHECK_EQ(1, problems->count);
}

/* The version's hash of a text and the model file it names. */
static uint64_t version_hash(const char *yaml, const char *name, const char *model)
{
    uint64_t size = strlen(model);
    XXH3_state_t hash;
    XXH3_64bits_reset(&hash);
    XXH3_64bits_update(&hash, yaml, strlen(yaml));
    XXH3_64bits_update(&hash, name, strlen(name) + 1);
    XXH3_64bits_update(&hash, &size, sizeof(size));
    XXH3_64bits_update(&hash, model, size);
    return XXH3_64bits_digest(&hash);
}

static void the_version_covers_the_bytes_of_model_files(void)
{
    static const char yaml[] = "version: a\nheads: {like: {kind: trees, model: b.json}}\n";
    struct folder folder = {.text = stump};
    const struct weights_loader loader = {.load = load, .context = &folder};
    char other[sizeof(stump) + 1];
    char want[64];
    snprintf(other, sizeof(other), "%s ", stump);

    struct weights *weights = weights_accept_with(yaml, &loader);
    snprintf(want, sizeof(want), "a@%016llx",
             (unsigned long long)version_hash(yaml, "b.json", stump));
    CHECK_STR(want, weights_version(weights));
    weights_unref(weights);

    folder.text = other;
    weights = weights_accept_with(yaml, &loader);
    CHECK(strcmp(want, weights_version(weights)) != 0);
    weights_unref(weights);
}

static void check_file_refused(const char *yaml, const struct weights_loader *loader,
                               unsigned column, const char *message)
{
    const struct weights_problems *problems = weights_refuse(text_of(yaml), loader);
    CHECK_STR(message, problems->items[0].message);
    CHECK_STR("heads.like.model", problems->items[0].path);
    CHECK_EQ(2, problems->items[0].line);
    CHECK_EQ(column, problems->items[0].column);
    CHECK_EQ(1, problems->count);
}

static void model_files_that_cannot_be_used_are_refused_where_they_are_named(void)
{
#define MODEL(name) "version: a\nheads: {like: {kind: trees, model: " name "}}\n"
    struct folder folder = {.text = "{}"};
    const struct weights_loader loader = {.load = load, .context = &folder};
    check_file_refused(MODEL("b.json"), NULL, 36,
                       "found \"b.json\": there are no model files here");
    check_file_refused(MODEL("c.json"), &loader, 36,
                       "found \"c.json\": cannot read c.json: No such file");
    check_file_refused(MODEL("b.json"), &loader, 36,
                       "found \"b.json\": learner.objective.name is missing; expected XGBoost's "
                       "JSON");
    static const char *const outside[] = {"/etc/x", "../x", "a/../../x", "a/.."};
    for (size_t i = 0; i < COUNT(outside); i++) {
        char yaml[128];
        char message[128];
        snprintf(yaml, sizeof(yaml), MODEL("%s"), outside[i]);
        snprintf(message, sizeof(message),
                 "found \"%s\"; allowed: a path below this file's directory, without \"..\"",
                 outside[i]);
        check_file_refused(yaml, &loader, 36, message);
    }
    check_file_refused(MODEL("''"), &loader, 36,
                       "found nothing; allowed: a text of 1 to 128 bytes");
    check_file_refused(MODEL("1e3"), &loader, 36,
                       "found 1e3, which is no text to YAML; write it in quotes: \"1e3\"");
    CHECK_EQ(2, folder.loads); /* none of the names that lead outside */
#undef MODEL
}

static void a_problem_with_a_shared_file_is_told_at_each_place(void)
{
    struct folder folder = {.text = "{\"learner\": \"\xff\"}"};
    const struct weights_loader loader = {.load = load, .context = &folder};
    const struct weights_problems *problems = weights_refuse(
        text_of(
            "version: a\n"
            "heads: {like: {kind: trees, model: b.json}, skip: {kind: trees, model: b.json}}\n"),
        &loader);
    CHECK_EQ(2, problems->count);
    CHECK_EQ(36, problems->items[0].column);
    CHECK_EQ(72, problems->items[1].column);
    CHECK(text_is_utf8(text_of(problems->items[1].message)));
    CHECK_EQ(1, folder.loads);
}

static enum status load_nothing(void *context, const char *name, struct text *out,
                                struct problem *problem)
{
    (void)context;
    (void)name;
    (void)out;
    (void)problem;
    return STATUS_NO_MEMORY;
}

static enum status load_stump(void *context, const char *name, struct text *out,
                              struct problem *problem)
{
    (void)context;
    (void)name;
    (void)problem;
    *out = text_of(stump);
    return STATUS_OK;
}

static void as_many_model_files_as_documented_and_no_more(void)
{
    const struct weights_loader loader = {.load = load_stump};
    char yaml[8192];
    size_t used = (size_t)snprintf(yaml, sizeof(yaml), "version: a\nlocales:\n");
    for (int i = 0; i < WEIGHTS_FILES_MAX; i++) {
        used += (size_t)snprintf(yaml + used, sizeof(yaml) - used,
                                 "  %c%c: {heads: {like: {kind: trees, model: m%d}}}\n",
                                 'a' + i / 20, 'a' + i % 20, i);
    }
    weights_unref(weights_accept_with(yaml, &loader));
    snprintf(yaml + used, sizeof(yaml) - used, "  zz: {heads: {like: {model: more}}}\n");
    const struct weights_problems *problems = weights_refuse(text_of(yaml), &loader);
    CHECK_STR("more than 64 model files", problems->items[0].message);
    CHECK_EQ(67, problems->items[0].line);
    CHECK_EQ(1, problems->count);
}

static void a_loader_without_memory_ends_in_no_memory(void)
{
    static const char yaml[] = "version: a\nvalue: 1\nheads: {like: {kind: trees, model: b}}\n";
    const struct weights_loader loader = {.load = load_nothing};
    struct weights_problems problems;
    struct weights *weights = NULL;
    CHECK_EQ(STATUS_NO_MEMORY, weights_parse_with(text_of(yaml), &loader, &weights, &problems));
    CHECK_EQ(0, problems.count);
    CHECK(weights == NULL);
}

static void sources_and_languages_merge_by_name(void)
{
    struct weights *weights = weights_accept(
        "version: a\n"
        "features: {sources: {fresh: 1, 2024: 0.25, \"two words\": 0}}\n"
        "languages: {hi: 0.6, in: 0.3}\n"
        "locales:\n"
        "  ru: {features: {sources: {fresh: 0.5, local: 0.75}}, languages: {id: 0.125, ru: 1}}\n");
    const struct model *model = weights_model_of(weights, "ru");
    static const struct {
        const char *name;
        double value;
    } sources[] = {{"fresh", 0.5}, {"2024", 0.25}, {"two words", 0}, {"local", 0.75}};
    CHECK_EQ(COUNT(sources), model->source_count);
    for (size_t i = 0; i < COUNT(sources); i++) {
        size_t at = 0;
        while (at < model->source_count &&
               model->sources[at].key != hash_key(text_of(sources[i].name))) {
            at++;
        }
        CHECK(at < model->source_count);
        CHECK(same_number(sources[i].value, model->sources[at].value));
        CHECK(i == 0 || model->sources[i - 1].key < model->sources[i].key);
    }
    struct locale indonesian;
    CHECK_EQ(STATUS_OK, locale_parse(text_of("id"), &indonesian));
    CHECK_EQ(3, model->language_count);
    for (unsigned i = 0; i < model->language_count; i++) {
        if (model->languages[i].language == indonesian.language) {
            CHECK(same_number(0.125, model->languages[i].confidence));
        }
    }
    CHECK_EQ(3, weights_model_of(weights, "und")->source_count);
    CHECK_EQ(2, weights_model_of(weights, "und")->language_count);
    weights_unref(weights);
}

static void mappings_have_bounds(void)
{
    weights_check_refused("features: {sources: {a: 1.5}}", 2, 25, "features.sources.a",
                          "found 1.5; allowed: 0 to 1");
    weights_check_refused("features: {sources: {'': 1}}", 2, 22, "features.sources.",
                          "found nothing; allowed: a text of 1 to 64 bytes");
    weights_check_refused("languages: {hi-IN: 1}", 2, 13, "languages.hi-IN",
                          "found \"hi-IN\"; allowed: a language alone, of 2 or 3 letters, such as "
                          "hi");
    weights_check_refused(
        "languages: {und: 1}", 2, 13, "languages.und",
        "found \"und\"; allowed: a language alone, of 2 or 3 letters, such as hi");
    weights_check_refused("languages: {id: 1, in: 1}", 2, 20, "languages.in",
                          "the key stands here again; first on line 2");
    weights_check_refused(
        "languages: {aa: 1, ab: 1, ac: 1, ad: 1, ae: 1, af: 1, ag: 1, ah: 1, ai: 1}", 2, 69,
        "languages.ai", "more than 8 entries");
    weights_check_refused("languages: {aa: 1, ab: 1, ac: 1, ad: 1, ae: 1, af: 1, ag: 1, ah: 1}\n"
                          "locales:\n"
                          "  hi: {languages: {aa: 0, ai: 1}}",
                          4, 8, "locales.hi.languages",
                          "with those inherited, more than 8 languages");
}

static void as_many_sources_as_documented_and_no_more(void)
{
    char body[2048] = "features:\n  sources:\n";
    size_t used = strlen(body);
    for (int i = 0; i < WEIGHTS_SOURCES_MAX; i++) {
        used += (size_t)snprintf(body + used, sizeof(body) - used, "    s%d: 0.5\n", i);
    }
    char yaml[2100];
    snprintf(yaml, sizeof(yaml), "version: a\n%s", body);
    struct weights *weights = weights_accept(yaml);
    CHECK_EQ(WEIGHTS_SOURCES_MAX, weights_model_of(weights, "und")->source_count);
    weights_unref(weights);
    snprintf(body + used, sizeof(body) - used, "    more: 1\n");
    weights_check_refused(body, 36, 5, "features.sources.more", "more than 32 entries");
    snprintf(body + used, sizeof(body) - used,
             "locales:\n  hi: {features: {sources: {more: 1}}}\n");
    weights_check_refused(body, 37, 19, "locales.hi.features.sources",
                          "with those inherited, more than 32 sources");
}

static void lists_of_names_are_replaced_whole(void)
{
    struct weights *weights = weights_accept(
        "version: a\n"
        "policy: {forbidden_tags: [gore, 'tr\xc3\xb4le', \"2024\"], forbidden_categories: [bets]}\n"
        "locales:\n"
        "  hi: {policy: {forbidden_tags: [pranks]}}\n"
        "  ru: {policy: {forbidden_tags: []}}\n");
    const struct model *model = weights_model_of(weights, "und");
    CHECK_EQ(3, model->forbidden_tags.count);
    CHECK(model->forbidden_tags.keys[0] < model->forbidden_tags.keys[1]);
    CHECK(model->forbidden_tags.keys[1] < model->forbidden_tags.keys[2]);
    const struct forbidden_names *hindi = &weights_model_of(weights, "hi")->forbidden_tags;
    CHECK_EQ(1, hindi->count);
    CHECK_EQ((uint32_t)hash_key(text_of("pranks")), hindi->keys[0]);
    CHECK_EQ(0, weights_model_of(weights, "ru")->forbidden_tags.count);
    CHECK_EQ(1, weights_model_of(weights, "ru")->forbidden_categories.count);
    weights_unref(weights);
}

static void lists_hold_single_texts_each_once(void)
{
#define TAGS "policy: {forbidden_tags: "
#define PATH "policy.forbidden_tags"
    weights_check_refused(TAGS "[a, b, a]}", 2, 33, PATH,
                          "\"a\" stands here again; first on line 2");
    weights_check_refused(TAGS "a}", 2, 26, PATH,
                          "found a single value; expected a list of names, as in [a, b]");
    weights_check_refused(TAGS "[[a]]}", 2, 27, PATH,
                          "found a list; each item of the list is a single value");
    weights_check_refused(TAGS "[2024]}", 2, 27, PATH,
                          "found 2024, which is no text to YAML; write it in quotes: \"2024\"");
    weights_check_refused(TAGS "[true]}", 2, 27, PATH,
                          "found true, which is no text to YAML; write it in quotes: \"true\"");
    weights_check_refused(TAGS "[0x1F]}", 2, 27, PATH,
                          "found 0x1F, which is no text to YAML; write it in quotes: \"0x1F\"");
    weights_check_refused(
        TAGS "[aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa]}", 2, 27, PATH,
        "found \"aaaaaaaaaaaaaaaaaaaaaaaaaaaa...\", 65 bytes; allowed: a text of 1 to 64 bytes");
#undef TAGS
#undef PATH
}

static void as_many_names_as_documented_and_no_more(void)
{
    char body[1024] = "policy:\n  forbidden_categories:\n";
    size_t used = strlen(body);
    for (int i = 0; i < WEIGHTS_FORBIDDEN_MAX; i++) {
        used += (size_t)snprintf(body + used, sizeof(body) - used, "  - c%d\n", i);
    }
    char yaml[1100];
    snprintf(yaml, sizeof(yaml), "version: a\n%s", body);
    struct weights *weights = weights_accept(yaml);
    CHECK_EQ(WEIGHTS_FORBIDDEN_MAX, weights_model_of(weights, "und")->forbidden_categories.count);
    weights_unref(weights);
    snprintf(body + used, sizeof(body) - used, "  - more\n");
    weights_check_refused(body, 68, 5, "policy.forbidden_categories", "more than 64 names");
}

static double like_of(const struct weights *weights, const char *tag)
{
    return weights_model_of(weights, tag)->value[HEAD_LIKE];
}

static double share_of(const struct weights *weights, const char *tag)
{
    return weights_model_of(weights, tag)->value[HEAD_SHARE];
}

static double skip_of(const struct weights *weights, const char *tag)
{
    return weights_model_of(weights, tag)->value[HEAD_SKIP];
}

static void a_locale_inherits_what_stands_for_another_one(void)
{
    struct weights *weights = weights_accept("version: a\n"
                                             "locales:\n"
                                             "  mr-IN: {inherit: hi_IN, value: {skip: -5}}\n"
                                             "  mr: {value: {like: 4, follow: 4}}\n"
                                             "  und-IN: {value: {like: 1, share: 1, skip: -1}}\n"
                                             "  hi: {value: {like: 2}}\n"
                                             "  hi-IN: {value: {share: 3}}\n");
    /* For mr-IN: und-IN, mr, then what hi-IN adds to that: hi, hi-IN; then mr-IN itself. */
    CHECK(same_number(2, like_of(weights, "mr-IN")));
    CHECK(same_number(3, share_of(weights, "mr-IN")));
    CHECK(same_number(-5, skip_of(weights, "mr-IN")));
    CHECK(same_number(4, weights_model_of(weights, "mr-IN")->value[HEAD_FOLLOW]));
    CHECK(same_number(4, like_of(weights, "mr")));
    CHECK(same_number(4, like_of(weights, "mr-US")));
    CHECK(same_number(2, like_of(weights, "hi-IN")));
    CHECK(same_number(-1, skip_of(weights, "hi-IN")));
    /* mr-Latn-IN rests on mr-IN, and so on what that inherits. */
    CHECK(same_number(3, share_of(weights, "mr-Latn-IN")));
    weights_unref(weights);
}

static void inheritance_goes_on_through_those_inherited_from(void)
{
    struct weights *weights = weights_accept("version: a\n"
                                             "locales:\n"
                                             "  ne: {inherit: mr}\n"
                                             "  mr: {inherit: hi, value: {like: 2}}\n"
                                             "  hi: {value: {like: 1, share: 1}}\n"
                                             "  bho-IN: {inherit: ne}\n");
    CHECK(same_number(2, like_of(weights, "bho-IN")));
    CHECK(same_number(1, share_of(weights, "bho-IN")));
    CHECK(same_number(12, like_of(weights, "bho")));
    weights_unref(weights);
}

static void inheriting_nothing_and_cycles_are_refused(void)
{
    weights_check_refused("locales:\n  mr: {inherit: hi-IN}\n  hi-In: {}\n  kn: {inherit: hj-IN}",
                          5, 17, "locales.kn.inherit",
                          "found hj-IN, which is not under locales; did you mean \"hi-IN\"?");
    weights_check_refused("locales:\n  mr: {inherit: zza}", 3, 17, "locales.mr.inherit",
                          "found zza, which is not under locales");
    weights_check_refused("locales:\n  mr: {inherit: mr}", 3, 17, "locales.mr.inherit",
                          "found mr, which is a cycle: mr rests on mr itself, by its tag or by "
                          "inherit");
    weights_check_refused("locales:\n  a-IN: {}", 3, 3, "locales.a-IN",
                          "found \"a-IN\", which is no locale; write a BCP 47 tag such as hi, "
                          "hi-Latn, ru-RU or und-IN");
    weights_check_refused("locales:\n"
                          "  hi: {inherit: mr}\n"
                          "  mr: {inherit: ne}\n"
                          "  ne: {inherit: hi}",
                          5, 17, "locales.ne.inherit",
                          "found hi, which is a cycle: hi rests on ne itself, by its tag or by "
                          "inherit");
    weights_check_refused("locales:\n" /* hi-IN rests on hi by its tag */
                          "  hi: {inherit: hi-IN}\n"
                          "  hi-IN: {}",
                          3, 17, "locales.hi.inherit",
                          "found hi-IN, which is a cycle: hi-IN rests on hi itself, by its tag or "
                          "by inherit");
    weights_check_refused("inherit: hi", 2, 1, "inherit",
                          "unknown key; allowed here: version, features, languages, heads, value, "
                          "multipliers, policy, slate, locales, experiments");
    weights_check_refused(
        "locales:\n  mr: {inherit: 7}", 3, 17, "locales.mr.inherit",
        "found \"7\", which is no locale; write a BCP 47 tag such as hi, hi-Latn, "
        "ru-RU or und-IN");
}

/* Writes locales aa, ab, ... where each inherits from the one before. */
static void write_line_of_heirs(char *out, size_t size, int count)
{
    size_t used = (size_t)snprintf(out, size, "locales:\n  aa: {}\n");
    for (int i = 1; i < count; i++) {
        used += (size_t)snprintf(out + used, size - used, "  %c%c: {inherit: %c%c}\n", 'a' + i / 20,
                                 'a' + i % 20, 'a' + (i - 1) / 20, 'a' + (i - 1) % 20);
    }
}

static void a_locale_rests_on_as_many_as_documented_and_no_more(void)
{
    char body[2048];
    char yaml[2100];
    write_line_of_heirs(body, sizeof(body), WEIGHTS_RESTS_MAX);
    snprintf(yaml, sizeof(yaml), "version: a\n%s", body);
    weights_unref(weights_accept(yaml));
    write_line_of_heirs(body, sizeof(body), WEIGHTS_RESTS_MAX + 1);
    weights_check_refused(body, 35, 3, "locales.bm",
                          "more than 32 locales stand for this one, by its tag and by inherit; "
                          "inherit less");
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(heads_of_sums_have_a_bias_and_weights_by_rising_feature),
        TEST(locales_override_single_weights_of_a_head),
        TEST(a_locale_changes_the_kind_of_a_head),
        TEST(keys_that_the_kind_does_not_use_are_refused),
        TEST(kinds_without_what_they_need_are_refused),
        TEST(weights_that_are_no_numbers_of_features_are_refused),
        TEST(a_model_file_is_loaded_once_and_shared),
        TEST(a_model_of_a_head_that_is_no_trees_is_refused),
        TEST(the_version_covers_the_bytes_of_model_files),
        TEST(model_files_that_cannot_be_used_are_refused_where_they_are_named),
        TEST(a_problem_with_a_shared_file_is_told_at_each_place),
        TEST(as_many_model_files_as_documented_and_no_more),
        TEST(a_loader_without_memory_ends_in_no_memory),
        TEST(sources_and_languages_merge_by_name),
        TEST(mappings_have_bounds),
        TEST(as_many_sources_as_documented_and_no_more),
        TEST(lists_of_names_are_replaced_whole),
        TEST(lists_hold_single_texts_each_once),
        TEST(as_many_names_as_documented_and_no_more),
        TEST(a_locale_inherits_what_stands_for_another_one),
        TEST(inheritance_goes_on_through_those_inherited_from),
        TEST(inheriting_nothing_and_cycles_are_refused),
        TEST(a_locale_rests_on_as_many_as_documented_and_no_more),
    };
    return test_main(argc, argv, tests, COUNT(tests));
}
