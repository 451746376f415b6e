#include "tests/store/opened.h"

#include "tests/ranker/scoped_check.h"
#include "tests/test.h"

struct store *opened_store(const struct store_options *options)
{
    struct store *store = NULL;
    struct problem problem = {""};
    enum status status = store_open(options, &store, &problem);
    CHECK_STR("", problem.text);
    CHECK_EQ(STATUS_OK, status);
    return store;
}

struct state_digests opened_digests(struct store *store)
{
    struct state_digests digests;
    const struct state *state = store_begin(store);
    (void)scoped_check(state);
    CHECK_EQ(STATUS_OK, state_digest(state, &digests));
    store_end(store);
    return digests;
}

void opened_trim(struct log *log, uint64_t first)
{
    bool more = true;
    log_trim(log, first);
    while (more) {
        CHECK_EQ(STATUS_OK, log_trim_some(log, &more));
    }
}
