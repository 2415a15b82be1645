/* Asking for memory: brk up and down, anonymous mmap, munmap, mprotect. */
#include "rt.h"

enum { READ = 1, WRITE = 2, PRIVATE_ANONYMOUS = 0x22, PAGE = 4096 };

static void say(const char *what, int ok)
{
    print_str(what);
    print_str(ok ? " ok\n" : " WRONG\n");
}

static int all_zero(const uint64_t *words, size_t bytes)
{
    for (size_t i = 0; i < bytes / 8; i++)
        if (words[i])
            return 0;
    return 1;
}

static uint64_t fill_and_sum(uint64_t *words, size_t bytes, uint64_t seed)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < bytes / 8; i++)
        words[i] = random_u64(&seed);
    for (size_t i = 0; i < bytes / 8; i += 61)
        sum += words[i];
    return sum;
}

static void grow_and_shrink(void)
{
    char *start = (char *)syscall1(SYS_brk, 0);
    say("brk(0) twice", (char *)syscall1(SYS_brk, 0) == start);
    say("brk up", (char *)syscall1(SYS_brk, start + 100000) == start + 100000);
    char *aligned = (char *)(((uintptr_t)start + 15) & ~(uintptr_t)15);
    say("new memory is zero", all_zero((uint64_t *)aligned, 99968));
    print_hex(fill_and_sum((uint64_t *)aligned, 99968, 1), 16);
    print_char('\n');
    say("brk down", (char *)syscall1(SYS_brk, start) == start);
    say("brk up again", (char *)syscall1(SYS_brk, start + 3 * PAGE) == start + 3 * PAGE);
    char *page = (char *)(((uintptr_t)start + PAGE - 1) & ~(uintptr_t)(PAGE - 1));
    say("memory given back is zero again", all_zero((uint64_t *)page, 2 * PAGE));
    say("brk beyond all memory fails", (char *)syscall1(SYS_brk, 1ul << 60) == start + 3 * PAGE);
}

static char *map(size_t bytes) { return (char *)syscall6(SYS_mmap, 0, (long)bytes, READ | WRITE, PRIVATE_ANONYMOUS, -1, 0); }

static void map_and_unmap(void)
{
    static char *maps[16];
    int sound = 1;
    for (uint64_t i = 0; i < 16; i++) {
        maps[i] = map((i + 1) * PAGE);
        sound &= (long)maps[i] > 0 && ((uintptr_t)maps[i] & (PAGE - 1)) == 0;
        sound = sound && all_zero((uint64_t *)maps[i], (i + 1) * PAGE);
        if (sound)
            memset(maps[i], (int)i + 1, (i + 1) * PAGE);
    }
    say("16 maps, aligned and zero", sound);
    for (int i = 0; i < 16; i += 2)
        sound &= syscall2(SYS_munmap, maps[i], (i + 1) * PAGE) == 0;
    say("munmap", sound);
    for (int i = 1; i < 16; i += 2)
        for (int j = 0; j < (i + 1) * PAGE; j += 509)
            sound &= maps[i][j] == i + 1;
    say("the others keep their bytes", sound);
    char *again = map(3 * PAGE);
    say("mapped again, zero", (long)again > 0 && all_zero((uint64_t *)again, 3 * PAGE));
    say("mprotect", syscall3(SYS_mprotect, again, PAGE, READ) == 0 && again[0] == 0);
    say("its neighbour is writable", (again[PAGE] = 1) == 1);
    say("mmap of nothing fails", syscall6(SYS_mmap, 0, 0, READ, PRIVATE_ANONYMOUS, -1, 0) == -22);
    long huge = syscall6(SYS_mmap, 0, 1l << 60, READ | WRITE, PRIVATE_ANONYMOUS, -1, 0);
    say("mmap of too much fails", huge == -12);
}

int main(void)
{
    grow_and_shrink();
    map_and_unmap();
    char *big = map(4 << 20);
    print_hex(fill_and_sum((uint64_t *)big, 1 << 20, 2), 16);
    print_char('\n');
    say("untouched end of a big map is zero", all_zero((uint64_t *)(big + (3 << 20)), PAGE));
    say("munmap", syscall2(SYS_munmap, big, 4 << 20) == 0);
    return 0;
}
