#include "ranker/changes.h"

#include <stdlib.h>
#include <string.h>

#include "ranker/check.h"

enum { FIRST_WORDS = 16 };

void changes_release(struct changes *changes)
{
    free(changes->changed);
    free(changes->waiting);
    *changes = (struct changes){0};
}

/* A copy with zeroes behind. */
static uint64_t *widen(const uint64_t *words, size_t word_count, size_t wider_count)
{
    uint64_t *wider = calloc(wider_count, sizeof(*wider));
    if (wider != NULL && word_count > 0) {
        memcpy(wider, words, word_count * sizeof(*words));
    }
    return wider;
}

enum status changes_reserve(struct changes *changes, size_t row_count)
{
    if (row_count <= changes->word_count * 64) {
        return STATUS_OK;
    }
    size_t word_count = changes->word_count > 0 ? changes->word_count : FIRST_WORDS;
    while (word_count * 64 < row_count) {
        word_count *= 2;
    }
    uint64_t *changed = widen(changes->changed, changes->word_count, word_count);
    uint64_t *waiting = widen(changes->waiting, changes->word_count, word_count);
    if (changed == NULL || waiting == NULL) {
        free(changed);
        free(waiting);
        return STATUS_NO_MEMORY;
    }
    free(changes->changed);
    free(changes->waiting);
    changes->changed = changed;
    changes->waiting = waiting;
    changes->word_count = word_count;
    return STATUS_OK;
}

/* Rows from row_count on have gone. */
static void cut(uint64_t *words, size_t word_count, size_t row_count)
{
    size_t first = row_count / 64;
    if (first >= word_count) {
        return;
    }
    words[first] &= (UINT64_C(1) << (row_count % 64)) - 1;
    memset(words + first + 1, 0, (word_count - first - 1) * sizeof(*words));
}

void changes_mark(struct changes *changes, size_t row_count)
{
    size_t row;
    CHECK(!changes_take(changes, &row));
    cut(changes->changed, changes->word_count, row_count);
    uint64_t *changed = changes->changed;
    changes->changed = changes->waiting;
    changes->waiting = changed;
    changes->next_word = 0;
}

bool changes_take(struct changes *changes, size_t *row)
{
    while (changes->next_word < changes->word_count && changes->waiting[changes->next_word] == 0) {
        changes->next_word++;
    }
    if (changes->next_word == changes->word_count) {
        return false;
    }
    uint64_t *word = &changes->waiting[changes->next_word];
    *row = changes->next_word * 64 + (size_t)__builtin_ctzll(*word);
    *word &= *word - 1;
    return true;
}

void changes_fill(struct changes *changes, size_t row_count)
{
    CHECK(row_count <= changes->word_count * 64);
    if (changes->word_count == 0) {
        return;
    }
    memset(changes->waiting, 0, changes->word_count * sizeof(*changes->waiting));
    memset(changes->changed, 0, changes->word_count * sizeof(*changes->changed));
    memset(changes->changed, 0xff, row_count / 64 * sizeof(*changes->changed));
    if (row_count % 64 != 0) {
        changes->changed[row_count / 64] = (UINT64_C(1) << (row_count % 64)) - 1;
    }
    changes->next_word = 0;
}
