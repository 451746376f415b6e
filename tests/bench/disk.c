#include <inttypes.h>
#include <lmdb.h>
#include <stdio.h>
#include <sys/stat.h>

#include "ranker/check.h"
#include "tests/bench/program.h"

/*
 * What a data directory takes on disk, by database: entries, and the bytes of the pages they are
 * on. The rest of a file is free pages, which LMDB uses again. No server may have the directory.
 */

enum { PATH_SIZE = 4096, DATABASES_MAX = 8 };

struct options {
    const char *data;
};

static const struct argument arguments[] = {
    {.name = "data",
     .value_name = "DIR",
     .help = "data directory",
     .kind = ARGUMENT_TEXT,
     .offset = offsetof(struct options, data),
     .required = true},
};

static const struct program program = {
    .summary = "Prints what each database of a data directory takes on disk, as one line of JSON.",
    .examples = "  disk --data /tmp/reels\n",
    .arguments = arguments,
    .argument_count = sizeof(arguments) / sizeof(arguments[0]),
};

static void print_database(MDB_txn *txn, const char *name)
{
    MDB_dbi database;
    MDB_stat stat;
    int rc = mdb_dbi_open(txn, name, 0, &database);
    if (rc != 0 || mdb_stat(txn, database, &stat) != 0) {
        give_up("database %s: %s", name, mdb_strerror(rc));
    }
    size_t pages = stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages;
    printf(", \"%s\": {\"entries\": %zu, \"bytes\": %zu}", name, stat.ms_entries,
           pages * stat.ms_psize);
}

static long long file_bytes(const char *path)
{
    struct stat status;
    if (stat(path, &status) != 0) {
        give_up("%s is not there", path);
    }
    return (long long)status.st_size;
}

static void print_file(const char *directory, const char *file, const char *const *names)
{
    char path[PATH_SIZE];
    MDB_env *env;
    MDB_txn *txn;
    snprintf(path, sizeof(path), "%s/%s", directory, file);
    printf("\"%s\": {\"bytes\": %lld", file, file_bytes(path));
    CHECK(mdb_env_create(&env) == 0);
    CHECK(mdb_env_set_maxdbs(env, DATABASES_MAX) == 0);
    int rc = mdb_env_open(env, path, MDB_RDONLY | MDB_NOSUBDIR | MDB_NOLOCK, 0600);
    if (rc != 0) {
        give_up("%s: %s", path, mdb_strerror(rc));
    }
    CHECK(mdb_txn_begin(env, NULL, MDB_RDONLY, &txn) == 0);
    for (size_t i = 0; names[i] != NULL; i++) {
        print_database(txn, names[i]);
    }
    mdb_txn_abort(txn);
    mdb_env_close(env);
    printf("}");
}

int main(int argc, char **argv)
{
    static const char *const log[] = {"log", NULL};
    static const char *const state[] = {"users", "videos", "statistics", "watch", NULL};
    struct options options;
    program_options(&program, argc, argv, &options);
    printf("{");
    print_file(options.data, "data.mdb", log);
    printf(", ");
    print_file(options.data, "state.mdb", state);
    printf("}\n");
    return 0;
}
