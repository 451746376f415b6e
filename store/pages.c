#include "store/pages.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ranker/check.h"
#include "store/files.h"
#include "store/log.h"
#include "store/page_format.h"

enum {
    LMDB_VERSION = 1,
    PAGE_SIZE_MIN = 512,
    PAGE_SIZE_MAX = 65536,
    PAGE_SIZE_USUAL = 4096,
    DEPTH_MAX = 32,
    FORMAT_SIZE = 4,
    DATABASES_MAX = 8,
    NAME_SIZE = 16,
};

#define LMDB_MAGIC UINT32_C(0xbeefc0de)

/* An entry of a leaf. */
struct node {
    const uint8_t *key;
    size_t key_size;
    unsigned flags;
    const uint8_t *data;
    size_t data_size;
};

/* False stops the walk. */
typedef bool visit_node(void *context, const struct node *node);

/* A database as its description says. */
struct database {
    char name[NAME_SIZE];
    uint64_t entries;
    uint64_t root;
};

struct pages {
    const char *name; /* of the file */
    int fd;
    size_t page_size;
    uint64_t file_bytes;
    uint64_t page_count; /* of the file */
    struct database databases[DATABASES_MAX];
    size_t database_count;
    pages_damage *damage;
    void *damage_context;
    uint64_t damages;
    int read_error; /* why the system refused the last read; 0: it did not */
    int refused;    /* the same of any read */
    bool no_memory; /* there was none for a large value */
    /* Of the walk that is going on. */
    uint64_t visited;  /* a tree has no page twice */
    uint8_t *path;     /* owned; DEPTH_MAX pages, from the root to where the walk is */
    uint8_t *overflow; /* owned */
    size_t overflow_size;
    visit_node *visit;
    void *visit_context;
};

static struct database get_database(const uint8_t *in)
{
    return (struct database){.entries = get_u64(in + AT_ENTRIES), .root = get_u64(in + AT_ROOT)};
}

static bool tell(const struct pages *pages, const struct problem *problem)
{
    return pages->damage == NULL || pages->damage(pages->damage_context, problem);
}

static bool damaged(struct pages *pages, uint64_t number, const char *why)
{
    struct problem problem;
    problem_set(&problem, "page %" PRIu64 " of %s is damaged: %s", number, pages->name, why);
    pages->damages++;
    return tell(pages, &problem);
}

/* What the disk refuses is damage too, which a copy of the file may not have. */
static bool unreadable(struct pages *pages, uint64_t number, const char *what)
{
    char why[128];
    snprintf(why, sizeof(why), "%s%s%s", what, pages->read_error != 0 ? ": " : "",
             pages->read_error != 0 ? strerror(pages->read_error) : "");
    return damaged(pages, number, why);
}

/* Reads size bytes from a page on; false where the file does not have them. */
static bool read_at(struct pages *pages, uint64_t number, uint8_t *out, size_t size)
{
    size_t done = 0;
    pages->read_error = 0;
    if (number >= pages->page_count) {
        return false;
    }
    while (done < size) {
        off_t at = (off_t)(number * pages->page_size + done);
        ssize_t got = pread(pages->fd, out + done, size - done, at);
        if (got < 0 && errno != EINTR) {
            pages->read_error = errno;
            pages->refused = errno;
            return false;
        }
        if (got == 0) {
            return false;
        }
        done += got > 0 ? (size_t)got : 0;
    }
    return true;
}

/* What is wrong with a page's header; NULL: nothing. */
static const char *check_header(const struct pages *pages, const uint8_t *page, uint64_t number)
{
    unsigned kind = get_u16(page + AT_PAGE_FLAGS) & PAGE_KINDS;
    size_t lower = get_u16(page + AT_LOWER);
    size_t upper = get_u16(page + AT_UPPER);
    if (get_u64(page) != number) {
        return "it has another page's number";
    }
    if (kind != PAGE_BRANCH && kind != PAGE_LEAF) {
        return "it is neither branch nor leaf";
    }
    if (lower < PAGE_HEADER_SIZE || lower > upper || upper > pages->page_size || lower % 2 != 0) {
        return "its bounds are impossible";
    }
    return NULL;
}

