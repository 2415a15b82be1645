/* Time and randomness: what any system promises is checked; `clock show` also prints the values, which a
 * deterministic host must repeat from run to run. */
#include "rt.h"

enum { REALTIME = 0, MONOTONIC = 1 };

static void say(const char *what, int ok)
{
    print_str(what);
    print_str(ok ? " ok\n" : " WRONG\n");
}

static int64_t now(int clock)
{
    int64_t t[2] = {-1, -1};
    if (syscall2(SYS_clock_gettime, clock, t) != 0 || t[1] < 0 || t[1] >= 1000000000)
        return -1;
    return t[0] * 1000000000 + t[1];
}

static void work(uint32_t rounds)
{
    for (uint32_t i = 0; i < rounds; i++)
        __asm__ volatile("" ::: "memory");
}

int main(int argc, char **argv)
{
    int64_t first = now(MONOTONIC);
    work(2000000);
    int64_t second = now(MONOTONIC);
    say("monotonic clock", first >= 0 && second >= 0);
    say("time passes while working", second > first);
    say("wall clock", now(REALTIME) >= 0);
    say("unknown clock", syscall2(SYS_clock_gettime, 999, &first) == -22);
    int64_t day[2];
    say("gettimeofday", syscall2(SYS_gettimeofday, day, 0) == 0 && day[1] >= 0 && day[1] < 1000000);

    uint64_t a[4] = {0}, b[4] = {0};
    say("getrandom", syscall3(SYS_getrandom, a, sizeof a, 0) == sizeof a);
    say("getrandom", syscall3(SYS_getrandom, b, sizeof b, 0) == sizeof b);
    say("draws differ", memcmp(a, b, sizeof a) != 0);

    uint64_t retired, later;
    __asm__ volatile("rdinstret %0" : "=r"(retired));
    work(100);
    __asm__ volatile("rdinstret %0" : "=r"(later));
    say("instret counts", later > retired);
    if (argc > 1 && strcmp(argv[1], "show") == 0) {
        print_u64((uint64_t)second);
        print_char('\n');
        for (int i = 0; i < 4; i++)
            print_hex(a[i], 16);
        print_char('\n');
    }
    return 0;
}
