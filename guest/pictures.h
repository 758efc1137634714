// Deterministic pictures and pointer images. The formulas are part of the test protocol: see README.md.
#ifndef GUEST_PICTURES_H
#define GUEST_PICTURES_H

#include <stdint.h>

#define PICTURE_KINDS 8
#define CURSOR_IMAGES 6

// one pixel (0x00RRGGBB) of picture `number` on a screen of width x height
uint32_t picture_pixel(int number, int x, int y, int width, int height);
void picture_draw(int number, uint32_t *pixels, uint32_t stride, int width, int height);
// pseudo-random 24-bit value of a point
uint32_t picture_noise(uint32_t x, uint32_t y, uint32_t seed);
// is the pixel of a pseudo letter of 8x16 set?
int picture_glyph(uint32_t letter, int x, int y);
// 64x64 premultiplied ARGB
void cursor_draw(int number, uint32_t *image, int *hot_x, int *hot_y);

#endif
