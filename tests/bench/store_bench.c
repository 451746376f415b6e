#include <errno.h>
#include <inttypes.h>
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ranker/check.h"
#include "ranker/limits.h"
#include "store/store.h"
#include "tests/bench/dataset.h"
#include "tests/bench/feed.h"
#include "tests/bench/program.h"
#include "tests/bench/samples.h"
#include "tests/store/entries.h"

/*
 * Signals written a second by store_write(), which recognises repeats, appends, syncs and applies,
 * beside bare LMDB appends of the same records under the same syncs, in turns, so that a slow
 * moment of the disk meets both. Making the signals is not counted.
 */

enum { GROUP_MAX = 256, TURNS = 10, PATH_SIZE = 4096, RECORD_MAX = RECORD_HEADER_SIZE + 128 };

#define MAP_BYTES ((size_t)1 << 36)

struct options {
    const char *directory;
    const char *data;
    int64_t users;
    int64_t videos;
    int64_t batch;
    int64_t group;
    int64_t milliseconds;
    bool json;
};

static const struct argument arguments[] = {
    {.name = "directory",
     .value_name = "DIR",
     .help = "where logs are made, and removed again, on the disk to measure",
     .kind = ARGUMENT_TEXT,
     .offset = offsetof(struct options, directory),
     .initial = "/tmp"},
    {.name = "data",
     .value_name = "DIR",
     .help = "data directory to write to, which is changed; without it, a new one",
     .kind = ARGUMENT_TEXT,
     .offset = offsetof(struct options, data)},
    {.name = "users",
     .value_name = "N",
     .help = "users to draw from",
     .kind = ARGUMENT_NUMBER,
     .offset = offsetof(struct options, users),
     .initial = "20000",
     .minimum = 1,
     .maximum = 1000000000},
    {.name = "videos",
     .value_name = "N",
     .help = "videos to draw from",
     .kind = ARGUMENT_NUMBER,
     .offset = offsetof(struct options, videos),
     .initial = "10000",
     .minimum = 1,
     .maximum = 1000000000},
    {.name = "batch",
     .value_name = "N",
     .help = "signals of a batch; 0: a table of several",
     .kind = ARGUMENT_NUMBER,
     .offset = offsetof(struct options, batch),
     .initial = "0",
     .minimum = 0,
     .maximum = LIMIT_BATCH},
    {.name = "group",
     .value_name = "N",
     .help = "batches under one sync, with --batch",
     .kind = ARGUMENT_NUMBER,
     .offset = offsetof(struct options, group),
     .initial = "1",
     .minimum = 1,
     .maximum = GROUP_MAX},
    {.name = "milliseconds",
     .value_name = "N",
     .help = "of writing for each figure",
     .kind = ARGUMENT_NUMBER,
     .offset = offsetof(struct options, milliseconds),
     .initial = "2000",
     .minimum = 10,
     .maximum = 3600000},
    {.name = "json",
     .help = "print one line of JSON",
     .kind = ARGUMENT_FLAG,
     .offset = offsetof(struct options, json)},
};

static const struct program program = {
    .summary = "Signals a second of store_write() beside bare LMDB appends of the same records.",
    .examples = "  store_bench\n"
                "  store_bench --batch 256 --group 16 --milliseconds 5000 --json\n"
                "  store_bench --data /tmp/reels --videos 1000000 --users 100000 --batch 256\n",
    .arguments = arguments,
    .argument_count = sizeof(arguments) / sizeof(arguments[0]),
};

struct bare {
    MDB_env *env;
    MDB_dbi records;
    uint64_t sequence;
};

struct bench {
    struct options options;
    struct store *store;
    struct bare bare;
    struct feed *feed;
    int64_t time_ms;
    struct arena arena; /* payloads of the signals at hand */
    struct entry *entries;
    uint8_t (*records)[RECORD_MAX]; /* the same, encoded, for bare appends */
    char directory[PATH_SIZE];
    char store_path[PATH_SIZE + 8];
    char bare_path[PATH_SIZE + 8];
};

/* One line of the table: batches of this size, so many under one sync. */
struct figure {
    size_t batch;
    size_t group;
    double store_per_second;
    double bare_per_second;
    struct samples store_us; /* of each write */
    struct samples bare_us;
};

