/* Float loops with data-dependent exits: the Mandelbrot set, once in double and once in float. */
#include "rt.h"

enum { WIDTH = 48, HEIGHT = 24, LIMIT = 120 };

static uint32_t escape_f64(double x0, double y0)
{
    double x = 0, y = 0;
    uint32_t n = 0;
    while (n < LIMIT && x * x + y * y <= 4.0) {
        double t = x * x - y * y + x0;
        y = 2.0 * x * y + y0;
        x = t;
        n++;
    }
    return n;
}

static uint32_t escape_f32(float x0, float y0)
{
    float x = 0, y = 0;
    uint32_t n = 0;
    while (n < LIMIT && x * x + y * y <= 4.0f) {
        float t = x * x - y * y + x0;
        y = 2.0f * x * y + y0;
        x = t;
        n++;
    }
    return n;
}

uint32_t run(uint32_t rounds)
{
    uint32_t sum = CHECKSUM_START;
    for (uint32_t round = 0; round < rounds; round++) {
        double zoom = 1.0 / (1.0 + 0.25 * (double)round);
        for (int row = 0; row < HEIGHT; row++) {
            for (int column = 0; column < WIDTH; column++) {
                double x = -0.6 + (column - WIDTH / 2) * (3.0 / WIDTH) * zoom;
                double y = (row - HEIGHT / 2) * (2.4 / HEIGHT) * zoom;
                uint32_t n = escape_f64(x, y), m = escape_f32((float)x, (float)y);
                sum = checksum_u32(sum, n * 1000 + m);
                if (round == 0)
                    print_char(n == LIMIT ? '#' : " .:-=+*%"[n % 8]);
            }
            if (round == 0)
                print_char('\n');
        }
    }
    return sum;
}

COMPUTE_MAIN("mandelbrot", 2)
