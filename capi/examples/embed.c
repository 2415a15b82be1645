/* The least it takes to call a function of a guest from C.
 *
 *     cargo build --release -p causality-capi
 *     cc -Icapi/include capi/examples/embed.c -Ltarget/release -lcausality_vm_c -o target/embed
 *     LD_LIBRARY_PATH=target/release target/embed examples/plugin.elf
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "causality_vm.h"

static void check(cvm_error *error)
{
    if (error == NULL)
        return;
    fprintf(stderr, "%s\n", cvm_error_message(error));
    exit(1);
}

int main(int argc, char **argv)
{
    static uint8_t elf[1 << 20];
    FILE *file = fopen(argc > 1 ? argv[1] : "examples/plugin.elf", "rb");
    size_t size = file == NULL ? 0 : fread(elf, 1, sizeof elf, file);
    if (file != NULL)
        fclose(file);

    cvm_engine *engine = cvm_engine_new(NULL);
    cvm_linker *linker = cvm_linker_new(engine);
    cvm_module *module;
    check(cvm_module_new(engine, elf, size, &module));
    cvm_instance *instance;
    check(cvm_linker_instantiate(linker, module, NULL, NULL, &instance));
    cvm_exit exit;
    check(cvm_instance_run(instance, &exit));

    const char *text = "HELLO there!";
    uint64_t function;
    cvm_registers registers = {.x = {0}, .f = {0}};
    check(cvm_module_function(module, "text_buffer", &function));
    check(cvm_instance_call(instance, function, &registers, &exit));
    check(cvm_instance_write(instance, registers.x[0], (const uint8_t *)text, strlen(text)));
    check(cvm_module_function(module, "loudness", &function));
    registers.x[0] = strlen(text);
    check(cvm_instance_call(instance, function, &registers, &exit));
    printf("%s: %llu %% loud\n", text, (unsigned long long)registers.x[0]);

    cvm_instance_delete(instance);
    cvm_module_delete(module);
    cvm_linker_delete(linker);
    cvm_engine_delete(engine);
    return 0;
}
