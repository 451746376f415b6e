#include "ranker/wire_check.h"

#include <inttypes.h>
#include <protobuf-c/protobuf-c.h>

#include "ranker/limits.h"
#include "ranker/locale.h"

enum status wire_check_unknown(const char *name, const struct ProtobufCMessage *message,
                               struct problem *problem)
{
    for (unsigned i = 0; i < message->n_unknown_fields; i++) {
        if (message->unknown_fields[i].tag == 0) {
            problem_set(problem, "%s has a field with the number 0, which protobuf does not allow",
                        name);
            return STATUS_INVALID;
        }
    }
    return STATUS_OK;
}

enum status wire_check_text(const char *field, const char *value, size_t minimum, size_t maximum,
                            struct problem *problem)
{
    struct text text = text_of(value);
    if (text.size < minimum) {
        problem_set(problem, "%s is required: 1 to %zu bytes of UTF-8", field, maximum);
        return STATUS_INVALID;
    }
    if (text.size > maximum) {
        problem_set(problem, "%s has %zu bytes; at most %zu are allowed", field, text.size,
                    maximum);
        return STATUS_INVALID;
    }
    if (!text_is_ascii(text) && !text_is_utf8(text)) {
        problem_set(problem, "%s is not UTF-8", field);
        return STATUS_INVALID;
    }
    return STATUS_OK;
}

enum status wire_check_count(const char *field, size_t count, size_t maximum,
                             struct problem *problem)
{
    if (count > maximum) {
        problem_set(problem, "%s has %zu items; at most %zu are allowed", field, count, maximum);
        return STATUS_INVALID;
    }
    return STATUS_OK;
}

enum status wire_check_range(const char *field, int64_t value, int64_t minimum, int64_t maximum,
                             struct problem *problem)
{
    if (value < minimum || value > maximum) {
        problem_set(problem, "%s is %" PRId64 "; %" PRId64 " to %" PRId64 " is allowed", field,
                    value, minimum, maximum);
        return STATUS_INVALID;
    }
    return STATUS_OK;
}

enum status wire_check_language(const char *field, const char *tag, uint16_t *out,
                                struct problem *problem)
{
    enum status status = wire_check_text(field, tag, 1, LIMIT_LOCALE_BYTES, problem);
    if (status != STATUS_OK) {
        return status;
    }
    struct locale locale;
    status = locale_parse(text_of(tag), &locale);
    if (status != STATUS_OK) {
        problem_set(problem, "%s \"%s\" is not a BCP 47 language tag such as \"hi\" or \"hi-IN\"",
                    field, tag);
        return status;
    }
    *out = locale.language;
    return STATUS_OK;
}

enum status wire_check_region(const char *field, const char *tag, uint16_t *out,
                              struct problem *problem)
{
    if (tag[0] == '\0') {
        *out = 0;
        return STATUS_OK;
    }
    enum status status = wire_check_text(field, tag, 1, LIMIT_LOCALE_BYTES, problem);
    if (status != STATUS_OK) {
        return status;
    }
    status = locale_parse_region(text_of(tag), out);
    if (status != STATUS_OK) {
        problem_set(problem, "%s \"%s\" is not an ISO 3166-1 alpha-2 country such as \"IN\"", field,
                    tag);
    }
    return status;
}
