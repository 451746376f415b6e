#include "server/reflection.h"

#include <string.h>

#include "grpc/reflection/v1/reflection.pb-c.h"
#include "grpc/reflection/v1alpha/reflection.pb-c.h"
#include "ranker/check.h"
#include "ranker/wire.h"
#include "ranker/wire_check.h"
#include "reelrank_descriptors.h"
#include "standard_descriptors.h"

enum status reflection_descriptors(struct descriptors **out)
{
    const struct text sets[] = {
        {.data = (const char *)reelrank_descriptors, .size = reelrank_descriptors_size},
        {.data = (const char *)standard_descriptors, .size = standard_descriptors_size},
    };
    return descriptors_new(sets, sizeof(sets) / sizeof(sets[0]), out);
}

/* Builds one answer. Anything NULL from the arena shows in arena_full() at the end. */
struct builder {
    const struct descriptors *descriptors;
    struct arena *arena;
    Grpc__Reflection__V1__ServerReflectionResponse *response;
    Grpc__Reflection__V1__ListServiceResponse *list; /* for add_service() */
};

static void answer_error(struct builder *builder, enum status status, const char *message)
{
    Grpc__Reflection__V1__ErrorResponse *error =
        arena_new(builder->arena, Grpc__Reflection__V1__ErrorResponse, 1);
    if (error == NULL) {
        return;
    }
    grpc__reflection__v1__error_response__init(error);
    error->error_code = (int32_t)method_code(status);
    error->error_message = (char *)(uintptr_t)message;
    builder->response->error_response = error;
    builder->response->message_response_case =
        GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_ERROR_RESPONSE;
}

/* The file and its imports. */
static void answer_file(struct builder *builder, size_t index)
{
    size_t count = descriptors_file_count(builder->descriptors);
    bool *marked = arena_new(builder->arena, bool, count);
    ProtobufCBinaryData *files = arena_new(builder->arena, ProtobufCBinaryData, count);
    Grpc__Reflection__V1__FileDescriptorResponse *answer =
        arena_new(builder->arena, Grpc__Reflection__V1__FileDescriptorResponse, 1);
    if (arena_full(builder->arena)) {
        return;
    }
    grpc__reflection__v1__file_descriptor_response__init(answer);
    answer->file_descriptor_proto = files;
    descriptors_mark_imports(builder->descriptors, index, marked);
    for (size_t i = 0; i < count; i++) {
        if (marked[i]) {
            struct text bytes = descriptors_file(builder->descriptors, i)->bytes;
            files[answer->n_file_descriptor_proto++] =
                (ProtobufCBinaryData){.len = bytes.size, .data = (uint8_t *)(uintptr_t)bytes.data};
        }
    }
    builder->response->file_descriptor_response = answer;
    builder->response->message_response_case =
        GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_FILE_DESCRIPTOR_RESPONSE;
}

/* No message of the contract has extensions. */
static void answer_extension_numbers(struct builder *builder, const char *type)
{
    size_t index = 0;
    Grpc__Reflection__V1__ExtensionNumberResponse *answer =
        arena_new(builder->arena, Grpc__Reflection__V1__ExtensionNumberResponse, 1);
    if (answer == NULL) {
        return;
    }
    if (!descriptors_find_symbol(builder->descriptors, text_of(type), &index)) {
        answer_error(builder, STATUS_NOT_FOUND, "no such type");
        return;
    }
    grpc__reflection__v1__extension_number_response__init(answer);
    answer->base_type_name = (char *)(uintptr_t)type;
    builder->response->all_extension_numbers_response = answer;
    builder->response->message_response_case =
        GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_ALL_EXTENSION_NUMBERS_RESPONSE;
}

static void count_service(void *context, struct text package, struct text service)
{
    size_t *count = context;
    (void)package;
    (void)service;
    (*count)++;
}

static void add_service(void *context, struct text package, struct text service)
{
    struct builder *builder = context;
    Grpc__Reflection__V1__ServiceResponse *entry =
        arena_new(builder->arena, Grpc__Reflection__V1__ServiceResponse, 1);
    char *name = arena_new(builder->arena, char, package.size + service.size + 2);
    if (arena_full(builder->arena)) {
        return;
    }
    memcpy(name, package.data, package.size);
    name[package.size] = '.';
    memcpy(name + package.size + 1, service.data, service.size);
    grpc__reflection__v1__service_response__init(entry);
    entry->name = name;
    builder->list->service[builder->list->n_service++] = entry;
}

