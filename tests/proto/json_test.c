#include "proto/json.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "all_types.pb-c.h"
#include "proto/json_read.h"
#include "reelrank/v1/log.pb-c.h"
#include "reelrank/v1/ranking.pb-c.h"
#include "tests/test.h"

#define ALL_TYPES (&reelrank__test__all_types__descriptor)
#define LOG_ENTRY (&reelrank__v1__log_entry__descriptor)

static char memory[1 << 20];
static struct arena arena;
static struct problem problem;

static enum status parse(const char *json, const ProtobufCMessageDescriptor *descriptor,
                         ProtobufCMessage **out)
{
    arena_init(&arena, memory, sizeof(memory));
    return json_parse(text_of(json), descriptor, &arena, out, &problem);
}

static const Reelrank__Test__AllTypes *all_types(const char *json)
{
    ProtobufCMessage *message = NULL;
    if (parse(json, ALL_TYPES, &message) != STATUS_OK) {
        fprintf(stderr, "%s: %s\n", json, problem.text);
        abort();
    }
    return (const Reelrank__Test__AllTypes *)message;
}

/* Parses json and checks what it is written as. */
static void check_line(const char *want, const char *json)
{
    char *got = json_format(&all_types(json)->base, JSON_LINE);
    CHECK(got != NULL);
    CHECK_STR(want, got);
    free(got);
}

static void check_refused(const char *want, const char *json,
                          const ProtobufCMessageDescriptor *descriptor)
{
    ProtobufCMessage *message = NULL;
    CHECK_EQ(STATUS_INVALID, parse(json, descriptor, &message));
    CHECK_STR(want, problem.text);
    CHECK(message == NULL);
}

static void empty_object_is_the_default_message(void)
{
    const Reelrank__Test__AllTypes *message = all_types("{}");
    CHECK_STR("", message->a_string);
    CHECK_EQ(0, message->n_keys);
    CHECK_EQ(REELRANK__TEST__ALL_TYPES__CHOICE__NOT_SET, message->choice_case);
    check_line("{}", "{}");
}

static void every_type_is_read_and_written(void)
{
    const char *line =
        "{\"a_int32\":-2147483648,\"a_sint32\":2147483647,\"a_sfixed32\":-1,"
        "\"a_int64\":-9223372036854775808,\"a_sint64\":9223372036854775807,\"a_sfixed64\":-1,"
        "\"a_uint32\":4294967295,\"a_fixed32\":7,\"a_uint64\":9223372036854775807,"
        "\"a_fixed64\":\"18446744073709551615\",\"a_float\":0.1,\"a_double\":0.1,\"a_bool\":true,"
        "\"a_string\":\"हिन्दी\",\"a_bytes\":\"AP8=\",\"a_colour\":\"COLOUR_BLUE\","
        "\"a_message\":{\"a_int32\":1},\"keys\":[1,\"9223372036854775808\"],\"names\":[\"\",\"b\"],"
        "\"colours\":[\"COLOUR_UNSPECIFIED\",\"COLOUR_RED\"],\"messages\":[{},{\"a_bool\":true}],"
        "\"blobs\":[\"\",\"TQ==\",\"TWE=\",\"TWFu\"],\"flags\":[true,false],\"number\":0}";
    check_line(line, line);
    const Reelrank__Test__AllTypes *message = all_types(line);
    CHECK_EQ(INT32_MIN, message->a_int32);
    CHECK(message->a_fixed64 == UINT64_MAX);
    CHECK(message->keys[1] == (uint64_t)INT64_MAX + 1);
    CHECK_EQ(2, message->a_bytes.len);
    CHECK_EQ(0xff, message->a_bytes.data[1]);
    CHECK_EQ(3, message->blobs[3].len);
    CHECK_EQ(1, message->messages[1]->a_bool);
    CHECK_EQ(REELRANK__TEST__ALL_TYPES__CHOICE_NUMBER, message->choice_case);
}

static void integers_are_taken_as_strings_and_whole_reals_too(void)
{
    check_line("{\"a_int64\":1500,\"a_uint64\":9007199254740992}",
               "{\"a_int64\":1500.0,\"a_uint64\":9007199254740992.0}");
    check_line("{\"a_int32\":-7,\"a_fixed64\":\"18446744073709551615\"}",
               "{\"a_int32\":\"-7\",\"a_fixed64\":\"18446744073709551615\"}");
}

static void null_is_the_default(void)
{
    check_line("{}", "{\"a_int32\":null,\"a_message\":null,\"keys\":null,\"text\":null}");
}

