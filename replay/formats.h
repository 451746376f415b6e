#ifndef REPLAY_FORMATS_H
#define REPLAY_FORMATS_H

#include "replay/import.h"

/* The reader of each format; import_read() chooses. */
MUST_USE enum status import_jsonl(FILE *file, const struct import_options *options,
                                  const struct import_sink *sink, struct problem *problem);
MUST_USE enum status import_kuairand(FILE *file, const struct import_options *options,
                                     const struct import_sink *sink, struct problem *problem);
MUST_USE enum status import_youtube(FILE *file, const struct import_options *options,
                                    const struct import_sink *sink, struct problem *problem);
MUST_USE enum status import_obd(FILE *file, const struct import_options *options,
                                const struct import_sink *sink, struct problem *problem);
MUST_USE enum status import_movielens(FILE *file, const struct import_options *options,
                                      const struct import_sink *sink, struct problem *problem);
MUST_USE enum status import_metarank(FILE *file, const struct import_options *options,
                                     const struct import_sink *sink, struct problem *problem);

#endif
