/* Every function of the header at least once, and what it does when it is misused. Prints what failed. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "causality_vm.h"

static int failures;

#define CHECK(condition) \
    do { \
        if (!(condition)) { \
            printf("line %d: %s\n", __LINE__, #condition); \
            failures++; \
        } \
    } while (0)

/* Nothing went wrong. */
static void fine_at(cvm_error *error, int line)
{
    if (error == NULL)
        return;
    printf("line %d: %s\n", line, cvm_error_message(error));
    failures++;
    cvm_error_delete(error);
}

/* It went wrong in this way. */
static void fails_at(cvm_error *error, cvm_error_kind kind, int line)
{
    if (error == NULL || cvm_error_kind_of(error) != kind || cvm_error_message(error)[0] == '\0') {
        printf("line %d: %s, expected kind %d\n", line, cvm_error_message(error), (int)kind);
        failures++;
    }
    cvm_error_delete(error);
}

#define FINE(call) fine_at(call, __LINE__)
#define FAILS(call, kind) fails_at(call, CVM_ERROR_KIND_##kind, __LINE__)

struct world {
    int asked;
    int deleted;
    cvm_flow flow;
    char output[256];
    size_t written;
};

static uint32_t answer(void *data, cvm_caller *caller, const uint64_t (*arguments)[7], uint64_t *result)
{
    struct world *world = data;
    world->asked++;
    CHECK(cvm_caller_data(caller) == (void *)&failures);
    switch (world->flow) {
    case CVM_FLOW_RETURN: {
        uint64_t before = cvm_caller_fuel(caller);
        CHECK(cvm_caller_charge(caller, 10) == 10);
        CHECK(cvm_caller_fuel(caller) == before - 10);
        *result = (*arguments)[0] + 1;
        break;
    }
    case CVM_FLOW_FAULT: {
        uint8_t byte = 0;
        FAILS(cvm_caller_write(caller, 0, &byte, 1), ACCESS);
        FAILS(cvm_caller_read(caller, 8, &byte, 1), ACCESS);
        break;
    }
    default:
        *result = 22;
    }
    return world->flow;
}

static void delete_world(void *data)
{
    ((struct world *)data)->deleted++;
}

static int32_t write_output(void *data, const uint8_t *bytes, size_t len)
{
    struct world *world = data;
    if (len > sizeof world->output - world->written)
        return 28;
    memcpy(world->output + world->written, bytes, len);
    world->written += len;
    return 0;
}

static void *pause_it(void *handle)
{
    cvm_pause_handle_pause(handle);
    return NULL;
}

static uint64_t function(const cvm_module *module, const char *name)
{
    uint64_t address = 0;
    FINE(cvm_module_function(module, name, &address));
    return address;
}

static cvm_registers arguments(uint64_t a, uint64_t b)
{
    cvm_registers registers = {.x = {a, b}, .f = {0}};
    return registers;
}

static void misuse(const cvm_engine *engine)
{
    cvm_module *module = NULL;
    cvm_exit exit;
    uint64_t value;
    FAILS(cvm_module_new(NULL, (const uint8_t *)"x", 1, &module), NULL);
    FAILS(cvm_module_new(engine, NULL, 1, &module), NULL);
    FAILS(cvm_module_new(engine, (const uint8_t *)"x", 1, NULL), NULL);
    FAILS(cvm_module_new(engine, (const uint8_t *)"x", 1, &module), LOAD);
    FAILS(cvm_module_new(engine, NULL, 0, &module), LOAD);
    FAILS(cvm_instance_run(NULL, &exit), NULL);
    FAILS(cvm_instance_x(NULL, 0, &value), NULL);
    FAILS(cvm_config_tier(NULL, CVM_TIER_AUTO), NULL);
    cvm_config *config = cvm_config_new();
    FAILS(cvm_config_tier(config, 17), ARGUMENT);
    FAILS(cvm_config_cache(config, NULL), NULL);
    FAILS(cvm_config_cache(config, "\xff\xfe"), NOT_UTF8);
    cvm_config_delete(config);
    CHECK(cvm_linker_new(NULL) == NULL);
    CHECK(cvm_instance_state(NULL) == CVM_STATE_FAILED);
    CHECK(!cvm_instance_abandon_call(NULL));
    CHECK(cvm_error_message(NULL)[0] == '\0');
    CHECK(cvm_text_chars(NULL)[0] == '\0');
    cvm_pause_handle_pause(NULL);
    cvm_error_delete(NULL);
    cvm_text_delete(NULL);
    cvm_config_delete(NULL);
    cvm_engine_delete(NULL);
    cvm_module_delete(NULL);
    cvm_linker_delete(NULL);
    cvm_options_delete(NULL);
    cvm_instance_delete(NULL);
    cvm_pause_handle_delete(NULL);
}