static struct entry make_entry(struct bench *bench)
{
    uint8_t packed[FEED_SIGNAL_MAX];
    size_t size = feed_signal(bench->feed, bench->time_ms, packed);
    Reelrank__V1__Signal *signal = reelrank__v1__signal__unpack(NULL, size, packed);
    CHECK(signal != NULL);
    struct entry entry = entry_signal(&bench->arena, signal);
    reelrank__v1__signal__free_unpacked(signal, NULL);
    return entry;
}

static void make_entries(struct bench *bench, size_t count)
{
    arena_reset(&bench->arena);
    bench->time_ms++;
    for (size_t i = 0; i < count; i++) {
        bench->entries[i] = make_entry(bench);
        CHECK(record_size(&bench->entries[i].record) <= RECORD_MAX);
        record_encode(&bench->entries[i].record, bench->records[i]);
    }
}

static void write_store(struct bench *bench, const struct figure *figure)
{
    struct batch batches[GROUP_MAX];
    struct batch *pointers[GROUP_MAX];
    CHECK(figure->group > 0);
    for (size_t i = 0; i < figure->group; i++) {
        batches[i] =
            (struct batch){.entries = bench->entries + i * figure->batch, .count = figure->batch};
        pointers[i] = &batches[i];
    }
    store_write(bench->store, pointers, figure->group);
    const struct batch *last = &batches[figure->group - 1];
    CHECK(last->status == STATUS_OK);
    CHECK(last->entries[figure->batch - 1].outcome == OUTCOME_ACCEPTED);
}

static void write_bare(struct bench *bench, const struct figure *figure)
{
    MDB_txn *txn;
    MDB_cursor *cursor;
    CHECK(mdb_txn_begin(bench->bare.env, NULL, 0, &txn) == 0);
    CHECK(mdb_cursor_open(txn, bench->bare.records, &cursor) == 0);
    for (size_t i = 0; i < figure->batch * figure->group; i++) {
        bench->bare.sequence++;
        MDB_val key = {sizeof(bench->bare.sequence), &bench->bare.sequence};
        MDB_val value = {record_size(&bench->entries[i].record), bench->records[i]};
        CHECK(mdb_cursor_put(cursor, &key, &value, MDB_APPEND) == 0);
    }
    mdb_cursor_close(cursor);
    CHECK(mdb_txn_commit(txn) == 0);
}

typedef void write_one(struct bench *bench, const struct figure *figure);

/* Signals a second over one turn. */
static double measure(struct bench *bench, const struct figure *figure, write_one *write,
                      struct samples *us)
{
    int64_t turn_ns = bench->options.milliseconds * 1000000 / TURNS;
    int64_t elapsed_ns = 0;
    size_t count = 0;
    while (elapsed_ns < turn_ns) {
        make_entries(bench, figure->batch * figure->group);
        int64_t start_ns = program_now_ns();
        write(bench, figure);
        int64_t write_ns = program_now_ns() - start_ns;
        samples_add(us, (double)write_ns / 1000);
        elapsed_ns += write_ns;
        count += figure->batch * figure->group;
    }
    return (double)count * 1e9 / (double)elapsed_ns;
}

static void measure_figure(struct bench *bench, struct figure *figure)
{
    for (int turn = 0; turn < TURNS; turn++) {
        figure->store_per_second += measure(bench, figure, write_store, &figure->store_us) / TURNS;
        figure->bare_per_second += measure(bench, figure, write_bare, &figure->bare_us) / TURNS;
    }
}

