#include "store/weights_history.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "ranker/check.h"
#include "store/lmdb.h"
#include "store/log_internal.h"

enum {
    MARK_NUMBER = 0,
    HISTORY_SHARE = 8, /* of the budget */
    ADD_PAGES = 16,    /* that a change takes beside its texts */
};

/* What one transaction of the history writes. */
struct adding {
    struct log *log;
    MDB_txn *txn;
    MDB_dbi weights;
    MDB_dbi files;
};

static int last_number(MDB_txn *txn, MDB_dbi weights, uint64_t *number)
{
    MDB_cursor *cursor = NULL;
    MDB_val key;
    MDB_val value;
    int rc = mdb_cursor_open(txn, weights, &cursor);
    if (rc != 0) {
        return rc;
    }
    rc = mdb_cursor_get(cursor, &key, &value, MDB_LAST);
    if (rc == 0) {
        rc = log_get_number(&key, number);
    } else if (rc == MDB_NOTFOUND) {
        *number = 0;
        rc = 0;
    }
    mdb_cursor_close(cursor);
    return rc;
}

static void publish(struct log *log, MDB_dbi weights, MDB_dbi files)
{
    atomic_store(&log->weights, weights);
    atomic_store(&log->weights_files, files);
    atomic_store(&log->has_weights, true);
}

int log_open_weights(struct log *log, MDB_txn *txn)
{
    uint64_t last = 0;
    MDB_dbi weights;
    MDB_dbi files;
    int rc = mdb_dbi_open(txn, "weights", MDB_INTEGERKEY, &weights);
    if (rc == MDB_NOTFOUND) {
        return 0;
    }
    if (rc == 0) {
        rc = mdb_dbi_open(txn, "weights_files", MDB_INTEGERKEY, &files);
        rc = rc == MDB_NOTFOUND ? MDB_CORRUPTED : rc;
    }
    if (rc == 0) {
        rc = last_number(txn, weights, &last);
    }
    if (rc == 0) {
        atomic_store(&log->weights_last, last);
        publish(log, weights, files);
    }
    return rc;
}

/* In a transaction of its own: its handles are of use to others only once it has committed. */
static enum status make_databases(struct log *log)
{
    MDB_txn *txn = NULL;
    MDB_dbi weights = 0;
    MDB_dbi files = 0;
    if (atomic_load(&log->has_weights)) {
        return STATUS_OK;
    }
    int rc = environment_begin(&log->environment, 0, &txn);
    if (rc != 0) {
        return lmdb_status(rc);
    }
    rc = log_check_room(log, txn, ADD_PAGES);
    if (rc == 0) {
        rc = mdb_dbi_open(txn, "weights", MDB_CREATE | MDB_INTEGERKEY, &weights);
    }
    if (rc == 0) {
        rc = mdb_dbi_open(txn, "weights_files", MDB_CREATE | MDB_INTEGERKEY, &files);
    }
    enum status status = log_end(log, txn, rc);
    if (status == STATUS_OK) {
        publish(log, weights, files);
    }
    environment_leave(&log->environment);
    return status;
}

static enum status begin(struct log *log, struct adding *adding)
{
    enum status status = make_databases(log);
    if (status != STATUS_OK) {
        return status;
    }
    MDB_txn *txn = NULL;
    int rc = environment_begin(&log->environment, 0, &txn);
    if (rc != 0) {
        return lmdb_status(rc);
    }
    *adding = (struct adding){.log = log,
                              .txn = txn,
                              .weights = atomic_load(&log->weights),
                              .files = atomic_load(&log->weights_files)};
    return STATUS_OK;
}

static int check_room(const struct adding *adding, uint64_t bytes)
{
    const struct log *log = adding->log;
    uint64_t needed = 2 * bytes / log->page_size + ADD_PAGES;
    uint64_t held =
        log_pages_of(adding->txn, adding->weights) + log_pages_of(adding->txn, adding->files);
    uint64_t share = log->page_max / HISTORY_SHARE;
    return held + bytes / log->page_size < share ? log_check_room(log, adding->txn, needed)
                                                 : MDB_MAP_FULL;
}

/* What a content is going to take: nothing if it is there. */
static int add_missing(const struct adding *adding, struct text content, uint64_t *bytes)
{
    uint64_t number = weights_file_key(content);
    MDB_val key = {sizeof(number), &number};
    MDB_val value;
    int rc = mdb_get(adding->txn, adding->files, &key, &value);
    *bytes += rc == MDB_NOTFOUND ? content.size : 0;
    return rc == MDB_NOTFOUND ? 0 : rc;
}

static int check_room_for(const struct adding *adding, const struct weights_source *source)
{
    uint64_t bytes = WEIGHTS_CHANGE_SIZE_MAX;
    int rc = add_missing(adding, source->yaml, &bytes);
    for (size_t i = 0; i < source->model_count && rc == 0; i++) {
        rc = add_missing(adding, source->models[i].content, &bytes);
    }
    return rc == 0 ? check_room(adding, bytes) : rc;
}

