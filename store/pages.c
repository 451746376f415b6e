#include "store/pages.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

struct pages {
    int fd;
    size_t page_size;
    uint64_t page_count; /* of the file */
    uint64_t visited;    /* in this walk: a tree has no page twice */
    uint8_t *path;       /* owned; DEPTH_MAX pages, from the root to where the walk is */
    uint8_t *overflow;   /* owned */
    size_t overflow_size;
    visit_node *visit;
    void *visit_context;
    const struct pages_visitor *visitor;
    uint64_t damages;
};

/* A database as its description says. */
struct database {
    uint64_t entries;
    uint64_t root;
};

static struct database get_database(const uint8_t *in)
{
    return (struct database){.entries = get_u64(in + AT_ENTRIES), .root = get_u64(in + AT_ROOT)};
}

static bool damaged(struct pages *pages, uint64_t number, const char *why)
{
    struct problem problem;
    problem_set(&problem, "page %" PRIu64 " of data.mdb is damaged: %s", number, why);
    pages->damages++;
    return pages->visitor->damage(pages->visitor->context, &problem);
}

/* Reads size bytes from a page on; false where the file does not have them. */
static bool read_at(const struct pages *pages, uint64_t number, uint8_t *out, size_t size)
{
    size_t done = 0;
    if (number >= pages->page_count) {
        return false;
    }
    while (done < size) {
        off_t at = (off_t)(number * pages->page_size + done);
        ssize_t got = pread(pages->fd, out + done, size - done, at);
        if (got == 0 || (got < 0 && errno != EINTR)) {
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
    struct node node = {.flags = get_u16(page + offset + 4),
                        .key = page + offset + NODE_SIZE,
                        .key_size = get_u16(page + offset + 6),
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
    if (node.data == NULL) {
        return damaged(pages, number, "an entry's pages cannot be read");
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
        return damaged(pages, number, "it cannot be read");
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

/* Looks up one key of a small database. */
struct lookup_node {
    const char *key;
    unsigned flags;
    uint8_t *data; /* of size bytes; what is longer is not found */
    size_t size;
    bool found;
};

static bool look_at(void *context, const struct node *node)
{
    struct lookup_node *lookup = context;
    if (node->key_size == strlen(lookup->key) && node->flags == lookup->flags &&
        memcmp(node->key, lookup->key, node->key_size) == 0 && node->data_size == lookup->size) {
        memcpy(lookup->data, node->data, lookup->size);
        lookup->found = true;
    }
    return true;
}

static bool find_database(struct pages *pages, const struct database *main, const char *name,
                          struct database *out)
{
    uint8_t bytes[DATABASE_SIZE];
    struct lookup_node lookup = {
        .key = name, .flags = NODE_DATABASE, .data = bytes, .size = sizeof(bytes)};
    (void)walk(pages, main, look_at, &lookup);
    if (lookup.found) {
        *out = get_database(bytes);
    }
    return lookup.found;
}

static bool is_meta(const uint8_t *page)
{
    size_t page_size = get_u32(page + AT_FREE_DATABASE);
    return get_u32(page + AT_MAGIC) == LMDB_MAGIC && get_u32(page + AT_VERSION) == LMDB_VERSION &&
           (get_u16(page + AT_PAGE_FLAGS) & PAGE_META) != 0 && page_size >= PAGE_SIZE_MIN &&
           page_size <= PAGE_SIZE_MAX && (page_size & (page_size - 1)) == 0;
}

static bool read_meta(const struct pages *pages, uint64_t number, uint8_t out[META_SIZE])
{
    return read_at(pages, number, out, META_SIZE) && is_meta(out);
}

/* Finds the page size and the main database, with what one good meta page says. */
static bool find_main(struct pages *pages, uint64_t file_bytes, struct database *out)
{
    uint8_t metas[2][META_SIZE] = {{0}};
    pages->page_size = PAGE_SIZE_USUAL;
    pages->page_count = file_bytes / PAGE_SIZE_USUAL + 1;
    bool first = read_meta(pages, 0, metas[0]);
    if (first) {
        pages->page_size = get_u32(metas[0] + AT_FREE_DATABASE);
    }
    bool second = read_meta(pages, 1, metas[1]);
    if (!first && !second) {
        return false;
    }
    pages->page_count = file_bytes / pages->page_size;
    bool later = get_u64(metas[1] + AT_TRANSACTION) > get_u64(metas[0] + AT_TRANSACTION);
    *out = get_database(metas[second && (!first || later)] + AT_MAIN_DATABASE);
    if (!first || !second) {
        (void)damaged(pages, first ? 1 : 0, "it is no meta page");
    }
    return true;
}

static enum status check_format(struct pages *pages, const struct database *main,
                                struct problem *problem)
{
    struct database meta;
    uint8_t bytes[FORMAT_SIZE];
    struct lookup_node lookup = {.key = "format", .data = bytes, .size = sizeof(bytes)};
    if (find_database(pages, main, "meta", &meta)) {
        (void)walk(pages, &meta, look_at, &lookup);
    }
    if (!lookup.found) {
        problem_set(problem, "data.mdb is not a log of reelrank, or lost what says so");
        return STATUS_CORRUPT;
    }
    return log_check_format(get_u32(bytes), "data.mdb", problem);
}

/* The entries of a database with keys of 8 bytes, on their way to the visitor. */
struct entries {
    struct pages *pages;
    const char *name;
    bool (*visit)(void *context, uint64_t key, const uint8_t *bytes, size_t size);
    uint64_t count;
};

static bool visit_entry(void *context, const struct node *node)
{
    struct entries *entries = context;
    const struct pages_visitor *visitor = entries->pages->visitor;
    entries->count++;
    if (node->key_size != sizeof(uint64_t)) {
        struct problem problem;
        problem_set(&problem, "a key of %s has %zu bytes instead of 8", entries->name,
                    node->key_size);
        return visitor->damage(visitor->context, &problem);
    }
    return entries->visit(visitor->context, get_u64(node->key), node->data, node->data_size);
}

/* Returns false when the visitor stopped. */
static bool walk_counted(struct entries *entries, const struct database *database, const char *what)
{
    struct pages *pages = entries->pages;
    uint64_t before = pages->damages;
    bool to_the_end = walk(pages, database, visit_entry, entries);
    if (to_the_end && pages->damages == before && entries->count != database->entries) {
        struct problem problem;
        problem_set(&problem, "%s counts %" PRIu64 " %s, but has %" PRIu64, entries->name,
                    database->entries, what, entries->count);
        return pages->visitor->damage(pages->visitor->context, &problem);
    }
    return to_the_end;
}

static bool walk_records(struct pages *pages, const struct database *log)
{
    struct entries entries = {.pages = pages, .name = "the log", .visit = pages->visitor->record};
    *pages->visitor->record_count = log->entries;
    return walk_counted(&entries, log, "records");
}

static void walk_tombstones(struct pages *pages, const struct database *forgotten)
{
    struct entries entries = {
        .pages = pages, .name = "the list of forgotten users", .visit = pages->visitor->tombstone};
    (void)walk_counted(&entries, forgotten, "entries");
}

/* Logs of format 1 have no list of forgotten users. */
static enum status walk_databases(struct pages *pages, const struct database *main,
                                  struct problem *problem)
{
    struct database log;
    struct database forgotten;
    if (!find_database(pages, main, "log", &log)) {
        problem_set(problem, "data.mdb does not say where its records are");
        return STATUS_CORRUPT;
    }
    if (walk_records(pages, &log) && find_database(pages, main, "forgotten", &forgotten)) {
        walk_tombstones(pages, &forgotten);
    }
    return STATUS_OK;
}

static enum status walk_log(struct pages *pages, uint64_t file_bytes, struct problem *problem)
{
    struct database main;
    if (!find_main(pages, file_bytes, &main)) {
        problem_set(problem, "data.mdb is no database, or lost both its meta pages");
        return STATUS_CORRUPT;
    }
    pages->path = malloc(DEPTH_MAX * pages->page_size);
    if (pages->path == NULL) {
        problem_set(problem, "no memory for pages");
        return STATUS_NO_MEMORY;
    }
    enum status status = check_format(pages, &main, problem);
    return status == STATUS_OK ? walk_databases(pages, &main, problem) : status;
}

enum status pages_walk(const char *data, const struct pages_visitor *visitor,
                       struct problem *problem)
{
    char path[FILES_PATH_SIZE];
    struct stat info;
    enum status status = files_join(data, "data.mdb", path, problem);
    if (status != STATUS_OK) {
        return status;
    }
    struct pages pages = {.fd = open(path, O_RDONLY | O_CLOEXEC), .visitor = visitor};
    if (pages.fd < 0 || fstat(pages.fd, &info) != 0) {
        status = errno == ENOENT ? STATUS_NOT_FOUND : STATUS_IO;
        problem_set(problem, "%s: cannot open: %s", path, strerror(errno));
    } else {
        status = walk_log(&pages, (uint64_t)info.st_size, problem);
    }
    free(pages.path);
    free(pages.overflow);
    if (pages.fd >= 0) {
        close(pages.fd);
    }
    return status;
}
