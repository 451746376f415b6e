#ifndef TESTS_STORE_CONTENTS_H
#define TESTS_STORE_CONTENTS_H

#include <stdbool.h>

/* Whether any file of a directory has this text anywhere. Files are of at most 64 MiB. */
bool contents_have_text(const char *directory, const char *text);

#endif
