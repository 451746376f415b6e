#include "cli/policy.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/column.h"
#include "ranker/check.h"
#include "ranker/policy_proof.h"

enum {
    NAME_SIZE = 64,
    ENTRY_NAME_SIZE = 512,
    TEXT_SIZE = 96,
    EXPRESSION_SIZE = 48,
    SENTENCES_MAX = 32,
    CLAIMS_MAX = ARGUMENT_TEXTS_MAX
};

/* A model and what it is called: "hi-IN", "default", "hi-IN (exp/arm)". */
struct entry {
    char name[ENTRY_NAME_SIZE];
    const struct model *model;
};

struct entries {
    size_t count;
    struct entry *items; /* owned */
};

/* Something that a proof shows, and how to claim it. */
struct sentence {
    bool never;
    char text[TEXT_SIZE];
    char expression[EXPRESSION_SIZE];
};

struct sentences {
    size_t count;
    struct sentence items[SENTENCES_MAX];
};

/* A claim of the command line: of one entry's name, or of all ("*"). */
struct claim {
    const char *text;
    char name[NAME_SIZE];
    struct locale locale;
    struct policy_claim claim;
};

/* What became of a claim: the first entry where it does not hold. */
struct verdict {
    bool proven;
    char name[ENTRY_NAME_SIZE];
    char example[POLICY_CASE_SIZE];
};

/* ---- which models there are ---- */

static void name_locale(struct locale locale, char out[NAME_SIZE])
{
    char text[LOCALE_TEXT_SIZE];
    locale_format(locale, text);
    bool is_default = locale.language == 0 && locale.region == 0 && locale.script == 0;
    snprintf(out, NAME_SIZE, "%s", is_default ? "default" : text);
}

static enum status add_entry(struct entries *entries, struct locale locale,
                             const struct weights_chosen *chosen)
{
    struct entry *items = realloc(entries->items, (entries->count + 1) * sizeof(*items));
    if (items == NULL) {
        return STATUS_NO_MEMORY;
    }
    entries->items = items;
    struct entry *entry = &items[entries->count++];
    char name[NAME_SIZE];
    bool has_arms = chosen->arms[0] != '\0';
    *entry = (struct entry){.model = chosen->model};
    name_locale(locale, name);
    snprintf(entry->name, sizeof(entry->name), "%s%s%s%s", name, has_arms ? " (" : "", chosen->arms,
             has_arms ? ")" : "");
    return STATUS_OK;
}

/* Every model that serves the locale: without experiments, and with each combination of arms. */
static enum status list_locale(const struct weights *weights, struct locale locale,
                               struct entries *out)
{
    struct weights_chosen chosen;
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && weights_model_at(weights, locale, i, &chosen); i++) {
        status = add_entry(out, locale, &chosen);
    }
    return status;
}

/* Every model of the weights. Whatever else may serve a request has to be added here. */
static enum status list_all(const struct weights *weights, struct entries *out)
{
    struct locale locale;
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && weights_locale_at(weights, i, &locale); i++) {
        status = list_locale(weights, locale, out);
    }
    return status;
}

/* "default" or a tag. */
static enum status parse_name(struct text name, struct locale *out)
{
    if (text_equal(name, text_of("default"))) {
        *out = (struct locale){0};
        return STATUS_OK;
    }
    return locale_parse(name, out);
}

