/* Double arithmetic with divides and square roots: a toy solar system under its own gravity, stepped by
 * symplectic Euler. Prints the bits of the total energy before and after. */
#include "rt.h"

enum { BODIES = 6 };

typedef struct {
    double at[3], speed[3], mass;
} body;

static body bodies[BODIES];

static void place(void)
{
    uint64_t seed = 7;
    for (int i = 0; i < BODIES; i++) {
        double radius = i * 1.7 + (i > 0);
        double pace = i ? __builtin_sqrt(40.0 / radius) : 0.0;
        double tilt = (double)(random_u64(&seed) >> 44) / 1048576.0 - 0.5;
        bodies[i] = (body){
            .at = {i & 1 ? radius : -radius, tilt * 0.2, tilt * radius * 0.1},
            .speed = {0.1 * tilt, 0.05 * tilt, i & 1 ? pace : -pace},
            .mass = i ? 0.01 * i : 40.0,
        };
    }
}

static double square_distance(const body *a, const body *b, double gap[3])
{
    double sum = 0;
    for (int k = 0; k < 3; k++) {
        gap[k] = a->at[k] - b->at[k];
        sum += gap[k] * gap[k];
    }
    return sum;
}

static double energy(void)
{
    double total = 0, gap[3];
    for (int i = 0; i < BODIES; i++) {
        const body *b = &bodies[i];
        total += 0.5 * b->mass * (b->speed[0] * b->speed[0] + b->speed[1] * b->speed[1] + b->speed[2] * b->speed[2]);
        for (int j = i + 1; j < BODIES; j++)
            total -= b->mass * bodies[j].mass / __builtin_sqrt(square_distance(b, &bodies[j], gap));
    }
    return total;
}

static void step(double dt)
{
    for (int i = 0; i < BODIES; i++) {
        for (int j = i + 1; j < BODIES; j++) {
            body *a = &bodies[i], *b = &bodies[j];
            double gap[3], d2 = square_distance(a, b, gap);
            double pull = dt / (d2 * __builtin_sqrt(d2));
            for (int k = 0; k < 3; k++) {
                a->speed[k] -= gap[k] * b->mass * pull;
                b->speed[k] += gap[k] * a->mass * pull;
            }
        }
    }
    for (int i = 0; i < BODIES; i++)
        for (int k = 0; k < 3; k++)
            bodies[i].at[k] += bodies[i].speed[k] * dt;
}

uint32_t run(uint32_t rounds)
{
    uint32_t sum = CHECKSUM_START;
    place();
    print_f64_bits(energy());
    print_char('\n');
    for (uint32_t round = 0; round < rounds; round++) {
        for (int i = 0; i < 100; i++)
            step(0.001);
        sum = checksum_u64(sum, f64_bits(energy()));
    }
    print_f64_bits(energy());
    print_char('\n');
    return sum;
}

COMPUTE_MAIN("nbody", 20)
