#include "replay/report_family.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "ranker/check.h"

json_t *report_real(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

json_t *report_count(double value)
{
    const double most = 0x1p53;
    return json_integer(!(value > 0) ? 0 : (json_int_t)(value < most ? value : most));
}

json_t *report_join(uint64_t by_ranking_id, uint64_t by_window, uint64_t signals)
{
    return json_pack("{s:I, s:I, s:I}", "by_ranking_id", (json_int_t)by_ranking_id, "by_window",
                     (json_int_t)by_window, "unjoined",
                     (json_int_t)(signals - by_ranking_id - by_window));
}

void report_interval(json_t *object, const char *name, const struct bootstrap_interval *interval)
{
    json_object_set_new(object, name, report_real(interval->value));
    json_object_set_new(object, "low", report_real(interval->low));
    json_object_set_new(object, "high", report_real(interval->high));
}

double report_p_of(const struct bootstrap_interval *difference)
{
    bool same = !(difference->error > 0) && !(fabs(difference->value) > 0);
    return same ? NAN : bootstrap_p_value(difference);
}

static enum status reserve(struct report_family *family)
{
    if (family->count < family->capacity) {
        return STATUS_OK;
    }
    size_t capacity = family->capacity > 0 ? 2 * family->capacity : 64;
    double *p = realloc(family->p, capacity * sizeof(*p));
    if (p == NULL) {
        return STATUS_NO_MEMORY;
    }
    family->p = p;
    json_t **objects = realloc(family->objects, capacity * sizeof(json_t *));
    if (objects == NULL) {
        return STATUS_NO_MEMORY;
    }
    family->objects = objects;
    family->capacity = capacity;
    return STATUS_OK;
}

enum status report_family_add(struct report_family *family, json_t *object, double p)
{
    enum status status = reserve(family);
    if (status == STATUS_OK) {
        json_object_set_new(object, "p", report_real(p));
        family->p[family->count] = p;
        family->objects[family->count++] = object;
    }
    return status;
}

static enum status end(struct report_family *family)
{
    enum status status = bootstrap_holm(family->p, family->count);
    for (size_t i = 0; status == STATUS_OK && i < family->count; i++) {
        json_object_set_new(family->objects[i], "p_adjusted", report_real(family->p[i]));
    }
    return status;
}

struct report_family *report_families_find(struct report_families *families,
                                           enum segment_dimension dimension, size_t measure)
{
    CHECK((unsigned)dimension < SEGMENT_DIMENSIONS);
    CHECK(measure < REPORT_FAMILY_MEASURES);
    return &families->items[dimension][dimension == SEGMENT_ALL ? 0 : measure];
}

enum status report_families_end(struct report_families *families)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; i < SEGMENT_DIMENSIONS; i++) {
        for (size_t j = 0; status == STATUS_OK && j < REPORT_FAMILY_MEASURES; j++) {
            status = end(&families->items[i][j]);
        }
    }
    return status;
}

void report_families_release(struct report_families *families)
{
    for (size_t i = 0; i < SEGMENT_DIMENSIONS; i++) {
        for (size_t j = 0; j < REPORT_FAMILY_MEASURES; j++) {
            free(families->items[i][j].p);
            free(families->items[i][j].objects);
        }
    }
    *families = (struct report_families){.items = {{{.count = 0}}}};
}
