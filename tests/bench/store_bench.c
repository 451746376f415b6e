#include <inttypes.h>
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ranker/check.h"
#include "store/store.h"
#include "tests/store/entries.h"

/*
 * Signals acknowledged a second by store_write(), which recognises repeats, appends, syncs and
 * applies, beside bare LMDB appends of the same bytes under the same syncs, in turns, so that a
 * slow moment of the disk meets both. Then how fast the store opens again.
 */

enum {
    POOL = 1 << 14, /* entries made ahead; each write gives them new event keys */
    USERS = 20000,
    VIDEOS = 10000,
    GROUP_MAX = 16,
    TURNS = 10,
    RECORD_MAX = 256,
    PATH_SIZE = 4096
};

static const size_t MAP_BYTES = (size_t)16 << 30;

struct pool {
    struct entry entries[POOL];
    uint8_t bytes[POOL][RECORD_MAX]; /* the records encoded, for bare appends */
    size_t next;
    uint64_t key;
};

struct bare {
    MDB_env *env;
    MDB_dbi records;
    uint64_t sequence;
};

struct bench {
    struct store *store;
    struct bare bare;
    struct pool *pool;
    char directory[PATH_SIZE];
    char store_path[PATH_SIZE + 8];
    char bare_path[PATH_SIZE + 8];
    double seconds; /* for each figure */
};

/* One line of the table: batches of this size, so many under one sync. */
struct figure {
    size_t batch;
    size_t group;
    double store_per_second;
    double bare_per_second;
};

