/* A small ray tracer that draws into the terminal.
 *
 *   raytrace [--plain] [--width COLUMNS]
 *
 * Two pixels share one character cell (an upper half block: foreground above, background below), in
 * 24-bit colour. With --plain, or NO_COLOR in the environment, it prints shades of ASCII instead.
 * The last line is a checksum of the frame buffer: the same on every machine, every time.
 */
#include "rt.h"

enum { MAX_WIDTH = 200, MAX_HEIGHT = 180, SUBPIXELS = 4, MAX_BOUNCES = 5 };

typedef struct {
    double x, y, z;
} vec;

typedef struct {
    float r, g, b;
} colour;

typedef struct {
    vec centre;
    double radius;
    colour tint;
    float diffuse, mirror, glass;
} sphere;

typedef struct {
    vec from, dir;
} ray;

static vec sun, glow;   /* directions: where the light comes from, where the sky burns */

static const sphere SPHERES[] = {
    {{0.00, 1.00, 1.20}, 1.00, {0.95f, 0.96f, 1.00f}, 0.03f, 0.92f, 0.0f},    /* the mirror */
    {{-1.72, 0.62, 0.55}, 0.62, {0.95f, 0.07f, 0.04f}, 0.95f, 0.10f, 0.0f},   /* red lacquer */
    {{1.66, 0.66, 0.45}, 0.66, {1.00f, 0.60f, 0.16f}, 0.62f, 0.42f, 0.0f},    /* brass */
    {{-0.62, 0.40, -0.75}, 0.40, {0.97f, 1.00f, 0.99f}, 0.0f, 0.0f, 1.0f},    /* glass */
    {{0.66, 0.27, -0.92}, 0.27, {0.03f, 0.58f, 0.52f}, 0.90f, 0.12f, 0.0f},   /* teal */
    {{-1.55, 0.20, -0.70}, 0.20, {0.26f, 0.14f, 0.86f}, 0.95f, 0.12f, 0.0f},  /* violet */
    {{1.55, 0.18, -0.72}, 0.18, {0.95f, 0.24f, 0.52f}, 0.85f, 0.12f, 0.0f},   /* pink */
};
enum { SPHERE_COUNT = sizeof SPHERES / sizeof *SPHERES };

static uint8_t frame[MAX_HEIGHT][MAX_WIDTH][3];

static vec add(vec a, vec b) { return (vec){a.x + b.x, a.y + b.y, a.z + b.z}; }
static vec sub(vec a, vec b) { return (vec){a.x - b.x, a.y - b.y, a.z - b.z}; }
static vec scale(vec a, double k) { return (vec){a.x * k, a.y * k, a.z * k}; }
static double dot(vec a, vec b) { return a.x * b.x + a.y * b.y + a.z * b.z; }
static vec unit(vec a) { return scale(a, 1.0 / __builtin_sqrt(dot(a, a))); }
static vec reflect(vec d, vec n) { return sub(d, scale(n, 2.0 * dot(d, n))); }

static colour mix(colour a, colour b, float t)
{
    return (colour){a.r + (b.r - a.r) * t, a.g + (b.g - a.g) * t, a.b + (b.b - a.b) * t};
}
static colour lit(colour a, float k) { return (colour){a.r * k, a.g * k, a.b * k}; }
static colour plus(colour a, colour b) { return (colour){a.r + b.r, a.g + b.g, a.b + b.b}; }
static colour times(colour a, colour b) { return (colour){a.r * b.r, a.g * b.g, a.b * b.b}; }

/* x to the power 2^n: all the exponent a highlight needs. */
static double squared(double x, int n)
{
    while (n-- > 0)
        x *= x;
    return x;
}

static colour sky(vec dir)
{
    static const colour horizon = {1.00f, 0.62f, 0.36f}, haze = {0.66f, 0.36f, 0.46f};
    static const colour middle = {0.22f, 0.22f, 0.46f}, zenith = {0.03f, 0.06f, 0.20f};
    float up = dir.y > 0 ? (float)dir.y : 0.0f;
    colour c = up < 0.12f   ? mix(horizon, haze, up / 0.12f)
               : up < 0.35f ? mix(haze, middle, (up - 0.12f) / 0.23f)
               : up < 0.90f ? mix(middle, zenith, (up - 0.35f) / 0.55f)
                            : zenith;
    double toward = dot(dir, glow);
    if (toward > 0) {
        c = plus(c, lit((colour){1.0f, 0.60f, 0.30f}, (float)(0.35 * squared(toward, 3))));
        c = plus(c, lit((colour){1.0f, 0.80f, 0.50f}, (float)(0.80 * squared(toward, 7))));
        if (toward > 0.9972)
            c = (colour){3.0f, 2.4f, 1.5f};
    }
    return c;
}

