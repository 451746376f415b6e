#ifndef REPLAY_REPORT_FORMAT_H
#define REPLAY_REPORT_FORMAT_H

#include <jansson.h>
#include <stdbool.h>

/*
 * Fields of reports of any kind, and how figures are printed. Whatever a report does not have reads
 * as nothing: NAN, 0 or an empty text. A text that is found belongs to the report.
 */

enum { REPORT_NUMBER_SIZE = 64, REPORT_TIME_SIZE = 32 };

double report_number(const json_t *object, const char *name);
json_int_t report_integer(const json_t *object, const char *name);
const char *report_text(const json_t *object, const char *name);

/* "0.3421", "–" for NAN; with sign: "+0.0121", "−0.0121", and never a signed zero. */
void report_format(double value, int digits, bool sign, char out[REPORT_NUMBER_SIZE]);

/* A share in per cent, small ones with one more digit: "26.7", "0.58". */
void report_format_share(double share, char out[REPORT_NUMBER_SIZE]);

/* "[0.0084, 0.0158]"; "" where an end is not known. */
void report_format_interval(const json_t *element, int digits, char out[REPORT_NUMBER_SIZE]);

/* "p = 0.0003", "p < 0.0001"; "" for NAN. */
void report_format_p(double p, char out[REPORT_NUMBER_SIZE]);

/* 12345 as "12,345". */
void report_format_count(json_int_t count, char out[REPORT_NUMBER_SIZE]);

/* "2026-11-22 00:00", in UTC. */
void report_format_time(json_int_t time_ms, char out[REPORT_TIME_SIZE]);

#endif