static double now_seconds(void)
{
    struct timespec now;
    CHECK(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static struct entry make_entry(struct arena *arena, uint64_t random)
{
    char event[32];
    char user[32];
    char video[32];
    snprintf(event, sizeof(event), "%016" PRIx64, random);
    snprintf(user, sizeof(user), "user-%" PRIu64, (random >> 20) % USERS);
    snprintf(video, sizeof(video), "video-%" PRIu64, (random >> 40) % VIDEOS);
    Reelrank__V1__Signal signal = REELRANK__V1__SIGNAL__INIT;
    signal.event_id = event;
    signal.user_id = user;
    signal.video_id = video;
    signal.type = REELRANK__V1__SIGNAL_TYPE__SIGNAL_TYPE_WATCH;
    signal.time_ms = INT64_C(1700000000000) + (int64_t)(random >> 50) * 1000;
    signal.watch_ms = (int64_t)(random % 30000);
    signal.video_duration_ms = 15000;
    signal.locale = "hi-IN";
    return entry_signal(arena, &signal);
}

/* Payloads live in arena. */
static struct pool *make_pool(struct arena *arena)
{
    struct pool *pool = calloc(1, sizeof(*pool));
    CHECK(pool != NULL);
    uint64_t random = 1;
    for (size_t i = 0; i < POOL; i++) {
        random = random * 6364136223846793005U + 1442695040888963407U;
        pool->entries[i] = make_entry(arena, random ^ random >> 29);
        CHECK(record_size(&pool->entries[i].record) <= RECORD_MAX);
        record_encode(&pool->entries[i].record, pool->bytes[i]);
    }
    return pool;
}

/* The next count entries of the pool, which never wrap around, with keys never used before. */
static size_t take(struct pool *pool, size_t count)
{
    if (pool->next + count > POOL) {
        pool->next = 0;
    }
    size_t from = pool->next;
    for (size_t i = 0; i < count; i++) {
        struct event_key *key = &pool->entries[from + i].record.event_key;
        *key = (struct event_key){.low = pool->key, .high = pool->key * 0x9e3779b97f4a7c15};
        pool->key++;
    }
    pool->next += count;
    return from;
}

static void write_store(struct bench *bench, size_t batch, size_t group)
{
    struct batch batches[GROUP_MAX];
    struct batch *pointers[GROUP_MAX];
    size_t from = take(bench->pool, batch * group);
    for (size_t i = 0; i < group; i++) {
        batches[i] =
            (struct batch){.entries = bench->pool->entries + from + i * batch, .count = batch};
        pointers[i] = &batches[i];
    }
    store_write(bench->store, pointers, group);
    CHECK(batches[group - 1].status == STATUS_OK);
    CHECK(batches[group - 1].entries[batch - 1].outcome == OUTCOME_ACCEPTED);
}

static void write_bare(struct bench *bench, size_t batch, size_t group)
{
    MDB_txn *txn;
    MDB_cursor *cursor;
    size_t from = take(bench->pool, batch * group);
    CHECK(mdb_txn_begin(bench->bare.env, NULL, 0, &txn) == 0);
    CHECK(mdb_cursor_open(txn, bench->bare.records, &cursor) == 0);
    for (size_t i = from; i < from + batch * group; i++) {
        bench->bare.sequence++;
        MDB_val key = {sizeof(bench->bare.sequence), &bench->bare.sequence};
        MDB_val value = {record_size(&bench->pool->entries[i].record), bench->pool->bytes[i]};
        CHECK(mdb_cursor_put(cursor, &key, &value, MDB_APPEND) == 0);
    }
    mdb_cursor_close(cursor);
    CHECK(mdb_txn_commit(txn) == 0);
}

/* Signals a second over one turn. */
static double measure(struct bench *bench, const struct figure *figure,
                      void (*write_one)(struct bench *, size_t, size_t))
{
    double start = now_seconds();
    double elapsed = 0;
    size_t count = 0;
    while (elapsed < bench->seconds / TURNS) {
        write_one(bench, figure->batch, figure->group);
        count += figure->batch * figure->group;
        elapsed = now_seconds() - start;
    }
    return (double)count / elapsed;
}

static void measure_figure(struct bench *bench, struct figure *figure)
{
    for (int turn = 0; turn < TURNS; turn++) {
        figure->store_per_second += measure(bench, figure, write_store) / TURNS;
        figure->bare_per_second += measure(bench, figure, write_bare) / TURNS;
    }
}

static void open_store(struct bench *bench)
{
    struct problem problem = {""};
    struct store_options options = {.log = {.path = bench->store_path, .map_bytes = MAP_BYTES}};
    enum status status = store_open(&options, &bench->store, &problem);
    if (status != STATUS_OK) {
        fprintf(stderr, "store_bench: %s\n", problem.text);
        exit(1);
    }
}

static void open_bare(struct bench *bench)
{
    MDB_txn *txn;
    struct bare *bare = &bench->bare;
    struct log_options options = {.path = bench->bare_path, .map_bytes = MAP_BYTES};
    struct log *log;
    CHECK(log_open(&options, &log, NULL) == STATUS_OK); /* makes the directory and its databases */
    log_close(log);
    CHECK(mdb_env_create(&bare->env) == 0);
    CHECK(mdb_env_set_mapsize(bare->env, MAP_BYTES) == 0);
    CHECK(mdb_env_set_maxdbs(bare->env, 2) == 0);
    CHECK(mdb_env_open(bare->env, bench->bare_path, MDB_NOTLS, 0600) == 0);
    CHECK(mdb_txn_begin(bare->env, NULL, 0, &txn) == 0);
    CHECK(mdb_dbi_open(txn, "log", MDB_INTEGERKEY, &bare->records) == 0);
    CHECK(mdb_txn_commit(txn) == 0);
}

/* Records a second of replay, and how many there were. */
static double measure_recovery(struct bench *bench, uint64_t *records)
{
    uint64_t first;
    store_close(bench->store);
    double start = now_seconds();
    open_store(bench);
    double elapsed = now_seconds() - start;
    log_bounds(store_log(bench->store), &first, records);
    return (double)*records / elapsed;
}

static void remove_directory(const char *path)
{
    static const char *const names[] = {"data.mdb", "lock.mdb", "lock"};
    char name[PATH_SIZE + 32];
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        snprintf(name, sizeof(name), "%s/%s", path, names[i]);
        unlink(name);
    }
    rmdir(path);
}

static void clean_up(struct bench *bench)
{
    store_close(bench->store);
    mdb_env_close(bench->bare.env);
    remove_directory(bench->store_path);
    remove_directory(bench->bare_path);
    rmdir(bench->directory);
    free(bench->pool);
}

static void print_table(const struct figure *figures, size_t count, double recovery,
                        uint64_t records)
{
    printf("%14s %14s %14s %7s\n", "batch", "store/s", "LMDB/s", "ratio");
    for (size_t i = 0; i < count; i++) {
        const struct figure *figure = &figures[i];
        printf("%10zu x %zu %14.0f %14.0f %7.2f\n", figure->batch, figure->group,
               figure->store_per_second, figure->bare_per_second,
               figure->store_per_second / figure->bare_per_second);
    }
    printf("recovery: %.0f records/s over %" PRIu64 " records\n", recovery, records);
}

static void print_json(const struct figure *figures, size_t count, double recovery,
                       uint64_t records)
{
    printf("{\"writes\":[");
    for (size_t i = 0; i < count; i++) {
        const struct figure *figure = &figures[i];
        printf("%s{\"batch\":%zu,\"batches_per_sync\":%zu,\"store_signals_per_second\":%.0f,"
               "\"lmdb_signals_per_second\":%.0f,\"ratio\":%.3f}",
               i > 0 ? "," : "", figure->batch, figure->group, figure->store_per_second,
               figure->bare_per_second, figure->store_per_second / figure->bare_per_second);
    }
    printf("],\"recovery_records_per_second\":%.0f,\"recovery_records\":%" PRIu64 "}\n", recovery,
           records);
}

static void usage(void)
{
    fprintf(stderr,
            "usage: store_bench [--json] [--seconds S] [--directory DIR]\n"
            "  --seconds    time for each figure, 0.1 to 600 (2)\n"
            "  --directory  where the logs are made, on the disk to measure ($TMPDIR or /tmp)\n");
    exit(2);
}

static void parse(struct bench *bench, int argc, char **argv, bool *json)
{
    const char *parent = getenv("TMPDIR");
    bench->seconds = 2;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0) {
            *json = true;
        } else if (strcmp(argv[i], "--seconds") == 0 && i + 1 < argc) {
            bench->seconds = strtod(argv[++i], NULL);
        } else if (strcmp(argv[i], "--directory") == 0 && i + 1 < argc) {
            parent = argv[++i];
        } else {
            usage();
        }
    }
    if (!(bench->seconds >= 0.1 && bench->seconds <= 600)) {
        usage();
    }
    snprintf(bench->directory, sizeof(bench->directory), "%s/store_bench.XXXXXX",
             parent != NULL ? parent : "/tmp");
    if (mkdtemp(bench->directory) == NULL) {
        perror(bench->directory);
        exit(1);
    }
    snprintf(bench->store_path, sizeof(bench->store_path), "%s/store", bench->directory);
    snprintf(bench->bare_path, sizeof(bench->bare_path), "%s/bare", bench->directory);
}

int main(int argc, char **argv)
{
    static struct bench bench;
    struct figure figures[] = {{.batch = 1, .group = 1},
                               {.batch = 16, .group = 1},
                               {.batch = 256, .group = 1},
                               {.batch = 256, .group = 8}};
    enum { COUNT = sizeof(figures) / sizeof(figures[0]) };
    bool json = false;
    parse(&bench, argc, argv, &json);
    struct arena arena = entries_arena((size_t)POOL * RECORD_MAX);
    bench.pool = make_pool(&arena);
    open_store(&bench);
    open_bare(&bench);
    for (size_t i = 0; i < COUNT; i++) {
        measure_figure(&bench, &figures[i]);
    }
    uint64_t records;
    double recovery = measure_recovery(&bench, &records);
    (json ? print_json : print_table)(figures, COUNT, recovery, records);
    clean_up(&bench);
    free(arena.base);
    return 0;
}
