#include "replay/unpack.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "tests/test.h"

enum { MANY = 300000, PACKED_SIZE = 1 << 20 };

/* Bytes to be read, packed or not. */
struct packed {
    unsigned char bytes[PACKED_SIZE];
    size_t size;
};

static struct packed packed;
static struct problem problem;
static char many[MANY]; /* what is packed: digits that do not pack well */
static char got[2 * MANY + 1];
static size_t got_size;

static void make_many(void)
{
    uint32_t number = 1;
    for (size_t i = 0; i < MANY; i++) {
        number = number * 1664525 + 1013904223;
        many[i] = (char)('0' + (number >> 24) % 10);
    }
}

static void add_plain(const char *bytes, size_t size)
{
    CHECK(packed.size + size <= PACKED_SIZE);
    memcpy(packed.bytes + packed.size, bytes, size);
    packed.size += size;
}

static void add_gzip(const char *bytes, size_t size)
{
    z_stream stream = {.next_in = (Bytef *)(uintptr_t)bytes,
                       .avail_in = (uInt)size,
                       .next_out = packed.bytes + packed.size,
                       .avail_out = (uInt)(PACKED_SIZE - packed.size)};
    CHECK(deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
    CHECK(deflate(&stream, Z_FINISH) == Z_STREAM_END);
    packed.size = PACKED_SIZE - stream.avail_out;
    deflateEnd(&stream);
}

static void add_zstd(const char *bytes, size_t size)
{
    size_t wrote =
        ZSTD_compress(packed.bytes + packed.size, PACKED_SIZE - packed.size, bytes, size, 3);
    CHECK(!ZSTD_isError(wrote));
    packed.size += wrote;
}

static FILE *packed_file(void)
{
    FILE *file = tmpfile();
    CHECK(file != NULL);
    CHECK(fwrite(packed.bytes, 1, packed.size, file) == packed.size);
    rewind(file);
    return file;
}

/* Reads it to its end in pieces of an odd size; returns why it stopped. */
static enum status read_all(FILE *file)
{
    enum { PIECE = 4097 };
    struct unpack *unpack;
    problem = (struct problem){""};
    enum status status = unpack_open(file, &unpack, &problem);
    if (status != STATUS_OK) {
        return status;
    }
    got_size = 0;
    size_t size;
    do {
        size_t room = sizeof(got) - got_size;
        size = fread(got + got_size, 1, room < PIECE ? room : PIECE, unpack_stream(unpack));
        got_size += size;
    } while (size > 0);
    status = unpack_failure(unpack, &problem);
    CHECK_EQ(status != STATUS_OK, ferror(unpack_stream(unpack)) != 0);
    CHECK(status != STATUS_OK || unpack_consumed(unpack) == packed.size);
    unpack_close(unpack);
    return status;
}

static void check_content(const char *want, size_t size)
{
    FILE *file = packed_file();
    CHECK_EQ(STATUS_OK, read_all(file));
    CHECK_EQ(size, got_size);
    CHECK(memcmp(want, got, size) == 0);
    fclose(file);
}

static void check_failure(const char *want)
{
    FILE *file = packed_file();
    CHECK_EQ(STATUS_IO, read_all(file));
    CHECK_STR(want, problem.text);
    fclose(file);
}

static void plain_files_pass_through(void)
{
    static const char *const texts[] = {"", "a", "\x1f", "\x28\xb5\x2f", "user_id,video_id\n1,2\n"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        packed.size = 0;
        add_plain(texts[i], strlen(texts[i]));
        check_content(texts[i], strlen(texts[i]));
    }
    make_many();
    packed.size = 0;
    add_plain(many, MANY);
    check_content(many, MANY);
}

static void gzip_is_unpacked(void)
{
    make_many();
    add_gzip(many, MANY);
    CHECK(packed.size < MANY);
    check_content(many, MANY);
    packed.size = 0;
    add_gzip("", 0);
    check_content("", 0);
}

static void zstd_is_unpacked(void)
{
    make_many();
    add_zstd(many, MANY);
    CHECK(packed.size < MANY);
    check_content(many, MANY);
    packed.size = 0;
    add_zstd("", 0);
    check_content("", 0);
}

static void all_members_of_a_gzip_file_are_read(void)
{
    make_many();
    add_gzip(many, 1000);
    add_gzip(many + 1000, 0);
    add_gzip(many + 1000, MANY - 1000);
    check_content(many, MANY);
    add_plain("\0\0\0", 3);
    check_content(many, MANY);
}

static void all_frames_of_a_zstd_file_are_read(void)
{
    make_many();
    add_plain("\x5a\x2a\x4d\x18\x03\0\0\0abc", 11); /* a frame to be skipped */
    add_zstd(many, 1000);
    add_plain("\x50\x2a\x4d\x18\0\0\0\0", 8);
    add_zstd(many + 1000, MANY - 1000);
    check_content(many, MANY);
}

/* However short the file is cut, all that is there comes out, and then the reason. */
static void a_file_that_ends_early_is_told(void)
{
    make_many();
    for (int kind = 0; kind < 2; kind++) {
        packed.size = 0;
        (kind == 0 ? add_gzip : add_zstd)(many, MANY);
        size_t whole = packed.size;
        for (size_t size = 4; size < whole; size += size < 40 || size + 40 > whole ? 1 : 997) {
            char want[80];
            packed.size = size;
            snprintf(want, sizeof(want), "the %s data ends early at byte %zu",
                     kind == 0 ? "gzip" : "zstd", size);
            check_failure(want);
            CHECK(got_size <= MANY && memcmp(many, got, got_size) == 0);
        }
        CHECK(got_size > MANY - 70000);
    }
}

static void damage_is_told_where_it_is_found(void)
{
    make_many();
    add_gzip(many, MANY);
    packed.bytes[packed.size - 6] ^= 1; /* of the checksum, which the length follows */
    FILE *file = packed_file();
    CHECK_EQ(STATUS_IO, read_all(file));
    CHECK(strncmp(problem.text, "the gzip data is damaged at byte ", 33) == 0);
    CHECK_EQ(MANY, got_size);
    fclose(file);
    packed.size = 0;
    add_gzip("a", 1);
    add_plain("b", 1);
    CHECK_EQ(22, packed.size);
    FILE *followed = packed_file();
    CHECK_EQ(STATUS_IO, read_all(followed));
    CHECK_EQ(1, got_size);
    fclose(followed);
    packed.size = 0;
    add_gzip("a", 1);
    add_plain("\0b", 2);
    check_failure("the gzip data is damaged at byte 22");
}

static void damaged_zstd_is_told(void)
{
    make_many();
    add_zstd(many, MANY);
    memset(packed.bytes + 50000, 0xff, 64);
    FILE *file = packed_file();
    CHECK_EQ(STATUS_IO, read_all(file));
    CHECK(strncmp(problem.text, "the zstd data is damaged at byte ", 33) == 0);
    fclose(file);
}

/* RFC 8878, 3.1.1: no checksum, no size, and a window of 2^28 bytes: exponent 18, mantissa 0. */
static void a_zstd_window_beyond_the_limit_is_refused(void)
{
    add_plain("\x28\xb5\x2f\xfd\0\x90\x01\0\0", 9);
    check_failure("the zstd data needs a window of more than 128 MiB at byte 0");
}

static void pipes_are_unpacked_too(void)
{
    int ends[2];
    CHECK(pipe(ends) == 0);
    make_many();
    add_gzip(many, 5000);
    CHECK(write(ends[1], packed.bytes, packed.size) == (ssize_t)packed.size);
    CHECK(close(ends[1]) == 0);
    FILE *file = fdopen(ends[0], "rb");
    CHECK(file != NULL);
    CHECK_EQ(STATUS_OK, read_all(file));
    CHECK_EQ(5000, got_size);
    CHECK(memcmp(many, got, got_size) == 0);
    fclose(file);
}

static void a_file_that_cannot_be_read_is_told(void)
{
    FILE *file = fopen("/", "rb"); /* a directory opens, and every read of it fails */
    CHECK(file != NULL);
    CHECK_EQ(STATUS_IO, read_all(file));
    CHECK_STR("cannot read: Is a directory", problem.text);
    fclose(file);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(plain_files_pass_through),
        TEST(gzip_is_unpacked),
        TEST(zstd_is_unpacked),
        TEST(all_members_of_a_gzip_file_are_read),
        TEST(all_frames_of_a_zstd_file_are_read),
        TEST(a_file_that_ends_early_is_told),
        TEST(damage_is_told_where_it_is_found),
        TEST(damaged_zstd_is_told),
        TEST(a_zstd_window_beyond_the_limit_is_refused),
        TEST(pipes_are_unpacked_too),
        TEST(a_file_that_cannot_be_read_is_told),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