/* Keeps a content under its key, once; over one that is damaged. */
static int put_file(const struct adding *adding, struct text content, uint64_t *out)
{
    uint64_t number = weights_file_key(content);
    MDB_val key = {sizeof(number), &number};
    MDB_val value;
    struct text kept;
    *out = number;
    int rc = mdb_get(adding->txn, adding->files, &key, &value);
    if (rc == 0 && weights_file_decode(value.mv_data, value.mv_size, number, &kept) == STATUS_OK) {
        return text_equal(kept, content) ? 0 : MDB_CORRUPTED;
    }
    if (rc != 0 && rc != MDB_NOTFOUND) {
        return rc;
    }
    value = (MDB_val){WEIGHTS_FILE_HEADER_SIZE + content.size, NULL};
    rc = mdb_put(adding->txn, adding->files, &key, &value, MDB_RESERVE);
    if (rc == 0) {
        weights_file_encode(content, value.mv_data);
    }
    return rc;
}

static int put_files(const struct adding *adding, const struct weights_source *source,
                     struct weights_change *change)
{
    int rc = put_file(adding, source->yaml, &change->yaml_key);
    change->model_count = source->model_count;
    for (size_t i = 0; i < source->model_count && rc == 0; i++) {
        const struct weights_model_file *model = &source->models[i];
        memcpy(change->models[i].name, model->name, sizeof(model->name));
        rc = put_file(adding, model->content, &change->models[i].key);
    }
    return rc;
}

static int put_row(const struct adding *adding, uint64_t number, uint8_t *bytes, size_t size)
{
    MDB_val key = {sizeof(number), &number};
    MDB_val value = {size, bytes};
    return mdb_put(adding->txn, adding->weights, &key, &value, 0);
}

static int put_mark(const struct adding *adding, uint64_t source_hash)
{
    uint8_t bytes[WEIGHTS_MARK_SIZE];
    weights_mark_encode(source_hash, bytes);
    return put_row(adding, MARK_NUMBER, bytes, sizeof(bytes));
}

/* The number comes from the transaction: who else adds has committed before it began. */
static int add_in(const struct adding *adding, const struct weights_source *source, bool is_file,
                  struct weights_change *change)
{
    uint8_t bytes[WEIGHTS_CHANGE_SIZE_MAX];
    uint64_t last = 0;
    int rc = check_room_for(adding, source);
    if (rc == 0) {
        rc = last_number(adding->txn, adding->weights, &last);
    }
    if (rc == 0) {
        rc = put_files(adding, source, change);
    }
    if (rc == 0) {
        change->number = last + 1;
        rc = put_row(adding, change->number, bytes, weights_change_encode(change, bytes));
    }
    if (rc == 0 && is_file) {
        rc = put_mark(adding, weights_source_hash(source));
    }
    return rc;
}

/* Others may have added, and told so, since this one has committed. */
static void raise_last(struct log *log, uint64_t number)
{
    uint64_t last = atomic_load(&log->weights_last);
    while (last < number && !atomic_compare_exchange_weak(&log->weights_last, &last, number)) {
    }
}

static enum status add_once(struct log *log, const struct weights_source *source, bool is_file,
                            struct weights_change *change)
{
    struct adding adding;
    enum status status = begin(log, &adding);
    if (status != STATUS_OK) {
        return status;
    }
    status = log_end(log, adding.txn, add_in(&adding, source, is_file, change));
    if (status == STATUS_OK) {
        raise_last(log, change->number);
    }
    environment_leave(&log->environment);
    return status;
}

enum status weights_history_add(struct log *log, const struct weights_source *source, bool is_file,
                                struct weights_change *change)
{
    CHECK(source->model_count <= LIMIT_MODEL_FILES);
    enum status status = add_once(log, source, is_file, change);
    for (unsigned i = 0; i < LOG_TRIMS_FOR_ROOM && status == STATUS_NO_SPACE; i++) {
        if (!log_make_room(log)) {
            return status;
        }
        status = add_once(log, source, is_file, change);
    }
    return status;
}

uint64_t weights_history_last(struct log *log)
{
    return atomic_load(&log->weights_last);
}

/* Begins to read; *out is NULL when there is no history. */
static int begin_reading(struct log *log, MDB_txn **out)
{
    *out = NULL;
    return atomic_load(&log->has_weights) ? environment_begin(&log->environment, MDB_RDONLY, out)
                                          : MDB_NOTFOUND;
}

static enum status get_row(struct log *log, MDB_txn *txn, uint64_t number, MDB_val *value)
{
    MDB_val key = {sizeof(number), &number};
    return lmdb_status(mdb_get(txn, atomic_load(&log->weights), &key, value));
}

