/* Jumps far outside of memory, to an odd address: jalr clears the lowest bit. */
#include "rt.h"

int main(void)
{
    uint64_t target = 0x7fff123456789abdull;
    __asm__ volatile("jr %0" : : "r"(target));
    return 0;
}
