#include "replay/metarank_value.h"

#include <math.h>
#include <string.h>

#include "ranker/limits.h"
#include "replay/field.h"

bool metarank_text(const json_t *json, const char *name, size_t limit, const char **out,
                   struct problem *problem)
{
    size_t size = json_is_string(json) ? json_string_length(json) : 0;
    if (size == 0 || size > limit) {
        problem_set(problem, "%s is %s; a string of 1 to %zu bytes is needed", name,
                    json == NULL           ? "missing"
                    : json_is_string(json) ? (size == 0 ? "empty" : "too long")
                                           : "no string",
                    limit);
        return false;
    }
    *out = json_string_value(json);
    return true;
}

bool metarank_optional_text(const json_t *json, const char *name, size_t limit, const char **out,
                            struct problem *problem)
{
    if (json == NULL || json_is_null(json) ||
        (json_is_string(json) && json_string_length(json) == 0)) {
        *out = "";
        return true;
    }
    return metarank_text(json, name, limit, out, problem);
}

bool metarank_whole(const json_t *json, int64_t largest, int64_t *out)
{
    if (json_is_integer(json)) {
        *out = json_integer_value(json);
        return *out >= 0 && *out <= largest;
    }
    if (json_is_string(json)) {
        return field_whole(text_of(json_string_value(json)), largest, out);
    }
    double value = json_is_real(json) ? json_real_value(json) : -1;
    if (!(value >= 0 && value < (double)largest) || value > floor(value)) {
        return false;
    }
    *out = (int64_t)value;
    return true;
}

bool metarank_time(const json_t *json, int64_t *out)
{
    if (metarank_whole(json, LIMIT_TIME_MS, out)) {
        return true;
    }
    return json_is_string(json) && field_instant(text_of(json_string_value(json)), out);
}

const json_t *metarank_field(const json_t *fields, const char *name)
{
    for (size_t i = 0; i < json_array_size(fields); i++) {
        const json_t *field = json_array_get(fields, i);
        const char *found = json_string_value(json_object_get(field, "name"));
        if (found != NULL && strcmp(found, name) == 0) {
            return json_object_get(field, "value");
        }
    }
    return NULL;
}

bool metarank_check_fields(const json_t *fields, struct problem *problem)
{
    if (fields == NULL || json_is_null(fields)) {
        return true;
    }
    bool good = json_is_array(fields);
    for (size_t i = 0; good && i < json_array_size(fields); i++) {
        good = json_is_string(json_object_get(json_array_get(fields, i), "name"));
    }
    if (!good) {
        problem_set(problem, "fields is no list of {\"name\": ..., \"value\": ...}");
    }
    return good;
}

bool metarank_event_time(const json_t *json, int64_t *out, struct problem *problem)
{
    if (!metarank_time(json_object_get(json, "timestamp"), out) || *out < 1) {
        problem_set(problem, "timestamp is needed: milliseconds since 1970 as a string or number, "
                             "or a time such as 2022-06-22T11:21:39Z");
        return false;
    }
    return true;
}
