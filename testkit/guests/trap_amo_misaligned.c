/* An atomic add at an odd address: the A extension requires natural alignment. */
#include "rt.h"

static uint64_t words[2];

int main(void)
{
    uint64_t old;
    char *odd = (char *)words + 1;
    __asm__ volatile("amoadd.d %0, %1, (%2)" : "=r"(old) : "r"(1ul), "r"(odd) : "memory");
    return (int)old;
}
