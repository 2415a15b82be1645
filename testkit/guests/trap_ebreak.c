/* A breakpoint nobody set. */
#include "rt.h"

int main(void)
{
    __asm__ volatile("ebreak");
    return 0;
}
