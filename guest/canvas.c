#include "canvas.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STB_TRUETYPE_IMPLEMENTATION
#define STBTT_STATIC
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#include <stb/stb_truetype.h>
#pragma GCC diagnostic pop

#define GLYPHS_MAX 1024

struct glyph {
    enum font font;
    int size, letter;
    int width, height, left, top;
    float advance;
    unsigned char *coverage;
};

static stbtt_fontinfo fonts[FONT_COUNT];
static struct glyph glyphs[GLYPHS_MAX];
static int glyph_count;

bool canvas_load_fonts(const char *folder)
{
    static const char *const names[FONT_COUNT] = {"DejaVuSans.ttf", "DejaVuSans-Bold.ttf", "DejaVuSansMono.ttf"};
    for (int i = 0; i < FONT_COUNT; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        FILE *file = fopen(path, "rb");
        if (file == NULL) {
            return false;
        }
        fseek(file, 0, SEEK_END);
        size_t size = (size_t)ftell(file);
        rewind(file);
        unsigned char *data = malloc(size);
        bool read = data != NULL && fread(data, 1, size, file) == size;
        fclose(file);
        if (!read || !stbtt_InitFont(&fonts[i], data, 0)) {
            return false;
        }
    }
    return true;
}

uint32_t canvas_mix(uint32_t from, uint32_t to, int part, int whole)
{
    uint32_t result = 0;
    for (int shift = 0; shift <= 16; shift += 8) {
        int a = (int)(from >> shift & 255), b = (int)(to >> shift & 255);
        result |= (uint32_t)(a + (b - a) * part / whole) << shift;
    }
    return result;
}

void canvas_blend(struct canvas *canvas, int x, int y, uint32_t colour, int alpha)
{
    if (x < 0 || y < 0 || x >= canvas->width || y >= canvas->height || alpha <= 0) {
        return;
    }
    uint32_t *pixel = &canvas->pixels[y * canvas->width + x];
    if (alpha >= 255) {
        *pixel = colour;
        return;
    }
    uint32_t a = (uint32_t)alpha, b = 255 - a;
    uint32_t red = ((*pixel >> 16 & 255) * b + (colour >> 16 & 255) * a) / 255;
    uint32_t green = ((*pixel >> 8 & 255) * b + (colour >> 8 & 255) * a) / 255;
    uint32_t blue = ((*pixel & 255) * b + (colour & 255) * a) / 255;
    *pixel = red << 16 | green << 8 | blue;
}

static float corner(float x, float y, float radius)
{
    float inside = radius + 0.5f - sqrtf(x * x + y * y);
    return inside <= 0 ? 0 : inside >= 1 ? 1 : inside;
}

void canvas_round_rect(struct canvas *canvas, struct rect rect, int radius, uint32_t colour, int alpha)
{
    for (int y = 0; y < rect.height; y++) {
        int dy = y < radius ? radius - y : y >= rect.height - radius ? y - (rect.height - radius - 1) : 0;
        for (int x = 0; x < rect.width; x++) {
            int dx = x < radius ? radius - x : x >= rect.width - radius ? x - (rect.width - radius - 1) : 0;
            int here = dx && dy ? (int)((float)alpha * corner((float)dx, (float)dy, (float)radius)) : alpha;
            canvas_blend(canvas, rect.x + x, rect.y + y, colour, here);
        }
    }
}

void canvas_disc(struct canvas *canvas, float cx, float cy, float radius, uint32_t colour, int alpha)
{
    for (int y = (int)(cy - radius - 1); y <= (int)(cy + radius + 1); y++) {
        for (int x = (int)(cx - radius - 1); x <= (int)(cx + radius + 1); x++) {
            float inside = corner((float)x - cx, (float)y - cy, radius);
            canvas_blend(canvas, x, y, colour, (int)((float)alpha * inside));
        }
    }
}

static const struct glyph *find_glyph(enum font font, int size, int letter)
{
    for (int i = 0; i < glyph_count; i++) {
        if (glyphs[i].letter == letter && glyphs[i].size == size && glyphs[i].font == font) {
            return &glyphs[i];
        }
    }
    if (glyph_count == GLYPHS_MAX) {
        for (int i = 0; i < GLYPHS_MAX; i++) {
            stbtt_FreeBitmap(glyphs[i].coverage, NULL);
        }
        glyph_count = 0;
    }
    struct glyph *glyph = &glyphs[glyph_count++];
    float scale = stbtt_ScaleForPixelHeight(&fonts[font], (float)size);
    int advance, bearing;
    stbtt_GetCodepointHMetrics(&fonts[font], letter, &advance, &bearing);
    *glyph = (struct glyph){.font = font, .size = size, .letter = letter, .advance = (float)advance * scale};
    glyph->coverage = stbtt_GetCodepointBitmap(&fonts[font], 0, scale, letter, &glyph->width, &glyph->height,
                                               &glyph->left, &glyph->top);
    return glyph;
}

static int next_letter(const char **text)
{
    const unsigned char *at = (const unsigned char *)*text;
    int letter = *at++;
    int more = letter >= 0xe0 ? 2 : letter >= 0xc0 ? 1 : 0;
    letter = more == 2 ? letter & 15 : more == 1 ? letter & 31 : letter;
    while (more-- > 0 && (*at & 0xc0) == 0x80) {
        letter = letter << 6 | (*at++ & 63);
    }
    *text = (const char *)at;
    return letter;
}

int canvas_text(struct canvas *canvas, enum font font, int size, int x, int y, uint32_t colour, const char *text)
{
    float at = 0;
    while (*text) {
        const struct glyph *glyph = find_glyph(font, size, next_letter(&text));
        int left = x + (int)at + glyph->left;
        for (int row = 0; canvas != NULL && row < glyph->height; row++) {
            for (int column = 0; column < glyph->width; column++) {
                canvas_blend(canvas, left + column, y + glyph->top + row, colour,
                             glyph->coverage[row * glyph->width + column]);
            }
        }
        at += glyph->advance;
    }
    return (int)at;
}

int canvas_text_width(enum font font, int size, const char *text)
{
    return canvas_text(NULL, font, size, 0, 0, 0, text);
}

void canvas_copy(struct canvas *to, const struct canvas *from, struct rect rect)
{
    int x2 = rect.x + rect.width < to->width ? rect.x + rect.width : to->width;
    int y2 = rect.y + rect.height < to->height ? rect.y + rect.height : to->height;
    int x = rect.x < 0 ? 0 : rect.x;
    for (int y = rect.y < 0 ? 0 : rect.y; y < y2 && x < x2; y++) {
        memcpy(to->pixels + y * to->width + x, from->pixels + y * from->width + x, (size_t)(x2 - x) * 4);
    }
}
