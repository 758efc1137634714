#include "pictures.h"

#define CURSOR 64

uint32_t picture_noise(uint32_t x, uint32_t y, uint32_t seed)
{
    uint32_t h = x * 374761393u + y * 668265263u + seed * 2246822519u;
    h = (h ^ (h >> 13)) * 1274126177u;
    return (h ^ (h >> 16)) & 0xffffff;
}

int picture_glyph(uint32_t letter, int x, int y)
{
    if (letter == 0 || x == 7 || y < 3 || y > 12) {
        return 0;
    }
    return (int)(picture_noise((uint32_t)x, (uint32_t)y, letter) & 1);
}

uint32_t picture_pixel(int number, int x, int y, int width, int height)
{
    static const uint32_t bars[8] = {0xffffff, 0xffff00, 0x00ffff, 0x00ff00, 0xff00ff, 0xff0000, 0x0000ff, 0x000000};
    uint32_t seed = (uint32_t)number / PICTURE_KINDS;
    uint32_t colour = 0;
    uint32_t right = width > 1 ? (uint32_t)(width - 1) : 1;
    uint32_t bottom = height > 1 ? (uint32_t)(height - 1) : 1;
    uint32_t red = (uint32_t)x * 255 / right;
    uint32_t green = (uint32_t)y * 255 / bottom;
    switch (number % PICTURE_KINDS) {
    case 0:
        colour = 0x204060;
        break;
    case 1:
        colour = red << 16 | green << 8 | 128;
        break;
    case 2:
        colour = ((x / 16 + y / 16) & 1) ? 0xffffff : 0x000000;
        break;
    case 3:
        colour = picture_noise((uint32_t)x, (uint32_t)y, 0);
        break;
    case 4:
        colour = bars[x * 8 / width];
        break;
    case 5:
        if (x == 0 || y == 0 || x == width - 1 || y == height - 1) {
            colour = 0xff0000;
        } else {
            colour = x == y || x == width - 1 - y ? 0x0000ff : 0xffffff;
        }
        break;
    case 6: {
        uint32_t letter = picture_noise((uint32_t)x / 8, (uint32_t)y / 16, 1) % 27;
        colour = picture_glyph(letter, x % 8, y % 16) ? 0xd0d0d0 : 0x101820;
        break;
    }
    default:
        colour = (red << 16 | green << 8 | 64) ^ (picture_noise((uint32_t)x, (uint32_t)y, 2) & 0x070707);
        break;
    }
    return colour ^ (seed * 0x9e3779b1u & 0xffffff);
}

void picture_draw(int number, uint32_t *pixels, uint32_t stride, int width, int height)
{
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            pixels[(uint32_t)y * stride + (uint32_t)x] = picture_pixel(number, x, y, width, height);
        }
    }
}

static uint32_t grey(uint32_t alpha, uint32_t level)
{
    uint32_t value = level * alpha / 255;
    return alpha << 24 | value << 16 | value << 8 | value;
}

static uint32_t arrow_pixel(int x, int y)
{
    // a triangle with a tail: white inside, black border, a soft shadow
    int inside = x >= 1 && y >= 1 && x <= y - 1 && x + y <= 26;
    int tail = x >= y - 12 && x <= y - 8 && x + y > 24 && x + y < 38;
    int border = x >= 0 && x <= y && x + y <= 28;
    int tail_border = x >= y - 14 && x <= y - 6 && x + y > 24 && x + y < 40;
    if (inside || tail) {
        return 0xffffffff;
    }
    if (border || tail_border) {
        return 0xff000000;
    }
    return x <= y + 2 && x + y <= 34 && x >= 2 && y >= 4 ? 0x40000000 : 0;
}

void cursor_draw(int number, uint32_t *image, int *hot_x, int *hot_y)
{
    static const int hot[CURSOR_IMAGES][2] = {{0, 0}, {0, 0}, {16, 16}, {32, 32}, {8, 16}, {63, 63}};
    *hot_x = hot[number % CURSOR_IMAGES][0];
    *hot_y = hot[number % CURSOR_IMAGES][1];
    for (int y = 0; y < CURSOR; y++) {
        for (int x = 0; x < CURSOR; x++) {
            uint32_t *pixel = &image[y * CURSOR + x];
            int dx = x - 32, dy = y - 32;
            int distance = dx * dx + dy * dy;
            *pixel = 0;
            switch (number % CURSOR_IMAGES) {
            case 0:
                *pixel = arrow_pixel(x, y);
                break;
            case 2:
                if (x < 32 && y < 32) {
                    *pixel = 0xff000000 | (uint32_t)(x * 8) << 16 | (uint32_t)(y * 8) << 8 | 0x80;
                }
                break;
            case 3:
                if (distance < 1024) {
                    *pixel = grey((uint32_t)(255 - distance / 4), 255);
                }
                break;
            case 4:
                if (((x < 17) && (y == 0 || y == 31)) || (x == 8 && y < 32)) {
                    *pixel = 0xffffffff;
                } else if ((x == 7 || x == 9) && y < 32) {
                    *pixel = 0xff000000;
                }
                break;
            case 5:
                *pixel = 0xff000000 | picture_noise((uint32_t)x, (uint32_t)y, 5);
                break;
            default:
                break;
            }
        }
    }
}
