/* Functions for the embedder to call; `main` calls some of them itself, so that every runner has something to check. */
#include "rt.h"

#define HOST_FUNCTION 0x10000 /* the first number of a host function */

#define EMBEDDER __attribute__((used, noinline))

static uint64_t count;
static uint8_t pages[64 << 10];

EMBEDDER uint64_t add(uint64_t a, uint64_t b)
{
    return a + b;
}

EMBEDDER uint64_t eight(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f, uint64_t g, uint64_t h)
{
    return a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f + 7 * g + 8 * h;
}

EMBEDDER double mix(int32_t by, double a, float b)
{
    return a * b * by;
}

EMBEDDER float half(float value)
{
    return value / 2;
}

EMBEDDER uint32_t negate(uint32_t value)
{
    return -value;
}

EMBEDDER int8_t narrow(int8_t value)
{
    return (int8_t)(value + 1);
}

EMBEDDER _Bool is_even(uint64_t value)
{
    return value % 2 == 0;
}

EMBEDDER uint64_t next_count(void)
{
    return ++count;
}

EMBEDDER void set_count(uint64_t value)
{
    count = value;
}

EMBEDDER uint64_t spin(uint64_t rounds)
{
    uint64_t sum = 0;
    for (uint64_t i = 0; i < rounds; i++) {
        sum += i * i;
        __asm__ volatile("" : "+r"(sum));
    }
    return sum;
}

EMBEDDER uint64_t depth(uint64_t levels)
{
    volatile uint64_t here = levels;
    return levels == 0 ? 0 : depth(levels - 1) + (here != 0);
}

EMBEDDER uint64_t read_at(const uint64_t *place)
{
    return *place;
}

/* Touches 64 KiB, and says how much of it had been touched before. */
EMBEDDER uint64_t touch(void)
{
    uint64_t touched = 0;
    for (unsigned i = 0; i < sizeof pages; i += 4096)
        touched += pages[i]++;
    return touched;
}

#ifdef RT_FREESTANDING
EMBEDDER uint64_t ask(uint64_t value)
{
    return (uint64_t)syscall1(HOST_FUNCTION, value);
}

EMBEDDER uint64_t ask_often(uint64_t value, uint64_t times)
{
    while (times-- > 0)
        value = (uint64_t)syscall1(HOST_FUNCTION, value);
    return value;
}

/* Asks, and writes to memory what it was told. */
EMBEDDER uint64_t ask_and_set(uint64_t value)
{
    count = (uint64_t)syscall1(HOST_FUNCTION, value);
    return count;
}

EMBEDDER void leave(int code)
{
    rt_exit(code);
}

/* What the calling convention lets nobody change. */
EMBEDDER void clobber(void)
{
    __asm__ volatile("li gp, 1; li tp, 2; li s0, 3; li s5, 4; li sp, 5; csrwi fcsr, 31; jr ra");
}
#endif

int main(int argc, char **argv)
{
    (void)argv;
    print_u64(add((uint64_t)argc, 2));
    print_char(' ');
    print_u64(eight(1, 2, 3, 4, 5, 6, 7, 8));
    print_char(' ');
    print_u64(spin(1000));
    print_char(' ');
    print_u64(depth(10) + touch() + next_count());
    print_char('\n');
    return 0;
}
