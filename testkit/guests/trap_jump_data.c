/* Jumps into a variable that holds valid code: data is not executable. */
#include "rt.h"

static uint32_t code[] = {0x00008067}; /* ret */

int main(void)
{
    void (*target)(void) = (void (*)(void))(uintptr_t)code;
    __asm__ volatile("" : "+r"(target));
    target();
    return 0;
}