static void options(cvm_linker *linker, cvm_module *module, struct world *world)
{
    cvm_options *options = cvm_options_new();
    FINE(cvm_options_arg(options, "calls"));
    FINE(cvm_options_arg(options, "one more"));
    FINE(cvm_options_env(options, "NAME", "value"));
    FINE(cvm_options_seed(options, 7));
    FINE(cvm_options_fuel(options, 1000000));
    FINE(cvm_options_limits(options, 8 << 20, 64 << 10));
    FINE(cvm_options_stdin(options, (const uint8_t *)"input", 5));
    FINE(cvm_options_output(options, 1, write_output, world, NULL));
    FINE(cvm_options_directory(options, "/tmp", "/data", false));
    FAILS(cvm_options_directory(options, "/tmp", "/data", false), HOST);
    FAILS(cvm_options_directory(options, "/tmp/there is no such folder", "/other", false), HOST);
    FAILS(cvm_options_output(options, 3, write_output, world, NULL), ARGUMENT);
    FAILS(cvm_options_output(options, 2, NULL, world, NULL), NULL);
    FAILS(cvm_options_arg(options, NULL), NULL);
    cvm_instance *instance;
    FINE(cvm_linker_instantiate(linker, module, options, &failures, &instance));
    CHECK(cvm_instance_fuel(instance) == 1000000);
    cvm_exit exit;
    FINE(cvm_instance_run(instance, &exit));
    CHECK(exit.kind == CVM_EXIT_KIND_COMPLETED && exit.code == 0);
    CHECK(world->written == 19 && memcmp(world->output, "4 204 332833500 11\n", 19) == 0);
    cvm_instance_delete(instance);
    cvm_options_delete(cvm_options_new());
}