/* Distance along the ray to the sphere, or a negative number. */
static double hit_sphere(const sphere *s, ray r)
{
    vec to = sub(s->centre, r.from);
    double along = dot(to, r.dir);
    double gap = s->radius * s->radius - (dot(to, to) - along * along);
    if (gap < 0)
        return -1;
    double half = __builtin_sqrt(gap);
    return along - half > 1e-6 ? along - half : along + half > 1e-6 ? along + half : -1;
}

static const sphere *nearest_sphere(ray r, double *distance)
{
    const sphere *found = 0;
    for (int i = 0; i < SPHERE_COUNT; i++) {
        double d = hit_sphere(&SPHERES[i], r);
        if (d > 0 && (!found || d < *distance)) {
            found = &SPHERES[i];
            *distance = d;
        }
    }
    return found;
}

/* The share of sunlight that reaches `at`: glass dims it, anything else stops it. */
static float sunlight(vec at)
{
    float share = 1.0f;
    for (int i = 0; i < SPHERE_COUNT; i++)
        if (hit_sphere(&SPHERES[i], (ray){at, sun}) > 0)
            share *= SPHERES[i].glass > 0 ? 0.75f : 0.0f;
    return share;
}

/* How much the spheres above darken a spot on the floor. */
static float floor_occlusion(vec at)
{
    float open = 1.0f;
    for (int i = 0; i < SPHERE_COUNT; i++) {
        vec to = sub(SPHERES[i].centre, at);
        double reach = SPHERES[i].radius * SPHERES[i].radius / dot(to, to);
        open *= 1.0f - (float)(0.75 * reach * reach);
    }
    return open;
}

static colour trace(ray r, int bounces);

static colour shade_floor(ray r, double distance, int bounces)
{
    vec at = add(r.from, scale(r.dir, distance));
    int odd = ((int)(at.x * 1.25 + 4000.5) + (int)(at.z * 1.25 + 4000.5)) & 1;
    colour tile = odd ? (colour){0.86f, 0.80f, 0.74f} : (colour){0.13f, 0.12f, 0.19f};
    vec above = {at.x, 1e-4, at.z};
    float light = 0.16f + 0.84f * sunlight(above);
    colour c = lit(times(tile, (colour){1.0f, 0.86f, 0.76f}), light * floor_occlusion(above));
    if (bounces > 0) {
        float grazing = (float)squared(1.0 + r.dir.y, 2);
        colour mirrored = trace((ray){above, {r.dir.x, -r.dir.y, r.dir.z}}, bounces - 1);
        c = mix(c, mirrored, 0.10f + 0.40f * grazing);
    }
    double far = distance * distance * 0.0016;
    return mix(c, sky((vec){r.dir.x, 0.0, r.dir.z}), (float)(far / (1.0 + far)));
}

/* Schlick's approximation: how much glass mirrors at this angle. */
static float fresnel(double cosine)
{
    double m = 1.0 - cosine;
    return (float)(0.04 + 0.96 * m * m * m * m * m);
}

static colour shade_glass(const sphere *s, ray r, vec at, vec normal, int bounces)
{
    double facing = -dot(r.dir, normal);
    double ratio = facing > 0 ? 1.0 / 1.5 : 1.5;
    vec n = facing > 0 ? normal : scale(normal, -1.0);
    double cosine = facing > 0 ? facing : -facing;
    double k = 1.0 - ratio * ratio * (1.0 - cosine * cosine);
    colour outside = trace((ray){add(at, scale(n, 1e-4)), reflect(r.dir, n)}, bounces - 1);
    if (k < 0)
        return outside;
    vec bent = unit(add(scale(r.dir, ratio), scale(n, ratio * cosine - __builtin_sqrt(k))));
    colour through = trace((ray){sub(at, scale(n, 1e-4)), bent}, bounces - 1);
    return mix(times(through, s->tint), outside, fresnel(cosine));
}

static colour shade_sphere(const sphere *s, ray r, double distance, int bounces)
{
    vec at = add(r.from, scale(r.dir, distance));
    vec normal = scale(sub(at, s->centre), 1.0 / s->radius);
    if (s->glass > 0 && bounces > 0)
        return shade_glass(s, r, at, normal, bounces);
    vec above = add(at, scale(normal, 1e-4));
    float sunny = sunlight(above);
    double slope = dot(normal, sun);
    float light = 0.14f + 0.10f * (float)normal.y + (slope > 0 ? 1.05f * (float)slope * sunny : 0.0f);
    colour c = lit(s->tint, light * s->diffuse);
    if (bounces > 0) {
        float mirror = s->mirror + (1.0f - s->mirror) * fresnel(-dot(r.dir, normal)) * 0.6f;
        colour seen = trace((ray){above, reflect(r.dir, normal)}, bounces - 1);
        c = plus(c, lit(times(seen, mix((colour){1, 1, 1}, s->tint, s->mirror)), mirror));
    }
    double glint = dot(reflect(r.dir, normal), sun);
    if (glint > 0)
        c = plus(c, lit((colour){1.0f, 0.90f, 0.75f}, (float)squared(glint, 6) * 0.9f * sunny));
    return c;
}

