#include "replay/trec.h"

#include <math.h>
#include <stdbool.h>

#include "ranker/check.h"
#include "ranker/limits.h"

static bool plain(unsigned char byte)
{
    return byte > ' ' && byte < 0x7f && byte != '%' && byte != '#';
}

static void put_id(FILE *file, struct text id)
{
    if (id.size == 0) {
        putc('%', file);
    }
    for (size_t i = 0; i < id.size; i++) {
        unsigned char byte = (unsigned char)id.data[i];
        if (plain(byte)) {
            putc(byte, file);
        } else {
            fprintf(file, "%%%02X", byte);
        }
    }
}

static enum status status_of(FILE *file)
{
    return ferror(file) ? STATUS_IO : STATUS_OK;
}

enum status trec_write_id(FILE *file, struct text id)
{
    put_id(file, id);
    return status_of(file);
}

enum status trec_write_run(FILE *file, struct text query, const struct text *documents,
                           size_t count, struct text tag)
{
    CHECK(count <= LIMIT_CANDIDATES);
    for (size_t i = 0; i < count; i++) {
        put_id(file, query);
        fputs(" Q0 ", file);
        put_id(file, documents[i]);
        fprintf(file, " %zu %zu ", i + 1, count - i);
        put_id(file, tag);
        putc('\n', file);
    }
    return status_of(file);
}

static unsigned level_of(double gain, unsigned scale)
{
    double scaled = gain * scale;
    CHECK(scaled >= 0 && scaled <= TREC_SCALE_MAX);
    unsigned level = (unsigned)floor(scaled + 0.5);
    return level == 0 && gain > 0 ? 1 : level;
}

static bool any_relevant(const double *gains, size_t count)
{
    bool relevant = false;
    for (size_t i = 0; i < count; i++) {
        relevant |= gains[i] > 0;
    }
    return relevant;
}

enum status trec_write_qrels(FILE *file, struct text query, const struct text *documents,
                             const double *gains, size_t count, unsigned scale)
{
    CHECK(scale >= 1 && scale <= TREC_SCALE_MAX);
    bool relevant = any_relevant(gains, count);
    for (size_t i = 0; relevant && i < count; i++) {
        put_id(file, query);
        fputs(" 0 ", file);
        put_id(file, documents[i]);
        fprintf(file, " %u\n", level_of(gains[i], scale));
    }
    return status_of(file);
}
