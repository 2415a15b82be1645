/* What C programs ask of their library: formatting, parsing, sorting, jumping, allocating. */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void formats(void)
{
    char text[64];
    printf("[%5d|%-5d|%05d|%+d|% d|%x|%#X|%o|%c]\n", 42, 42, 42, 42, 42, 255, 255, 8, 'c');
    printf("[%ld|%lld|%zu|%hhd|%" PRIu64 "|%" PRId64 "]\n", LONG_MIN, LLONG_MAX, sizeof(long), (signed char)200,
           UINT64_MAX, INT64_MIN);
    printf("[%f|%.3f|%10.2f|%-10.1f|%+.0f|%e|%.10e]\n", 3.14159265, 2.0 / 3, -2.5, 0.25, 7.5, 12345.6789, 1e-10);
    printf("[%g|%g|%g|%g|%.15g|%.16g]\n", 1e20, 1e-5, 123456.0, 1234567.0, 0.1, 1.0 / 3);
    printf("[%a|%a|%a]\n", 1.0, -0.15625, 6.25);
    printf("[%f|%f|%g]\n", HUGE_VAL, -HUGE_VAL, -0.0);
    printf("[%s|%10s|%-10s|%.3s|%*d|%.*f]\n", "text", "right", "left", "truncated", 6, 42, 2, 3.14159);
    int len = snprintf(text, 8, "%s", "longer than eight");
    printf("[%d|%s]\n", len, text);
}

static void numbers(void)
{
    char *end;
    static const char *const texts[] = {"1.5", "-2.25e10", "0x1.8p3", "1e400", "1e-400", "  .5x", "inf", "nothing",
                                        "9007199254740993", "2.2250738585072014e-308"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        double value = strtod(texts[i], &end);
        printf("%s -> %.16g, %d read\n", texts[i], value, (int)(end - texts[i]));
    }
    errno = 0;
    long most = strtol("9999999999999999999", &end, 10);
    printf("%ld %d", most, errno == ERANGE);
    printf(" %ld %ld %lu %d\n", strtol("-0x1f", NULL, 0), strtol("zz", NULL, 36), strtoul("777", NULL, 8), atoi("12ab"));
    int a, count;
    double b;
    char word[16];
    count = sscanf("17 2.5e3 hello, rest", "%d %lf %15[a-z]", &a, &b, word);
    printf("%d: %d %g %s\n", count, a, b, word);
    printf("%.12f %.12f %.12f\n", sqrt(2), floor(-2.5), fmod(10.25, 3));
    printf("%.9f %.9f %.9f %.9f\n", sin(1), exp(1), log(10), pow(2, 0.5));
    printf("%g %g %g\n", round(2.5), trunc(-2.7), ldexp(0.75, 4));
    div_t quotient = div(-17, 5);
    printf("%d %d %ld\n", quotient.quot, quotient.rem, labs(-5L));
}

typedef struct {
    int key;
    char name[12];
} entry;

static int by_name(const void *a, const void *b) { return strcmp(((const entry *)a)->name, ((const entry *)b)->name); }
static int by_key(const void *a, const void *b) { return ((const entry *)a)->key - ((const entry *)b)->key; }

static void sorting(void)
{
    static entry entries[500];
    unsigned seed = 1;
    for (int i = 0; i < 500; i++) {
        seed = seed * 1103515245u + 12345u;
        entries[i].key = i;
        snprintf(entries[i].name, sizeof entries[i].name, "%08x", seed);
    }
    qsort(entries, 500, sizeof *entries, by_name);
    printf("%s %d, %s %d\n", entries[0].name, entries[0].key, entries[499].name, entries[499].key);
    qsort(entries, 500, sizeof *entries, by_key);
    entry wanted = {.key = 321};
    entry *found = bsearch(&wanted, entries, 500, sizeof *entries, by_key);
    printf("%s\n", found ? found->name : "none");
}

static jmp_buf back;

static void dive(int depth)
{
    volatile char frame[64];
    frame[0] = (char)depth;
    if (depth == 0)
        longjmp(back, 42);
    dive(depth - 1);
    frame[1] = frame[0];
}

static void jumping(void)
{
    volatile int rounds = 0;
    volatile double kept = 1.5;
    int value = setjmp(back);
    if (value != 0)
        printf("jumped back with %d, round %d, kept %g\n", value, rounds, kept);
    if (rounds < 3) {
        rounds++;
        kept *= 2;
        dive(10 * rounds);
    }
}

static void allocating(void)
{
    enum { COUNT = 400 };
    static unsigned char *blocks[COUNT];
    static size_t sizes[COUNT];
    unsigned seed = 9;
    int damaged = 0;
    for (int i = 0; i < 20000; i++) {
        seed = seed * 1664525u + 1013904223u;
        int slot = (int)(seed >> 8) % COUNT;
        size_t size = 1 + (seed >> 20) % 2000;
        for (size_t j = 0; j < sizes[slot]; j += 97)
            damaged += blocks[slot][j] != (unsigned char)slot;
        if (seed & 0x80) {
            free(blocks[slot]);
            blocks[slot] = malloc(size);
        } else {
            blocks[slot] = realloc(blocks[slot], size);
        }
        if (!blocks[slot]) {
            printf("out of memory\n");
            return;
        }
        sizes[slot] = size;
        memset(blocks[slot], slot, size);
    }
    for (int i = 0; i < COUNT; i++)
        free(blocks[i]);
    long *zeros = calloc(1000, sizeof *zeros);
    for (int i = 0; i < 1000; i++)
        damaged += zeros[i] != 0;
    free(zeros);
    printf("damaged: %d\n", damaged);
}

static int total(int count, ...)
{
    va_list rest;
    int sum = 0;
    va_start(rest, count);
    while (count-- > 0)
        sum += va_arg(rest, int);
    va_end(rest);
    return sum;
}

static void strings(void)
{
    char text[] = "one,two;;three";
    for (char *word = strtok(text, ",;"); word; word = strtok(NULL, ",;"))
        printf("<%s>", word);
    printf(" %s %s %d %d\n", strstr("haystack", "st"), strrchr("a/b/c", '/'), (int)strspn("aabbc", "ab"),
           (int)strcspn("hello", "l"));
    printf("%d %d %d %c%c\n", isalpha('x') != 0, isdigit('x') != 0, isspace('\t') != 0, toupper('q'), tolower('Q'));
    printf("%d %s\n", total(5, 1, 2, 3, 4, 5), getenv("NO_SUCH_VARIABLE") ? "set" : "unset");
}

static void at_the_end(void) { printf("at exit\n"); }

int main(int argc, char **argv)
{
    atexit(at_the_end);
    for (int i = 1; i < argc; i++)
        printf("argument %d: %s\n", i, argv[i]);
    formats();
    numbers();
    sorting();
    jumping();
    allocating();
    strings();
    fflush(stdout);
    exit(argc);
}
