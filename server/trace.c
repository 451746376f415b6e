#include "server/trace.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/random.h>

#include "ranker/check.h"

/* Places in the header. */
enum {
    TRACE_ID_AT = 3,
    PARENT_ID_AT = TRACE_ID_AT + TRACE_ID_DIGITS + 1,
    FLAGS_AT = PARENT_ID_AT + TRACE_PARENT_DIGITS + 1,
    HEADER_SIZE = FLAGS_AT + 2
};

/* -1: no lower-case digit. */
static int digit_of(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool are_digits(const char *text, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (digit_of(text[i]) < 0) {
            return false;
        }
    }
    return true;
}

/* An id: digits, not all of them 0. Copies it. */
static bool take_id(const char *text, size_t count, char *out)
{
    bool any = false;
    for (size_t i = 0; i < count; i++) {
        any = any || text[i] != '0';
    }
    if (!any || !are_digits(text, count)) {
        return false;
    }
    memcpy(out, text, count);
    out[count] = '\0';
    return true;
}

static bool is_version(struct text header)
{
    const char *version = header.data;
    if (!are_digits(version, 2) || memcmp(version, "ff", 2) == 0) {
        return false;
    }
    return header.size == HEADER_SIZE ||
           (memcmp(version, "00", 2) != 0 && header.data[HEADER_SIZE] == '-');
}

bool trace_parse(struct text header, struct trace *out)
{
    struct trace trace;
    if (header.size < HEADER_SIZE || !is_version(header)) {
        return false;
    }
    const char *text = header.data;
    if (text[TRACE_ID_AT - 1] != '-' || text[PARENT_ID_AT - 1] != '-' ||
        text[FLAGS_AT - 1] != '-' || !are_digits(text + FLAGS_AT, 2) ||
        !take_id(text + TRACE_ID_AT, TRACE_ID_DIGITS, trace.trace_id) ||
        !take_id(text + PARENT_ID_AT, TRACE_PARENT_DIGITS, trace.parent_id)) {
        return false;
    }
    trace.sampled = (digit_of(text[FLAGS_AT + 1]) & 1) != 0;
    *out = trace;
    return true;
}

static bool is_id_byte(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           (c != '\0' && strchr("._:+/=-", c) != NULL);
}

bool trace_is_request_id(struct text value)
{
    for (size_t i = 0; i < value.size; i++) {
        if (!is_id_byte(value.data[i])) {
            return false;
        }
    }
    return value.size > 0 && value.size <= TRACE_REQUEST_ID_MAX;
}

void trace_make_request_id(char out[TRACE_MADE_ID_SIZE])
{
    static _Atomic uint64_t process; /* 0: not chosen yet */
    static _Atomic uint64_t count;
    uint64_t chosen = atomic_load(&process);
    if (chosen == 0) {
        uint64_t drawn = 0;
        CHECK(getrandom(&drawn, sizeof(drawn), 0) == (ssize_t)sizeof(drawn));
        drawn |= 1;
        chosen = atomic_compare_exchange_strong(&process, &chosen, drawn) ? drawn : chosen;
    }
    snprintf(out, TRACE_MADE_ID_SIZE, "%016" PRIx64 "%016" PRIx64, chosen,
             atomic_fetch_add(&count, 1));
}
