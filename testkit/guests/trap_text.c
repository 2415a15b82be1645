/* Writes over its own code. */
#include "rt.h"

extern char _start[];

int main(void)
{
    char *target = _start;
    __asm__ volatile("" : "+r"(target));
    target[0] = 0;
    return 0;
}
