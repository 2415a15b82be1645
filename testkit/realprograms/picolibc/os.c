/* What picolibc leaves to the system, over Linux calls: start, exit, files, memory, standard streams. */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { CALL_CLOSE = 57, CALL_LSEEK = 62, CALL_READ = 63, CALL_WRITE = 64, CALL_EXIT_GROUP = 94, CALL_BRK = 214 };

static long call(long number, long a, long b, long c)
{
    register long a0 __asm__("a0") = a;
    register long a1 __asm__("a1") = b;
    register long a2 __asm__("a2") = c;
    register long a7 __asm__("a7") = number;
    __asm__ volatile("ecall" : "+r"(a0) : "r"(a1), "r"(a2), "r"(a7) : "memory");
    return a0;
}

static long checked(long result)
{
    if (result >= 0)
        return result;
    errno = (int)-result;
    return -1;
}

ssize_t read(int fd, void *buffer, size_t len) { return checked(call(CALL_READ, fd, (long)buffer, (long)len)); }
ssize_t write(int fd, const void *buffer, size_t len) { return checked(call(CALL_WRITE, fd, (long)buffer, (long)len)); }
int close(int fd) { return (int)checked(call(CALL_CLOSE, fd, 0, 0)); }
off_t lseek(int fd, off_t offset, int whence) { return checked(call(CALL_LSEEK, fd, offset, whence)); }

_Noreturn void _exit(int code)
{
    for (;;)
        call(CALL_EXIT_GROUP, code, 0, 0);
}

void *sbrk(ptrdiff_t step)
{
    static uintptr_t end;
    if (!end)
        end = (uintptr_t)call(CALL_BRK, 0, 0, 0);
    uintptr_t old = end, wanted = end + (uintptr_t)step;
    if ((uintptr_t)call(CALL_BRK, (long)wanted, 0, 0) != wanted) {
        errno = ENOMEM;
        return (void *)-1;
    }
    end = wanted;
    return (void *)old;
}

/* Standard output is gathered into one buffer; whoever ends the program empties it. */
static char gathered[4096];
static size_t gathered_len;

static int empty(FILE *stream)
{
    size_t done = 0;
    (void)stream;
    while (done < gathered_len) {
        ssize_t wrote = write(1, gathered + done, gathered_len - done);
        if (wrote <= 0)
            break;
        done += (size_t)wrote;
    }
    gathered_len = 0;
    return 0;
}

static int put(char c, FILE *stream)
{
    if (gathered_len == sizeof gathered)
        empty(stream);
    gathered[gathered_len++] = c;
    return (unsigned char)c;
}

static int put_now(char c, FILE *stream)
{
    (void)stream;
    return write(2, &c, 1) == 1 ? (unsigned char)c : EOF;
}

static int get(FILE *stream)
{
    unsigned char c;
    (void)stream;
    return read(0, &c, 1) == 1 ? c : EOF;
}

static FILE out = FDEV_SETUP_STREAM(put, NULL, empty, _FDEV_SETUP_WRITE);
static FILE err = FDEV_SETUP_STREAM(put_now, NULL, NULL, _FDEV_SETUP_WRITE);
static FILE in = FDEV_SETUP_STREAM(NULL, get, NULL, _FDEV_SETUP_READ);
FILE *const stdout = &out;
FILE *const stderr = &err;
FILE *const stdin = &in;

extern char **environ;
extern void (*__init_array_start[])(void);
extern void (*__init_array_end[])(void);
int main(int argc, char **argv, char **envp);

static void empty_stdout(void) { empty(stdout); }

_Noreturn void os_start(long *stack)
{
    int argc = (int)stack[0];
    char **argv = (char **)(stack + 1);
    environ = argv + argc + 1;
    atexit(empty_stdout); /* first in, last out */
    for (void (**init)(void) = __init_array_start; init < __init_array_end; init++)
        (*init)();
    exit(main(argc, argv, environ));
}
