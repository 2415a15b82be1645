/* A guest with a bug, to see what a trap report looks like: the list's last node points at nothing, and
 * `total` does not look before it follows. The ELF has a symbol table and line numbers, so the report can
 * name the function and the line. */
#include "rt.h"

typedef struct node {
    const struct node *next;
    uint64_t value;
} node;

static const node third = {0, 30};
static const node second = {&third, 20};
static const node first = {&second, 10};

__attribute__((noipa)) static uint64_t total(const node *list, int count)
{
    uint64_t sum = 0;
    for (int i = 0; i < count; i++) {
        sum += list->value; /* traps here on the fourth round: load access fault at address 8 */
        list = list->next;
    }
    return sum;
}

__attribute__((noipa)) static void report(int count)
{
    print_str("sum of ");
    print_u64((uint64_t)count);
    print_str(" nodes: ");
    print_u64(total(&first, count));
    print_char('\n');
    print_flush();
}

int main(void)
{
    for (int count = 1; count <= 4; count++)
        report(count);
    return 0;
}