int main(int argc, char **argv)
{
    static uint8_t elf[1 << 20];
    FILE *file = fopen(argv[argc - 1], "rb");
    size_t size = file == NULL ? 0 : fread(elf, 1, sizeof elf, file);
    CHECK(size > 0);
    CHECK(strchr(cvm_version(), '.') != NULL);

    cvm_config *config;
    FINE(cvm_config_from_env(&config));
    FINE(cvm_config_tier(config, CVM_TIER_BASELINE));
    FINE(cvm_config_fuel(config, 100000000));
    FINE(cvm_config_memory(config, 32 << 20));
    FINE(cvm_config_stack(config, 1 << 20));
    FINE(cvm_config_address_space(config, (uint64_t)1 << 32));
    FINE(cvm_config_metering(config, true));
    FINE(cvm_config_speculation_safe(config, false));
    FINE(cvm_config_code_memory(config, 64 << 20));
    cvm_engine *engine = cvm_engine_new(config);
    misuse(engine);

    cvm_module *module;
    FINE(cvm_module_new(engine, elf, size, &module));
    uint8_t id[32] = {0};
    FINE(cvm_module_id(module, &id));
    CHECK(id[0] != 0 || id[1] != 0);
    uint64_t address;
    FAILS(cvm_module_function(module, "no such function", &address), FUNCTION);

    struct world world = {.flow = CVM_FLOW_RETURN};
    cvm_linker *linker = cvm_linker_new(engine);
    uint64_t number = 0;
    FINE(cvm_linker_function(linker, "answer", answer, &world, delete_world, &number));
    CHECK(number == 0x10000);
    FAILS(cvm_linker_function(linker, "answer", answer, &world, delete_world, NULL), REGISTER);
    CHECK(world.deleted == 1);
    FAILS(cvm_linker_function(linker, "other", NULL, &world, NULL, NULL), NULL);
    options(linker, module, &world);

    cvm_instance *instance;
    FINE(cvm_linker_instantiate(linker, module, NULL, &failures, &instance));
    cvm_linker_delete(linker);
    CHECK(world.deleted == 1);
    CHECK(cvm_instance_state(instance) == CVM_STATE_READY);
    CHECK(cvm_instance_data(instance) == (void *)&failures);

    cvm_exit exit;
    cvm_registers registers = arguments(40, 2);
    FINE(cvm_instance_call(instance, function(module, "add"), &registers, &exit));
    CHECK(exit.kind == CVM_EXIT_KIND_RETURNED && registers.x[0] == 42);

    registers = arguments(41, 0);
    FINE(cvm_instance_call(instance, function(module, "ask"), &registers, &exit));
    CHECK(exit.kind == CVM_EXIT_KIND_RETURNED && registers.x[0] == 42 && world.asked == 1);
    world.flow = CVM_FLOW_ERRNO;
    registers = arguments(41, 0);
    FINE(cvm_instance_call(instance, function(module, "ask"), &registers, &exit));
    CHECK(exit.kind == CVM_EXIT_KIND_RETURNED && registers.x[0] == (uint64_t)-22);
    world.flow = CVM_FLOW_FAULT;
    FINE(cvm_instance_call(instance, function(module, "ask"), &registers, &exit));
    CHECK(exit.kind == CVM_EXIT_KIND_TRAP && exit.tval == 8 && exit.cause == 5);
    CHECK(cvm_instance_state(instance) == CVM_STATE_FAILED);
    CHECK(cvm_instance_pc(instance) == exit.pc);
    FAILS(cvm_instance_call(instance, function(module, "ask"), &registers, &exit), STATE);
    CHECK(cvm_instance_abandon_call(instance) && !cvm_instance_abandon_call(instance));
    world.flow = CVM_FLOW_TRAP;
    FINE(cvm_instance_call(instance, function(module, "ask"), &registers, &exit));
    CHECK(exit.kind == CVM_EXIT_KIND_TRAP && exit.tval == 22);
    CHECK(cvm_instance_abandon_call(instance));
    world.flow = CVM_FLOW_FAIL;
    FAILS(cvm_instance_call(instance, function(module, "ask"), &registers, &exit), HOST);
    CHECK(cvm_instance_abandon_call(instance));
    world.flow = CVM_FLOW_PAUSE;
    registers = arguments(1, 0);
    FINE(cvm_instance_call(instance, function(module, "ask"), &registers, &exit));
    CHECK(exit.kind == CVM_EXIT_KIND_HOST);
    FAILS(cvm_instance_resume_call(instance, function(module, "add"), &registers, &exit), FUNCTION);
    world.flow = CVM_FLOW_RETURN;
    FINE(cvm_instance_resume_call(instance, function(module, "ask"), &registers, &exit));
    CHECK(exit.kind == CVM_EXIT_KIND_RETURNED && registers.x[0] == 2);

    cvm_pause_handle *handle = cvm_instance_pause_handle(instance);
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, pause_it, handle) == 0);
    registers = arguments(UINT64_MAX, 0);
    FINE(cvm_instance_call(instance, function(module, "spin"), &registers, &exit));
    CHECK(exit.kind == CVM_EXIT_KIND_REQUESTED || exit.kind == CVM_EXIT_KIND_OUT_OF_FUEL);
    pthread_join(thread, NULL);
    cvm_text *text;
    FINE(cvm_instance_backtrace(instance, &text));
    CHECK(strstr(cvm_text_chars(text), "spin") != NULL);
    cvm_text_delete(text);
    CHECK(cvm_instance_abandon_call(instance));
    FINE(cvm_instance_add_fuel(instance, 1000000));

    uint64_t before = cvm_instance_retired(instance), stack, word = 0x1122334455667788;
    FINE(cvm_instance_x(instance, 2, &stack));
    FINE(cvm_instance_write(instance, stack - 64, (const uint8_t *)&word, sizeof word));
    registers = arguments(stack - 64, 0);
    FINE(cvm_instance_call(instance, function(module, "read_at"), &registers, &exit));
    CHECK(registers.x[0] == word && cvm_instance_retired(instance) > before);
    word = 0;
    FINE(cvm_instance_read(instance, stack - 64, (uint8_t *)&word, sizeof word));
    CHECK(word == 0x1122334455667788);
    FAILS(cvm_instance_read(instance, UINT64_MAX - 3, (uint8_t *)&word, sizeof word), ACCESS);
    FAILS(cvm_instance_write(instance, 0, (const uint8_t *)&word, sizeof word), ACCESS);
    FAILS(cvm_instance_x(instance, 32, &word), ARGUMENT);
    FINE(cvm_instance_set_x(instance, 31, 5));
    FINE(cvm_instance_x(instance, 31, &word));
    CHECK(word == 5);
    FINE(cvm_instance_set_x(instance, 31, 0));

    cvm_snapshot *snapshot, *same_snapshot;
    uint8_t root[32], same_root[32];
    cvm_bytes *bytes;
    cvm_instance *fork, *resumed;
    FINE(cvm_instance_fork(instance, &fork));
    FINE(cvm_instance_snapshot(instance, &snapshot));
    FINE(cvm_snapshot_to_bytes(snapshot, &bytes));
    FINE(cvm_snapshot_from_bytes(cvm_bytes_data(bytes), cvm_bytes_len(bytes), &same_snapshot));
    FAILS(cvm_snapshot_from_bytes(cvm_bytes_data(bytes), cvm_bytes_len(bytes) - 1, &same_snapshot), SNAPSHOT);
    FAILS(cvm_snapshot_from_bytes(NULL, 1, &same_snapshot), NULL);
    FINE(cvm_snapshot_root(snapshot, &root));
    FINE(cvm_snapshot_root(same_snapshot, &same_root));
    CHECK(memcmp(root, same_root, sizeof root) == 0);
    cvm_linker *other = cvm_linker_new(engine);
    FAILS(cvm_linker_resume(other, module, NULL, NULL, same_snapshot, &resumed), SNAPSHOT);
    FINE(cvm_linker_function(other, "answer", answer, &world, NULL, NULL));
    FINE(cvm_linker_resume(other, module, NULL, &failures, same_snapshot, &resumed));
    FINE(cvm_instance_run(fork, &exit));
    CHECK(exit.kind == CVM_EXIT_KIND_COMPLETED);
    FINE(cvm_instance_run(resumed, &exit));
    CHECK(exit.kind == CVM_EXIT_KIND_COMPLETED);
    CHECK(cvm_instance_retired(fork) == cvm_instance_retired(resumed));
    FAILS(cvm_instance_snapshot(fork, &snapshot), SNAPSHOT);
    cvm_instance_delete(fork);
    cvm_instance_delete(resumed);
    cvm_linker_delete(other);
    cvm_bytes_delete(bytes);
    cvm_snapshot_delete(snapshot);
    cvm_snapshot_delete(same_snapshot);
    CHECK(cvm_bytes_len(NULL) == 0 && cvm_bytes_data(NULL) == NULL);

    cvm_pause_handle_pause(handle);
    FINE(cvm_instance_run(instance, &exit));
    CHECK(exit.kind == CVM_EXIT_KIND_REQUESTED && cvm_instance_state(instance) == CVM_STATE_PAUSED);
    FINE(cvm_instance_run_for(instance, 10, &exit));
    CHECK(exit.kind == CVM_EXIT_KIND_STEP);
    FINE(cvm_instance_abort(instance));
    FAILS(cvm_instance_abort(instance), STATE);
    FAILS(cvm_instance_run(instance, &exit), STATE);
    FINE(cvm_instance_reset(instance));
    FINE(cvm_instance_run(instance, &exit));
    CHECK(exit.kind == CVM_EXIT_KIND_COMPLETED && cvm_instance_state(instance) == CVM_STATE_COMPLETED);
    FINE(cvm_instance_report(instance, &text));
    CHECK(strstr(cvm_text_chars(text), "\"fuel_used\"") != NULL);
    cvm_text_delete(text);

    cvm_module *same = cvm_instance_module(instance);
    cvm_module_delete(module);
    cvm_engine_delete(engine);
    CHECK(function(same, "add") != 0);
    cvm_module_delete(same);
    CHECK(world.deleted == 1);
    cvm_instance_delete(instance);
    CHECK(world.deleted == 2);
    cvm_pause_handle_pause(handle);
    cvm_pause_handle_delete(handle);

    printf("%d failures\n", failures);
    return failures != 0;
}
