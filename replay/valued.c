#include "replay/valued.h"

#include <stdlib.h>

static int by_value(const void *a, const void *b)
{
    const struct valued *left = a;
    const struct valued *right = b;
    if (left->value < right->value || left->value > right->value) {
        return left->value < right->value ? 1 : -1;
    }
    return left->index < right->index ? -1 : left->index > right->index;
}

void valued_sort(struct valued *valued, size_t count)
{
    if (count > 0) {
        qsort(valued, count, sizeof(*valued), by_value);
    }
}
