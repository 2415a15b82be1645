/* Reads through a null pointer. */
#include "rt.h"

int main(void)
{
    volatile uint32_t *nowhere = 0;
    print_str("before\n");
    print_flush();
    __asm__ volatile("" : "+r"(nowhere));
    return (int)nowhere[3];
}
