/* Calling host functions from guests of causality-vm: RV64, any C or C++ compiler that knows GNU inline
 * assembly. docs/abi.md says what registers mean.
 *
 * A host function is known by its number, which guests may have built in or ask for by name, once:
 *
 *     static long add;
 *     if (!add) add = causality_resolve("add");
 *     if (add < 0) ...                            no such function: -38, ENOSYS
 *     long sum = causality_call2(add, 1, 2);
 *
 * Below that: resource registers, which are used once. docs/resources.md says what they are.
 */
#ifndef CAUSALITY_H
#define CAUSALITY_H

#define CAUSALITY_RESOLVE 0x1000L
#define CAUSALITY_FIRST_HOST_FUNCTION 0x10000L

/* All others are this one with fewer arguments. What a host function changes in memory is seen. */
static inline long causality_call6(long number, long a, long b, long c, long d, long e, long f)
{
    register long a0 __asm__("a0") = a;
    register long a1 __asm__("a1") = b;
    register long a2 __asm__("a2") = c;
    register long a3 __asm__("a3") = d;
    register long a4 __asm__("a4") = e;
    register long a5 __asm__("a5") = f;
    register long a7 __asm__("a7") = number;
    __asm__ volatile("ecall"
                     : "+r"(a0)
                     : "r"(a1), "r"(a2), "r"(a3), "r"(a4), "r"(a5), "r"(a7)
                     : "memory");
    return a0;
}

static inline long causality_call5(long number, long a, long b, long c, long d, long e)
{
    return causality_call6(number, a, b, c, d, e, 0);
}

static inline long causality_call4(long number, long a, long b, long c, long d)
{
    return causality_call6(number, a, b, c, d, 0, 0);
}

static inline long causality_call3(long number, long a, long b, long c)
{
    return causality_call6(number, a, b, c, 0, 0, 0);
}

static inline long causality_call2(long number, long a, long b)
{
    return causality_call6(number, a, b, 0, 0, 0, 0);
}

static inline long causality_call1(long number, long a)
{
    return causality_call6(number, a, 0, 0, 0, 0, 0);
}

static inline long causality_call0(long number)
{
    return causality_call6(number, 0, 0, 0, 0, 0, 0);
}

/* The number of the host function with this name, or -38 (ENOSYS) if there is none. */
static inline long causality_resolve(const char *name)
{
    return causality_call1(CAUSALITY_RESOLVE, (long)name);
}

/* Resource registers. `slot` is the number of a place in the register file; what must not be done traps. */

enum causality_state {
    CAUSALITY_EMPTY,
    CAUSALITY_INITIAL,
    CAUSALITY_ACTIVE,
    CAUSALITY_LOCKED,
    CAUSALITY_FROZEN,
    CAUSALITY_PENDING,
    CAUSALITY_CONSUMED,
};

static inline enum causality_state causality_register_state(unsigned long slot)
{
    unsigned long state;
    __asm__ volatile(".insn r CUSTOM_0, 0, 0, %0, %1, x0" : "=r"(state) : "r"(slot));
    return (enum causality_state)state;
}

/* Its length in bytes. */
static inline unsigned long causality_register_length(unsigned long slot)
{
    unsigned long length;
    __asm__ volatile(".insn r CUSTOM_0, 0, 0, %0, %1, x1" : "=r"(length) : "r"(slot));
    return length;
}

/* Where its bytes are: to be written until it is sealed, and read until it is consumed. */
static inline void *causality_register_window(unsigned long slot)
{
    void *window;
    __asm__ volatile(".insn r CUSTOM_0, 0, 0, %0, %1, x2" : "=r"(window) : "r"(slot));
    return window;
}

/* Completes a register: from here on it can be used, and its bytes do not change any more. */
static inline void causality_register_seal(unsigned long slot)
{
    __asm__ volatile(".insn r CUSTOM_0, 0, 0, x0, %0, x3" : : "r"(slot) : "memory");
}

/* Uses a register up. */
static inline void causality_register_consume(unsigned long slot)
{
    __asm__ volatile(".insn r CUSTOM_0, 0, 0, x0, %0, x4" : : "r"(slot) : "memory");
}

/* Puts a new register of so many zeros into a slot that is empty, or whose register is consumed. */
static inline void *causality_register_create(unsigned long slot, unsigned long length)
{
    void *window;
    __asm__ volatile(".insn r CUSTOM_0, 1, 0, %0, %1, %2" : "=r"(window) : "r"(slot), "r"(length) : "memory");
    return window;
}

/* Uses a register up and puts its successor into the slot: the same bytes, so many of them, to be changed and sealed. */
static inline void *causality_register_update(unsigned long slot, unsigned long length)
{
    void *window;
    __asm__ volatile(".insn r CUSTOM_0, 1, 1, %0, %1, %2" : "=r"(window) : "r"(slot), "r"(length) : "memory");
    return window;
}

/* The eight bytes at an offset. */
static inline unsigned long causality_register_read(unsigned long slot, unsigned long offset)
{
    unsigned long word;
    __asm__ volatile(".insn r CUSTOM_0, 2, 0, %0, %1, %2" : "=r"(word) : "r"(slot), "r"(offset) : "memory");
    return word;
}

static inline void causality_register_write(unsigned long slot, unsigned long offset, unsigned long word)
{
    __asm__ volatile(".insn r4 CUSTOM_0, 3, 0, x0, %0, %1, %2" : : "r"(slot), "r"(offset), "r"(word) : "memory");
}

/* Asks for the Poseidon2 hash of `len` bytes, which are copied. The hash is computed after the run; this
 * returns its id at once: the number of the request, 0 for the first. Negative: -12 (ENOMEM) beyond what
 * a run may request, -38 (ENOSYS) where the host hashes nothing. Traps if the bytes are not readable. */
static inline long causality_request_hash(const void *bytes, unsigned long len)
{
    static long number;
    if (!number)
        number = causality_resolve("causality.request_hash");
    return number < 0 ? number : causality_call2(number, (long)bytes, (long)len);
}

#if defined(__riscv_flen) && __riscv_flen >= 64
/* For functions of two doubles that return one. */
static inline double causality_call_double2(long number, double a, double b)
{
    register double fa0 __asm__("fa0") = a;
    register double fa1 __asm__("fa1") = b;
    register long a7 __asm__("a7") = number;
    __asm__ volatile("ecall" : "+f"(fa0) : "f"(fa1), "r"(a7) : "memory", "a0");
    return fa0;
}
#endif

#endif
