/* One indirect jump per step: a stack machine whose dispatch is a switch. Its program adds up the lengths of
 * Collatz sequences. */
#include "rt.h"

enum op { PUSH, LOAD, STORE, ADD, MUL, HALVE, ODD, LESS, JUMP, JUMP_IF, STOP };
enum { X, N, TOTAL, LIMIT, VARIABLES };

static const int32_t program[] = {
    /*  0: total = 0; n = 1                        */ PUSH, 0, STORE, TOTAL, PUSH, 1, STORE, N,
    /*  8: if (n < limit) goto 18                  */ LOAD, N, LOAD, LIMIT, LESS, JUMP_IF, 18,
    /* 15: return total                            */ LOAD, TOTAL, STOP,
    /* 18: x = n                                   */ LOAD, N, STORE, X,
    /* 22: if (1 < x) goto 38                      */ PUSH, 1, LOAD, X, LESS, JUMP_IF, 38,
    /* 29: n = n + 1; goto 8                       */ LOAD, N, PUSH, 1, ADD, STORE, N, JUMP, 8,
    /* 38: if (odd(x)) goto 50                     */ LOAD, X, ODD, JUMP_IF, 50,
    /* 43: x = x / 2; goto 60                      */ LOAD, X, HALVE, STORE, X, JUMP, 60,
    /* 50: x = x * 3 + 1; goto 60                  */ LOAD, X, PUSH, 3, MUL, PUSH, 1, ADD, STORE, X,
    /* 60: total = total + 1; goto 22              */ LOAD, TOTAL, PUSH, 1, ADD, STORE, TOTAL, JUMP, 22,
};

static int64_t interpret(int64_t limit)
{
    int64_t stack[8], variables[VARIABLES] = {0, 0, 0, limit}, *top = stack;
    const int32_t *pc = program;
    for (;;) {
        switch ((enum op)*pc++) {
        case PUSH: *++top = *pc++; break;
        case LOAD: *++top = variables[*pc++]; break;
        case STORE: variables[*pc++] = *top--; break;
        case ADD: top--; top[0] += top[1]; break;
        case MUL: top--; top[0] *= top[1]; break;
        case HALVE: top[0] >>= 1; break;
        case ODD: top[0] &= 1; break;
        case LESS: top--; top[0] = top[0] < top[1]; break;
        case JUMP: pc = program + *pc; break;
        case JUMP_IF: pc = *top-- ? program + *pc : pc + 1; break;
        case STOP: return *top;
        }
    }
}

uint32_t run(uint32_t rounds)
{
    uint32_t sum = CHECKSUM_START;
    for (uint32_t i = 0; i < rounds; i++)
        sum = checksum_u64(sum, (uint64_t)interpret(100 + (i & 31)));
    return sum;
}

COMPUTE_MAIN("bytecode", 4)
