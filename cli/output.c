#include "cli/output.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/input.h"

static void refuse(const char *option, const char *path, int why, struct problem *problem)
{
    problem_set(problem, "%s %s: cannot write: %s", option, input_name(path), strerror(why));
}

enum status output_open(const char *option, const char *path, FILE **out, struct problem *problem)
{
    FILE *file = fopen(path, "we");
    if (file == NULL) {
        refuse(option, path, errno, problem);
        return STATUS_IO;
    }
    *out = file;
    return STATUS_OK;
}

enum status output_close(const char *option, const char *path, FILE *file, enum status status,
                         struct problem *problem)
{
    int why = errno;
    bool broken = ferror(file) != 0; /* fclose() does not tell of what failed before */
    struct stat info;
    bool regular = fstat(fileno(file), &info) == 0 && S_ISREG(info.st_mode);
    if (fclose(file) != 0 && status == STATUS_OK) {
        why = errno;
        status = STATUS_IO;
    }
    if (broken && status == STATUS_OK) {
        status = STATUS_IO;
    }
    if (status == STATUS_IO && problem->text[0] == '\0') {
        refuse(option, path, why, problem);
    }
    if (status != STATUS_OK && regular) {
        (void)unlink(path); /* half a file is worse than none */
    }
    return status;
}
