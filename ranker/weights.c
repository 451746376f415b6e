#include "ranker/weights.h"

#include <locale.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ranker/check.h"
#include "ranker/hash.h"
#include "ranker/weights_internal.h"

/* Problems in file order; those found late, such as a missing version, move up. */
static void sort_problems(struct weights_problems *problems)
{
    for (unsigned i = 1; i < problems->count; i++) {
        struct weights_problem problem = problems->items[i];
        unsigned at = i;
        while (at > 0) {
            const struct weights_problem *before = &problems->items[at - 1];
            if (before->line < problem.line ||
                (before->line == problem.line && before->column <= problem.column)) {
                break;
            }
            problems->items[at] = *before;
            at--;
        }
        problems->items[at] = problem;
    }
}

static void name_version(const char *name, struct text yaml, struct weights *weights)
{
    XXH3_state_t hash;
    XXH3_64bits_reset(&hash);
    XXH3_64bits_update(&hash, yaml.data, yaml.size);
    for (const struct model_file *file = weights->memory.files; file != NULL; file = file->next) {
        uint64_t size = file->bytes.size;
        XXH3_64bits_update(&hash, file->name, strlen(file->name) + 1);
        XXH3_64bits_update(&hash, &size, sizeof(size));
        XXH3_64bits_update(&hash, file->bytes.data, file->bytes.size);
    }
    snprintf(weights->version, sizeof(weights->version), "%s@%016llx", name,
             (unsigned long long)XXH3_64bits_digest(&hash));
}

static enum status parse(struct text yaml, const struct weights_loader *loader,
                         struct layers *layers, struct weights *weights,
                         struct weights_problems *problems)
{
    enum status status = weights_read(yaml, loader, &weights->memory, layers, problems);
    if (status == STATUS_OK) {
        status = weights_build(layers, weights, problems);
    }
    if (status == STATUS_OK) {
        name_version(layers->name, yaml, weights);
    }
    sort_problems(problems);
    return status;
}

enum status weights_parse_with(struct text yaml, const struct weights_loader *loader,
                               struct weights **out, struct weights_problems *problems)
{
    problems->count = 0;
    locale_t before = uselocale((locale_t)0);
    locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    struct layers *layers = calloc(1, sizeof(*layers));
    struct weights *weights = calloc(1, sizeof(*weights));
    enum status status = STATUS_NO_MEMORY;
    if (weights != NULL) {
        atomic_init(&weights->references, 1);
    }
    if (plain != (locale_t)0 && layers != NULL && weights != NULL) {
        uselocale(plain); /* "0.5" is a half whatever LC_NUMERIC says */
        status = parse(yaml, loader, layers, weights, problems);
        uselocale(before);
    }
    if (plain != (locale_t)0) {
        freelocale(plain);
    }
    if (layers != NULL) {
        weights_memory_release(&layers->memory);
    }
    free(layers);
    if (status != STATUS_OK) {
        problems->count = status == STATUS_INVALID ? problems->count : 0;
        weights_unref(weights);
        return status;
    }
    *out = weights;
    return STATUS_OK;
}

enum status weights_parse(struct text yaml, struct weights **out, struct weights_problems *problems)
{
    return weights_parse_with(yaml, NULL, out, problems);
}

struct weights *weights_ref(struct weights *weights)
{
    size_t before = atomic_fetch_add_explicit(&weights->references, 1, memory_order_relaxed);
    CHECK(before > 0);
    return weights;
}

void weights_unref(struct weights *weights)
{
    if (weights == NULL) {
        return;
    }
    size_t before = atomic_fetch_sub_explicit(&weights->references, 1, memory_order_acq_rel);
    CHECK(before > 0);
    if (before == 1) {
        weights_memory_release(&weights->memory);
        free(weights);
    }
}

const char *weights_version(const struct weights *weights)
{
    return weights->version;
}
