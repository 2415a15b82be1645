/* The tiny guest whose start and whose calls are timed: a function that adds, one that touches some fresh memory, and one that
 * calls the host. The same in three homes:
 *   WebAssembly, PolkaVM   the host calls the functions by name, and gives the import `next`
 *   RISC-V executables     those too, or `main` calls the one that is named; `next` is the host's first function
 */
#include <stddef.h>
#include <stdint.h>

#if defined(__wasm__)
#define EXPORT(name, arguments, results)
#define NAMED(name) __attribute__((export_name(#name)))
__attribute__((import_module("host"), import_name("next"))) uint64_t next(uint64_t value);
#elif defined(__riscv_abi_rve)
#include "polkavm.h"
#define EXPORT(name, arguments, results) POLKAVM_EXPORT(name, arguments, results)
#define NAMED(name)
uint64_t next(uint64_t value);
POLKAVM_IMPORT(next, 1, 1);
#else
#include "causality.h"
#include "rt.h"
#define EXPORT(name, arguments, results)
#define NAMED(name) __attribute__((used, noinline))
static uint64_t next(uint64_t value) { return (uint64_t)causality_call1(CAUSALITY_FIRST_HOST_FUNCTION, (long)value); }
#endif

enum { MEMORY = 1 << 20, TOUCHED = 1 << 16, PAGE = 1 << 12 };

static volatile uint8_t memory[MEMORY];

EXPORT(add, 2, 1);
NAMED(add) uint64_t add(uint64_t a, uint64_t b) { return a + b; }

/* Writes to the first pages and says how many had not been written to: all, in a new instance. */
EXPORT(touch, 0, 1);
NAMED(touch) uint64_t touch(void)
{
    uint64_t fresh = 0;
    for (size_t at = 0; at < TOUCHED; at += PAGE) {
        fresh += memory[at] == 0;
        memory[at] = 1;
    }
    return fresh;
}

/* Calls the host so many times; the result is that number. */
EXPORT(ask, 1, 1);
NAMED(ask) uint64_t ask(uint64_t times)
{
    uint64_t value = 0;
    for (uint64_t i = 0; i < times; i++)
        value = next(value);
    return value;
}

#ifdef RT_FREESTANDING
/* `add` and `touch` end with their result, `ask TIMES` with 0 if that was the result. */
int main(int argc, char **argv)
{
    if (argc < 2)
        return 1;
    if (strcmp(argv[1], "add") == 0)
        return (int)add(1, 2);
    if (strcmp(argv[1], "touch") == 0)
        return (int)touch();
    uint64_t times = argc > 2 ? parse_u64(argv[2]) : 0;
    return ask(times) != times;
}
#endif