static enum status list_wanted(const struct weights *weights, const struct argument_texts *locales,
                               struct entries *out, struct problem *problem)
{
    if (locales->count == 0) {
        return list_all(weights, out);
    }
    for (size_t i = 0; i < locales->count; i++) {
        struct locale locale;
        if (parse_name(text_of(locales->items[i]), &locale) != STATUS_OK) {
            problem_set(problem,
                        "--locale \"%.60s\" is neither default nor a BCP 47 language tag such as "
                        "\"hi-IN\"",
                        locales->items[i]);
            return STATUS_INVALID;
        }
        enum status status = list_locale(weights, locale, out);
        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}

/* ---- sentences ---- */

__attribute__((format(printf, 4, 5))) static void
add(struct sentences *sentences, bool never, const char *expression, const char *format, ...)
{
    CHECK(sentences->count < SENTENCES_MAX);
    struct sentence *sentence = &sentences->items[sentences->count++];
    sentence->never = never;
    snprintf(sentence->expression, EXPRESSION_SIZE, "%s", expression);
    va_list list;
    va_start(list, format);
    vsnprintf(sentence->text, TEXT_SIZE, format, list);
    va_end(list);
}

/* Whether a statement of our own is proven. */
static bool proven(const struct policy_proof *proof, const char *expression)
{
    struct policy_claim claim;
    struct policy_case example;
    struct problem problem;
    CHECK(policy_claim_parse(text_of(expression), 0, &claim, &problem) == STATUS_OK);
    return policy_claim_proven(&claim, proof, &example);
}

/* "7 days": the largest unit that leaves no rest. */
static void format_duration(int64_t ms, char out[NAME_SIZE])
{
    static const struct {
        int64_t ms;
        const char *name;
    } units[] = {{86400000, "day"}, {3600000, "hour"}, {60000, "minute"}, {1000, "second"}};
    size_t i = 0;
    while (i < 3 && ms % units[i].ms != 0) {
        i++;
    }
    int64_t count = ms / units[i].ms;
    snprintf(out, NAME_SIZE, "%" PRId64 " %s%s", count, units[i].name, count == 1 ? "" : "s");
}

static void tell_plain(const struct policy_proof *proof, struct sentences *out)
{
    const struct {
        const char *expression;
        const char *text;
    } plain[] = {
        {"video = unknown", "unknown to the catalogue"},
        {"video = deleted", "deleted"},
        {"unrated = yes", "unrated"},
    };
    for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
        add(out, proven(proof, plain[i].expression), plain[i].expression, "%s", plain[i].text);
    }
}

/* The riskiest rating that is shown, and all above it that are not. */
static void tell_safety(const struct policy_proof *proof, struct sentences *out)
{
    static const char *const levels[] = {"floor", "high", "medium", "low"};
    for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
        char shown[EXPRESSION_SIZE];
        char above[EXPRESSION_SIZE];
        snprintf(shown, sizeof(shown), "safety = %s", levels[i]);
        snprintf(above, sizeof(above), "safety > %s", levels[i]);
        if (!proven(proof, shown)) {
            snprintf(shown, sizeof(shown), "safety <= %s", levels[i]);
            if (i == 0) {
                add(out, proven(proof, above), above, "of a rating that does not exist");
                add(out, false, shown, "rated, whatever the rating");
            } else {
                add(out, proven(proof, above), above, "rated riskier than %s", levels[i]);
                add(out, false, shown, "rated %s%s", levels[i], i < 3 ? " or less risky" : "");
            }
            return;
        }
    }
    add(out, true, "safety >= low", "rated at all");
}

static void tell_age(const struct policy_proof *proof, struct sentences *out)
{
    add(out, proven(proof, "minimum_age > user"), "minimum_age > user",
        "for people older than the user (an unknown age counts as %d)", proof->unknown_age);
    for (int age = LIMIT_MINIMUM_AGE_YEARS; age >= 0; age--) {
        char shown[EXPRESSION_SIZE];
        char above[EXPRESSION_SIZE];
        snprintf(shown, sizeof(shown), "minimum_age = %d", age);
        snprintf(above, sizeof(above), "minimum_age > %d", age);
        if (!proven(proof, shown)) {
            bool is_bound = age < LIMIT_MINIMUM_AGE_YEARS && proven(proof, above);
            if (is_bound) {
                add(out, true, above, "for people older than %d, whoever asks", age);
            }
            add(out, false, shown, "for people of %d or more, if the user is as old", age);
            return;
        }
    }
}

static void tell_curated(const struct policy_proof *proof, struct sentences *out)
{
    bool only_featured = proven(proof, "curated < featured");
    bool only_curated = proven(proof, "curated < approved");
    if (only_featured) {
        add(out, true, "curated < featured", "not featured by the editors");
    } else if (only_curated) {
        add(out, true, "curated < approved", "neither approved nor featured by the editors");
    } else {
        add(out, false, "curated = none", "not curated");
    }
}

