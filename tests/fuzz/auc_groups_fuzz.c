#include "replay/auc_groups.h"

#include <stdlib.h>
#include <string.h>

#include "ranker/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What decodes encodes to the same bytes, and can be summed up. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct auc_groups *groups;
    enum status status = auc_groups_decode(data, size, &groups);
    if (status != STATUS_OK) {
        CHECK(status == STATUS_CORRUPT);
        return 0;
    }
    uint8_t *again;
    size_t again_size;
    CHECK(auc_groups_encode(groups, &again, &again_size) == STATUS_OK);
    CHECK(again_size == size && memcmp(again, data, size) == 0);
    free(again);
    struct auc_estimate estimate;
    auc_groups_estimate(groups, &estimate);
    CHECK(!(estimate.value < 0) && !(estimate.value > 1));
    CHECK(!(estimate.low > estimate.high));
    auc_groups_free(groups);
    return 0;
}
