#ifndef SERVER_LOG_TEXT_H
#define SERVER_LOG_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * One line of the log in a buffer, as key=value or as a JSON object (logline.h). What does not fit
 * is cut within a value or left out, so that the line stays well-formed.
 */
enum { LOG_TEXT_SIZE = 4096 };

struct log_text {
    bool json;
    size_t size;
    bool full; /* something was cut: nothing more comes */
    char bytes[LOG_TEXT_SIZE];
};

void log_text_begin(struct log_text *line, bool json);

/* A pair whose value is a text; quoted: in double quotes also as key=value. */
void log_text_pair(struct log_text *line, const char *key, const char *value, bool quoted);

/* Pairs as logline() takes them. */
void log_text_format(struct log_text *line, const char *format, va_list arguments);

/* Ends it with a newline. */
void log_text_end(struct log_text *line);

#endif
