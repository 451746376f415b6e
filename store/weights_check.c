#include "store/weights_check.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/grow.h"
#include "store/weights_row.h"

/* A text that is kept, and whether a change has it. */
struct kept {
    uint64_t key;
    bool used;
};

struct checking {
    void (*error)(void *context, const char *text);
    void *context;
    struct kept *kept; /* owned; by rising key once sorted */
    size_t count;
    size_t capacity;
    uint64_t expected; /* number of the next change */
    uint64_t changes;
    enum status status;
};

__attribute__((format(printf, 2, 3))) static void tell(struct checking *checking,
                                                       const char *format, ...)
{
    struct problem problem;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(problem.text, sizeof(problem.text), format, arguments);
    va_end(arguments);
    checking->error(checking->context, problem.text);
}

static bool visit_text(void *context, uint64_t key, const uint8_t *bytes, size_t size)
{
    struct checking *checking = context;
    struct text content;
    if (weights_file_decode(bytes, size, key, &content) != STATUS_OK) {
        tell(checking, "the text %016" PRIx64 " of the weights' history fails validation", key);
        return true;
    }
    struct kept *kept =
        grow(checking->kept, checking->count, &checking->capacity, sizeof(*checking->kept));
    if (kept == NULL) {
        checking->status = STATUS_NO_MEMORY;
        return false;
    }
    checking->kept = kept;
    kept[checking->count++] = (struct kept){.key = key};
    return true;
}

static int compare(const void *a, const void *b)
{
    uint64_t x = ((const struct kept *)a)->key;
    uint64_t y = ((const struct kept *)b)->key;
    return x < y ? -1 : x > y;
}

static void use_text(struct checking *checking, const struct weights_change *change, uint64_t key)
{
    struct kept wanted = {.key = key};
    struct kept *kept = checking->count > 0 ? bsearch(&wanted, checking->kept, checking->count,
                                                      sizeof(wanted), compare)
                                            : NULL;
    if (kept == NULL) {
        tell(checking, "the text %016" PRIx64 " of weights %s, change %" PRIu64 ", is missing", key,
             change->version, change->number);
        return;
    }
    kept->used = true;
}

/* With model files the hash is of all of them together, which are not in memory at once; but each
 * is checked by its own, and the row by its checksum. */
static void check_version(struct checking *checking, const struct weights_change *change)
{
    char hash[17];
    const char *at = strrchr(change->version, '@');
    snprintf(hash, sizeof(hash), "%016" PRIx64, change->yaml_key);
    if (at == NULL || (change->model_count == 0 && strcmp(at + 1, hash) != 0)) {
        tell(checking, "change %" PRIu64 " of the weights calls the text %s %s", change->number,
             hash, change->version);
    }
}

static void check_number(struct checking *checking, uint64_t number)
{
    if (number != checking->expected) {
        tell(checking, "changes %" PRIu64 " to %" PRIu64 " of the weights are missing",
             checking->expected, number - 1);
    }
    checking->expected = number + 1;
}

static bool visit_row(void *context, uint64_t number, const uint8_t *bytes, size_t size)
{
    struct checking *checking = context;
    struct weights_change change;
    uint64_t hash;
    if (number == 0) {
        if (weights_mark_decode(bytes, size, &hash) != STATUS_OK) {
            tell(checking, "the mark of the weights file fails validation");
        }
        return true;
    }
    check_number(checking, number);
    if (weights_change_decode(bytes, size, number, &change) != STATUS_OK) {
        tell(checking, "change %" PRIu64 " of the weights fails validation", number);
        return true;
    }
    check_version(checking, &change);
    use_text(checking, &change, change.yaml_key);
    for (size_t i = 0; i < change.model_count; i++) {
        use_text(checking, &change, change.models[i].key);
    }
    checking->changes++;
    return true;
}

/* A row that cannot be read had texts too, so that only a whole history tells of them. */
static void check_all_used(struct checking *checking)
{
    for (size_t i = 0; i < checking->count; i++) {
        if (!checking->kept[i].used) {
            tell(checking, "the text %016" PRIx64 " of the weights' history is of no change",
                 checking->kept[i].key);
        }
    }
}

enum status weights_check(struct pages *pages, void (*error)(void *context, const char *text),
                          void *context, uint64_t *changes)
{
    struct checking checking = {
        .error = error, .context = context, .expected = 1, .status = STATUS_OK};
    (void)pages_walk(pages, "weights_files", sizeof(uint64_t), visit_text, &checking);
    if (checking.status == STATUS_OK) {
        checking.status = pages_status(pages);
    }
    if (checking.count > 0) {
        qsort(checking.kept, checking.count, sizeof(*checking.kept), compare);
    }
    if (checking.status == STATUS_OK) {
        (void)pages_walk(pages, "weights", sizeof(uint64_t), visit_row, &checking);
    }
    if (checking.status == STATUS_OK && checking.changes + 1 == checking.expected) {
        check_all_used(&checking);
    }
    free(checking.kept);
    *changes = checking.changes;
    return checking.status;
}
