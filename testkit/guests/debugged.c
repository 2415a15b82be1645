/* A guest for a debugger: calls within calls, code that is inlined, variables of all kinds, input that can be read
 * only once, a long loop, and on request a crash. Optimised, with all debug information. */
#include "rt.h"

enum { SLOTS = 8 };

uint64_t ledger[SLOTS];
uint64_t rounds;
double average;
char line[16];

static inline uint64_t weighted(uint64_t amount, unsigned slot)
{
    return amount * (slot + 1);
}

__attribute__((noipa)) static void deposit(unsigned slot, uint64_t amount)
{
    ledger[slot] += weighted(amount, slot);
    rounds++;
}

__attribute__((noipa)) static uint64_t settle(unsigned count)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < count; i++)
        deposit(i % SLOTS, i);
    for (unsigned slot = 0; slot < SLOTS; slot++)
        sum += ledger[slot];
    return sum;
}

__attribute__((noipa)) static uint64_t spin(uint64_t count)
{
    uint64_t state = 1;
    for (uint64_t i = 0; i < count; i++)
        state = state * 6364136223846793005u + 1442695040888963407u;
    return state;
}

__attribute__((noipa)) static uint64_t follow(const uint64_t *place)
{
    return *place + 1;
}

__attribute__((noipa)) static void greet(void)
{
    long got = syscall3(SYS_read, 0, line, sizeof line - 1);
    print_str("hello, ");
    print_bytes(line, got > 0 ? (size_t)got : 0);
    print_char('\n');
    print_flush();
}

int main(int argc, char **argv)
{
    greet();
    uint64_t sum = settle(20);
    average = (double)sum / SLOTS;
    print_str("sum ");
    print_u64(sum);
    print_char('\n');
    print_flush();
    uint64_t state = spin(argc > 1 ? parse_u64(argv[1]) : 1000);
    print_str("state ");
    print_hex(state, 16);
    print_char('\n');
    if (argc > 2)
        return (int)follow((const uint64_t *)parse_u64(argv[2]));
    return 3;
}
