/* For fopencookie(); must precede every include. */
#define _GNU_SOURCE

#include "replay/unpack.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "ranker/check.h"

enum {
    RAW_SIZE = 1 << 16,
    STREAM_SIZE = 1 << 16,
    MAGIC_SIZE = 4,
    GZIP_WINDOW_BITS = 15 + 16, /* the largest window, and gzip's header */
};

enum packing { PLAIN, GZIP, ZSTD };

struct unpack {
    FILE *file;   /* borrowed */
    FILE *stream; /* owned */
    enum packing packing;
    z_stream gzip;
    ZSTD_DStream *zstd; /* owned; NULL unless ZSTD */
    bool inside;        /* a member or frame has begun and not ended */
    bool padded;        /* zeros have followed the last member */
    size_t at;          /* of the first byte of raw not used */
    size_t size;        /* of what raw holds */
    uint64_t before;    /* bytes of the file before raw */
    enum status status;
    struct problem problem; /* where status is not STATUS_OK */
    unsigned char raw[RAW_SIZE];
    char buffer[STREAM_SIZE]; /* of stream */
};

static const char *packing_name(enum packing packing)
{
    return packing == GZIP ? "gzip" : "zstd";
}

/* Notes the failure; what a cookie's read returns for it. */
static ssize_t fail(struct unpack *unpack, enum status status, const char *what)
{
    unpack->status = status;
    problem_set(&unpack->problem, "the %s data %s at byte %llu", packing_name(unpack->packing),
                what, (unsigned long long)unpack_consumed(unpack));
    errno = status == STATUS_NO_MEMORY ? ENOMEM : EIO;
    return -1;
}

/* Reads on when all of raw is used; at the end of the file raw is left empty. */
static bool fill(struct unpack *unpack)
{
    if (unpack->at < unpack->size) {
        return true;
    }
    unpack->before += unpack->size;
    unpack->at = 0;
    errno = 0;
    unpack->size = fread(unpack->raw, 1, sizeof(unpack->raw), unpack->file);
    if (unpack->size == 0 && ferror(unpack->file)) {
        unpack->status = STATUS_IO;
        problem_set(&unpack->problem, "cannot read: %s", strerror(errno != 0 ? errno : EIO));
        return false;
    }
    return true;
}

static bool at_end(const struct unpack *unpack)
{
    return unpack->at == unpack->size;
}

static ssize_t read_plain(struct unpack *unpack, char *out, size_t size)
{
    size_t ready = unpack->size - unpack->at;
    size_t taken = ready < size ? ready : size;
    memcpy(out, unpack->raw + unpack->at, taken);
    unpack->at += taken;
    return (ssize_t)taken;
}

/* Uses what raw holds, which must be zeros. */
static ssize_t skip_padding(struct unpack *unpack)
{
    unpack->padded = true;
    for (; !at_end(unpack); unpack->at++) {
        if (unpack->raw[unpack->at] != 0) {
            return fail(unpack, STATUS_IO, "is damaged");
        }
    }
    return 0;
}

static ssize_t step_gzip(struct unpack *unpack, char *out, size_t size)
{
    if (unpack->padded || (!unpack->inside && unpack->raw[unpack->at] == 0)) {
        return skip_padding(unpack);
    }
    if (!unpack->inside) {
        CHECK(inflateReset(&unpack->gzip) == Z_OK);
        unpack->inside = true;
    }
    z_stream *gzip = &unpack->gzip;
    gzip->next_in = unpack->raw + unpack->at;
    gzip->avail_in = (uInt)(unpack->size - unpack->at);
    gzip->next_out = (Bytef *)out;
    gzip->avail_out = (uInt)size;
    int code = inflate(gzip, Z_NO_FLUSH);
    unpack->at = unpack->size - gzip->avail_in;
    unpack->inside = code != Z_STREAM_END;
    ssize_t produced = (ssize_t)(size - gzip->avail_out);
    if (code == Z_OK || code == Z_STREAM_END || code == Z_BUF_ERROR) {
        return produced;
    }
    bool memory = code == Z_MEM_ERROR;
    ssize_t failed = fail(unpack, memory ? STATUS_NO_MEMORY : STATUS_IO,
                          memory ? "needs more memory than there is" : "is damaged");
    return produced > 0 ? produced : failed; /* the next read fails */
}

static ssize_t fail_zstd(struct unpack *unpack, size_t code)
{
    switch (ZSTD_getErrorCode(code)) {
    case ZSTD_error_frameParameter_windowTooLarge:
        return fail(unpack, STATUS_IO, "needs a window of more than 128 MiB");
    case ZSTD_error_memory_allocation:
        return fail(unpack, STATUS_NO_MEMORY, "needs more memory than there is");
    default:
        return fail(unpack, STATUS_IO, "is damaged");
    }
}

static ssize_t step_zstd(struct unpack *unpack, char *out, size_t size)
{
    ZSTD_inBuffer in = {unpack->raw, unpack->size, unpack->at};
    ZSTD_outBuffer to = {out, size, 0};
    size_t code = ZSTD_decompressStream(unpack->zstd, &to, &in);
    unpack->at = in.pos;
    if (ZSTD_isError(code)) {
        return fail_zstd(unpack, code);
    }
    unpack->inside = code != 0;
    return (ssize_t)to.pos;
}

