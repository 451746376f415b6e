#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ranker/check.h"
#include "ranker/hash.h"
#include "ranker/limits.h"
#include "ranker/nearest.h"
#include "ranker/policy_proof.h"
#include "ranker/policy_values.h"

/* Statements about cases: how they are written, and which cases they are of. */

enum { WORDS_MAX = 6, WORD_SIZE = 24, MINIMUM_AGE_OF_USER = -1 };

enum value_kind { VALUE_WORD, VALUE_NUMBER, VALUE_NAME };

struct word {
    const char *text;
    int value;
};

/* What a word means of a category or tag; other words are names. */
enum { NAMES_NAMED, NAMES_FORBIDDEN, NAMES_UNKNOWN };

static const struct subject {
    const char *name;
    enum policy_fact fact;
    enum value_kind kind;
    bool ordered; /* "<" and the like have a meaning */
    struct word words[WORDS_MAX];
} subjects[POLICY_SUBJECT_COUNT] = {
    [POLICY_SUBJECT_VIDEO] = {"video",
                              POLICY_FACT_VIDEO,
                              VALUE_WORD,
                              false,
                              {{"known", 0}, {"deleted", 1}, {"unknown", 2}}},
    [POLICY_SUBJECT_SAFETY] = {"safety",
                               POLICY_FACT_SAFETY,
                               VALUE_WORD,
                               true,
                               {{"low", SAFETY_LOW},
                                {"medium", SAFETY_MEDIUM},
                                {"high", SAFETY_HIGH},
                                {"floor", SAFETY_FLOOR}}},
    [POLICY_SUBJECT_UNRATED] =
        {"unrated", POLICY_FACT_SAFETY, VALUE_WORD, false, {{"yes", 1}, {"no", 0}}},
    [POLICY_SUBJECT_MINIMUM_AGE] =
        {"minimum_age", POLICY_FACT_AGE, VALUE_NUMBER, true, {{"user", MINIMUM_AGE_OF_USER}}},
    [POLICY_SUBJECT_CURATED] = {"curated",
                                POLICY_FACT_CURATED,
                                VALUE_WORD,
                                true,
                                {{"none", CURATED_NONE},
                                 {"approved", CURATED_APPROVED},
                                 {"featured", CURATED_FEATURED}}},
    [POLICY_SUBJECT_CATEGORY] = {"category",
                                 POLICY_FACT_CATEGORY,
                                 VALUE_NAME,
                                 false,
                                 {{"forbidden", NAMES_FORBIDDEN}, {"unknown", NAMES_UNKNOWN}}},
    [POLICY_SUBJECT_TAG] =
        {"tag", POLICY_FACT_TAG, VALUE_NAME, false, {{"forbidden", NAMES_FORBIDDEN}}},
    [POLICY_SUBJECT_REGION] =
        {"region",
         POLICY_FACT_REGION,
         VALUE_WORD,
         false,
         {{"allowed", 0}, {"forbidden", 1}, {"elsewhere", 2}, {"unplaced", 3}}},
    [POLICY_SUBJECT_LANGUAGE] = {"language",
                                 POLICY_FACT_LANGUAGE,
                                 VALUE_WORD,
                                 false,
                                 {{"readable", 0}, {"other", 1}, {"unknown", 2}}},
    [POLICY_SUBJECT_SEEN] =
        {"seen", POLICY_FACT_SEEN, VALUE_WORD, false, {{"no", 0}, {"yes", 1}, {"excluded", 2}}},
    [POLICY_SUBJECT_HIDDEN] =
        {"hidden", POLICY_FACT_CREATOR, VALUE_WORD, false, {{"yes", 1}, {"no", 0}}},
};

static const struct {
    const char *text;
    enum policy_operator operator_;
} operators[] = {
    {"!=", POLICY_NOT_EQUAL}, {"<=", POLICY_AT_MOST}, {">=", POLICY_AT_LEAST}, {"==", POLICY_EQUAL},
    {"=", POLICY_EQUAL},      {"<", POLICY_LESS},     {">", POLICY_GREATER},
};

/* ---- reading ---- */

