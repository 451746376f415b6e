#include "replay/panel.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ranker/check.h"
#include "ranker/table.h"

struct panel {
    const char *const *contenders;
    size_t contender_count;
    char rows[PANEL_ROWS_MAX][PANEL_NAME_SIZE];
    size_t row_count;
    /* By row, contender and user: units[row * contender_count + contender][user]. */
    struct metrics_unit *units[PANEL_ROWS_MAX * PANEL_CONTENDERS_MAX];
    size_t user_capacity;
    struct table users; /* their keys; a row's number is the user's index */
};

struct panel *panel_new(const char *const *contenders, size_t count)
{
    CHECK(count >= 1 && count <= PANEL_CONTENDERS_MAX);
    struct panel *panel = calloc(1, sizeof(*panel));
    if (panel == NULL) {
        return NULL;
    }
    panel->contenders = contenders;
    panel->contender_count = count;
    panel->users = table_of(sizeof(uint64_t));
    return panel;
}

void panel_free(struct panel *panel)
{
    if (panel == NULL) {
        return;
    }
    for (size_t i = 0; i < sizeof(panel->units) / sizeof(panel->units[0]); i++) {
        free(panel->units[i]);
    }
    table_release(&panel->users);
    free(panel);
}

static enum status widen(struct panel *panel, struct metrics_unit **units, size_t capacity)
{
    struct metrics_unit *wider = realloc(*units, capacity * sizeof(*wider));
    if (wider == NULL) {
        return STATUS_NO_MEMORY;
    }
    memset(wider + panel->user_capacity, 0, (capacity - panel->user_capacity) * sizeof(*wider));
    *units = wider;
    return STATUS_OK;
}

/* Room in every row for one more user. Rows that are wide already stay so after a failure. */
static enum status reserve_user(struct panel *panel)
{
    if (panel->users.count < panel->user_capacity) {
        return STATUS_OK;
    }
    size_t capacity = panel->user_capacity * 2 + 256;
    for (size_t i = 0; i < sizeof(panel->units) / sizeof(panel->units[0]); i++) {
        if (panel->units[i] != NULL && widen(panel, &panel->units[i], capacity) != STATUS_OK) {
            return STATUS_NO_MEMORY;
        }
    }
    panel->user_capacity = capacity;
    return STATUS_OK;
}

/* Finds or adds. */
static enum status find_user(struct panel *panel, uint64_t key, size_t *out)
{
    void *row;
    enum status status = reserve_user(panel);
    if (status == STATUS_OK) {
        status = table_need(&panel->users, key, &row);
    }
    if (status == STATUS_OK) {
        *out = table_number(&panel->users, row);
    }
    return status;
}

size_t panel_row(struct panel *panel, const char *name)
{
    char cut[PANEL_NAME_SIZE];
    snprintf(cut, sizeof(cut), "%s", name);
    for (size_t i = 0; i < panel->row_count; i++) {
        if (strcmp(panel->rows[i], cut) == 0) {
            return i;
        }
    }
    if (panel->row_count < PANEL_ROWS_MAX) {
        memcpy(panel->rows[panel->row_count], cut, sizeof(cut));
        return panel->row_count++;
    }
    return PANEL_ROWS_MAX;
}

static size_t cell(const struct panel *panel, size_t row, size_t contender)
{
    CHECK(row < panel->row_count);
    CHECK(contender < panel->contender_count);
    return row * PANEL_CONTENDERS_MAX + contender;
}

enum status panel_add(struct panel *panel, uint64_t user_key, size_t row, size_t contender,
                      double value, double weight)
{
    CHECK(user_key != 0);
    if (isnan(value)) {
        return STATUS_OK;
    }
    size_t user = 0;
    enum status status = find_user(panel, user_key, &user);
    if (status != STATUS_OK) {
        return status;
    }
    struct metrics_unit **units = &panel->units[cell(panel, row, contender)];
    if (*units == NULL) {
        *units = calloc(panel->user_capacity, sizeof(**units));
    }
    if (*units == NULL) {
        return STATUS_NO_MEMORY;
    }
    (*units)[user].sum += value * weight;
    (*units)[user].weight += weight;
    return STATUS_OK;
}

size_t panel_row_count(const struct panel *panel)
{
    return panel->row_count;
}

const char *panel_row_name(const struct panel *panel, size_t row)
{
    return panel->rows[row];
}

size_t panel_contender_count(const struct panel *panel)
{
    return panel->contender_count;
}

const char *panel_contender_name(const struct panel *panel, size_t contender)
{
    return panel->contenders[contender];
}

size_t panel_user_count(const struct panel *panel)
{
    return panel->users.count;
}

size_t panel_users(const struct panel *panel, size_t row)
{
    size_t count = 0;
    for (size_t user = 0; user < panel->users.count; user++) {
        bool known = false;
        for (size_t i = 0; i < panel->contender_count; i++) {
            const struct metrics_unit *units = panel->units[cell(panel, row, i)];
            known = known || (units != NULL && units[user].weight > 0);
        }
        count += known;
    }
    return count;
}

double panel_mean_since(const struct panel *panel, size_t row, size_t contender, size_t first_user)
{
    const struct metrics_unit *units = panel->units[cell(panel, row, contender)];
    struct metrics_unit sum = {0, 0};
    for (size_t i = first_user; units != NULL && i < panel->users.count; i++) {
        sum.sum += units[i].sum;
        sum.weight += units[i].weight;
    }
    return sum.weight > 0 ? sum.sum / sum.weight : NAN;
}

enum status panel_mean(const struct panel *panel, size_t row, size_t contender, uint64_t seed,
                       struct metrics_interval *out)
{
    const struct metrics_unit *units = panel->units[cell(panel, row, contender)];
    return metrics_bootstrap(units, units != NULL ? panel->users.count : 0, seed, out);
}

enum status panel_difference(const struct panel *panel, size_t row, size_t contender, size_t other,
                             uint64_t seed, struct metrics_interval *out)
{
    const struct metrics_unit *units = panel->units[cell(panel, row, contender)];
    const struct metrics_unit *others = panel->units[cell(panel, row, other)];
    size_t count = units != NULL && others != NULL ? panel->users.count : 0;
    return metrics_bootstrap_paired(units, others, count, seed, out);
}