static void open_store(struct bench *bench)
{
    struct problem problem = {""};
    struct store_options options = {.log = {.path = bench->store_path, .map_bytes = MAP_BYTES}};
    if (store_open(&options, &bench->store, &problem) != STATUS_OK) {
        give_up("%s", problem.text);
    }
    int64_t newest_ms = state_newest_signal_ms(store_begin(bench->store));
    store_end(bench->store);
    bench->time_ms = newest_ms > DATASET_NOW_MS ? newest_ms : DATASET_NOW_MS;
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

static void remove_directory(const char *path)
{
    static const char *const names[] = {"data.mdb", "lock.mdb", "lock", "state.mdb",
                                        "state.mdb-lock"};
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
    if (bench->options.data == NULL) {
        remove_directory(bench->store_path);
    }
    remove_directory(bench->bare_path);
    rmdir(bench->directory);
    feed_free(bench->feed);
    free(bench->entries);
    free(bench->records);
    free(bench->arena.base);
}

static void print_table(struct figure *figures, size_t count)
{
    printf("%14s %14s %14s %7s %22s %22s\n", "batch", "store/s", "LMDB/s", "ratio",
           "store p50/p99 us", "LMDB p50/p99 us");
    for (size_t i = 0; i < count; i++) {
        struct figure *figure = &figures[i];
        printf("%10zu x %-3zu%13.0f %14.0f %7.2f %14.0f/%7.0f %14.0f/%7.0f\n", figure->batch,
               figure->group, figure->store_per_second, figure->bare_per_second,
               figure->store_per_second / figure->bare_per_second,
               samples_quantile(&figure->store_us, 0.5), samples_quantile(&figure->store_us, 0.99),
               samples_quantile(&figure->bare_us, 0.5), samples_quantile(&figure->bare_us, 0.99));
    }
}

static void print_json(struct figure *figures, size_t count)
{
    printf("{\"writes\":[");
    for (size_t i = 0; i < count; i++) {
        struct figure *figure = &figures[i];
        printf("%s{\"batch\":%zu,\"batches_per_sync\":%zu,\"store_signals_per_second\":%.0f,"
               "\"lmdb_signals_per_second\":%.0f,\"ratio\":%.3f,\"store_p50_us\":%.1f,"
               "\"store_p99_us\":%.1f,\"lmdb_p50_us\":%.1f,\"lmdb_p99_us\":%.1f}",
               i > 0 ? "," : "", figure->batch, figure->group, figure->store_per_second,
               figure->bare_per_second, figure->store_per_second / figure->bare_per_second,
               samples_quantile(&figure->store_us, 0.5), samples_quantile(&figure->store_us, 0.99),
               samples_quantile(&figure->bare_us, 0.5), samples_quantile(&figure->bare_us, 0.99));
    }
    printf("]}\n");
}

static void make_paths(struct bench *bench)
{
    snprintf(bench->directory, sizeof(bench->directory), "%s/store_bench.XXXXXX",
             bench->options.directory);
    if (mkdtemp(bench->directory) == NULL) {
        give_up("%s: %s", bench->directory, strerror(errno));
    }
    snprintf(bench->bare_path, sizeof(bench->bare_path), "%s/bare", bench->directory);
    if (bench->options.data != NULL) {
        snprintf(bench->store_path, sizeof(bench->store_path), "%s", bench->options.data);
    } else {
        snprintf(bench->store_path, sizeof(bench->store_path), "%s/store", bench->directory);
    }
}

static void make_memory(struct bench *bench, size_t entries)
{
    struct feed_options options = {
        .users = (uint64_t)bench->options.users,
        .videos = (uint64_t)bench->options.videos,
        .skew = DATASET_SKEW,
        .seed = (uint64_t)program_wall_ms(),
    };
    CHECK(entries > 0);
    bench->feed = feed_new(&options);
    bench->arena = entries_arena(entries * RECORD_MAX);
    bench->entries = calloc(entries, sizeof(*bench->entries));
    bench->records = calloc(entries, sizeof(*bench->records));
    CHECK(bench->entries != NULL);
    CHECK(bench->records != NULL);
}

static void run(struct bench *bench, struct figure *figures, size_t count)
{
    size_t most = 0;
    for (size_t i = 0; i < count; i++) {
        size_t entries = figures[i].batch * figures[i].group;
        most = entries > most ? entries : most;
    }
    make_memory(bench, most);
    make_paths(bench);
    open_store(bench);
    open_bare(bench);
    for (size_t i = 0; i < count; i++) {
        measure_figure(bench, &figures[i]);
    }
    (bench->options.json ? print_json : print_table)(figures, count);
    clean_up(bench);
}

int main(int argc, char **argv)
{
    static struct bench bench;
    struct figure table[] = {{.batch = 1, .group = 1},
                             {.batch = 16, .group = 1},
                             {.batch = 256, .group = 1},
                             {.batch = 256, .group = 8}};
    program_options(&program, argc, argv, &bench.options);
    size_t count = sizeof(table) / sizeof(table[0]);
    if (bench.options.batch > 0) {
        table[0].batch = (size_t)bench.options.batch;
        table[0].group = (size_t)bench.options.group;
        count = 1;
    }
    run(&bench, table, count);
    for (size_t i = 0; i < count; i++) {
        samples_release(&table[i].store_us);
        samples_release(&table[i].bare_us);
    }
    return 0;
}
