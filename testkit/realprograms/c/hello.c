/* Linked as a static PIE: the loader picks the address, the program relocates itself. */
#include <stdio.h>
#include <string.h>

static const char *const words[] = {"position", "independent", "hello"}; /* each pointer needs a relocation */
static int (*const compare)(const char *, const char *) = strcmp;

int main(int argc, char **argv)
{
    for (unsigned i = 0; i < sizeof words / sizeof *words; i++)
        printf("%s%s", i ? " " : "", words[i]);
    printf(", %s\n", argc > 1 ? argv[1] : "world");
    return compare(words[0], "position") + 3;
}