static void integers_out_of_range_are_refused_with_their_path(void)
{
    static const char *const json[] = {
        "{\"a_int32\":2147483648}", "{\"a_int32\":-2147483649}",
        "{\"a_int32\":1.5}",        "{\"a_int32\":\"\"}",
        "{\"a_int32\":\"-\"}",      "{\"a_int32\":\"1x\"}",
        "{\"a_int32\":\" 1\"}",     "{\"a_int32\":true}",
        "{\"a_int32\":1e300}",      "{\"a_int32\":\"99999999999999999999999\"}",
    };
    for (size_t i = 0; i < sizeof(json) / sizeof(json[0]); i++) {
        check_refused("a_int32 is not a whole number between -2147483648 and 2147483647", json[i],
                      ALL_TYPES);
    }
    check_refused("messages[1].a_message.a_uint32 is not a whole number between 0 and 4294967295",
                  "{\"messages\":[{},{\"a_message\":{\"a_uint32\":-1}}]}", ALL_TYPES);
    check_refused("keys[1] is not a whole number between 0 and 18446744073709551615",
                  "{\"keys\":[0,\"18446744073709551616\"]}", ALL_TYPES);
    check_refused("a_int64 is not a whole number between -9223372036854775808 and "
                  "9223372036854775807",
                  "{\"a_int64\":\"9223372036854775808\"}", ALL_TYPES);
}

static void reals_must_be_finite_and_in_range(void)
{
    ProtobufCMessage *message;
    CHECK_EQ(STATUS_INVALID, parse("{\"a_double\":1e999}", ALL_TYPES, &message));
    CHECK_EQ(STATUS_INVALID, parse("{\"a_double\":NaN}", ALL_TYPES, &message));
    check_refused("a_double is a string; a number is allowed", "{\"a_double\":\"NaN\"}", ALL_TYPES);
    check_refused("a_float is 1e+39; a number between -3.40282e+38 and 3.40282e+38 is allowed",
                  "{\"a_float\":1e39}", ALL_TYPES);
    CHECK_EQ(STATUS_OK, parse("{\"a_float\":3.4028234663852886e38}", ALL_TYPES, &message));
}

static void reals_come_back_with_the_same_bits(void)
{
    static const double values[] = {
        0.1 + 0.2,           1e-310, -0.0, 5e-324, 1.7976931348623157e308, 1e21, 100.0, 2.0 / 3,
        123456789012345680.0};
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        Reelrank__Test__AllTypes message = REELRANK__TEST__ALL_TYPES__INIT;
        message.a_double = values[i];
        message.a_float = (float)values[i] / 3;
        if (!isfinite(message.a_float)) {
            message.a_float = 16777215.0f;
        }
        char *json = json_format(&message.base, JSON_LINE);
        const Reelrank__Test__AllTypes *again = all_types(json);
        CHECK(memcmp(&again->a_double, &values[i], sizeof(double)) == 0);
        CHECK(memcmp(&again->a_float, &message.a_float, sizeof(float)) == 0);
        free(json);
    }
}

static void what_json_cannot_say_is_written_as_a_word(void)
{
    float floats[] = {(float)NAN, -(float)INFINITY};
    Reelrank__V1__Video video = REELRANK__V1__VIDEO__INIT;
    video.quality = (double)INFINITY;
    video.embedding = floats;
    video.n_embedding = 2;
    video.title = (char *)(uintptr_t) "a\xff"
                                      "b\x01\"\\";
    video.safety_rating = (Reelrank__V1__SafetyRating)99;
    char *json = json_format(&video.base, JSON_LINE);
    CHECK_STR(
        "{\"safety_rating\":99,\"quality\":\"Infinity\",\"embedding\":[\"NaN\",\"-Infinity\"],"
        "\"title\":\"a\xef\xbf\xbd"
        "b\\u0001\\\"\\\\\"}",
        json);
    free(json);
}

static void unknown_fields_are_refused_with_the_nearest_name(void)
{
    check_refused("signal has an unknown field \"watch_mss\"; did you mean \"watch_ms\"?",
                  "{\"signal\":{\"watch_mss\":1}}", LOG_ENTRY);
    check_refused("the document has an unknown field \"hello\"; allowed: video, signal, "
                  "delete_video, user, decision",
                  "{\"hello\":1}", LOG_ENTRY);
    check_refused("the document has an unknown field \"?[31m\"; allowed: video, signal, "
                  "delete_video, user, decision",
                  "{\"\\u001b[31m\":1}", LOG_ENTRY);
}