struct cursor {
    struct text text;
    size_t at;
};

static void skip_spaces(struct cursor *cursor)
{
    while (cursor->at < cursor->text.size && cursor->text.data[cursor->at] == ' ') {
        cursor->at++;
    }
}

static bool is_word_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
}

/* Takes a word; what is longer than any that is known is cut, and so is known no more. */
static void take_word(struct cursor *cursor, char out[WORD_SIZE])
{
    size_t size = 0;
    for (; cursor->at < cursor->text.size && is_word_letter(cursor->text.data[cursor->at]);
         cursor->at++) {
        if (size < WORD_SIZE - 1) {
            out[size++] = cursor->text.data[cursor->at];
        }
    }
    out[size] = '\0';
}

static const char *found(const char *word)
{
    return word[0] != '\0' ? word : "nothing";
}

static enum status fail(size_t at, const char *what, const char *word, const struct names *names,
                        struct problem *problem)
{
    char list[NEAREST_LIST_SIZE];
    const char *near = nearest_name(word, names);
    nearest_list(names, list);
    problem_set(problem, "column %zu: found %s; %s: %s%s%s%s", at + 1, found(word), what, list,
                near != NULL ? "; did you mean \"" : "", near != NULL ? near : "",
                near != NULL ? "\"?" : "");
    return STATUS_INVALID;
}

static enum status parse_subject(struct cursor *cursor, struct policy_claim *out,
                                 struct problem *problem)
{
    char word[WORD_SIZE];
    skip_spaces(cursor);
    size_t at = cursor->at;
    take_word(cursor, word);
    for (unsigned i = 0; i < POLICY_SUBJECT_COUNT; i++) {
        if (strcmp(word, subjects[i].name) == 0) {
            out->subject = i;
            return STATUS_OK;
        }
    }
    const struct names names = {&subjects[0].name, sizeof(subjects[0]), POLICY_SUBJECT_COUNT};
    return fail(at, "facts are", word, &names, problem);
}

static enum status parse_operator(struct cursor *cursor, struct policy_claim *out,
                                  struct problem *problem)
{
    const struct subject *subject = &subjects[out->subject];
    skip_spaces(cursor);
    const char *at = cursor->text.data + cursor->at;
    size_t left = cursor->text.size - cursor->at;
    for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++) {
        size_t size = strlen(operators[i].text);
        bool is_here = left >= size && memcmp(at, operators[i].text, size) == 0;
        bool is_equality = operators[i].operator_ <= POLICY_NOT_EQUAL;
        if (is_here && (is_equality || subject->ordered)) {
            out->operator_ = operators[i].operator_;
            cursor->at += size;
            return STATUS_OK;
        }
    }
    problem_set(problem, "column %zu: behind %s comes %s", cursor->at + 1, subject->name,
                subject->ordered ? "=, !=, <, <=, > or >=" : "= or !=");
    return STATUS_INVALID;
}

static enum status parse_number(const char *word, size_t at, struct policy_claim *out,
                                struct problem *problem)
{
    int number = 0;
    size_t i = 0;
    for (; i < 3 && word[i] >= '0' && word[i] <= '9'; i++) {
        number = number * 10 + (word[i] - '0');
    }
    if (i == 0 || word[i] != '\0' || number > LIMIT_MINIMUM_AGE_YEARS) {
        problem_set(problem,
                    "column %zu: found %s; a number of years from 0 to %d is allowed, or user",
                    at + 1, found(word), LIMIT_MINIMUM_AGE_YEARS);
        return STATUS_INVALID;
    }
    out->value = number;
    return STATUS_OK;
}