static colour trace(ray r, int bounces)
{
    double distance = 0;
    const sphere *s = nearest_sphere(r, &distance);
    double floor_at = r.dir.y < -1e-9 ? -r.from.y / r.dir.y : -1;
    if (floor_at > 1e-6 && (!s || floor_at < distance))
        return shade_floor(r, floor_at, bounces);
    return s ? shade_sphere(s, r, distance, bounces) : sky(r.dir);
}

/* Linear light to a byte: roll off the brightest, gamma 2 (the hart has a square root), more contrast. */
static uint8_t to_byte(float linear)
{
    float x = linear < 0 ? 0 : linear;
    x = x * (1.0f + 0.12f * x) / (0.94f + 0.30f * x);
    x = x < 1.0f ? __builtin_sqrtf(x) : 1.0f;
    x = 0.4f * x + 0.6f * x * x * (3.0f - 2.0f * x);
    return (uint8_t)(x * 255.0f + 0.5f);
}

static void render(int width, int height)
{
    vec eye = {0.0, 1.18, -4.3}, ahead = unit(sub((vec){0.0, 0.80, 0.6}, eye));
    vec right = unit((vec){ahead.z, 0, -ahead.x});
    vec up = {ahead.y * right.z - ahead.z * right.y, ahead.z * right.x - ahead.x * right.z,
              ahead.x * right.y - ahead.y * right.x};
    double pixel = 1.18 / width;
    for (int row = 0; row < height; row++) {
        for (int column = 0; column < width; column++) {
            colour sum = {0, 0, 0};
            for (int i = 0; i < SUBPIXELS * SUBPIXELS; i++) {
                double u = column - width * 0.5 + (i % SUBPIXELS + 0.5) / SUBPIXELS;
                double v = height * 0.5 - row - (i / SUBPIXELS + 0.5) / SUBPIXELS;
                vec dir = add(ahead, add(scale(right, u * pixel), scale(up, v * pixel)));
                sum = plus(sum, trace((ray){eye, unit(dir)}, MAX_BOUNCES));
            }
            sum = lit(sum, 1.0f / (SUBPIXELS * SUBPIXELS));
            frame[row][column][0] = to_byte(sum.r);
            frame[row][column][1] = to_byte(sum.g);
            frame[row][column][2] = to_byte(sum.b);
        }
    }
}

static void print_rgb(const char *start, const uint8_t rgb[3])
{
    print_str(start);
    for (int i = 0; i < 3; i++) {
        print_char(';');
        print_u64(rgb[i]);
    }
}

static void show_colour(int width, int height)
{
    for (int row = 0; row < height; row += 2) {
        for (int column = 0; column < width; column++) {
            print_rgb("\033[38;2", frame[row][column]);
            print_rgb(";48;2", frame[row + 1][column]);
            print_str("m\xe2\x96\x80");
        }
        print_str("\033[0m\n");
    }
}

static int luminance(const uint8_t rgb[3]) { return (54 * rgb[0] + 183 * rgb[1] + 19 * rgb[2]) >> 8; }

static void show_plain(int width, int height)
{
    static const char shades[] = " .,:;-=+*o%#@";
    for (int row = 0; row < height; row += 2) {
        for (int column = 0; column < width; column++) {
            int light = luminance(frame[row][column]) + luminance(frame[row + 1][column]);
            print_char(shades[light * (int)(sizeof shades - 1) / 512]);
        }
        print_char('\n');
    }
}

int main(int argc, char **argv)
{
    int width = 80, plain = 0;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--plain") == 0)
            plain = 1;
        else if (strcmp(argv[i], "--width") == 0 && i + 1 < argc)
            width = (int)parse_u64(argv[++i]);
    }
    for (char **env = argv + argc + 1; *env; env++)
        if (memcmp(*env, "NO_COLOR=", 9) == 0 && (*env)[9])
            plain = 1;
    width = width < 8 ? 8 : width > MAX_WIDTH ? MAX_WIDTH : width;
    int height = width * 9 / 10 & ~1;

    sun = unit((vec){-0.78, 0.62, -0.52});
    glow = unit((vec){-0.34, 0.03, 1.0});
    render(width, height);
    if (plain)
        show_plain(width, height);
    else
        show_colour(width, height);

    uint32_t sum = CHECKSUM_START;
    for (int row = 0; row < height; row++)
        sum = checksum_bytes(sum, frame[row], (size_t)width * 3);
    print_u64((uint64_t)width);
    print_char('x');
    print_u64((uint64_t)height);
    print_str(" pixels, frame checksum ");
    print_hex(sum, 8);
    print_char('\n');
    return 0;
}
