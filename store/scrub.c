#include "store/scrub.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "ranker/check.h"
#include "store/free_pages.h"
#include "store/lmdb.h"
#include "store/page_buffers.h"
#include "store/page_gaps.h"

enum {
    STEP_NS = 1000000,
    PAGES_PER_LOOK = 16, /* between looks at the clock */
    PASSES_MAX = 8,
};

struct scrub {
    struct environment *environment; /* borrowed; we are within */
    MDB_env *env;                    /* its */
    int fd;
    size_t page_size;
    uint8_t *zeros;  /* owned; a page */
    uint8_t *bytes;  /* owned; a page to read into */
    bool clean;      /* LMDB's buffers */
    MDB_txn *reader; /* of the snapshot; NULL when the gaps are done */
    struct page_gaps *gaps;
    uint64_t snapshot;
    uint64_t page_count;
    uint8_t *pending;  /* a bit for each page that was free then and is not zeroed yet */
    uint64_t position; /* in the list of free pages: a transaction */
    unsigned passes;
    uint64_t pages_left;
};

static int64_t now_ns(void)
{
    struct timespec now;
    CHECK(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static bool is_pending(const struct scrub *scrub, size_t page)
{
    return page < scrub->page_count && (scrub->pending[page / 8] >> page % 8 & 1) != 0;
}

static bool mark_pending(void *context, uint64_t transaction, const size_t *pages, size_t count)
{
    struct scrub *scrub = context;
    (void)transaction;
    for (size_t i = 0; i < count; i++) {
        if (pages[i] < scrub->page_count) {
            scrub->pending[pages[i] / 8] |= (uint8_t)(1 << pages[i] % 8);
        }
    }
    return true;
}

/* No page is behind the last one: a write that failed may have left bytes there. */
static int cut_tail(const struct scrub *scrub)
{
    struct stat file;
    off_t end = (off_t)(scrub->page_count * scrub->page_size);
    if (fstat(scrub->fd, &file) != 0) {
        return errno;
    }
    return file.st_size <= end || ftruncate(scrub->fd, end) == 0 ? 0 : errno;
}

/* The snapshot is of the last transaction: nobody else writes at this moment. */
static int take_snapshot(struct scrub *scrub)
{
    MDB_envinfo info;
    mdb_env_info(scrub->env, &info);
    scrub->page_count = (uint64_t)info.me_last_pgno + 1;
    int rc = cut_tail(scrub);
    if (rc == 0) {
        rc = mdb_txn_begin(scrub->env, NULL, MDB_RDONLY, &scrub->reader);
    }
    if (rc == 0) {
        scrub->snapshot = mdb_txn_id(scrub->reader);
        rc = page_gaps_new(scrub->reader, &scrub->gaps);
    }
    return rc;
}

static int begin(struct scrub *scrub)
{
    MDB_txn *writer = NULL;
    int rc = page_buffers_clean(scrub->env, &scrub->clean);
    if (rc == 0) {
        rc = mdb_txn_begin(scrub->env, NULL, 0, &writer);
    }
    if (rc == 0) {
        rc = take_snapshot(scrub);
        mdb_txn_abort(writer);
    }
    if (rc != 0) {
        return rc;
    }
    scrub->pending = calloc(scrub->page_count / 8 + 1, 1);
    return scrub->pending != NULL ? free_pages_walk(scrub->reader, 0, mark_pending, scrub) : ENOMEM;
}

static enum status start(struct scrub *scrub)
{
    MDB_stat stat;
    mdb_env_stat(scrub->env, &stat);
    mdb_env_get_fd(scrub->env, &scrub->fd);
    scrub->page_size = stat.ms_psize;
    scrub->zeros = calloc(1, scrub->page_size);
    scrub->bytes = malloc(scrub->page_size);
    return lmdb_status(scrub->zeros != NULL && scrub->bytes != NULL ? begin(scrub) : ENOMEM);
}

/* By a transaction, which makes the environment fit for writing. */
static int enter(struct environment *environment)
{
    MDB_txn *txn = NULL;
    int rc = environment_begin(environment, 0, &txn);
    mdb_txn_abort(txn); /* NULL is allowed */
    return rc;
}

enum status scrub_new(struct environment *environment, struct scrub **out)
{
    int rc = enter(environment);
    if (rc != 0) {
        return lmdb_status(rc);
    }
    struct scrub *scrub = calloc(1, sizeof(*scrub));
    if (scrub == NULL) {
        environment_leave(environment);
        return STATUS_NO_MEMORY;
    }
    scrub->environment = environment;
    scrub->env = environment->env;
    enum status status = start(scrub);
    if (status != STATUS_OK) {
        scrub_free(scrub);
        return status;
    }
    *out = scrub;
    return STATUS_OK;
}

static void end_snapshot(struct scrub *scrub)
{
    page_gaps_free(scrub->gaps);
    scrub->gaps = NULL;
    if (scrub->reader != NULL) {
        mdb_txn_abort(scrub->reader);
    }
    scrub->reader = NULL;
}

void scrub_free(struct scrub *scrub)
{
    if (scrub == NULL) {
        return;
    }
    end_snapshot(scrub);
    environment_leave(scrub->environment);
    free(scrub->pending);
    free(scrub->zeros);
    free(scrub->bytes);
    free(scrub);
}

static int step_gaps(struct scrub *scrub)
{
    int64_t until_ns = now_ns() + STEP_NS;
    bool more = true;
    int rc = 0;
    while (rc == 0 && more && now_ns() < until_ns) {
        rc = page_gaps_step(scrub->gaps, PAGES_PER_LOOK, &more);
    }
    if (!more) {
        end_snapshot(scrub);
    }
    return rc;
}

/* A step through the list of free pages, while nobody else writes. */
struct sweep {
    struct scrub *scrub;
    uint64_t oldest;
    int64_t until_ns;
    uint64_t zeroed;
    bool out_of_time;
    int rc;
};

/* Reads first: most free pages of a file that was scrubbed before hold zeros. */
static int zero_page(const struct scrub *scrub, size_t page)
{
    off_t offset = (off_t)(page * scrub->page_size);
    ssize_t got = pread(scrub->fd, scrub->bytes, scrub->page_size, offset);
    if (got == (ssize_t)scrub->page_size &&
        memcmp(scrub->bytes, scrub->zeros, scrub->page_size) == 0) {
        return 0;
    }
    ssize_t written = pwrite(scrub->fd, scrub->zeros, scrub->page_size, offset);
    if (written < 0) {
        return errno;
    }
    return written == (ssize_t)scrub->page_size ? 0 : EIO;
}

static bool sweep_pages(void *context, uint64_t transaction, const size_t *pages, size_t count)
{
    struct sweep *sweep = context;
    struct scrub *scrub = sweep->scrub;
    if (transaction >= sweep->oldest) {
        return false;
    }
    scrub->position = transaction;
    for (size_t i = 0; i < count; i++) {
        if (!is_pending(scrub, pages[i])) {
            continue;
        }
        sweep->rc = zero_page(scrub, pages[i]);
        if (sweep->rc != 0) {
            return false;
        }
        scrub->pending[pages[i] / 8] &= (uint8_t) ~(1 << pages[i] % 8);
        sweep->zeroed++;
        if (sweep->zeroed % PAGES_PER_LOOK == 0 && now_ns() >= sweep->until_ns) {
            sweep->out_of_time = true;
            return false;
        }
    }
    return true;
}

static int sweep_in(struct sweep *sweep, MDB_txn *writer)
{
    MDB_txn *reader = NULL;
    MDB_env *env = sweep->scrub->env;
    int rc = free_pages_oldest(env, mdb_txn_id(writer) - 1, &sweep->oldest);
    if (rc == 0) {
        rc = mdb_txn_begin(env, NULL, MDB_RDONLY, &reader);
    }
    if (rc == 0) {
        rc = free_pages_walk(reader, sweep->scrub->position, sweep_pages, sweep);
        mdb_txn_abort(reader);
    }
    return rc != 0 ? rc : sweep->rc;
}

/* *end: the list is at its end. */
static int sweep_some(struct scrub *scrub, bool *end)
{
    MDB_txn *writer = NULL;
    int rc = mdb_txn_begin(scrub->env, NULL, 0, &writer);
    if (rc != 0) {
        return rc;
    }
    struct sweep sweep = {.scrub = scrub, .until_ns = now_ns() + STEP_NS};
    rc = sweep_in(&sweep, writer);
    mdb_txn_abort(writer);
    *end = !sweep.out_of_time;
    return rc;
}

/*
 * What is left after a pass. LMDB puts leftovers of its list together again, under numbers that a
 * pass may have passed: they are missed. Pages freed since the snapshot do not count: their bytes
 * were in its databases, and their gaps zeroed, or were written later.
 */
struct rest {
    const struct scrub *scrub;
    uint64_t oldest;
    uint64_t missed;
    uint64_t held; /* by a reader, or for want of a later transaction */
};

static bool count_rest(void *context, uint64_t transaction, const size_t *pages, size_t count)
{
    struct rest *rest = context;
    uint64_t *counter = transaction < rest->oldest ? &rest->missed : &rest->held;
    if (transaction >= rest->oldest && transaction > rest->scrub->snapshot) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        *counter += is_pending(rest->scrub, pages[i]);
    }
    return true;
}

/* *committed is the last transaction. */
static int find_rest(struct rest *rest, uint64_t *committed)
{
    MDB_txn *reader = NULL;
    int dead = 0;
    (void)mdb_reader_check(rest->scrub->env, &dead);
    int rc = mdb_txn_begin(rest->scrub->env, NULL, MDB_RDONLY, &reader);
    if (rc != 0) {
        return rc;
    }
    *committed = mdb_txn_id(reader);
    rc = free_pages_oldest(rest->scrub->env, *committed, &rest->oldest);
    if (rc == 0) {
        rc = free_pages_walk(reader, 0, count_rest, rest);
    }
    mdb_txn_abort(reader);
    return rc;
}

/* Pages that the last transaction freed may be used only after another one. */
static int commit_nothing(MDB_env *env)
{
    MDB_txn *txn = NULL;
    MDB_dbi main;
    MDB_val key = {sizeof("~scrub") - 1, (void *)"~scrub"};
    MDB_val value = {0, NULL};
    int rc = mdb_txn_begin(env, NULL, 0, &txn);
    if (rc != 0) {
        return rc;
    }
    rc = mdb_dbi_open(txn, NULL, 0, &main);
    if (rc == 0) {
        rc = mdb_put(txn, main, &key, &value, 0);
    }
    if (rc == 0) {
        rc = mdb_del(txn, main, &key, NULL);
    }
    if (rc != 0) {
        mdb_txn_abort(txn);
        return rc == MDB_MAP_FULL ? 0 : rc; /* its pages stay for now */
    }
    return mdb_txn_commit(txn);
}

/* Longer each time: most readers leave within a millisecond, a backup does not. */
static void wait_for_readers(const struct scrub *scrub)
{
    struct timespec pause = {.tv_nsec = (long)STEP_NS << (scrub->passes - 1)};
    (void)nanosleep(&pause, NULL);
}

/* Another pass where it helps, else the end. */
static int end_pass(struct scrub *scrub, bool *more)
{
    struct rest rest = {.scrub = scrub};
    uint64_t committed = 0;
    int rc = find_rest(&rest, &committed);
    if (rc != 0) {
        return rc;
    }
    bool too_recent = rest.held > 0 && committed == scrub->snapshot;
    if (++scrub->passes == PASSES_MAX || (rest.missed == 0 && rest.held == 0)) {
        scrub->pages_left = rest.missed + rest.held + !scrub->clean;
        *more = false;
        return 0;
    }
    scrub->position = 0;
    if (rest.held > 0 && !too_recent) {
        wait_for_readers(scrub);
    }
    return too_recent ? commit_nothing(scrub->env) : 0;
}

static int step_free_pages(struct scrub *scrub, bool *more)
{
    bool end = false;
    int rc = sweep_some(scrub, &end);
    return rc == 0 && end ? end_pass(scrub, more) : rc;
}

/* Whoever wants to open the environment again waits for the scrub to leave. */
static int look(MDB_env *env)
{
    MDB_txn *reader = NULL;
    int rc = mdb_txn_begin(env, NULL, MDB_RDONLY, &reader);
    mdb_txn_abort(reader); /* NULL is allowed */
    return rc;
}

/*
 * Each step's zeros go to the disk at once, while nobody waits: an append's sync would have to wait
 * for all that have gathered.
 */
enum status scrub_step(struct scrub *scrub, bool *more)
{
    bool go_on = true;
    int rc = look(scrub->env);
    if (rc == 0) {
        rc = scrub->gaps != NULL ? step_gaps(scrub) : step_free_pages(scrub, &go_on);
    }
    if (rc == 0 && fdatasync(scrub->fd) != 0) {
        rc = errno;
    }
    *more = go_on;
    return lmdb_status(rc);
}

uint64_t scrub_pages_left(const struct scrub *scrub)
{
    return scrub->pages_left;
}
