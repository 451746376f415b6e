#ifndef TESTS_STORE_TAMPER_H
#define TESTS_STORE_TAMPER_H

#include <lmdb.h>
#include <stdint.h>

/* What hands other than the log's do to a log that nobody holds. A NULL value deletes. */
void tamper(const char *path, const char *database, unsigned flags, MDB_val key, MDB_val *value);

/* The same to a file of its own, such as a snapshot. */
void tamper_file(const char *path, const char *database, unsigned flags, MDB_val key,
                 MDB_val *value);
void tamper_record(const char *path, uint64_t sequence, MDB_val *value);

#endif
