#include "tests/bench/program.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "ranker/check.h"

/* glibc's name of the running program. */
extern char *program_invocation_short_name;

void give_up(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "%s: ", program_invocation_short_name);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(1);
}

static void print_help(const struct program *program)
{
    printf("%s\n\noptions:\n", program->summary);
    for (size_t i = 0; i < program->argument_count; i++) {
        const struct argument *row = &program->arguments[i];
        char name[ARGUMENT_NAME_SIZE];
        argument_typed(row, name);
        printf("  --%s %s\n        %s", name, row->value_name != NULL ? row->value_name : "",
               row->help);
        printf(row->initial != NULL ? " (%s)\n" : "\n", row->initial);
    }
    printf("\nexamples:\n%s", program->examples);
}

void program_options(const struct program *program, int argc, char **argv, void *values)
{
    struct operands operands;
    struct problem problem;
    enum status status = arguments_parse(program->arguments, program->argument_count, argc - 1,
                                         argv + 1, values, &operands, &problem);
    if (status != STATUS_OK) {
        give_up("%s", problem.text);
    }
    if (operands.help) {
        print_help(program);
        exit(0);
    }
    if (operands.count > 0) {
        give_up("\"%s\" is one word too many", operands.items[0]);
    }
}

static size_t file_size(FILE *file, const char *path)
{
    long size = fseek(file, 0, SEEK_END) == 0 ? ftell(file) : -1;
    if (size < 0 || fseek(file, 0, SEEK_SET) != 0) {
        give_up("%s: %s", path, strerror(errno));
    }
    return (size_t)size;
}

struct text program_read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        give_up("%s: %s", path, strerror(errno));
    }
    size_t size = file_size(file, path);
    char *data = malloc(size + 1);
    if (data == NULL || fread(data, 1, size, file) != size) {
        give_up("%s: cannot read %zu bytes", path, size);
    }
    fclose(file);
    data[size] = '\0';
    return (struct text){.data = data, .size = size};
}

int64_t program_now_ns(void)
{
    struct timespec now;
    CHECK(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t program_wall_ms(void)
{
    struct timespec now;
    CHECK(clock_gettime(CLOCK_REALTIME, &now) == 0);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

double program_cpu_seconds(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}