static void enum_values_go_by_name(void)
{
    check_refused("signal.type is \"LIKE\"; did you mean \"SIGNAL_TYPE_LIKE\"?",
                  "{\"signal\":{\"type\":\"LIKE\"}}", LOG_ENTRY);
    check_refused("signal.type is \"signal_type_wach\"; did you mean \"SIGNAL_TYPE_WATCH\"?",
                  "{\"signal\":{\"type\":\"signal_type_wach\"}}", LOG_ENTRY);
    check_refused("a_colour is \"green\"; allowed: COLOUR_UNSPECIFIED, COLOUR_RED, COLOUR_BLUE",
                  "{\"a_colour\":\"green\"}", ALL_TYPES);
    check_refused("a_colour is a number; a name such as \"COLOUR_BLUE\" is allowed",
                  "{\"a_colour\":1}", ALL_TYPES);
}

static void wrong_kinds_are_refused(void)
{
    check_refused("the document is a list; an object is allowed", "[]", ALL_TYPES);
    check_refused("the document is a number; an object is allowed", "1", ALL_TYPES);
    check_refused("keys is an object; a list is allowed", "{\"keys\":{}}", ALL_TYPES);
    check_refused("names[0] is null; a string is allowed", "{\"names\":[null]}", ALL_TYPES);
    check_refused("a_bool is a number; true or false is allowed", "{\"a_bool\":1}", ALL_TYPES);
    check_refused("a_message is a string; an object is allowed", "{\"a_message\":\"\"}", ALL_TYPES);
}

static void what_is_no_json_is_located(void)
{
    CHECK_EQ(STATUS_INVALID,
             json_parse((struct text){0}, ALL_TYPES, &arena, &(ProtobufCMessage *){0}, &problem));
    CHECK(strncmp("column 0: ", problem.text, 10) == 0);
    check_refused("column 14: invalid token near 'yes'", "{\"a_bool\": yes}", ALL_TYPES);
    check_refused("line 2, column 13: invalid token near 'yes'", "{\n\"a_bool\": yes}", ALL_TYPES);
}

static void only_canonical_base64_is_taken(void)
{
    static const char *const bad[] = {"A",    "AA",   "AAA",  "====", "A===", "AB==", "AAB=",
                                      "AA=A", "AA-_", "A A=", "=",    "==",   "AAAA="};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char json[64];
        snprintf(json, sizeof(json), "{\"a_bytes\":\"%s\"}", bad[i]);
        check_refused("a_bytes is not base64 (RFC 4648, with padding)", json, ALL_TYPES);
    }
    check_refused("a_bytes is not base64 (RFC 4648, with padding)", "{\"a_bytes\":1}", ALL_TYPES);
}

static void one_of_a_oneof_is_allowed(void)
{
    check_refused("number is given beside \"text\"; only one of them is allowed",
                  "{\"text\":\"a\",\"number\":1}", ALL_TYPES);
    check_line("{\"nested\":{\"text\":\"\"}}", "{\"nested\":{\"text\":\"\"}}");
}

static void keys_given_twice_and_zero_characters_are_refused(void)
{
    ProtobufCMessage *message;
    CHECK_EQ(STATUS_INVALID, parse("{\"a_bool\":true,\"a_bool\":true}", ALL_TYPES, &message));
    CHECK(strstr(problem.text, "duplicate") != NULL);
    CHECK_EQ(STATUS_INVALID, parse("{\"a_string\":\"a\\u0000b\"}", ALL_TYPES, &message));
    CHECK_EQ(STATUS_INVALID, parse("{\"a_string\":\"\xff\"}", ALL_TYPES, &message));
    static const char raw_zero[] = "{\"a_string\":\"a\0b\"}";
    struct text text = {raw_zero, sizeof(raw_zero) - 1};
    CHECK_EQ(STATUS_INVALID, json_parse(text, ALL_TYPES, &arena, &message, &problem));
    CHECK_EQ(STATUS_INVALID, parse("", ALL_TYPES, &message));
    CHECK_EQ(STATUS_INVALID, parse("{} {}", ALL_TYPES, &message));
}

/* count messages, one in the other. */
static char *nested(size_t count)
{
    static char json[1 << 12];
    size_t used = 0;
    for (size_t i = 1; i < count; i++) {
        used += (size_t)snprintf(json + used, sizeof(json) - used, "{\"a_message\":");
    }
    used += (size_t)snprintf(json + used, sizeof(json) - used, "{}");
    memset(json + used, '}', count - 1);
    json[used + count - 1] = '\0';
    return json;
}

