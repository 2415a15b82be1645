/* Files in a directory the host opened for the guest: argv[1] is its path, and it starts out empty. */
#include "rt.h"

enum { CWD = -100, READ_ONLY = 0, WRITE_ONLY = 1, READ_WRITE = 2, CREATE = 0100, EXCLUSIVE = 0200, TRUNCATE = 01000,
       APPEND = 02000, DIRECTORY = 0200000, REMOVE_DIRECTORY = 0x200 };

static char path[512];
static size_t base;

/* The directory's path with `name` after it. */
static const char *in_dir(const char *name)
{
    size_t len = strlen(name);
    path[base] = '/';
    memcpy(path + base + 1, name, len + 1);
    return path;
}

static long open(const char *name, int flags) { return syscall4(SYS_openat, CWD, in_dir(name), flags, 0644); }

static void show(const char *what, long value)
{
    print_str(what);
    print_char(' ');
    print_i64(value);
    print_char('\n');
}

/* Field offsets of struct stat on riscv64. */
static long mode_of(const char *stat) { return *(const uint32_t *)(stat + 16) & 0170000; }
static long size_of(const char *stat) { return *(const long *)(stat + 48); }

static void show_stat(const char *name)
{
    static char stat[128] __attribute__((aligned(8)));
    long r = syscall4(SYS_fstatat, CWD, in_dir(name), stat, 0);
    print_str("stat ");
    print_str(name);
    if (r < 0) {
        show("", r);
    } else {
        print_str(mode_of(stat) == 0040000 ? " directory" : " file");
        show(" size", mode_of(stat) == 0040000 ? 0 : size_of(stat));
    }
}

/* Prints the entries in byte order, so that the host's order does not show. */
static void list(const char *name)
{
    static char buffer[2048] __attribute__((aligned(8)));
    static char names[16][32];
    int count = 0;
    long dir = open(name, READ_ONLY | DIRECTORY);
    for (;;) {
        long got = syscall3(SYS_getdents64, dir, buffer, sizeof buffer);
        if (got <= 0) {
            if (got < 0)
                show("getdents64", got);
            break;
        }
        for (long at = 0; at < got; at += *(uint16_t *)(buffer + at + 16)) {
            const char *entry = buffer + at + 19;
            if (strcmp(entry, ".") == 0 || strcmp(entry, "..") == 0 || count == 16)
                continue;
            int i = count++;
            for (; i > 0 && strcmp(names[i - 1], entry) > 0; i--)
                memcpy(names[i], names[i - 1], sizeof *names);
            memcpy(names[i], entry, strlen(entry) + 1);
        }
    }
    syscall1(SYS_close, dir);
    print_str("list");
    for (int i = 0; i < count; i++) {
        print_char(' ');
        print_str(names[i]);
    }
    print_char('\n');
}

static void read_back(const char *name)
{
    static char buffer[64];
    long file = open(name, READ_ONLY);
    long got = syscall3(SYS_read, file, buffer, sizeof buffer);
    print_str("read [");
    print_bytes(buffer, got > 0 ? (size_t)got : 0);
    print_str("]\n");
    show("write to a read-only file", syscall3(SYS_write, file, "x", 1));
    show("close", syscall1(SYS_close, file));
    show("close again", syscall1(SYS_close, file));
}

int main(int argc, char **argv)
{
    static char buffer[64];
    if (argc < 2)
        return 2;
    base = strlen(argv[1]);
    memcpy(path, argv[1], base);

    show("open a missing file", open("one.txt", READ_ONLY));
    long file = open("one.txt", READ_WRITE | CREATE | EXCLUSIVE);
    show("create", file >= 3);
    show("write", syscall3(SYS_write, file, "hello, file\n", 12));
    show("seek to 7", syscall3(SYS_lseek, file, 7, 0));
    show("write", syscall3(SYS_write, file, "disk", 4));
    show("seek from end", syscall3(SYS_lseek, file, -5, 2));
    show("read", syscall3(SYS_read, file, buffer, 3));
    print_bytes(buffer, 3);
    print_char('\n');
    show("pwrite", syscall4(SYS_pwrite64, file, "J", 1, 0));
    show("pread", syscall4(SYS_pread64, file, buffer, 5, 0));
    print_bytes(buffer, 5);
    print_char('\n');
    show("position", syscall3(SYS_lseek, file, 0, 1));
    show("close", syscall1(SYS_close, file));
    show("create what exists", open("one.txt", WRITE_ONLY | CREATE | EXCLUSIVE));

    file = open("one.txt", WRITE_ONLY | APPEND);
    show("append", syscall3(SYS_write, file, "more\n", 5));
    syscall1(SYS_close, file);
    show_stat("one.txt");
    read_back("one.txt");

    show("mkdir", syscall3(SYS_mkdirat, CWD, in_dir("sub"), 0755));
    show("mkdir again", syscall3(SYS_mkdirat, CWD, in_dir("sub"), 0755));
    file = open("sub/two.bin", WRITE_ONLY | CREATE | TRUNCATE);
    show("truncate", syscall2(SYS_ftruncate, file, 1000));
    syscall1(SYS_close, file);
    show_stat("sub");
    show_stat("sub/two.bin");
    list("");
    list("sub");
    show("file as directory", open("one.txt/x", READ_ONLY));
    show("write to a directory", open("sub", WRITE_ONLY));
    show("remove a full directory", syscall3(SYS_unlinkat, CWD, in_dir("sub"), REMOVE_DIRECTORY));
    show("remove file", syscall3(SYS_unlinkat, CWD, in_dir("sub/two.bin"), 0));
    show("remove directory", syscall3(SYS_unlinkat, CWD, in_dir("sub"), REMOVE_DIRECTORY));
    list("");
    show("remove missing", syscall3(SYS_unlinkat, CWD, in_dir("nothing"), 0));
    show("read a bad file", syscall3(SYS_read, 99, buffer, 1));
    return 0;
}
