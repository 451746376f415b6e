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
 * What one page is made of. A token is the number of rows still to be looked at, as 16 hexadecimal
 * digits. From the last row to the first: a row that is dropped is replaced by the last one, which
 * has been looked at by then, so that none is missed.
 */
struct page {
    struct video_source *sources;
    uint64_t *keys;
    size_t *rows;
    size_t count;
    size_t rows_left;
};

/* The rows to look at. False when the token names none. */
static bool parse_token(const char *token, size_t row_count, size_t *rows_left)
{
    *rows_left = row_count;
    if (token[0] == '\0') {
        return true;
    }
    bool well_formed =
        strlen(token) == TOKEN_SIZE - 1 && strspn(token, "0123456789abcdef") == TOKEN_SIZE - 1;
    uint64_t rows = well_formed ? strtoull(token, NULL, 16) : 0;
    *rows_left = rows < row_count ? (size_t)rows : row_count;
    return rows > 0 && rows <= UINT32_MAX;
}

static void collect(const struct videos *videos, size_t page_size, struct page *page)
{
    size_t last = page->rows_left > PAGE_ROWS ? page->rows_left - PAGE_ROWS : 0;
    while (page->rows_left > last && page->count < page_size) {
        const struct video *row = videos_at(videos, --page->rows_left);
        if (video_is_live(row)) {
            page->keys[page->count] = row->key;
            page->rows[page->count] = page->rows_left;
            page->sources[page->count++] = videos_source(videos, row);
        }
    }
}

static enum status find_page(struct service *service, struct turn *turn, const char *token,
                             size_t page_size, struct page *page)
{
    page->sources = arena_new(turn->arena, struct video_source, page_size);
    page->keys = arena_new(turn->arena, uint64_t, page_size);
    page->rows = arena_new(turn->arena, size_t, page_size);
    if (arena_full(turn->arena)) {
        return STATUS_NO_MEMORY;
    }
    const struct videos *videos = state_videos(store_begin(service->store));
    bool found = parse_token(token, videos_count(videos), &page->rows_left);
    if (found) {
        collect(videos, page_size, page);
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
            page->rows_left = page->rows[i];
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
    if (page.rows_left > 0) {
        snprintf(token, TOKEN_SIZE, "%016zx", page.rows_left);
        response->next_page_token = token;
    }
    return service_answer(turn, &response->base);
}
