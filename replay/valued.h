#ifndef REPLAY_VALUED_H
#define REPLAY_VALUED_H

#include <stddef.h>
#include <stdint.h>

/* One of a list that is put in an order by values. */
struct valued {
    double value; /* not NaN */
    uint32_t index;
};

/* The largest value first; equal ones by index. */
void valued_sort(struct valued *valued, size_t count);

#endif
