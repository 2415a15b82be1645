# Entry point of every freestanding guest: hand the initial stack to rt_start.
#
# On entry sp points at argc, then argv, envp and auxv, as the Linux process ABI lays them out.
# rt_start never returns.

    .section .text._start, "ax", @progbits
    .globl  _start
    .type   _start, @function
_start:
    .option push
    .option norelax             # gp cannot be used to compute gp
    lla     gp, __global_pointer$
    .option pop
    mv      a0, sp
    andi    sp, sp, -16
    li      fp, 0               # the outermost frame: backtraces stop here
    li      ra, 0
    call    rt_start
    unimp
    .size   _start, . - _start
