#include "ranker/nearest.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static char fold(char c)
{
    if (c == '-') {
        return '_';
    }
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool same(char a, char b)
{
    return fold(a) == fold(b);
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/*
 * Damerau and Levenshtein's distance in which no letter is edited twice, or any number above most;
 * three rows of its table. Each row comes from the two before it, so once those have nothing within
 * most, none has.
 */
static size_t count_edits(const char *a, size_t a_size, const char *b, size_t b_size, size_t most)
{
    size_t rows[3][NEAREST_NAME_MAX + 1];
    size_t *before = rows[0];
    size_t *last = rows[1];
    size_t *row = rows[2];
    size_t last_least = 0;
    for (size_t j = 0; j <= b_size; j++) {
        last[j] = j;
    }
    for (size_t i = 1; i <= a_size; i++) {
        size_t row_least = i;
        row[0] = i;
        for (size_t j = 1; j <= b_size; j++) {
            size_t replaced = last[j - 1] + (same(a[i - 1], b[j - 1]) ? 0 : 1);
            row[j] = least(replaced, least(last[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && same(a[i - 1], b[j - 2]) && same(a[i - 2], b[j - 1])) {
                row[j] = least(row[j], before[j - 2] + 1);
            }
            row_least = least(row_least, row[j]);
        }
        if (row_least > most && last_least > most) {
            return row_least;
        }
        last_least = row_least;
        size_t *oldest = before;
        before = last;
        last = row;
        row = oldest;
    }
    return last[b_size];
}

static bool ends_in(const char *name, size_t name_size, const char *found, size_t found_size)
{
    if (found_size == 0 || name_size <= found_size + 1) {
        return false;
    }
    const char *end = name + name_size - found_size;
    for (size_t i = 0; i < found_size; i++) {
        if (!same(end[i], found[i])) {
            return false;
        }
    }
    return end[-1] == '_';
}

void nearest_offer(struct nearest *nearest, const char *name)
{
    const char *found = nearest->found;
    size_t found_size = strlen(found);
    size_t name_size = strlen(name);
    if (found_size > NEAREST_NAME_MAX || name_size > NEAREST_NAME_MAX ||
        (nearest->best != NULL && nearest->edits == 0)) {
        return;
    }
    size_t shorter = least(name_size, found_size);
    size_t longer = name_size + found_size - shorter;
    size_t most = nearest->best != NULL ? least(nearest->edits - 1, longer / 3) : longer / 3;
    size_t edits = 0;
    if (!ends_in(name, name_size, found, found_size)) {
        /* Each letter that one has more is an edit, for which no table is needed. */
        edits = longer - shorter > most ? longer - shorter
                                        : count_edits(found, found_size, name, name_size, most);
    }
    if (edits <= most) {
        nearest->best = name;
        nearest->edits = edits;
    }
}

static const char *name_at(const struct names *names, size_t index)
{
    const char *at = (const char *)names->first + index * names->stride;
    return *(const char *const *)(const void *)at;
}

const char *nearest_name(const char *found, const struct names *names)
{
    struct nearest nearest = {.found = found};
    for (size_t i = 0; i < names->count; i++) {
        nearest_offer(&nearest, name_at(names, i));
    }
    return nearest.best;
}

void nearest_list(const struct names *names, char out[NEAREST_LIST_SIZE])
{
    const size_t room = NEAREST_LIST_SIZE - sizeof(", ...");
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < names->count; i++) {
        const char *name = name_at(names, i);
        if (used + strlen(name) + 2 > room) {
            snprintf(out + used, NEAREST_LIST_SIZE - used, ", ...");
            return;
        }
        used +=
            (size_t)snprintf(out + used, NEAREST_LIST_SIZE - used, "%s%s", i > 0 ? ", " : "", name);
    }
}
