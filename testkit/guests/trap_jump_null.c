/* Calls a null function pointer. */
#include "rt.h"

int main(void)
{
    void (*target)(void) = 0;
    __asm__ volatile("" : "+r"(target));
    target();
    return 0;
}
