#ifndef SERVER_OPTIONS_H
#define SERVER_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "ranker/problem.h"
#include "ranker/status.h"

/*
 * The server's options: one row each. The struct, the defaults, the parser, --help, the manual, the
 * example of a configuration file and the start-up log come from this table. On the command line
 * and in a file (server/options_file.h) an option's name has dashes: max-message-bytes. A FLAG is
 * false unless it is given.
 */
/* clang-format off */
#define OPTIONS(TEXT, NUMBER, FLAG)                                                                               \
    /*   name               default             least       most   meaning */                                     \
    TEXT(listen,            "127.0.0.1:7070",       3,       127,  "address to serve on, beyond loopback with TLS; port 0: any") \
    TEXT(tls_cert,          "",                     0,      4000,  "server's certificate and chain, PEM file; empty: plaintext") \
    TEXT(tls_key,           "",                     0,      4000,  "its key, PEM file")                           \
    TEXT(tls_client_ca,     "",                     0,      4000,  "CAs of clients' certificates, PEM file; empty: clients need none") \
    TEXT(tokens,            "",                     0,      4000,  "file of \"reelrank token\"; empty: any client may call everything") \
    FLAG(allow_plaintext,                                          "serve beyond loopback without TLS: others can read and change all") \
    NUMBER(credentials_watch_ms,   1000,            0,  86400000,  "between two looks at the files of TLS and tokens; 0: none") \
    TEXT(data,              "reelrank-data",        1,      4000,  "directory of the store; made if absent")      \
    TEXT(weights,           "",                     0,      4000,  "weights file; empty: what was in force, else the built-in ones") \
    TEXT(overload,          "reject",               1,        16,  "a Rank in overload: reject, or degrade, an order by retrieval score") \
    NUMBER(weights_watch_ms,       1000,            0,  86400000,  "between two looks at the weights file; 0: none")     \
    NUMBER(workers,                   0,            0,        64,  "threads that answer; 0: one per processor")   \
    NUMBER(max_message_bytes,   4194304,         1024,  67108864,  "longest request")                             \
    NUMBER(memory_quota_mib,        256,           16,   1048576,  "memory of requests in flight, MiB")           \
    NUMBER(max_calls,              4096,            1,      4096,  "calls in progress of a kind at a worker; more are refused") \
    NUMBER(max_connections,        1000,            1,     65536,  "connections; for another one that is quiet makes room") \
    NUMBER(connection_idle_s,       600,            0,   2000000,  "seconds without a call until a connection is told to go; 0: never") \
    NUMBER(connection_age_s,          0,            0,   2000000,  "likewise, of any connection; 0: never") \
    NUMBER(max_streams,             100,            1,      4096,  "calls under way on one connection; its client holds more back") \
    NUMBER(queue_delay_ms,           10,            0,     60000,  "wait for a worker in lasting overload, then refused; 0: any") \
    NUMBER(map_mib,               16384,            1,  16777216,  "largest store file, MiB")                     \
    NUMBER(window_length,       1048576,            1, 268435456,  "signals back that a repeat is recognised")    \
    NUMBER(checkpoint_records,   524288,            1, 268435456,  "records of the log between two checkpoints")  \
    NUMBER(retain_mib,                0,            0,  16777216,  "most of the log's records, MiB; 0: three quarters of map-mib") \
    NUMBER(retain_days,              90,            0,     36500,  "most days a record of the log stays; 0: any") \
    NUMBER(user_days,               180,            0,     36500,  "days without signals until a user is dropped; 0: never") \
    NUMBER(statistics_days,         180,            0,     36500,  "likewise, a video's statistics")              \
    NUMBER(tombstone_days,            0,            0,     36500,  "days a forgotten user's hash is kept; 0: for ever") \
    NUMBER(user_memory_mib,          2048,            1,  16777216,  "memory of users, MiB; the others are on disk") \
    NUMBER(statistics_memory_mib,    4096,          1,  16777216,  "likewise, of videos' statistics") \
    NUMBER(journal_share_ppm,     10000,            0,   1000000,  "answers of Rank that the decision journal keeps, of a million; 0: none") \
    NUMBER(journal_mib,            1024,           16,  16777216,  "most of the decision journal, MiB")           \
    NUMBER(journal_days,             30,            0,     36500,  "most days a decision stays; 0: any")          \
    NUMBER(write_queue_length,     4096,            1,   1048576,  "writing calls that may wait for the store")   \
    NUMBER(lame_duck_ms,              0,            0,    600000,  "time at shutdown between NOT_SERVING and the drain, ms") \
    NUMBER(drain_ms,               5000,            0,    600000,  "time for calls in flight at shutdown, ms")    \
    TEXT(admin_listen,      "auto",                 0,       127,  "metrics and admin page; auto: 127.0.0.1, listen's port + 1; empty: none") \
    TEXT(log_format,        "text",                 1,        16,  "text: key=value; json: a JSON object a line")  \
    TEXT(log_level,         "info",                 1,        16,  "least level that is logged: debug, info, warn or error") \
    NUMBER(slow_call_ms,            100,            0,   3600000,  "calls that take longer are logged, with their stages; 0: none") \
    NUMBER(drift_window_seconds,   3600,            1,  31536000,  "length of the windows of scores whose drift is told")
/* clang-format on */

enum { OPTION_TEXT_SIZE = 4096 };

struct options {
#define TEXT(name, value, min, max, text)   char name[OPTION_TEXT_SIZE];
#define NUMBER(name, value, min, max, text) uint32_t name;
#define FLAG(name, text)                    bool name;
    OPTIONS(TEXT, NUMBER, FLAG)
#undef TEXT
#undef NUMBER
#undef FLAG
};

enum {
#define ROW(name, ...) OPTION_##name,
    OPTIONS(ROW, ROW, ROW)
#undef ROW
        OPTION_COUNT
};

void options_defaults(struct options *options);

/* The row of an option; name with dashes or underscores. OPTION_COUNT: there is none. */
size_t options_find(const char *name);

/*
 * Sets one option, a flag by "true" or "false"; name as options_find() takes it. STATUS_INVALID,
 * with options unchanged: problem begins with the option's name, and says what was found and what
 * is allowed.
 */
MUST_USE enum status options_set(struct options *options, const char *name, const char *value,
                                 struct problem *problem);

/* A configuration file that changes nothing: each option with its meaning, range and default. */
void options_print_example(FILE *out);

/* One line of the log with every option's value. */
void options_log(const struct options *options);

/* What the log's records may take: retain_mib, with 0 resolved. */
uint64_t options_retain_bytes(const struct options *options);

/* STATUS_INVALID for a text that names nothing known; options_set() alone cannot tell. */
MUST_USE enum status options_check(const struct options *options, struct problem *problem);

/* The workers option, with 0 resolved to the number of processors, at most 64. */
unsigned options_worker_count(const struct options *options);

#endif
