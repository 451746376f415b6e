#include "server/line_limit.h"

enum { MS_A_LINE = 1000 };

void line_limit_init(struct line_limit *limit, int64_t burst, int64_t now_ms)
{
    *limit = (struct line_limit){.burst = burst, .last_ms = now_ms, .left = burst};
}

bool line_limit_take(struct line_limit *limit, int64_t now_ms, uint64_t *suppressed)
{
    int64_t more = (now_ms - limit->last_ms) / MS_A_LINE;
    limit->last_ms += more * MS_A_LINE;
    limit->left = more < limit->burst - limit->left ? limit->left + more : limit->burst;
    if (limit->left == 0) {
        limit->suppressed++;
        return false;
    }
    limit->left--;
    *suppressed = limit->suppressed;
    limit->suppressed = 0;
    return true;
}