static void tell_names(const struct policy_proof *proof, const struct model *model,
                       struct sentences *out)
{
    unsigned categories = model->forbidden_categories.count;
    unsigned tags = model->forbidden_tags.count;
    if (categories > 0) {
        add(out, proven(proof, "category = forbidden"), "category = forbidden",
            "of a forbidden category (%u %s)", categories, categories == 1 ? "is" : "are");
    }
    add(out, proven(proof, "category = unknown"), "category = unknown", "of no known category");
    if (tags > 0) {
        add(out, proven(proof, "tag = forbidden"), "tag = forbidden",
            "marked with a forbidden tag (%u %s)", tags, tags == 1 ? "is" : "are");
    }
}

static void tell_user(const struct policy_proof *proof, const struct model *model,
                      struct sentences *out)
{
    static const struct {
        const char *expression;
        const char *text;
    } rules[] = {
        {"region = forbidden", "forbidden in the user's region"},
        {"region = elsewhere", "allowed in other regions only"},
        {"region = unplaced", "bound to regions, while the user's is unknown"},
        {"language = other", "in no language that the user reads"},
        {"language = unknown", "of unknown language, or for a user of unknown language"},
        {"hidden = yes", "by a creator whom the user has hidden"},
    };
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        add(out, proven(proof, rules[i].expression), rules[i].expression, "%s", rules[i].text);
    }
    char within[NAME_SIZE];
    format_duration(model->seen_within_ms, within);
    const char *when = model->seen_within_ms > 0 ? within : "moment";
    bool always = proven(proof, "seen = yes");
    if (!always) {
        add(out, proven(proof, "seen = excluded"), "seen = excluded",
            "seen in the last %s, if the request says exclude_seen", when);
    }
    add(out, always, "seen = yes", "seen in the last %s", when);
}

static void tell_all(const struct policy_proof *proof, const struct model *model,
                     struct sentences *out)
{
    out->count = 0;
    tell_plain(proof, out);
    tell_safety(proof, out);
    tell_age(proof, out);
    tell_curated(proof, out);
    tell_names(proof, model, out);
    tell_user(proof, model, out);
}

/* ---- the report ---- */

static void print_sentences(const struct sentences *sentences, bool never)
{
    for (size_t i = 0; i < sentences->count; i++) {
        const struct sentence *sentence = &sentences->items[i];
        if (sentence->never == never) {
            printf("    %-62s %s\n", sentence->text, sentence->expression);
        }
    }
}

static void print_group(const char *names, const struct policy_proof *proof,
                        const struct sentences *sentences)
{
    printf("\n%s never shows a video that is\n", names);
    print_sentences(sentences, true);
    printf("  and may show one that is\n");
    print_sentences(sentences, false);
    printf("  %" PRIu64 " cases asked, %" PRIu64 " of them shown\n", proof->case_count,
           proof->shown_count);
}

static json_t *json_of_sentences(const struct sentences *sentences, bool never)
{
    json_t *list = json_array();
    for (size_t i = 0; i < sentences->count; i++) {
        const struct sentence *sentence = &sentences->items[i];
        if (sentence->never == never) {
            json_array_append_new(list, json_pack("{s:s, s:s}", "text", sentence->text,
                                                  "expression", sentence->expression));
        }
    }
    return list;
}

static json_t *json_of_group(json_t *names, const struct policy_proof *proof,
                             const struct sentences *sentences)
{
    return json_pack("{s:o, s:o, s:o, s:I, s:I}", "locales", names, "never",
                     json_of_sentences(sentences, true), "may", json_of_sentences(sentences, false),
                     "cases", (json_int_t)proof->case_count, "shown",
                     (json_int_t)proof->shown_count);
}