/* A name ends with its quote, or with the text. */
static enum status parse_name(struct cursor *cursor, struct policy_claim *out,
                              struct problem *problem)
{
    size_t begin = cursor->at;
    size_t end = cursor->text.size;
    char quote = begin < end ? cursor->text.data[begin] : '\0';
    if (quote == '"' || quote == '\'') {
        const char *close = memchr(cursor->text.data + begin + 1, quote, end - begin - 1);
        begin++;
        if (close == NULL) {
            problem_set(problem, "column %zu: the quote is never closed", begin);
            return STATUS_INVALID;
        }
        end = (size_t)(close - cursor->text.data);
        cursor->at = end + 1;
    } else {
        while (end > begin && cursor->text.data[end - 1] == ' ') {
            end--;
        }
        cursor->at = end;
    }
    if (end == begin || end - begin > LIMIT_SHORT_BYTES) {
        problem_set(problem, "column %zu: a name of 1 to %d bytes is allowed", begin + 1,
                    LIMIT_SHORT_BYTES);
        return STATUS_INVALID;
    }
    out->value = NAMES_NAMED;
    out->key = (uint32_t)hash_key((struct text){cursor->text.data + begin, end - begin});
    if (out->operator_ != POLICY_EQUAL) {
        problem_set(problem, "column %zu: only = goes with a name", begin + 1);
        return STATUS_INVALID;
    }
    if (out->key == 0) { /* one name in 4 billion */
        problem_set(problem, "column %zu: this name's hash looks like none; write forbidden",
                    begin + 1);
        return STATUS_INVALID;
    }
    return STATUS_OK;
}

static size_t word_count(const struct subject *subject)
{
    size_t count = 0;
    while (count < WORDS_MAX && subject->words[count].text != NULL) {
        count++;
    }
    return count;
}

static enum status parse_value(struct cursor *cursor, struct policy_claim *out,
                               struct problem *problem)
{
    const struct subject *subject = &subjects[out->subject];
    char word[WORD_SIZE];
    skip_spaces(cursor);
    size_t at = cursor->at;
    take_word(cursor, word);
    bool is_whole = subject->kind != VALUE_NAME || cursor->at == cursor->text.size;
    for (size_t i = 0; is_whole && i < word_count(subject); i++) {
        if (strcmp(word, subject->words[i].text) == 0) {
            out->value = subject->words[i].value;
            return STATUS_OK;
        }
    }
    if (subject->kind == VALUE_NUMBER) {
        return parse_number(word, at, out, problem);
    }
    if (subject->kind == VALUE_NAME) {
        cursor->at = at;
        return parse_name(cursor, out, problem);
    }
    const struct names names = {&subject->words[0].text, sizeof(subject->words[0]),
                                word_count(subject)};
    char what[64];
    snprintf(what, sizeof(what), "values of %s are", subject->name);
    return fail(at, what, word, &names, problem);
}

enum status policy_claim_parse(struct text text, size_t begin, struct policy_claim *out,
                               struct problem *problem)
{
    while (text.size > begin && text.data[text.size - 1] == ' ') {
        text.size--;
    }
    struct cursor cursor = {.text = text, .at = begin};
    struct policy_claim claim = {.key = 0};
    enum status status = parse_subject(&cursor, &claim, problem);
    if (status == STATUS_OK) {
        status = parse_operator(&cursor, &claim, problem);
    }
    if (status == STATUS_OK) {
        status = parse_value(&cursor, &claim, problem);
    }
    skip_spaces(&cursor);
    if (status == STATUS_OK && cursor.at < text.size) {
        problem_set(problem, "column %zu: nothing may follow the value", cursor.at + 1);
        return STATUS_INVALID;
    }
    if (status == STATUS_OK) {
        *out = claim;
    }
    return status;
}

/* ---- meaning ---- */

/* An unknown tier is below none, and a rating that is none of enum safety above floor. */
static int curated_of(unsigned value)
{
    return value <= CURATED_FEATURED ? (int)value : -1;
}

static int region_of(unsigned value)
{
    enum region_rule rule = policy_value_region_rule(value);
    if (rule != REGION_NO_RULE && policy_value_user_region(value) != USER_HERE) {
        return 3;
    }
    if (rule == REGION_FORBIDDEN_HERE || rule == REGION_BOTH_HERE) {
        return 1;
    }
    return rule == REGION_ALLOWED_ELSEWHERE ? 2 : 0;
}

static int language_of(unsigned value)
{
    if (value <= LANGUAGE_DECLARED) {
        return 0;
    }
    return value == LANGUAGE_OTHER ? 1 : 2;
}