static void answer_services(struct builder *builder)
{
    size_t count = 0;
    descriptors_services(builder->descriptors, count_service, &count);
    Grpc__Reflection__V1__ListServiceResponse *list =
        arena_new(builder->arena, Grpc__Reflection__V1__ListServiceResponse, 1);
    Grpc__Reflection__V1__ServiceResponse **entries =
        arena_new(builder->arena, Grpc__Reflection__V1__ServiceResponse *, count);
    if (arena_full(builder->arena)) {
        return;
    }
    grpc__reflection__v1__list_service_response__init(list);
    list->service = entries;
    builder->list = list;
    descriptors_services(builder->descriptors, add_service, builder);
    builder->response->list_services_response = list;
    builder->response->message_response_case =
        GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_LIST_SERVICES_RESPONSE;
}

static void answer(struct builder *builder,
                   const Grpc__Reflection__V1__ServerReflectionRequest *request)
{
    size_t index = 0;
    switch (request->message_request_case) {
    case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_BY_FILENAME:
        if (descriptors_find_file(builder->descriptors, text_of(request->file_by_filename),
                                  &index)) {
            answer_file(builder, index);
        } else {
            answer_error(builder, STATUS_NOT_FOUND, "no such file");
        }
        return;
    case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_CONTAINING_SYMBOL:
        if (descriptors_find_symbol(builder->descriptors, text_of(request->file_containing_symbol),
                                    &index)) {
            answer_file(builder, index);
        } else {
            answer_error(builder, STATUS_NOT_FOUND, "no such symbol");
        }
        return;
    case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_CONTAINING_EXTENSION:
        answer_error(builder, STATUS_NOT_FOUND, "no such extension");
        return;
    case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_ALL_EXTENSION_NUMBERS_OF_TYPE:
        answer_extension_numbers(builder, request->all_extension_numbers_of_type);
        return;
    case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_LIST_SERVICES:
        answer_services(builder);
        return;
    default:
        answer_error(builder, STATUS_INVALID, "message_request: nothing is asked for");
        return;
    }
}

/* It is sent back, and must be a message there, too. */
static enum status check_request(const Grpc__Reflection__V1__ServerReflectionRequest *request,
                                 struct problem *problem)
{
    enum status status = wire_check_unknown("request", &request->base, problem);
    if (status == STATUS_OK &&
        request->message_request_case ==
            GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_CONTAINING_EXTENSION) {
        status = wire_check_unknown("file_containing_extension",
                                    &request->file_containing_extension->base, problem);
    }
    return status;
}

static enum turn_step reflect(void *context, struct turn *turn)
{
    /* turn->request is of the call's version; read as v1, both are one. */
    ProtobufCAllocator allocator = wire_allocator(turn->arena);
    Grpc__Reflection__V1__ServerReflectionRequest *request =
        grpc__reflection__v1__server_reflection_request__unpack(
            &allocator, turn->request_bytes.size, (const uint8_t *)turn->request_bytes.data);
    Grpc__Reflection__V1__ServerReflectionResponse *response =
        arena_new(turn->arena, Grpc__Reflection__V1__ServerReflectionResponse, 1);
    struct builder builder = {.descriptors = context, .arena = turn->arena, .response = response};
    if (request != NULL) {
        turn->status = check_request(request, &turn->problem);
    }
    if (request != NULL && response != NULL && turn->status == STATUS_OK) {
        grpc__reflection__v1__server_reflection_response__init(response);
        response->valid_host = request->host;
        response->original_request = request;
        turn->response = &response->base;
        answer(&builder, request);
    }
    if (arena_full(turn->arena)) {
        turn->status = STATUS_NO_MEMORY;
        problem_set(&turn->problem, "the answer takes more memory than one call may have");
    }
    return TURN_DONE;
}

void reflection_methods(struct descriptors *descriptors, struct method out[REFLECTION_METHOD_COUNT])
{
    struct method row = {.name = "ServerReflectionInfo",
                         .kind = METHOD_BIDI,
                         .roles = ROLES_ANY,
                         .begin = reflect,
                         .context = descriptors};
    out[0] = row;
    out[0].service = &grpc__reflection__v1__server_reflection__descriptor;
    out[1] = row;
    out[1].service = &grpc__reflection__v1alpha__server_reflection__descriptor;
}