enum status weights_history_get(struct log *log, uint64_t number, struct weights_change *out)
{
    MDB_txn *txn = NULL;
    MDB_val value;
    int rc = number == MARK_NUMBER ? MDB_NOTFOUND : begin_reading(log, &txn);
    if (rc != 0) {
        return lmdb_status(rc);
    }
    enum status status = get_row(log, txn, number, &value);
    if (status == STATUS_OK) {
        status = weights_change_decode(value.mv_data, value.mv_size, number, out);
    }
    environment_abort(&log->environment, txn);
    return status;
}

enum status weights_history_get_mark(struct log *log, uint64_t *source_hash)
{
    MDB_txn *txn = NULL;
    MDB_val value;
    int rc = begin_reading(log, &txn);
    if (rc != 0) {
        return lmdb_status(rc);
    }
    enum status status = get_row(log, txn, MARK_NUMBER, &value);
    if (status == STATUS_OK) {
        status = weights_mark_decode(value.mv_data, value.mv_size, source_hash);
    }
    environment_abort(&log->environment, txn);
    return status;
}

enum status weights_history_set_mark(struct log *log, uint64_t source_hash)
{
    struct adding adding;
    enum status status = begin(log, &adding);
    if (status != STATUS_OK) {
        return status;
    }
    int rc = check_room(&adding, WEIGHTS_MARK_SIZE);
    return log_finish(log, adding.txn, rc == 0 ? put_mark(&adding, source_hash) : rc);
}

/* Borrows the content from the transaction. */
static enum status find_file(struct log *log, MDB_txn *txn, uint64_t number, struct text *out,
                             struct problem *problem)
{
    MDB_val key = {sizeof(number), &number};
    MDB_val value;
    enum status status = lmdb_status(mdb_get(txn, atomic_load(&log->weights_files), &key, &value));
    if (status == STATUS_OK) {
        status = weights_file_decode(value.mv_data, value.mv_size, number, out);
    }
    if (status != STATUS_OK) {
        status = status == STATUS_NOT_FOUND ? STATUS_CORRUPT : status;
        problem_set(problem, "the text %016" PRIx64 " of the weights' history %s", number,
                    status == STATUS_CORRUPT ? "is missing or damaged" : "cannot be read");
    }
    return status;
}

static enum status find_files(struct log *log, MDB_txn *txn, const struct weights_change *change,
                              struct weights_kept *out, size_t *bytes, struct problem *problem)
{
    enum status status = find_file(log, txn, change->yaml_key, &out->source.yaml, problem);
    *bytes = status == STATUS_OK ? out->source.yaml.size : 0;
    for (size_t i = 0; i < change->model_count && status == STATUS_OK; i++) {
        struct weights_model_file *model = &out->models[i];
        memcpy(model->name, change->models[i].name, sizeof(model->name));
        status = find_file(log, txn, change->models[i].key, &model->content, problem);
        *bytes += status == STATUS_OK ? model->content.size : 0;
    }
    return status;
}

static char *take(struct text *text, char *at)
{
    if (text->size > 0) {
        memcpy(at, text->data, text->size);
    }
    text->data = at;
    return at + text->size;
}

/* Nothing may point into the map once the transaction has ended. */
static enum status copy_out(struct weights_kept *kept, size_t bytes)
{
    kept->bytes = malloc(bytes + 1);
    if (kept->bytes == NULL) {
        return STATUS_NO_MEMORY;
    }
    char *at = take(&kept->source.yaml, kept->bytes);
    for (size_t i = 0; i < kept->source.model_count; i++) {
        at = take(&kept->models[i].content, at);
    }
    return STATUS_OK;
}

static enum status load_in(struct log *log, MDB_txn *txn, const struct weights_change *change,
                           struct weights_kept *kept, struct problem *problem)
{
    size_t bytes = 0;
    kept->models = calloc(change->model_count + 1, sizeof(*kept->models)); /* never of size 0 */
    if (kept->models == NULL) {
        return STATUS_NO_MEMORY;
    }
    kept->source.models = kept->models;
    kept->source.model_count = change->model_count;
    enum status status = find_files(log, txn, change, kept, &bytes, problem);
    return status == STATUS_OK ? copy_out(kept, bytes) : status;
}

enum status weights_history_load(struct log *log, const struct weights_change *change,
                                 struct weights_kept *out, struct problem *problem)
{
    MDB_txn *txn = NULL;
    struct weights_kept kept = {.bytes = NULL};
    int rc = begin_reading(log, &txn);
    if (rc != 0) {
        return log_read_failure(rc, problem);
    }
    enum status status = load_in(log, txn, change, &kept, problem);
    environment_abort(&log->environment, txn);
    if (status != STATUS_OK) {
        if (status == STATUS_NO_MEMORY) {
            problem_set(problem, "no memory for weights of the history");
        }
        weights_kept_release(&kept);
        return status;
    }
    *out = kept;
    return STATUS_OK;
}

void weights_kept_release(struct weights_kept *kept)
{
    free(kept->bytes);
    free(kept->models);
    *kept = (struct weights_kept){.bytes = NULL};
}