/* Proves one group of entries that judge alike, from its first, and reports it. */
static enum status report_group(const struct entries *entries, size_t first, bool *done,
                                struct policy_proof *proof, json_t *json)
{
    const struct model *model = entries->items[first].model;
    enum status status = policy_prove(model, 0, 0, proof);
    if (status != STATUS_OK) {
        return status;
    }
    char names[1024] = "";
    size_t size = 0;
    json_t *list = json_array();
    for (size_t i = first; i < entries->count; i++) {
        if (!done[i] && policy_equal(model, entries->items[i].model)) {
            done[i] = true;
            int more = snprintf(names + size, sizeof(names) - size, "%s%s", size > 0 ? ", " : "",
                                entries->items[i].name);
            size = size + (size_t)more < sizeof(names) ? size + (size_t)more : sizeof(names) - 1;
            json_array_append_new(list, json_string(entries->items[i].name));
        }
    }
    struct sentences sentences;
    tell_all(proof, model, &sentences);
    if (json != NULL) {
        json_array_append_new(json, json_of_group(list, proof, &sentences));
    } else {
        print_group(names, proof, &sentences);
        json_decref(list);
    }
    return STATUS_OK;
}

static enum status report_all(const struct entries *entries, struct policy_proof *proof,
                              json_t *json)
{
    bool *done = calloc(entries->count + 1, sizeof(*done));
    enum status status = done != NULL ? STATUS_OK : STATUS_NO_MEMORY;
    for (size_t i = 0; status == STATUS_OK && i < entries->count; i++) {
        if (!done[i]) {
            status = report_group(entries, i, done, proof, json);
        }
    }
    free(done);
    return status;
}

/* ---- claims ---- */

static enum status parse_claim(const char *text, struct claim *out, struct problem *problem)
{
    struct problem inner = {""};
    struct claim claim = {.text = text};
    const char *colon = strchr(text, ':');
    enum status status = colon != NULL ? STATUS_OK : STATUS_INVALID;
    if (status != STATUS_OK) {
        problem_set(&inner, "column 1: a locale, default or * comes first, and a colon behind it");
    }
    struct text name = {.data = text, .size = colon != NULL ? (size_t)(colon - text) : 0};
    bool is_all = text_equal(name, text_of("*"));
    if (status == STATUS_OK && !is_all) {
        status = parse_name(name, &claim.locale);
        if (status != STATUS_OK) {
            problem_set(&inner,
                        "column 1: found \"%.*s\"; a BCP 47 language tag such as hi-IN, "
                        "default, or * for all is allowed",
                        (int)(name.size < 40 ? name.size : 40), name.data);
        }
    }
    if (status == STATUS_OK) {
        status = policy_claim_parse(text_of(text), name.size + 1, &claim.claim, &inner);
    }
    if (status != STATUS_OK) {
        problem_set(problem, "--never \"%.80s\": %.220s", text, inner.text);
        return status;
    }
    if (is_all) {
        snprintf(claim.name, sizeof(claim.name), "*");
    } else {
        name_locale(claim.locale, claim.name);
    }
    *out = claim;
    return STATUS_OK;
}

static enum status judge_claim(const struct claim *claim, const struct entries *entries,
                               struct policy_proof *proof, struct verdict *out)
{
    bool is_category = claim->claim.subject == POLICY_SUBJECT_CATEGORY;
    uint32_t key = claim->claim.key;
    *out = (struct verdict){.proven = true};
    for (size_t i = 0; i < entries->count && out->proven; i++) {
        const struct entry *entry = &entries->items[i];
        bool is_repeat = i > 0 && policy_equal(entry->model, entries->items[i - 1].model);
        enum status status = is_repeat ? STATUS_OK
                                       : policy_prove(entry->model, is_category ? key : 0,
                                                      is_category ? 0 : key, proof);
        struct policy_case example;
        if (status != STATUS_OK) {
            return status;
        }
        out->proven = policy_claim_proven(&claim->claim, proof, &example);
        if (!out->proven) {
            snprintf(out->name, sizeof(out->name), "%s", entry->name);
            policy_case_describe(example, out->example);
        }
    }
    return STATUS_OK;
}

