#include "tests/replay/history.h"

#include <stdlib.h>

#include "store/store.h"
#include "tests/replay/place.h"
#include "tests/test.h"

struct history {
    struct place *place;
    struct past_weights *past;
};

struct history *history_open(const char *yaml)
{
    struct history *history = calloc(1, sizeof(*history));
    CHECK(history != NULL);
    history->place = place_open(yaml);
    place_keep_weights(history->place, yaml);
    CHECK_EQ(STATUS_OK, past_weights_new(store_log(history->place->store), &history->past));
    return history;
}

void history_close(struct history *history)
{
    past_weights_free(history->past);
    place_close(history->place);
    place_free(history->place);
    free(history);
}

const struct weights *history_weights(const struct history *history)
{
    return history->place->weights;
}

struct past_weights *history_past(const struct history *history)
{
    return history->past;
}