/* The data of a node that lies on pages of its own; NULL where it cannot be read. */
static const uint8_t *read_overflow(struct pages *pages, uint64_t number, size_t size)
{
    uint8_t header[PAGE_HEADER_SIZE];
    if (!read_at(pages, number, header, sizeof(header)) || get_u64(header) != number ||
        (get_u16(header + AT_PAGE_FLAGS) & PAGE_KINDS) != PAGE_OVERFLOW) {
        return NULL;
    }
    uint64_t count = get_u32(header + AT_OVERFLOW_PAGES);
    if (count == 0 || count > pages->page_count - number ||
        size > count * pages->page_size - PAGE_HEADER_SIZE) {
        return NULL;
    }
    size_t total = PAGE_HEADER_SIZE + size;
    if (total > pages->overflow_size) {
        uint8_t *larger = realloc(pages->overflow, total);
        if (larger == NULL) {
            pages->no_memory = true;
            return NULL;
        }
        pages->overflow = larger;
        pages->overflow_size = total;
    }
    return read_at(pages, number, pages->overflow, total) ? pages->overflow + PAGE_HEADER_SIZE
                                                          : NULL;
}

static bool visit_leaf_node(struct pages *pages, const uint8_t *page, uint64_t number,
                            size_t offset)
{
    struct node node = {.flags = get_u16(page + offset + AT_NODE_FLAGS),
                        .key = page + offset + NODE_SIZE,
                        .key_size = get_u16(page + offset + AT_KEY_SIZE),
                        .data_size = get_u32(page + offset)};
    bool large = (node.flags & NODE_OVERFLOW) != 0;
    size_t inside = large ? sizeof(uint64_t) : node.data_size;
    size_t room = pages->page_size - offset - NODE_SIZE;
    if (node.key_size > room || inside > room - node.key_size) {
        return damaged(pages, number, "an entry reaches beyond its end");
    }
    node.data = node.key + node.key_size;
    if (large) {
        node.data = read_overflow(pages, get_u64(node.data), node.data_size);
    }
    if (pages->no_memory) {
        return false;
    }
    if (node.data == NULL) {
        return unreadable(pages, number, "an entry's pages cannot be read");
    }
    return pages->visit(pages->visit_context, &node);
}

static bool visit_page(struct pages *pages, uint64_t number, unsigned depth);

static bool visit_entries(struct pages *pages, const uint8_t *page, uint64_t number, unsigned depth)
{
    bool leaf = (get_u16(page + AT_PAGE_FLAGS) & PAGE_LEAF) != 0;
    size_t count = (get_u16(page + AT_LOWER) - (size_t)PAGE_HEADER_SIZE) / 2;
    size_t upper = get_u16(page + AT_UPPER);
    bool go_on = true;
    for (size_t i = 0; go_on && i < count; i++) {
        size_t offset = get_u16(page + PAGE_HEADER_SIZE + 2 * i);
        if (offset < upper || offset + NODE_SIZE > pages->page_size) {
            go_on = damaged(pages, number, "an entry lies outside");
        } else if (leaf) {
            go_on = visit_leaf_node(pages, page, number, offset);
        } else {
            go_on = visit_page(pages, get_child(page + offset), depth + 1);
        }
    }
    return go_on;
}

/* Visits the leaves of the tree under a page. Returns false to stop. */
static bool visit_page(struct pages *pages, uint64_t number, unsigned depth)
{
    if (depth == DEPTH_MAX || ++pages->visited > pages->page_count) {
        (void)damaged(pages, number, "the tree of pages has no end");
        return false;
    }
    uint8_t *page = pages->path + depth * pages->page_size;
    if (!read_at(pages, number, page, pages->page_size)) {
        return unreadable(pages, number, "it cannot be read");
    }
    const char *why = check_header(pages, page, number);
    return why != NULL ? damaged(pages, number, why) : visit_entries(pages, page, number, depth);
}

/* Visits all entries of a database. Returns false when the walk was stopped. */
static bool walk(struct pages *pages, const struct database *database, visit_node *visit,
                 void *context)
{
    pages->visit = visit;
    pages->visit_context = context;
    pages->visited = 0;
    bool to_the_end = database->root == UINT64_MAX || visit_page(pages, database->root, 0);
    pages->visit = NULL;
    pages->visit_context = NULL;
    return to_the_end;
}

/* Databases with long names, or too many of them, are not ours. */
static bool note_database(void *context, const struct node *node)
{
    struct pages *pages = context;
    if (node->flags != NODE_DATABASE || node->data_size != DATABASE_SIZE ||
        node->key_size >= NAME_SIZE || pages->database_count == DATABASES_MAX) {
        return true;
    }
    struct database *database = &pages->databases[pages->database_count++];
    *database = get_database(node->data);
    memcpy(database->name, node->key, node->key_size);
    database->name[node->key_size] = '\0';
    return true;
}

