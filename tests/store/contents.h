#ifndef TESTS_STORE_CONTENTS_H
#define TESTS_STORE_CONTENTS_H

#include <stdbool.h>
#include <stddef.h>

/* Whether any file of a directory has these bytes anywhere. Files are of at most 64 MiB. */
bool contents_have(const char *directory, const void *bytes, size_t size);
bool contents_have_text(const char *directory, const char *text);

#endif
