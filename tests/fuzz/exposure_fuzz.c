#include "replay/exposure.h"

#include <stdlib.h>
#include <string.h>

#include "ranker/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_share(double share)
{
    CHECK(!(share < -1e-9) && !(share > 1 + 1e-9));
}

static void check_figures(const struct exposure *exposure)
{
    struct exposure_figures figures;
    CHECK(exposure_sum_up(exposure, 0, &figures) == STATUS_OK);
    check_share(figures.videos.coverage);
    check_share(figures.videos.gini);
    check_share(figures.creators.top_10_percent);
    for (size_t i = 1; i <= EXPOSURE_LORENZ_STEPS; i++) {
        CHECK(!(figures.videos.lorenz[i] < figures.videos.lorenz[i - 1]));
    }
}

/* What decodes encodes to the same bytes, can be summed up, and merges with its like. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct exposure *exposure;
    struct exposure *other;
    enum status status = exposure_decode(data, size, &exposure);
    if (status != STATUS_OK) {
        CHECK(status == STATUS_CORRUPT);
        return 0;
    }
    uint8_t *again;
    size_t again_size;
    CHECK(exposure_encode(exposure, &again, &again_size) == STATUS_OK);
    CHECK(again_size == size && memcmp(again, data, size) == 0);
    free(again);
    check_figures(exposure);
    CHECK(exposure_decode(data, size, &other) == STATUS_OK);
    status = exposure_merge(exposure, other);
    CHECK(status == STATUS_OK || status == STATUS_INVALID);
    check_figures(exposure);
    exposure_free(exposure);
    exposure_free(other);
    return 0;
}
