/* Byte loads and compares: substring search, plainly and by skipping (Horspool), and a small glob matcher. */
#include "rt.h"

enum { TEXT = 6000 };
static char text[TEXT + 1];

static void fill(uint64_t seed)
{
    for (int i = 0; i < TEXT; i++)
        text[i] = (char)('a' + (random_u64(&seed) >> 61)); /* eight letters */
    text[TEXT] = 0;
}

static int plain(const char *needle, int from)
{
    for (; text[from]; from++) {
        int i = 0;
        while (needle[i] && text[from + i] == needle[i])
            i++;
        if (!needle[i])
            return from;
    }
    return -1;
}

static int skipping(const char *needle, int from)
{
    uint8_t skip[256];
    int len = (int)strlen(needle);
    memset(skip, len, sizeof skip);
    for (int i = 0; i < len - 1; i++)
        skip[(uint8_t)needle[i]] = (uint8_t)(len - 1 - i);
    while (from + len <= TEXT) {
        if (memcmp(text + from, needle, (size_t)len) == 0)
            return from;
        from += skip[(uint8_t)text[from + len - 1]];
    }
    return -1;
}

static int matches(const char *pattern, const char *word)
{
    const char *star = 0, *retry = 0;
    while (*word) {
        if (*pattern == '*') {
            star = ++pattern;
            retry = word;
        } else if (*pattern == '?' || *pattern == *word) {
            pattern++, word++;
        } else if (star) {
            pattern = star;
            word = ++retry;
        } else {
            return 0;
        }
    }
    while (*pattern == '*')
        pattern++;
    return !*pattern;
}

uint32_t run(uint32_t rounds)
{
    static const char *const needles[] = {"abc", "hgfe", "aabba", "gghhgg", "deface", "cabbage"};
    static const char *const globs[] = {"*abc*def*", "*a?b?c*", "a*h", "*fade*cafe*", "*hhhhh*"};
    uint32_t sum = CHECKSUM_START;
    for (uint32_t round = 0; round < rounds; round++) {
        fill(round + 1);
        for (int n = 0; n < 6; n++) {
            int at = -1;
            do {
                int found = plain(needles[n], at + 1);
                if (found != skipping(needles[n], at + 1))
                    return 0;
                at = found;
                sum = checksum_u32(sum, (uint32_t)at);
            } while (at >= 0);
        }
        for (int g = 0; g < 5; g++)
            sum = checksum_u32(sum, (uint32_t)matches(globs[g], text));
    }
    return sum;
}

COMPUTE_MAIN("search", 3)