/* The age that an unknown one is taken as. */
static int user_age(const struct policy_proof *proof, unsigned value)
{
    int minimum = (int)policy_value_minimum_age(value);
    switch (policy_value_age_relation(value)) {
    case AGE_UNKNOWN:
        return proof->unknown_age;
    case AGE_YOUNGER:
        return minimum > 1 ? minimum - 1 : 1;
    case AGE_AS_OLD:
        return minimum > 0 ? minimum : 1;
    default:
        return LIMIT_AGE_YEARS;
    }
}

static bool compare(int left, enum policy_operator operator_, int right)
{
    switch (operator_) {
    case POLICY_EQUAL:
        return left == right;
    case POLICY_NOT_EQUAL:
        return left != right;
    case POLICY_LESS:
        return left < right;
    case POLICY_AT_MOST:
        return left <= right;
    case POLICY_GREATER:
        return left > right;
    case POLICY_AT_LEAST:
        return left >= right;
    case POLICY_OPERATOR_COUNT:
        break;
    }
    return false;
}

/* A proof about one name has no other values. */
static bool name_holds(const struct policy_claim *claim, unsigned value)
{
    bool is_equal = claim->operator_ == POLICY_EQUAL;
    if (claim->value == NAMES_NAMED) {
        return true;
    }
    bool is_it =
        claim->value == NAMES_FORBIDDEN ? value >= NAME_FORBIDDEN_FIRST : value == NAME_NONE;
    return is_it == is_equal;
}

static bool holds(const struct policy_claim *claim, const struct policy_proof *proof,
                  unsigned value)
{
    int left = 0;
    int right = claim->value;
    switch (claim->subject) {
    case POLICY_SUBJECT_VIDEO:
        left = value == VIDEO_LIVE ? 0 : value == VIDEO_DELETED ? 1 : 2;
        break;
    case POLICY_SUBJECT_SAFETY:
        left = policy_value_safety(value);
        if (left <= SAFETY_UNRATED) {
            return false; /* says nothing of what nobody rated */
        }
        break;
    case POLICY_SUBJECT_UNRATED:
        left = policy_value_safety(value) <= SAFETY_UNRATED;
        break;
    case POLICY_SUBJECT_MINIMUM_AGE:
        left = (int)policy_value_minimum_age(value);
        right = right == MINIMUM_AGE_OF_USER ? user_age(proof, value) : right;
        break;
    case POLICY_SUBJECT_CURATED:
        left = curated_of(value);
        break;
    case POLICY_SUBJECT_CATEGORY:
    case POLICY_SUBJECT_TAG:
        return name_holds(claim, value);
    case POLICY_SUBJECT_REGION:
        left = region_of(value);
        break;
    case POLICY_SUBJECT_LANGUAGE:
        left = language_of(value);
        break;
    case POLICY_SUBJECT_SEEN:
        left = value == SEEN_NEVER || value == SEEN_LONG_AGO ? 0 : value == SEEN_UNASKED ? 1 : 2;
        if (right == 1) { /* yes: asked to be left out or not */
            left = left > 0;
        }
        break;
    case POLICY_SUBJECT_HIDDEN:
        left = value == CREATOR_HIDDEN;
        break;
    case POLICY_SUBJECT_COUNT:
        break;
    }
    return compare(left, claim->operator_, right);
}

bool policy_claim_proven(const struct policy_claim *claim, const struct policy_proof *proof,
                         struct policy_case *example)
{
    enum policy_fact fact = subjects[claim->subject].fact;
    for (unsigned value = 0; value < proof->value_counts[fact]; value++) {
        if (proof->shown[fact][value] > 0 && holds(claim, proof, value)) {
            *example = proof->first[fact][value];
            return false;
        }
    }
    return true;
}

/* ---- cases in words ---- */

struct words {
    char *out;
    size_t size;
};

