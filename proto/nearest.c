#include "proto/nearest.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { NAME_LIMIT = 64 };

static const char *name_at(const struct names *names, size_t index)
{
    return *(const char *const *)((const char *)names->first + index * names->stride);
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Levenshtein's distance, row by row; SIZE_MAX for names too long to be ours. */
static size_t edits(const char *a, const char *b)
{
    size_t row[NAME_LIMIT + 1];
    size_t a_size = strlen(a);
    size_t b_size = strlen(b);
    if (a_size > NAME_LIMIT || b_size > NAME_LIMIT) {
        return SIZE_MAX;
    }
    for (size_t j = 0; j <= b_size; j++) {
        row[j] = j;
    }
    for (size_t i = 0; i < a_size; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < b_size; j++) {
            size_t replaced = diagonal + (lower(a[i]) != lower(b[j]));
            diagonal = row[j + 1];
            row[j + 1] = least(replaced, least(diagonal, row[j]) + 1);
        }
    }
    return row[b_size];
}

static int ends_in(const char *name, const char *found)
{
    size_t name_size = strlen(name);
    size_t found_size = strlen(found);
    return found_size > 0 && name_size > found_size + 1 &&
           name[name_size - found_size - 1] == '_' &&
           strcasecmp(name + name_size - found_size, found) == 0;
}

const char *nearest_name(const char *found, const struct names *names)
{
    const char *best = NULL;
    size_t best_edits = SIZE_MAX;
    for (size_t i = 0; i < names->count; i++) {
        const char *name = name_at(names, i);
        size_t distance = ends_in(name, found) ? 0 : edits(found, name);
        if (distance < best_edits && distance <= strlen(name) / 3) {
            best = name;
            best_edits = distance;
        }
    }
    return best;
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
