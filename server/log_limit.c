#include "server/log_limit.h"

#include "store/clock.h"

enum { INTERVAL_MS = 1000 };

bool log_limit_due(struct log_limit *limit, uint64_t *more)
{
    int64_t now_ms = monotonic_ms();
    int64_t next_ms = atomic_load(&limit->next_ms);
    bool due = now_ms >= next_ms &&
               atomic_compare_exchange_strong(&limit->next_ms, &next_ms, now_ms + INTERVAL_MS);
    if (due) {
        *more = atomic_exchange(&limit->untold, 0);
    } else {
        atomic_fetch_add(&limit->untold, 1);
    }
    return due;
}
