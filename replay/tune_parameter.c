#include "replay/tune_parameter.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ranker/check.h"
#include "ranker/weights_table.h"
#include "ranker/weights_value.h"
#include "replay/weights_edit.h"
#include "replay/yaml_tree.h"

enum { BELOW = 4, DEFAULT_TIMES = 3 };

static const double minute_ms = 60e3;
static const double hour_ms = 3600e3;
static const double day_ms = 86400e3;
static const double ratio_least = 8; /* bounds so far apart are searched by ratios */

static const char locales[] = "locales.";

static const double half_lives_ms[HALF_LIFE_COUNT] = {30 * 60e3, 86400e3, 14 * 86400e3};

/* ---- which numbers ---- */

static bool is_below(const char *path, const char *section)
{
    size_t size = strlen(section);
    return strncmp(path, section, size) == 0 && path[size] == '.';
}

static bool ends_in(const char *path, const char *end)
{
    size_t size = strlen(path);
    size_t end_size = strlen(end);
    return size >= end_size && strcmp(path + size - end_size, end) == 0;
}

/* A choice between durations, which statistics are kept for. */
static bool is_half_life(const struct weights_row *row)
{
    return row->kind == WEIGHTS_CHOICE && ends_in(row->path, "_half_life");
}

bool tune_parameter_is_duration(const struct tune_parameter *parameter)
{
    return parameter->row->kind == WEIGHTS_DURATION || is_half_life(parameter->row);
}

static bool is_number(const struct weights_row *row)
{
    return row->kind == WEIGHTS_NUMBER || row->kind == WEIGHTS_INTEGER ||
           row->kind == WEIGHTS_DURATION || is_half_life(row);
}

/* Local time is no matter of taste. */
static bool find_cost(const struct weights_row *row, enum tune_cost *out)
{
    const char *path = row->path;
    bool rescores = strcmp(path, "slate.creator_decay") == 0 ||
                    strcmp(path, "slate.creator_floor") == 0 || is_below(path, "value") ||
                    is_below(path, "multipliers");
    bool ranks = is_below(path, "features") || is_below(path, "heads");
    bool reorders = is_below(path, "slate") || strcmp(path, "policy.seen_within") == 0;
    *out = rescores ? TUNE_RESCORES : ranks ? TUNE_RANKS : TUNE_REORDERS;
    return is_number(row) && strcmp(path, "features.utc_offset_minutes") != 0 &&
           (rescores || ranks || reorders);
}

static enum status refuse_path(const char *path, struct problem *problem)
{
    if (is_below(path, "policy")) {
        problem_set(problem,
                    "\"%.90s\" is not searched: what may be shown is not for figures to decide; of "
                    "policy only policy.seen_within is",
                    path);
    } else {
        problem_set(problem,
                    "\"%.90s\" is no number that can be searched; those below value, multipliers, "
                    "features, heads and slate are, and policy.seen_within",
                    path);
    }
    return STATUS_INVALID;
}

/* The part of a path that the table knows, and the locale before it. */
static bool split_locale(const char *path, const char **key, struct locale *locale)
{
    *key = path;
    *locale = (struct locale){0, 0, 0};
    if (strncmp(path, locales, sizeof(locales) - 1) != 0) {
        return true;
    }
    const char *tag = path + sizeof(locales) - 1;
    const char *end = strchr(tag, '.');
    if (end == NULL || locale_parse((struct text){tag, (size_t)(end - tag)}, locale) != STATUS_OK) {
        return false;
    }
    *key = end + 1;
    return true;
}

static double value_in(const struct weights_row *row, const struct model *model)
{
    double value = weights_model_get(model, row);
    return is_half_life(row) ? half_lives_ms[(size_t)value] : value;
}

static enum status find_row(const char *path, const struct weights *weights,
                            struct tune_parameter *out, struct problem *problem)
{
    const char *key;
    struct locale locale;
    if (strlen(path) >= TUNE_PATH_SIZE || !split_locale(path, &key, &locale)) {
        return refuse_path(path, problem);
    }
    out->row = weights_row_find(key, key == path ? WEIGHTS_TOP : WEIGHTS_LOCALE);
    if (out->row == NULL || !find_cost(out->row, &out->cost)) {
        return refuse_path(path, problem);
    }
    memcpy(out->path, path, strlen(path) + 1);
    out->start = value_in(out->row, weights_model(weights, locale));
    return STATUS_OK;
}

/* ---- bounds ---- */

static enum status read_bound(const struct tune_parameter *parameter, struct text text, double *out,
                              struct problem *problem)
{
    char message[VALUE_MESSAGE_SIZE];
    double value;
    if (!weights_value_parse(parameter->row, text, true, &value, message)) {
        problem_set(problem, "bounds of %s: %s", parameter->path, message);
        return STATUS_INVALID;
    }
    *out = is_half_life(parameter->row) ? half_lives_ms[(size_t)value] : value;
    return STATUS_OK;
}

