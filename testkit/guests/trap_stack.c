/* Recursion without end: the stack runs out. */
#include "rt.h"

#pragma GCC diagnostic ignored "-Winfinite-recursion"

__attribute__((noinline)) static uint64_t deeper(uint64_t n)
{
    volatile uint64_t frame[32];
    frame[0] = n;
    return deeper(n + 1) + frame[0];
}

int main(void)
{
    print_str("down\n");
    print_flush();
    return (int)deeper(0);
}
