#include "tests/store/tamper.h"

#include <stddef.h>

#include "ranker/check.h"

static void change(const char *path, unsigned env_flags, const char *database, unsigned flags,
                   MDB_val key, MDB_val *value)
{
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi dbi;
    CHECK(mdb_env_create(&env) == 0);
    CHECK(mdb_env_set_maxdbs(env, 2) == 0);
    CHECK(mdb_env_open(env, path, env_flags, 0600) == 0);
    CHECK(mdb_txn_begin(env, NULL, 0, &txn) == 0);
    CHECK(mdb_dbi_open(txn, database, flags, &dbi) == 0);
    CHECK((value != NULL ? mdb_put(txn, dbi, &key, value, 0) : mdb_del(txn, dbi, &key, NULL)) == 0);
    CHECK(mdb_txn_commit(txn) == 0);
    mdb_env_close(env);
}

void tamper(const char *path, const char *database, unsigned flags, MDB_val key, MDB_val *value)
{
    change(path, 0, database, flags, key, value);
}

void tamper_file(const char *path, const char *database, unsigned flags, MDB_val key,
                 MDB_val *value)
{
    change(path, MDB_NOSUBDIR | MDB_NOLOCK, database, flags, key, value);
}

void tamper_record(const char *path, uint64_t sequence, MDB_val *value)
{
    tamper(path, "log", MDB_INTEGERKEY, (MDB_val){sizeof(sequence), &sequence}, value);
}
