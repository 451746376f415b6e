#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reelrank/v1/catalog.pb-c.h"
#include "server/service_internal.h"

enum {
    PAGE_SIZE_MAX = 1000,
    PAGE_SIZE_DEFAULT = 100,
    PAGE_BYTES = 3 << 20, /* stock clients take messages of up to 4 MiB */
    PAGE_ROWS = 16384,    /* looked at for one page, while the writer waits */
    TOKEN_SIZE = 17
};

/*
 * What one page is made of. A token is the key of the last row looked at, as 16 hexadecimal digits:
 * rows keep their place, and their order is that of the log.
 */
struct page {
    struct video_source *sources;
    uint64_t *keys;
    size_t count;
    uint64_t next_after; /* key of the last row looked at; 0: the end was reached */
};

static bool parse_token(const char *token, uint64_t *key)
{
    bool well_formed =
        strlen(token) == TOKEN_SIZE - 1 && strspn(token, "0123456789abcdef") == TOKEN_SIZE - 1;
    *key = well_formed ? strtoull(token, NULL, 16) : 0;
    return well_formed;
}

/* The row from which on to look. False when the token names none. */
static bool find_start(const struct videos *videos, const char *token, size_t *start)
{
    uint64_t key = 0;
    const struct video *row = NULL;
    *start = 0;
    if (token[0] == '\0') {
        return true;
    }
    if (!parse_token(token, &key)) {
        return false;
    }
    videos_find_many(videos, &key, 1, &row);
    *start = row != NULL ? (size_t)row->number + 1 : 0;
    return row != NULL;
}

static void collect(const struct videos *videos, size_t start, size_t page_size, struct page *page)
{
    size_t end = videos_count(videos);
    size_t at = start;
    for (; at < end && page->count < page_size && at - start < PAGE_ROWS; at++) {
        const struct video *row = videos_at(videos, at);
        if (row->known && !row->deleted) {
            page->keys[page->count] = row->key;
            page->sources[page->count++] = videos_source(videos, row);
        }
    }
    page->next_after = at < end ? videos_at(videos, at - 1)->key : 0;
}

static enum status find_page(struct service *service, struct turn *turn, const char *token,
                             size_t page_size, struct page *page)
{
    size_t start = 0;
    page->sources = arena_new(turn->arena, struct video_source, page_size);
    page->keys = arena_new(turn->arena, uint64_t, page_size);
    if (arena_full(turn->arena)) {
        return STATUS_NO_MEMORY;
    }
    const struct videos *videos = state_videos(store_begin(service->store));
    bool found = find_start(videos, token, &start);
    if (found) {
        collect(videos, start, page_size, page);
    }
    store_end(service->store);
    if (!found) {
        problem_set(&turn->problem, "page_token \"%.32s\" is not the next_page_token of an answer",
                    token);
        return STATUS_INVALID;
    }
    return STATUS_OK;
}

/* Adds the page's videos to the response until it is large enough. */
static enum status put_videos(struct service *service, struct turn *turn, struct page *page,
                              Reelrank__V1__ListVideosResponse *response)
{
    Reelrank__V1__StoredVideo *items =
        arena_new(turn->arena, Reelrank__V1__StoredVideo, page->count);
    response->videos = arena_new(turn->arena, Reelrank__V1__StoredVideo *, page->count);
    size_t bytes = 0;
    for (size_t i = 0; !arena_full(turn->arena) && i < page->count; i++) {
        reelrank__v1__stored_video__init(&items[i]);
        items[i].video_key = page->keys[i];
        enum status status =
            service_load_video(service, turn, page->keys[i], page->sources[i], &items[i].video);
        if (status != STATUS_OK) {
            return status;
        }
        response->videos[response->n_videos++] = &items[i];
        bytes += reelrank__v1__stored_video__get_packed_size(&items[i]);
        if (bytes > PAGE_BYTES && i + 1 < page->count) {
            page->next_after = page->keys[i];
            break;
        }
    }
    return arena_full(turn->arena) ? STATUS_NO_MEMORY : STATUS_OK;
}

enum turn_step service_list_videos(void *context, struct turn *turn)
{
    const Reelrank__V1__ListVideosRequest *request =
        (const Reelrank__V1__ListVideosRequest *)turn->request;
    if (request->page_size > PAGE_SIZE_MAX) {
        problem_set(&turn->problem, "page_size is %" PRIu32 "; at most %d is allowed",
                    request->page_size, PAGE_SIZE_MAX);
        return service_fail_as_set(turn, STATUS_INVALID);
    }
    size_t page_size = request->page_size > 0 ? request->page_size : PAGE_SIZE_DEFAULT;
    Reelrank__V1__ListVideosResponse *response =
        arena_new(turn->arena, Reelrank__V1__ListVideosResponse, 1);
    char *token = arena_new(turn->arena, char, TOKEN_SIZE);
    if (arena_full(turn->arena)) {
        return service_fail_as_set(turn, STATUS_NO_MEMORY);
    }
    reelrank__v1__list_videos_response__init(response);
    struct page page = {.count = 0};
    enum status status = find_page(context, turn, request->page_token, page_size, &page);
    if (status == STATUS_OK) {
        status = put_videos(context, turn, &page, response);
    }
    if (status != STATUS_OK) {
        return service_fail_as_set(turn, status);
    }
    if (page.next_after != 0) {
        snprintf(token, TOKEN_SIZE, "%016" PRIx64, page.next_after);
        response->next_page_token = token;
    }
    return service_answer(turn, &response->base);
}