static const struct database *find_database(const struct pages *pages, const char *name)
{
    for (size_t i = 0; i < pages->database_count; i++) {
        if (strcmp(pages->databases[i].name, name) == 0) {
            return &pages->databases[i];
        }
    }
    return NULL;
}

bool pages_find(const struct pages *pages, const char *database, uint64_t *entry_count)
{
    const struct database *found = find_database(pages, database);
    *entry_count = found != NULL ? found->entries : 0;
    return found != NULL;
}

static bool is_meta(const uint8_t *page)
{
    size_t page_size = get_u32(page + AT_FREE_DATABASE);
    return get_u32(page + AT_MAGIC) == LMDB_MAGIC && get_u32(page + AT_VERSION) == LMDB_VERSION &&
           (get_u16(page + AT_PAGE_FLAGS) & PAGE_META) != 0 && page_size >= PAGE_SIZE_MIN &&
           page_size <= PAGE_SIZE_MAX && (page_size & (page_size - 1)) == 0;
}

static bool read_meta(struct pages *pages, uint64_t number, uint8_t out[META_SIZE])
{
    return read_at(pages, number, out, META_SIZE) && is_meta(out);
}

/* Finds the page size and the main database, with what one good meta page says. */
static bool find_main(struct pages *pages, struct database *out)
{
    uint8_t metas[2][META_SIZE] = {{0}};
    pages->page_size = PAGE_SIZE_USUAL;
    pages->page_count = pages->file_bytes / PAGE_SIZE_USUAL + 1;
    bool first = read_meta(pages, 0, metas[0]);
    if (first) {
        pages->page_size = get_u32(metas[0] + AT_FREE_DATABASE);
    }
    bool second = read_meta(pages, 1, metas[1]);
    if (!first && !second) {
        return false;
    }
    pages->page_count = pages->file_bytes / pages->page_size;
    bool later = get_u64(metas[1] + AT_TRANSACTION) > get_u64(metas[0] + AT_TRANSACTION);
    *out = get_database(metas[second && (!first || later)] + AT_MAIN_DATABASE);
    if (!first || !second) {
        (void)damaged(pages, first ? 1 : 0, "it cannot be read, or is no meta page");
    }
    return true;
}

/* Where a file turns out to be none of ours: the system may have refused to show what it is. */
static enum status refuse(const struct pages *pages, const char *why, struct problem *problem)
{
    if (pages->refused != 0) {
        problem_set(problem, "%s cannot be read: %s", pages->name, strerror(pages->refused));
        return STATUS_IO;
    }
    problem_set(problem, "%s %s", pages->name, why);
    return STATUS_CORRUPT;
}

static enum status read_databases(struct pages *pages, struct problem *problem)
{
    struct database main;
    if (!find_main(pages, &main)) {
        return refuse(pages, "is no database, or lost both its meta pages", problem);
    }
    pages->path = malloc(DEPTH_MAX * pages->page_size);
    if (pages->path == NULL) {
        problem_set(problem, "no memory for pages");
        return STATUS_NO_MEMORY;
    }
    (void)walk(pages, &main, note_database, pages);
    return STATUS_OK;
}

static enum status open_file(struct pages *pages, const char *directory, struct problem *problem)
{
    char path[FILES_PATH_SIZE];
    struct stat info;
    enum status status = files_join(directory, pages->name, path, problem);
    if (status != STATUS_OK) {
        return status;
    }
    pages->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (pages->fd < 0 || fstat(pages->fd, &info) != 0) {
        status = errno == ENOENT ? STATUS_NOT_FOUND : STATUS_IO;
        problem_set(problem, "%s: cannot open: %s", path, strerror(errno));
        return status;
    }
    pages->file_bytes = (uint64_t)info.st_size;
    return STATUS_OK;
}

enum status pages_open(const char *directory, const char *name, pages_damage *damage, void *context,
                       struct pages **out, struct problem *problem)
{
    struct pages *pages = calloc(1, sizeof(*pages));
    if (pages == NULL) {
        problem_set(problem, "no memory for pages");
        return STATUS_NO_MEMORY;
    }
    *pages = (struct pages){.name = name, .fd = -1, .damage = damage, .damage_context = context};
    enum status status = open_file(pages, directory, problem);
    if (status == STATUS_OK) {
        status = read_databases(pages, problem);
    }
    if (status != STATUS_OK) {
        pages_close(pages);
        return status;
    }
    *out = pages;
    return STATUS_OK;
}

