/* Never ends: only fuel stops it. */
#include "rt.h"

int main(void)
{
    print_str("round and round\n");
    print_flush();
    for (;;)
        __asm__ volatile("");
}
