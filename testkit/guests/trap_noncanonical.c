/* Loads from addresses near both ends of the address space, where adding the offset wraps. */
#include "rt.h"

int main(void)
{
    uint64_t value, base = 0xffffffffffffff00ull;
    __asm__ volatile("ld %0, 0x7f8(%1)" : "=r"(value) : "r"(base));
    return (int)value;
}