__attribute__((format(printf, 2, 3))) static void say(struct words *words, const char *format, ...)
{
    va_list list;
    size_t room = POLICY_CASE_SIZE - words->size;
    const char *separator = words->size > 0 ? "; " : "";
    int head = snprintf(words->out + words->size, room, "%s", separator);
    words->size += (size_t)head < room ? (size_t)head : room - 1;
    room = POLICY_CASE_SIZE - words->size;
    va_start(list, format);
    int size = vsnprintf(words->out + words->size, room, format, list);
    va_end(list);
    CHECK(size >= 0);
    words->size += (size_t)size < room ? (size_t)size : room - 1;
}

static void say_content(struct words *words, struct policy_case shown)
{
    static const char *const ratings[] = {"unrated",
                                          "unrated",
                                          "rated low risk",
                                          "rated medium risk",
                                          "rated high risk",
                                          "rated below the floor",
                                          "of a rating that does not exist"};
    static const char *const tiers[] = {"not curated", "approved", "featured",
                                        "of an unknown tier"};
    static const char *const videos[] = {NULL, "deleted", "known from signals alone", "unknown"};
    static const char *const names[] = {NULL, NULL, "forbidden", "forbidden"};
    const uint8_t *values = shown.values;
    int safety = policy_value_safety(values[POLICY_FACT_SAFETY]);
    const char *video = videos[values[POLICY_FACT_VIDEO]];
    const char *category = names[values[POLICY_FACT_CATEGORY]];
    const char *tag = names[values[POLICY_FACT_TAG]];
    if (video != NULL) {
        say(words, "%s", video);
    }
    say(words, "%s", ratings[safety <= SAFETY_FLOOR ? safety : SAFETY_FLOOR + 1]);
    say(words, "%s", tiers[values[POLICY_FACT_CURATED]]);
    if (category != NULL) {
        say(words, "of a %s category", category);
    }
    if (tag != NULL) {
        say(words, "with a %s tag", tag);
    }
}

static void say_age(struct words *words, unsigned value)
{
    static const char *const users[] = {"an adult", "just as old", "too young", "of unknown age"};
    unsigned minimum = policy_value_minimum_age(value);
    enum age_relation relation = policy_value_age_relation(value);
    if (minimum > 0) {
        say(words, "for people of %u or more, while the user is %s", minimum, users[relation]);
    } else if (relation == AGE_UNKNOWN) {
        say(words, "for everybody, while the user is of unknown age");
    }
}

static void say_user(struct words *words, struct policy_case shown)
{
    static const char *const regions[] = {NULL,
                                          "allowed where the user is",
                                          "allowed elsewhere only",
                                          "forbidden where the user is",
                                          "forbidden elsewhere only",
                                          "both allowed and forbidden where the user is"};
    static const char *const languages[] = {NULL,
                                            "captioned in the user's language",
                                            "spoken in a language that the user reads besides",
                                            "in a language that the user does not read",
                                            "of unknown language",
                                            "for a user of unknown language",
                                            "of unknown language, as is the user"};
    static const char *const seen[] = {
        NULL, "just seen by the user", "just seen by the user, who asks for none of these",
        "last seen when seen_within was about to end", "seen long ago"};
    static const char *const creators[] = {NULL, "by a creator the user has hidden",
                                           "of unknown creator"};
    const uint8_t *values = shown.values;
    enum region_rule rule = policy_value_region_rule(values[POLICY_FACT_REGION]);
    bool is_placed = policy_value_user_region(values[POLICY_FACT_REGION]) == USER_HERE;
    const char *const texts[] = {languages[values[POLICY_FACT_LANGUAGE]],
                                 seen[values[POLICY_FACT_SEEN]],
                                 creators[values[POLICY_FACT_CREATOR]]};
    if (regions[rule] != NULL) {
        say(words, "%s",
            is_placed ? regions[rule] : "bound to regions, while the user's is unknown");
    }
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (texts[i] != NULL) {
            say(words, "%s", texts[i]);
        }
    }
}

void policy_case_describe(struct policy_case shown, char out[POLICY_CASE_SIZE])
{
    struct words words = {.out = out};
    say_content(&words, shown);
    say_age(&words, shown.values[POLICY_FACT_AGE]);
    say_user(&words, shown);
}
