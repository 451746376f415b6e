#include "replay/temporary.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum { PATH_SIZE = 4096 };

FILE *temporary_open(void)
{
    char path[PATH_SIZE];
    const char *folder = getenv("TMPDIR");
    int size = snprintf(path, sizeof(path), "%s/reelrank-XXXXXX",
                        folder != NULL && folder[0] != '\0' ? folder : "/tmp");
    if (size <= 0 || (size_t)size >= sizeof(path)) {
        errno = ENAMETOOLONG;
        return NULL;
    }
    int descriptor = mkstemp(path);
    if (descriptor < 0) {
        return NULL;
    }
    (void)unlink(path); /* a file that stays is the lesser harm */
    FILE *file = fdopen(descriptor, "w+b");
    if (file == NULL) {
        close(descriptor);
    }
    return file;
}
