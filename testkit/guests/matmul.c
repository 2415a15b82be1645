/* Dense inner loops: matrix products of 64-bit integers and of doubles. */
#include "rt.h"

enum { N = 48 };
static uint64_t ia[N][N], ib[N][N], ic[N][N];
static double fa[N][N], fb[N][N], fc[N][N];

static void fill(void)
{
    uint64_t seed = 42;
    for (int i = 0; i < N; i++) {
        for (int j = 0; j < N; j++) {
            ia[i][j] = random_u64(&seed);
            ib[i][j] = random_u64(&seed);
            fa[i][j] = (double)(int64_t)(ia[i][j] >> 40) / 4096.0 - 2048.0;
            fb[i][j] = (double)(int64_t)(ib[i][j] >> 40) / 8192.0 - 1024.0;
        }
    }
}

static void multiply_integers(void)
{
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) {
            uint64_t sum = 0;
            for (int k = 0; k < N; k++)
                sum += ia[i][k] * ib[k][j];
            ic[i][j] = sum;
        }
}

static void multiply_doubles(void)
{
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) {
            double sum = 0;
            for (int k = 0; k < N; k++)
                sum += fa[i][k] * fb[k][j];
            fc[i][j] = sum;
        }
}

uint32_t run(uint32_t rounds)
{
    uint32_t sum = CHECKSUM_START;
    fill();
    for (uint32_t round = 0; round < rounds; round++) {
        multiply_integers();
        multiply_doubles();
        for (int i = 0; i < N; i++) {
            int j = (i * 7 + (int)(round % N)) % N;
            sum = checksum_u64(checksum_u64(sum, ic[i][j]), f64_bits(fc[i][j]));
            ia[i][j] ^= ic[j][i];
            fa[i][j] += fc[j][i] * 1e-9;
        }
    }
    return sum;
}

COMPUTE_MAIN("matmul", 2)
