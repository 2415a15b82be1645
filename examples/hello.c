/* The smallest guest worth running: it greets whoever it is told to. */
#include "rt.h"

int main(int argc, char **argv)
{
    print_str("Hello, ");
    print_str(argc > 1 ? argv[1] : "world");
    print_str("! This is RV64GC speaking.\n");
    return 0;
}