static void depth_is_limited(void)
{
    ProtobufCMessage *message;
    CHECK_EQ(STATUS_OK, parse(nested(32), ALL_TYPES, &message));
    CHECK_EQ(STATUS_INVALID, parse(nested(33), ALL_TYPES, &message));
    CHECK(strstr(problem.text, "lies deeper than 32 levels") != NULL);
}

static void size_is_limited(void)
{
    size_t size = JSON_LIMIT_BYTES + 1;
    char *json = malloc(size);
    CHECK(json != NULL);
    memset(json, ' ', size);
    memcpy(json, "{}", 2);
    ProtobufCMessage *message;
    arena_init(&arena, memory, sizeof(memory));
    struct text text = {json, JSON_LIMIT_BYTES};
    CHECK_EQ(STATUS_OK, json_parse(text, ALL_TYPES, &arena, &message, &problem));
    text.size++;
    CHECK_EQ(STATUS_INVALID, json_parse(text, ALL_TYPES, &arena, &message, &problem));
    free(json);
}

static void every_arena_too_small_is_survived(void)
{
    const char *json = "{\"a_string\":\"abc\",\"a_bytes\":\"TWFu\",\"keys\":[1,2],"
                       "\"messages\":[{\"names\":[\"x\"]}]}";
    ProtobufCMessage *message = NULL;
    size_t budget = 0;
    enum status status;
    do {
        arena_init(&arena, memory, budget);
        status = json_parse(text_of(json), ALL_TYPES, &arena, &message, &problem);
        CHECK(status == STATUS_OK || status == STATUS_NO_MEMORY);
        budget++;
    } while (status != STATUS_OK);
    CHECK(budget > ALL_TYPES->sizeof_message);
}

static void full_style_shows_every_field(void)
{
    Reelrank__V1__DeleteVideo message = REELRANK__V1__DELETE_VIDEO__INIT;
    char *json = json_format(&message.base, JSON_LINE_FULL);
    CHECK_STR("{\"video_id\":\"\"}", json);
    free(json);

    Reelrank__V1__RankStreamRequest request = REELRANK__V1__RANK_STREAM_REQUEST__INIT;
    json = json_format(&request.base, JSON_LINE_FULL);
    CHECK_STR("{\"correlation_id\":0,\"request\":null}", json);
    free(json);
}

static void pretty_style_is_indented(void)
{
    char *name = (char *)(uintptr_t) "a";
    Reelrank__V1__DeleteVideosRequest request = REELRANK__V1__DELETE_VIDEOS_REQUEST__INIT;
    char *json = json_format(&request.base, JSON_PRETTY);
    CHECK_STR("{\n  \"video_ids\": []\n}", json);
    free(json);
    request.video_ids = &name;
    request.n_video_ids = 1;
    json = json_format(&request.base, JSON_PRETTY);
    CHECK_STR("{\n  \"video_ids\": [\n    \"a\"\n  ]\n}", json);
    free(json);
}

/* Whether one pass reads json, and that it then reads what the tree does. */
static bool is_plain(const char *json)
{
    static char other_memory[1 << 20];
    struct arena other;
    ProtobufCMessage *plain;
    ProtobufCMessage *tree;
    arena_init(&arena, memory, sizeof(memory));
    if (!json_read_plain(text_of(json), ALL_TYPES, &arena, &plain)) {
        CHECK_EQ(0, arena.used);
        return false;
    }
    arena_init(&other, other_memory, sizeof(other_memory));
    CHECK_EQ(STATUS_OK, json_read_tree(text_of(json), ALL_TYPES, &other, &tree, &problem));
    char *want = json_format(tree, JSON_LINE_FULL);
    char *got = json_format(plain, JSON_LINE_FULL);
    CHECK_STR(want, got);
    free(want);
    free(got);
    return true;
}

static void what_programs_write_is_read_in_one_pass(void)
{
    static const char *const json[] = {
        "{}",
        " { \"a_int32\" : -7 ,\t\"names\" : [ \"a\" , \"b\" ] }\r\n",
        "{\"a_int64\":-999999999999999999,\"a_uint64\":\"0012\",\"a_int32\":-0}",
        "{\"a_string\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t हिन्दी\"}",
        "{\"a_colour\":\"COLOUR_BLUE\",\"a_bool\":false,\"a_sint32\":null}",
        "{\"keys\":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17],\"flags\":[]}",
        "{\"messages\":[{},{\"a_message\":{\"a_bool\":true}}],\"number\":0}",
    };
    for (size_t i = 0; i < sizeof(json) / sizeof(json[0]); i++) {
        CHECK(is_plain(json[i]));
    }
}

