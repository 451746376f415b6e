#include "server/method.h"

#include "reelrank/v1/ranking.pb-c.h"
#include "tests/test.h"

static void every_status_has_its_canonical_code(void)
{
    CHECK_EQ(0, method_code(STATUS_OK));
    CHECK_EQ(3, method_code(STATUS_INVALID));
    CHECK_EQ(5, method_code(STATUS_NOT_FOUND));
    CHECK_EQ(8, method_code(STATUS_NO_MEMORY));
    CHECK_EQ(8, method_code(STATUS_NO_SPACE));
    CHECK_EQ(15, method_code(STATUS_CORRUPT));
    CHECK_EQ(13, method_code(STATUS_IO));
    CHECK_EQ(14, method_code(STATUS_UNAVAILABLE));
    CHECK_EQ(8, method_code(STATUS_BUSY));
    CHECK_EQ(4, method_code(STATUS_DEADLINE));
    CHECK_EQ(12, method_code(STATUS_UNIMPLEMENTED));
    CHECK_EQ(7, method_code(STATUS_DENIED));
    CHECK_EQ(16, method_code(STATUS_UNAUTHENTICATED));
}

static void unheard_of_status_is_unknown(void)
{
    CHECK_EQ(2, method_code((enum status)999));
}

static void descriptor_names_input_and_output(void)
{
    struct method method = {.service = &reelrank__v1__ranking_service__descriptor, .name = "Rank"};
    const ProtobufCMethodDescriptor *descriptor = method_descriptor(&method);
    CHECK_STR("reelrank.v1.RankRequest", descriptor->input->name);
    CHECK_STR("reelrank.v1.RankResponse", descriptor->output->name);
}

static const struct test tests[] = {
    TEST(every_status_has_its_canonical_code),
    TEST(unheard_of_status_is_unknown),
    TEST(descriptor_names_input_and_output),
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