void pages_close(struct pages *pages)
{
    if (pages == NULL) {
        return;
    }
    if (pages->fd >= 0) {
        close(pages->fd);
    }
    free(pages->path);
    free(pages->overflow);
    free(pages);
}

enum status pages_status(const struct pages *pages)
{
    return pages->no_memory ? STATUS_NO_MEMORY : STATUS_OK;
}

uint64_t pages_file_bytes(const struct pages *pages)
{
    return pages->file_bytes;
}

struct getting {
    const char *key;
    uint8_t *out;
    size_t capacity;
    size_t size;
};

static bool look_at(void *context, const struct node *node)
{
    struct getting *getting = context;
    if (node->flags == 0 && node->key_size == strlen(getting->key) &&
        memcmp(node->key, getting->key, node->key_size) == 0 &&
        node->data_size <= getting->capacity) {
        memcpy(getting->out, node->data, node->data_size);
        getting->size = node->data_size;
    }
    return true;
}

size_t pages_get(struct pages *pages, const char *database, const char *key, uint8_t *out,
                 size_t capacity)
{
    struct getting getting = {.key = key, .out = out, .capacity = capacity};
    const struct database *found = find_database(pages, database);
    if (found != NULL) {
        (void)walk(pages, found, look_at, &getting);
    }
    return getting.size;
}

static enum status check_log(struct pages *pages, struct problem *problem)
{
    uint8_t format[FORMAT_SIZE];
    if (pages_get(pages, "meta", "format", format, sizeof(format)) != sizeof(format)) {
        return refuse(pages, "is not a log of reelrank, or lost what says so", problem);
    }
    enum status status = log_check_format(get_u32(format), "data.mdb", problem);
    if (status == STATUS_OK && find_database(pages, "log") == NULL) {
        status = refuse(pages, "does not say where its records are", problem);
    }
    return status;
}

enum status pages_open_log(const char *directory, pages_damage *damage, void *context,
                           struct pages **out, struct problem *problem)
{
    struct pages *pages = NULL;
    enum status status = pages_open(directory, "data.mdb", damage, context, &pages, problem);
    if (status == STATUS_OK) {
        status = check_log(pages, problem);
    }
    if (status != STATUS_OK) {
        pages_close(pages);
        return status;
    }
    *out = pages;
    return STATUS_OK;
}

/* The entries of a database on their way to the visitor. */
struct entries {
    struct pages *pages;
    const char *database;
    size_t key_size;
    pages_visit *visit;
    void *context;
    uint64_t count;
};

static bool visit_entry(void *context, const struct node *node)
{
    struct entries *entries = context;
    struct pages *pages = entries->pages;
    entries->count++;
    if (node->key_size != entries->key_size || node->flags > NODE_OVERFLOW) {
        struct problem problem;
        problem_set(&problem, "a key of \"%s\" in %s has %zu bytes instead of %zu",
                    entries->database, pages->name, node->key_size, entries->key_size);
        return tell(pages, &problem);
    }
    uint64_t key = node->key_size == sizeof(uint64_t) ? get_u64(node->key) : get_u32(node->key);
    return entries->visit(entries->context, key, node->data, node->data_size);
}

bool pages_walk(struct pages *pages, const char *database, size_t key_size, pages_visit *visit,
                void *context)
{
    struct entries entries = {.pages = pages,
                              .database = database,
                              .key_size = key_size,
                              .visit = visit,
                              .context = context};
    const struct database *found = find_database(pages, database);
    CHECK(key_size == sizeof(uint32_t) || key_size == sizeof(uint64_t));
    if (found == NULL) {
        return true;
    }
    uint64_t before = pages->damages;
    bool to_the_end = walk(pages, found, visit_entry, &entries);
    if (to_the_end && pages->damages == before && entries.count != found->entries) {
        struct problem problem;
        problem_set(&problem, "\"%s\" of %s counts %" PRIu64 " entries, but has %" PRIu64, database,
                    pages->name, found->entries, entries.count);
        return tell(pages, &problem);
    }
    return to_the_end;
}

static bool take_key(void *context, uint64_t key, const uint8_t *bytes, size_t size)
{
    (void)bytes;
    (void)size;
    *(uint64_t *)context = key;
    return false;
}

uint64_t pages_first(struct pages *pages, const char *database, size_t key_size)
{
    uint64_t key = 0;
    pages_damage *damage = pages->damage;
    pages->damage = NULL;
    (void)pages_walk(pages, database, key_size, take_key, &key);
    pages->damage = damage;
    return key;
}
