#include "ranker/slate_likeness.h"

#include <string.h>

#include "ranker/check.h"

enum { TAG_WEIGHT = 1, CATEGORY_WEIGHT = 2, CREATOR_WEIGHT = 2 };

/* What an item is like, without repeats. */
struct content {
    uint32_t tags[LIMIT_VIDEO_TAGS];
    uint32_t categories[LIMIT_VIDEO_CATEGORIES];
    uint32_t creator;
    uint32_t weight; /* of all together; 0 while nothing is known */
    const struct embedding *embedding;
    double scale; /* 1 over the embedding's length */
};

/*
 * The greatest likeness to what was placed at positions first met to `met`, and the last position
 * that has it: once that leaves the window, it is looked for again.
 */
struct nearest {
    double most;
    uint16_t position;
    uint16_t met;
};

enum status likeness_init(struct likeness *likeness, const struct model *model, size_t item_count,
                          size_t position_count, struct arena *arena)
{
    CHECK(position_count <= UINT16_MAX);
    *likeness = (struct likeness){
        .by = model->diversity_by,
        .window = (size_t)model->window,
        .contents = arena_new(arena, struct content, item_count),
        .nearest = arena_new_raw(arena, struct nearest, item_count),
        .placed = arena_new_raw(arena, uint16_t, position_count),
    };
    if (arena_full(arena)) {
        return STATUS_NO_MEMORY;
    }
    likeness_restart(likeness, item_count);
    return STATUS_OK;
}

bool likeness_knows(const struct likeness *likeness, size_t item)
{
    return likeness->contents[item].weight > 0;
}

static bool contains(const uint32_t *keys, size_t count, uint32_t key)
{
    for (size_t i = 0; i < count; i++) {
        if (keys[i] == key) {
            return true;
        }
    }
    return false;
}

/* Copies keys, repeats as 0. Returns how many are not 0. */
static unsigned copy_keys(const uint32_t *from, size_t count, uint32_t *to)
{
    unsigned kept = 0;
    for (size_t i = 0; i < count; i++) {
        to[i] = contains(to, i, from[i]) ? 0 : from[i];
        kept += to[i] != 0;
    }
    return kept;
}

void likeness_put(struct likeness *likeness, size_t item, const struct slate_facts *facts,
                  uint32_t creator)
{
    struct content *content = &likeness->contents[item];
    unsigned tags = copy_keys(facts->tags, LIMIT_VIDEO_TAGS, content->tags);
    unsigned categories = copy_keys(facts->categories, LIMIT_VIDEO_CATEGORIES, content->categories);
    content->creator = creator;
    content->weight = tags * TAG_WEIGHT + categories * CATEGORY_WEIGHT + CREATOR_WEIGHT;
    content->embedding = NULL;
    if (likeness->by == DIVERSITY_BY_EMBEDDING && facts->embedding != NULL) {
        content->embedding = facts->embedding;
        content->scale = embedding_scale(facts->embedding);
    }
}

/* How many keys of a are in b, without jumps. */
static unsigned count_common(const uint32_t *a, const uint32_t *b, size_t count)
{
    unsigned common = 0;
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < count; j++) {
            common += (a[i] == b[j]) & (a[i] != 0);
        }
    }
    return common;
}

static double by_tags(const struct content *a, const struct content *b)
{
    unsigned both = count_common(a->tags, b->tags, LIMIT_VIDEO_TAGS) * TAG_WEIGHT;
    both += count_common(a->categories, b->categories, LIMIT_VIDEO_CATEGORIES) * CATEGORY_WEIGHT;
    both += a->creator == b->creator ? CREATOR_WEIGHT : 0;
    return both > 0 ? (double)both / (double)(a->weight + b->weight - both) : 0;
}

static double likeness_of(const struct content *a, const struct content *b)
{
    if (a->embedding == NULL || b->embedding == NULL || a->embedding->size != b->embedding->size) {
        return by_tags(a, b);
    }
    double cosine = embedding_dot(a->embedding, b->embedding) * (a->scale * b->scale);
    return cosine < 0 ? 0 : cosine < 1 ? cosine : 1;
}

void likeness_restart(struct likeness *likeness, size_t item_count)
{
    memset(likeness->nearest, 0, item_count * sizeof(likeness->nearest[0]));
    likeness->placed_count = 0;
}

void likeness_place(struct likeness *likeness, size_t item)
{
    likeness->placed[likeness->placed_count++] = (uint16_t)item;
}

double likeness_most(struct likeness *likeness, size_t item)
{
    struct nearest *nearest = &likeness->nearest[item];
    size_t count = likeness->placed_count;
    size_t first = count > likeness->window ? count - likeness->window : 0;
    if (nearest->position < first) {
        *nearest = (struct nearest){.position = (uint16_t)first, .met = (uint16_t)first};
    }
    for (size_t i = nearest->met; i < count; i++) {
        double alike =
            likeness_of(&likeness->contents[item], &likeness->contents[likeness->placed[i]]);
        if (alike >= nearest->most) {
            nearest->most = alike;
            nearest->position = (uint16_t)i;
        }
    }
    nearest->met = (uint16_t)count;
    return nearest->most;
}