static void choose_scale(struct tune_parameter *parameter)
{
    double near = fmin(fabs(parameter->low), fabs(parameter->high));
    double far = fmax(fabs(parameter->low), fabs(parameter->high));
    bool one_side = parameter->low * parameter->high > 0;
    parameter->scale = one_side && far >= ratio_least * near ? TUNE_RATIOS : TUNE_LINEAR;
}

static enum status read_bounds(const char *text, struct tune_parameter *out,
                               struct problem *problem)
{
    const char *gap = strchr(text, ':');
    if (gap == NULL) {
        problem_set(problem, "%s has the bounds \"%.40s\"; they are LOW:HIGH, such as 0:8",
                    out->path, text);
        return STATUS_INVALID;
    }
    enum status status =
        read_bound(out, (struct text){text, (size_t)(gap - text)}, &out->low, problem);
    if (status == STATUS_OK) {
        status = read_bound(out, text_of(gap + 1), &out->high, problem);
    }
    if (status == STATUS_OK && out->low >= out->high) {
        problem_set(problem,
                    "%s has the bounds \"%.40s\", of which the first is not below the "
                    "second",
                    out->path, text);
        status = STATUS_INVALID;
    }
    return status;
}

enum status tune_parameter_parse(const char *text, const struct weights *weights,
                                 struct tune_parameter *out, struct problem *problem)
{
    const char *gap = strchr(text, '=');
    char path[2 * TUNE_PATH_SIZE];
    if (gap == NULL || (size_t)(gap - text) >= sizeof(path)) {
        problem_set(problem, "\"%.100s\" is no PATH=LOW:HIGH, such as value.like=0:8", text);
        return STATUS_INVALID;
    }
    struct tune_parameter parameter = {.row = NULL};
    snprintf(path, sizeof(path), "%.*s", (int)(gap - text), text);
    enum status status = find_row(path, weights, &parameter, problem);
    if (status == STATUS_OK) {
        status = read_bounds(gap + 1, &parameter, problem);
    }
    if (status == STATUS_OK) {
        choose_scale(&parameter);
        *out = parameter;
    }
    return status;
}

/* ---- what is searched unless told ---- */

static double four_digits(double value)
{
    char text[TUNE_VALUE_SIZE];
    snprintf(text, sizeof(text), "%.4g", value);
    return strtod(text, NULL);
}

static void derive_bounds(struct tune_parameter *parameter)
{
    double value = parameter->start;
    bool multiplies = is_below(parameter->path, "multipliers");
    double near = multiplies ? 0 : value / BELOW;
    double far = multiplies ? DEFAULT_TIMES * value : BELOW * value;
    parameter->low = four_digits(fmax(fmin(near, far), parameter->row->min));
    parameter->high = four_digits(fmin(fmax(near, far), parameter->row->max));
    choose_scale(parameter);
}

static enum status add_default(const char *path, const struct weights *weights,
                               struct tune_parameter *out, size_t *count, struct problem *problem)
{
    struct tune_parameter parameter = {.row = NULL};
    struct problem ignored;
    if (find_row(path, weights, &parameter, &ignored) != STATUS_OK || parameter.start == 0) {
        return STATUS_OK;
    }
    if (*count == TUNE_PARAMETERS_MAX) {
        problem_set(problem, "the weights state more than %d numbers; --search names those to move",
                    TUNE_PARAMETERS_MAX);
        return STATUS_INVALID;
    }
    derive_bounds(&parameter);
    out[(*count)++] = parameter;
    return STATUS_OK;
}

static enum status add_section(const struct yaml_tree *tree, const char *section,
                               const struct weights *weights, struct tune_parameter *out,
                               size_t *count, struct problem *problem)
{
    unsigned node = yaml_tree_find(tree, 0, text_of(section));
    unsigned child = node != 0 ? tree->nodes[node].first : 0;
    enum status status = STATUS_OK;
    for (; status == STATUS_OK && child != 0; child = tree->nodes[child].next) {
        struct text key = tree->nodes[child].key;
        char path[2 * TUNE_PATH_SIZE];
        snprintf(path, sizeof(path), "%s.%.*s", section, (int)key.size, key.data);
        if (strcmp(path, "value.negative_offset") != 0) { /* rarely worth changing */
            status = add_default(path, weights, out, count, problem);
        }
    }
    return status;
}

