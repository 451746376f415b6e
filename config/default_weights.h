#ifndef CONFIG_DEFAULT_WEIGHTS_H
#define CONFIG_DEFAULT_WEIGHTS_H

#include <stddef.h>

/* The bytes of config/weights.yaml, for a server that is given no file. A zero follows them. */
extern const char default_weights[];
extern const size_t default_weights_size;

#endif
