#include <string.h>

#include "server/health.h"
#include "server/reflection.h"
#include "server/service.h"
#include "tests/test.h"

enum { TABLE_COUNT = SERVICE_METHOD_COUNT + HEALTH_METHOD_COUNT + REFLECTION_METHOD_COUNT };

/* The server's table, and how many methods the descriptors have shown so far. */
struct table {
    struct store *store;
    struct weights_life *life;
    struct service *service;
    struct health *health;
    struct descriptors *descriptors;
    struct method methods[TABLE_COUNT];
    size_t described;
};

static bool is_method(const struct method *method, const struct descriptors_method *described)
{
    char name[256];
    snprintf(name, sizeof(name), "%.*s.%.*s", (int)described->package.size, described->package.data,
             (int)described->service.size, described->service.data);
    return strcmp(name, method->service->name) == 0 &&
           text_equal(text_of(method->name), described->name);
}

static enum method_kind kind_of(const struct descriptors_method *described)
{
    if (described->client_streaming) {
        return described->server_streaming ? METHOD_BIDI : METHOD_CLIENT_STREAM;
    }
    return described->server_streaming ? METHOD_SERVER_STREAM : METHOD_UNARY;
}

static void check_described(void *context, const struct descriptors_method *described)
{
    struct table *table = context;
    size_t found = 0;
    for (size_t i = 0; i < TABLE_COUNT; i++) {
        if (is_method(&table->methods[i], described)) {
            CHECK_EQ(kind_of(described), table->methods[i].kind);
            found++;
        }
    }
    CHECK_EQ(1, found);
    table->described++;
}

static struct service *make_service(struct store **store, struct weights_life **life)
{
    static char path[TEST_PATH_SIZE];
    struct service *service = NULL;
    struct problem problem = {0};
    test_directory(path);
    struct store_options options = {.log = {.path = path, .map_bytes = 64 << 20}};
    CHECK(store_open(&options, store, &problem) == STATUS_OK);
    CHECK(weights_life_new(store_log(*store), life) == STATUS_OK);
    struct service_options service_options = {.store = *store, .life = *life, .directory = path};
    CHECK(service_new(&service_options, &service) == STATUS_OK);
    return service;
}

static void make_table(struct table *table)
{
    struct method *methods = table->methods;
    table->service = make_service(&table->store, &table->life);
    service_methods(table->service, methods);
    CHECK(health_new(methods, SERVICE_METHOD_COUNT, &table->health) == STATUS_OK);
    CHECK(reflection_descriptors(&table->descriptors) == STATUS_OK);
    health_methods(table->health, methods + SERVICE_METHOD_COUNT);
    reflection_methods(table->descriptors, methods + SERVICE_METHOD_COUNT + HEALTH_METHOD_COUNT);
}

static void free_table(struct table *table)
{
    descriptors_free(table->descriptors);
    health_free(table->health);
    service_free(table->service);
    weights_life_free(table->life);
    store_close(table->store);
}

static void every_method_of_the_contract_is_in_the_table(void)
{
    struct table table = {.described = 0};
    make_table(&table);
    descriptors_methods(table.descriptors, check_described, &table);
    CHECK_EQ(TABLE_COUNT, table.described);
    free_table(&table);
}

/* What is open to everybody is a decision of its own: see docs/security.md. */
static void every_method_says_who_may_call_it(void)
{
    struct table table = {.described = 0};
    make_table(&table);
    for (size_t i = 0; i < TABLE_COUNT; i++) {
        const struct method *method = &table.methods[i];
        bool is_health = strcmp(method->service->name, "grpc.health.v1.Health") == 0;
        CHECK_EQ(is_health, method->roles == ROLES_OPEN);
        CHECK(is_health || (method->roles != 0 && (method->roles & ~(unsigned)ROLES_ANY) == 0));
    }
    free_table(&table);
}

static const struct test tests[] = {
    TEST(every_method_of_the_contract_is_in_the_table),
    TEST(every_method_says_who_may_call_it),
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
