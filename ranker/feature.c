#include "ranker/feature.h"

#include "ranker/check.h"

static const char *const names[FEATURE_COUNT] = {
#define X(name, text) text,
    FEATURE_PLAIN_MAP(X)
#define COUNTED(name, text) FEATURE_SCOPED_MAP(X, name, text)
        FEATURE_COUNTED_MAP(COUNTED)
#undef COUNTED
#undef X
};

const char *feature_name(enum feature feature)
{
    CHECK((size_t)feature < FEATURE_COUNT);
    return names[feature];
}

enum feature feature_find(struct text name)
{
    size_t at = 0;
    while (at < FEATURE_COUNT && !text_equal(name, text_of(names[at]))) {
        at++;
    }
    return (enum feature)at;
}