static enum status judge_one(const struct weights *weights, const struct claim *claim,
                             struct policy_proof *proof, struct verdict *out)
{
    struct entries entries = {0};
    enum status status = strcmp(claim->name, "*") == 0
                             ? list_all(weights, &entries)
                             : list_locale(weights, claim->locale, &entries);
    if (status == STATUS_OK) {
        status = judge_claim(claim, &entries, proof, out);
    }
    free(entries.items);
    return status;
}

static void print_verdict(const struct claim *claim, const struct verdict *verdict)
{
    column_print_all(stdout, claim->text);
    if (verdict->proven) {
        printf(": proven\n");
    } else {
        printf(": does not hold; %s may show a video that is\n    %s\n", verdict->name,
               verdict->example);
    }
}

static json_t *json_of_verdict(const struct claim *claim, const struct verdict *verdict)
{
    json_t *object = json_pack("{s:s, s:b}", "claim", claim->text, "proven", verdict->proven);
    if (!verdict->proven) {
        json_object_set_new(object, "locale", json_string(verdict->name));
        json_object_set_new(object, "example", json_string(verdict->example));
    }
    return object;
}

static enum status report_claims(const struct weights *weights, const struct claim *claims,
                                 size_t count, struct policy_proof *proof, json_t *json,
                                 bool *all_proven)
{
    *all_proven = true;
    if (count > 0 && json == NULL) {
        printf("\n");
    }
    for (size_t i = 0; i < count; i++) {
        struct verdict verdict;
        enum status status = judge_one(weights, &claims[i], proof, &verdict);
        if (status != STATUS_OK) {
            return status;
        }
        *all_proven = *all_proven && verdict.proven;
        if (json != NULL) {
            json_array_append_new(json, json_of_verdict(&claims[i], &verdict));
        } else {
            print_verdict(&claims[i], &verdict);
        }
    }
    return STATUS_OK;
}

/* ---- all of it ---- */

static enum status report(const struct weights *weights, const struct entries *entries,
                          const struct claim *claims, size_t claim_count, bool json,
                          bool *all_proven)
{
    struct policy_proof *proof = malloc(sizeof(*proof));
    json_t *groups = json ? json_array() : NULL;
    json_t *verdicts = json ? json_array() : NULL;
    enum status status = proof != NULL ? STATUS_OK : STATUS_NO_MEMORY;
    if (status == STATUS_OK) {
        status = report_all(entries, proof, groups);
    }
    if (status == STATUS_OK) {
        status = report_claims(weights, claims, claim_count, proof, verdicts, all_proven);
    }
    if (status == STATUS_OK && json) {
        json_t *root = json_pack("{s:s, s:O, s:O}", "weights_version", weights_version(weights),
                                 "policies", groups, "claims", verdicts);
        json_dumpf(root, stdout, JSON_INDENT(2));
        printf("\n");
        json_decref(root);
    }
    json_decref(groups);
    json_decref(verdicts);
    free(proof);
    return status;
}

enum exit_code policy_report(const struct weights *weights, const struct policy_options *options)
{
    struct problem problem = {""};
    struct claim claims[CLAIMS_MAX];
    for (size_t i = 0; i < options->claims->count; i++) {
        if (parse_claim(options->claims->items[i], &claims[i], &problem) != STATUS_OK) {
            (void)command_fail("check", STATUS_INVALID, &problem);
            return CODE_USAGE;
        }
    }
    bool all_proven = true;
    struct entries entries = {0};
    enum status status = list_wanted(weights, options->locales, &entries, &problem);
    enum exit_code code = CODE_USAGE;
    if (status == STATUS_INVALID) {
        (void)command_fail("check", status, &problem);
    } else {
        if (status == STATUS_OK) {
            status = report(weights, &entries, claims, options->claims->count, options->json,
                            &all_proven);
        }
        code = all_proven ? CODE_OK : CODE_INVALID;
        code = status == STATUS_OK ? code : command_fail("check", status, &problem);
    }
    free(entries.items);
    return code;
}
