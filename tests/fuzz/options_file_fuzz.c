#include <stdint.h>
#include <string.h>

#include "ranker/check.h"
#include "server/options_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Any bytes as a file of options: what is refused changes nothing, what is taken is in range. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct options before;
    static struct options options;
    struct problem problem = {""};
    options_defaults(&before);
    options_defaults(&options);
    struct text text = {.data = (const char *)data, .size = size};
    if (options_file_apply(&options, text, "fuzz.conf", &problem) != STATUS_OK) {
        CHECK(strncmp(problem.text, "fuzz.conf:", strlen("fuzz.conf:")) == 0);
        CHECK(memcmp(&before, &options, sizeof(options)) == 0);
        return 0;
    }
    CHECK(strlen(options.listen) <= OPTION_TEXT_SIZE - 1);
    CHECK(options.map_mib >= 1);
    CHECK(options.workers <= options_worker_count(&options));
    CHECK(options.drain_ms <= 600000);
    return 0;
}