enum status tune_parameters_default(struct text yaml, const struct weights *weights,
                                    struct tune_parameter *out, size_t *count,
                                    struct problem *problem)
{
    struct yaml_tree tree;
    *count = 0;
    enum status status = yaml_tree_read(yaml, &tree, problem);
    if (status != STATUS_OK) {
        return status;
    }
    status = add_section(&tree, "value", weights, out, count, problem);
    if (status == STATUS_OK) {
        status = add_section(&tree, "multipliers", weights, out, count, problem);
    }
    yaml_tree_release(&tree);
    if (status == STATUS_OK && *count == 0) {
        problem_set(problem, "the weights state no value weight and no multiplier; --search "
                             "PATH=LOW:HIGH names what to move");
        status = STATUS_INVALID;
    }
    return status;
}

/* ---- values ---- */

static double between(const struct tune_parameter *parameter, double share)
{
    double low = parameter->low;
    double high = parameter->high;
    if (parameter->scale == TUNE_LINEAR) {
        return low + share * (high - low);
    }
    return low * pow(high / low, share);
}

double tune_parameter_share(const struct tune_parameter *parameter, double value)
{
    double low = parameter->low;
    double high = parameter->high;
    double inside = fmin(fmax(value, low), high);
    return parameter->scale == TUNE_LINEAR ? (inside - low) / (high - low)
                                           : log(inside / low) / log(high / low);
}

/* The nearest, by its ratio, of those within the bounds. */
static double nearest_half_life(const struct tune_parameter *parameter, double value)
{
    double best = parameter->low;
    for (size_t i = 0; i < HALF_LIFE_COUNT; i++) {
        double ms = half_lives_ms[i];
        bool inside = ms >= parameter->low && ms <= parameter->high;
        if (inside && fabs(log(ms / value)) < fabs(log(best / value))) {
            best = ms;
        }
    }
    return best;
}

static double whole(double value, double unit)
{
    return floor(value / unit + 0.5) * unit;
}

static double rounded_duration(double ms)
{
    return whole(ms, ms >= 2 * day_ms ? hour_ms : ms >= 2 * hour_ms ? minute_ms : 1e3);
}

double tune_parameter_value(const struct tune_parameter *parameter, double share)
{
    double value = between(parameter, share);
    if (is_half_life(parameter->row)) {
        return nearest_half_life(parameter, value);
    }
    if (parameter->row->kind == WEIGHTS_DURATION) {
        value = rounded_duration(value);
    } else if (parameter->row->kind == WEIGHTS_INTEGER) {
        value = whole(value, 1);
    } else {
        value = four_digits(value);
    }
    return fmin(fmax(value, parameter->low), parameter->high);
}

void tune_parameter_text(const struct tune_parameter *parameter, double value,
                         char out[TUNE_VALUE_SIZE])
{
    _Static_assert((int)DURATION_SIZE <= (int)TUNE_VALUE_SIZE, "a duration fits");
    _Static_assert((int)WEIGHTS_NUMBER_SIZE <= (int)TUNE_VALUE_SIZE, "a number fits");
    if (tune_parameter_is_duration(parameter)) {
        weights_duration_format(value, out);
    } else {
        weights_edit_number(value, out);
    }
}

/* ---- the file ---- */

struct writing {
    struct weights_edit edits[TUNE_PARAMETERS_MAX + 1];
    char paths[TUNE_PARAMETERS_MAX][TUNE_PATH_SIZE];
    char values[TUNE_PARAMETERS_MAX][TUNE_VALUE_SIZE];
    char version[WEIGHTS_NAME_MAX + 3];
};

/* Cuts the path at its dots. */
static void split_path(char *path, const char *out[WEIGHTS_EDIT_DEPTH])
{
    size_t depth = 0;
    for (char *part = path; part != NULL; depth++) {
        char *gap = strchr(part, '.');
        CHECK(depth + 1 < WEIGHTS_EDIT_DEPTH);
        out[depth] = part;
        if (gap != NULL) {
            *gap = '\0';
            gap++;
        }
        part = gap;
    }
}

enum status tune_parameters_write(struct text yaml, const char *version,
                                  const struct tune_parameter *parameters, size_t count,
                                  const double *values, char **out, size_t *size,
                                  struct problem *problem)
{
    struct writing writing = {.version = ""};
    size_t edit_count = count;
    CHECK(count <= TUNE_PARAMETERS_MAX);
    for (size_t i = 0; i < count; i++) {
        memcpy(writing.paths[i], parameters[i].path, TUNE_PATH_SIZE);
        split_path(writing.paths[i], writing.edits[i].path);
        tune_parameter_text(&parameters[i], values[i], writing.values[i]);
        writing.edits[i].value = text_of(writing.values[i]);
    }
    if (version != NULL) {
        snprintf(writing.version, sizeof(writing.version), "\"%s\"", version);
        writing.edits[count].path[0] = "version";
        writing.edits[count].value = text_of(writing.version);
        edit_count++;
    }
    return weights_edit(yaml, writing.edits, edit_count, out, size, problem);
}
