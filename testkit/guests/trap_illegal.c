/* The all-zero halfword, which the manual reserves as never legal. */
#include "rt.h"

int main(void)
{
    print_str("before\n");
    print_flush();
    __asm__ volatile(".half 0");
    return 0;
}