/*
 * Unpacks until there is something to give. Both libraries may hold back what did not fit, so they
 * are asked again, without a byte of input, before the file's end counts.
 */
static ssize_t read_packed(struct unpack *unpack, char *out, size_t size)
{
    for (;;) {
        if (!fill(unpack)) {
            return -1;
        }
        bool ended = at_end(unpack);
        if (ended && !unpack->inside) {
            return 0;
        }
        ssize_t got =
            unpack->packing == GZIP ? step_gzip(unpack, out, size) : step_zstd(unpack, out, size);
        if (got != 0) {
            return got;
        }
        if (ended && unpack->inside) {
            return fail(unpack, STATUS_IO, "ends early");
        }
    }
}

static ssize_t read_cookie(void *cookie, char *out, size_t size)
{
    struct unpack *unpack = cookie;
    if (unpack->status != STATUS_OK) {
        errno = EIO;
        return -1;
    }
    if (unpack->packing != PLAIN) {
        return read_packed(unpack, out, size);
    }
    return fill(unpack) ? read_plain(unpack, out, size) : -1;
}

/* A zstd file may begin with a frame to be skipped, whose number says 0 to 15 with its first byte.
 */
static enum packing recognise(const unsigned char *raw, size_t size)
{
    static const unsigned char gzip[] = {0x1f, 0x8b};
    static const unsigned char zstd[MAGIC_SIZE] = {0x28, 0xb5, 0x2f, 0xfd};
    static const unsigned char skippable[MAGIC_SIZE - 1] = {0x2a, 0x4d, 0x18};
    if (size >= sizeof(gzip) && memcmp(raw, gzip, sizeof(gzip)) == 0) {
        return GZIP;
    }
    if (size < MAGIC_SIZE) {
        return PLAIN;
    }
    bool skips = (raw[0] & 0xf0) == 0x50 && memcmp(raw + 1, skippable, sizeof(skippable)) == 0;
    return skips || memcmp(raw, zstd, sizeof(zstd)) == 0 ? ZSTD : PLAIN;
}

static enum status start_gzip(struct unpack *unpack)
{
    return inflateInit2(&unpack->gzip, GZIP_WINDOW_BITS) == Z_OK ? STATUS_OK : STATUS_NO_MEMORY;
}

static enum status start_zstd(struct unpack *unpack)
{
    unpack->zstd = ZSTD_createDStream();
    if (unpack->zstd == NULL) {
        return STATUS_NO_MEMORY;
    }
    size_t code = ZSTD_DCtx_setParameter(unpack->zstd, ZSTD_d_windowLogMax, UNPACK_WINDOW_LOG);
    CHECK(!ZSTD_isError(code));
    return STATUS_OK;
}

static enum status start_stream(struct unpack *unpack)
{
    static const cookie_io_functions_t functions = {.read = read_cookie};
    unpack->stream = fopencookie(unpack, "rb", functions);
    if (unpack->stream == NULL) {
        return STATUS_NO_MEMORY;
    }
    (void)setvbuf(unpack->stream, unpack->buffer, _IOFBF, sizeof(unpack->buffer));
    return STATUS_OK;
}

static enum status start(struct unpack *unpack, struct problem *problem)
{
    if (!fill(unpack)) {
        return unpack_failure(unpack, problem);
    }
    unpack->packing = recognise(unpack->raw, unpack->size);
    enum status status = STATUS_OK;
    if (unpack->packing == GZIP) {
        status = start_gzip(unpack);
    } else if (unpack->packing == ZSTD) {
        status = start_zstd(unpack);
    }
    return status == STATUS_OK ? start_stream(unpack) : status;
}

enum status unpack_open(FILE *file, struct unpack **out, struct problem *problem)
{
    struct unpack *unpack = calloc(1, sizeof(*unpack));
    if (unpack == NULL) {
        return STATUS_NO_MEMORY;
    }
    unpack->file = file;
    enum status status = start(unpack, problem);
    if (status != STATUS_OK) {
        unpack_close(unpack);
        return status;
    }
    *out = unpack;
    return STATUS_OK;
}

void unpack_close(struct unpack *unpack)
{
    if (unpack == NULL) {
        return;
    }
    if (unpack->stream != NULL) {
        fclose(unpack->stream);
    }
    if (unpack->packing == GZIP) {
        (void)inflateEnd(&unpack->gzip); /* says no more than that nothing was started */
    }
    ZSTD_freeDStream(unpack->zstd);
    free(unpack);
}

FILE *unpack_stream(struct unpack *unpack)
{
    return unpack->stream;
}

uint64_t unpack_consumed(const struct unpack *unpack)
{
    return unpack->before + unpack->at;
}

enum status unpack_failure(const struct unpack *unpack, struct problem *problem)
{
    if (unpack->status != STATUS_OK) {
        problem_set(problem, "%s", unpack->problem.text);
    }
    return unpack->status;
}
