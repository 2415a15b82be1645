# Entry point for picolibc programs: gp, tp, then C.
    .section .text._start, "ax", @progbits
    .globl  _start
    .type   _start, @function
_start:
    .option push
    .option norelax
    lla     gp, __global_pointer$
    .option pop
    lla     tp, __tls_base
    mv      a0, sp
    andi    sp, sp, -16
    call    os_start
    unimp
    .size   _start, . - _start