static void numbers_read_in_one_pass_have_the_same_bits(void)
{
    static const char *const numbers[] = {
        "0",
        "-0",
        "-0.0",
        "0.1",
        "0.30000000000000004",
        "123456789012345",
        "1e22",
        "1e23",
        "5e-324",
        "1E+5",
        "0.045524999999999996",
        "-2.5",
        "1234567890.12345",
        "12345678901.12345",
        "999999999999999999",
        "0.000000000000001",
        "0.12345678901234567890123",
        "1.7976931348623157e308",
        "2e-400",
    };
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        char json[128];
        snprintf(json, sizeof(json), "{\"a_double\":%s}", numbers[i]);
        CHECK(is_plain(json));
        double plain = all_types(json)->a_double;
        double want = strcmp(numbers[i], "-0") == 0 ? 0 : strtod(numbers[i], NULL);
        CHECK(memcmp(&plain, &want, sizeof(want)) == 0);
    }
}

static void everything_else_is_left_to_the_tree(void)
{
    static const char *const json[] = {
        "",
        "[]",
        "null",
        "{",
        "{}x",
        "{\"a_int32\":1,}",
        "{\"a_int32\":01}",
        "{\"a_int32\":1.0}",
        "{\"a_int32\":2147483648}",
        "{\"a_uint32\":-1}",
        "{\"a_uint64\":9999999999999999999}",
        "{\"a_double\":1e999}",
        "{\"a_double\":1.}",
        "{\"a_double\":.5}",
        "{\"a_double\":1.5.5}",
        "{\"a_double\":01.5}",
        "{\"a_float\":1e39}",
        "{\"a_bool\":1}",
        "{\"a_bool\":trueish}",
        "{\"a_string\":\"\\u0041\"}",
        "{\"a_string\":\"\\x\"}",
        "{\"a_string\":\"\n\"}",
        "{\"a_string\":\"\xff\"}",
        "{\"a_string\":\"open",
        "{\"a_string\":\"open\\",
        "{\"a_bytes\":\"AP8=\"}",
        "{\"a_colour\":\"COLOUR_GREEN\"}",
        "{\"a_int32\":1,\"a_int32\":1}",
        "{\"a_int32\":null,\"a_int32\":1}",
        "{\"a_int33\":1}",
        "{\"names\":[null]}",
        "{\"names\":[\"a\",]}",
        "{\"number\":0,\"text\":\"a\"}",
    };
    for (size_t i = 0; i < sizeof(json) / sizeof(json[0]); i++) {
        if (is_plain(json[i])) {
            fprintf(stderr, "%s\n", json[i]);
            abort();
        }
    }
}

static void without_room_one_pass_leaves_the_arena_as_it_was(void)
{
    static const char json[] = "{\"a_string\":\"abcdefgh\",\"keys\":[1,2,3,4,5,6,7,8,9]}";
    size_t room = 0;
    ProtobufCMessage *message;
    do {
        arena_init(&arena, memory, room++);
        if (json_read_plain(text_of(json), ALL_TYPES, &arena, &message)) {
            break;
        }
        CHECK_EQ(0, arena.used);
        CHECK(!arena.full);
    } while (room < sizeof(memory));
    CHECK(room > 100 && room < 2000);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(empty_object_is_the_default_message),
        TEST(every_type_is_read_and_written),
        TEST(integers_are_taken_as_strings_and_whole_reals_too),
        TEST(null_is_the_default),
        TEST(integers_out_of_range_are_refused_with_their_path),
        TEST(reals_must_be_finite_and_in_range),
        TEST(reals_come_back_with_the_same_bits),
        TEST(what_json_cannot_say_is_written_as_a_word),
        TEST(unknown_fields_are_refused_with_the_nearest_name),
        TEST(enum_values_go_by_name),
        TEST(wrong_kinds_are_refused),
        TEST(what_is_no_json_is_located),
        TEST(only_canonical_base64_is_taken),
        TEST(one_of_a_oneof_is_allowed),
        TEST(keys_given_twice_and_zero_characters_are_refused),
        TEST(depth_is_limited),
        TEST(size_is_limited),
        TEST(every_arena_too_small_is_survived),
        TEST(full_style_shows_every_field),
        TEST(pretty_style_is_indented),
        TEST(what_programs_write_is_read_in_one_pass),
        TEST(numbers_read_in_one_pass_have_the_same_bits),
        TEST(everything_else_is_left_to_the_tree),
        TEST(without_room_one_pass_leaves_the_arena_as_it_was),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
