#include <jansson.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ranker/check.h"
#include "server/log_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

__attribute__((format(printf, 2, 3))) static void put(struct log_text *line, const char *format,
                                                      ...)
{
    va_list arguments;
    va_start(arguments, format);
    log_text_format(line, format, arguments);
    va_end(arguments);
}

/* Whatever the texts are, a line is one line, and as JSON an object that has what fits of them. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct log_text line;
    json_error_t error;
    char *text = malloc(size + 1);
    CHECK(text != NULL);
    memcpy(text, data, size);
    text[size] = '\0';
    for (unsigned json = 0; json < 2; json++) {
        log_text_begin(&line, json != 0);
        log_text_pair(&line, "first", text, false);
        put(&line, "quoted=\"<%s>\" word=%s part=\"%.*s\" number=%zu", text, text, (int)(size / 2),
            text, size);
        log_text_end(&line);
        CHECK(line.size <= LOG_TEXT_SIZE);
        CHECK(memchr(line.bytes, '\n', line.size) == line.bytes + line.size - 1);
    }
    json_t *object = json_loadb(line.bytes, line.size, JSON_DECODE_INT_AS_REAL, &error);
    CHECK(object != NULL);
    CHECK(json_is_object(object));
    CHECK(json_is_string(json_object_get(object, "first")));
    json_decref(object);
    free(text);
    return 0;
}
