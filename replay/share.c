#include "replay/share.h"

#include <stdlib.h>

bool share_parse(const char *text, struct share *out)
{
    char *end;
    unsigned long number = text[0] >= '0' && text[0] <= '9' ? strtoul(text, &end, 10) : 0;
    if (number < 1 || *end != '/' || end[1] < '0' || end[1] > '9') {
        return false;
    }
    unsigned long count = strtoul(end + 1, &end, 10);
    if (*end != '\0' || count < number || count > SHARES_MAX) {
        return false;
    }
    *out = (struct share){.number = (uint32_t)number, .count = (uint32_t)count};
    return true;
}

/* By other bits than those that units of a tally have in common. */
bool share_has(struct share share, uint64_t user_key)
{
    return (user_key & UINT32_MAX) % share.count == share.number - 1;
}
