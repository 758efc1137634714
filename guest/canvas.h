// Drawing into 32-bit pixels: shapes with soft edges, and text in TrueType fonts.
#ifndef GUEST_CANVAS_H
#define GUEST_CANVAS_H

#include <stdbool.h>
#include <stdint.h>

struct canvas {
    uint32_t *pixels; // 0x00RRGGBB, width x height
    int width, height;
};

struct rect {
    int x, y, width, height;
};

enum font { FONT_PLAIN, FONT_BOLD, FONT_MONO, FONT_COUNT };

bool canvas_load_fonts(const char *folder);
// alpha: 0 (nothing) to 255 (opaque)
void canvas_blend(struct canvas *canvas, int x, int y, uint32_t colour, int alpha);
void canvas_round_rect(struct canvas *canvas, struct rect rect, int radius, uint32_t colour, int alpha);
void canvas_disc(struct canvas *canvas, float x, float y, float radius, uint32_t colour, int alpha);
// y is the base line; returns the width
int canvas_text(struct canvas *canvas, enum font font, int size, int x, int y, uint32_t colour, const char *text);
int canvas_text_width(enum font font, int size, const char *text);
void canvas_copy(struct canvas *to, const struct canvas *from, struct rect rect);
uint32_t canvas_mix(uint32_t from, uint32_t to, int part, int whole);

#endif
