/* A load-reserved at an address that is not a multiple of four. */
#include "rt.h"

static uint32_t words[2];

int main(void)
{
    uint32_t old;
    char *odd = (char *)words + 2;
    __asm__ volatile("lr.w %0, (%1)" : "=r"(old) : "r"(odd) : "memory");
    return (int)old;
}
