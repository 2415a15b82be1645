/* A static position-independent executable: it must run wherever it is loaded. Before `main`, the runtime
 * applies the relocations that this guest's own dynamic section lists; here they are checked. */
#include "rt.h"

static const char *const words[] = {"relocated", "pointers", "to", "strings"};
static void say(const char *word) { print_str(word); }
static void (*const functions[])(const char *) = {say, print_str};
static uint64_t variable = 41;
static uint64_t *const pointer = &variable;

int main(void)
{
    for (uint64_t i = 0; i < 4; i++) {
        functions[i & 1](words[i]);
        print_char(i < 3 ? ' ' : '\n');
    }
    ++*pointer;
    print_u64(variable);
    print_char('\n');
    return 0;
}
