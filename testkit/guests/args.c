/* What a guest finds on its initial stack: arguments, environment, auxiliary vector. Values that depend on
 * the loader are checked, not printed. */
#include "rt.h"

enum { AT_NULL, AT_PHDR = 3, AT_PHENT = 4, AT_PHNUM = 5, AT_PAGESZ = 6, AT_ENTRY = 9, AT_RANDOM = 25 };

extern char _start[];

static void say(const char *what, int ok)
{
    print_str(what);
    print_str(ok ? " ok\n" : " WRONG\n");
}

static uint64_t auxiliary(const uint64_t *vector, uint64_t wanted)
{
    for (; vector[0] != AT_NULL; vector += 2)
        if (vector[0] == wanted)
            return vector[1];
    return 0;
}

int main(int argc, char **argv)
{
    char **env = argv + argc + 1;
    print_str("argc ");
    print_u64((uint64_t)argc);
    print_char('\n');
    for (int i = 1; i < argc; i++) {
        print_str("argv [");
        print_str(argv[i]);
        print_str("]\n");
    }
    say("argv ends with null", argv[argc] == 0);
    say("argv[0] is there", argc > 0 && argv[0][0] != 0);
    for (; *env; env++) {
        print_str("env ");
        print_str(*env);
        print_char('\n');
    }
    const uint64_t *vector = (const uint64_t *)(env + 1);
    say("stack alignment", ((uintptr_t)(argv - 1) & 15) == 0);
    say("AT_PAGESZ", auxiliary(vector, AT_PAGESZ) == 4096);
    say("AT_ENTRY", auxiliary(vector, AT_ENTRY) == (uint64_t)_start);
    say("AT_PHENT", auxiliary(vector, AT_PHENT) == 56);
    const uint32_t *header = (const uint32_t *)auxiliary(vector, AT_PHDR);
    uint64_t count = auxiliary(vector, AT_PHNUM);
    int loads = 0;
    for (uint64_t i = 0; header && i < count; i++, header += 14)
        loads += header[0] == 1;
    say("AT_PHDR lists the segments", loads == 3);
    const uint64_t *seed = (const uint64_t *)auxiliary(vector, AT_RANDOM);
    say("AT_RANDOM", seed && (seed[0] | seed[1]) != 0);
    return argc > 1 ? (int)parse_u64(argv[1]) : 0;
}
