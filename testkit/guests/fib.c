/* Calls and returns: the plainly recursive Fibonacci number. */
#include "rt.h"

__attribute__((noinline)) static uint64_t fib(uint32_t n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }

uint32_t run(uint32_t rounds)
{
    uint32_t sum = CHECKSUM_START;
    for (uint32_t i = 0; i < rounds; i++)
        sum = checksum_u64(sum, fib(20 + (i & 3)));
    return sum;
}

COMPUTE_MAIN("fib", 4)
