// The demo guest's screen: a landscape, a clock, what is typed and pointed at, and something that moves.
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/kd.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "canvas.h"
#include "input.h"
#include "kms.h"
#include "pictures.h"

#define FRAME_MS 50
#define AGENT_PORT "/dev/virtio-ports/com.redhat.spice.0"
#define WHITE 0xffffff
#define PALE 0xc9c3e6
#define GOLD 0xffc66d
#define CARD 0x120c2b

#define TEXT_LINES 12
#define TEXT_COLUMNS 96

struct scene {
    bool built;
    struct canvas still;  // what never moves, and what was drawn with the pointer
    struct canvas shadow; // the screen as it should be, without the pointer
    int unit;             // a sixteenth of the text size's scale: 16 on 1280x800
    struct rect clock, keyboard, pointer, motion;
};

static struct {
    struct kms kms;
    struct scene scenes[KMS_HEADS_MAX];
    struct input input;
    int uevents, agent, tty;
    bool soft_cursor, leave, moving;
    uint32_t cursor[KMS_CURSOR_SIZE * KMS_CURSOR_SIZE];
    int x, y, buttons, wheel;
    bool relative;
    char text[TEXT_LINES][TEXT_COLUMNS + 1];
    int line, leds, last_key;
    bool shift[2];
    long agent_bytes;
    bool keyboard_stale, pointer_stale;
    int frame;
} demo = {.agent = -1};

static int px(const struct scene *scene, int size)
{
    return size * scene->unit / 16;
}

// --- to the screen ----------------------------------------------------------------------------------------------------

static void show(int head, struct rect rect)
{
    struct scene *scene = &demo.scenes[head];
    struct kms_head *target = &demo.kms.heads[head];
    struct canvas front = {target->front.pixels, (int)target->front.stride, target->height};
    int x2 = rect.x + rect.width < scene->shadow.width ? rect.x + rect.width : scene->shadow.width;
    int y2 = rect.y + rect.height < scene->shadow.height ? rect.y + rect.height : scene->shadow.height;
    int x1 = rect.x < 0 ? 0 : rect.x, y1 = rect.y < 0 ? 0 : rect.y;
    if (x1 >= x2 || y1 >= y2) {
        return;
    }
    for (int y = y1; y < y2; y++) {
        uint32_t *row = front.pixels + (size_t)y * (size_t)front.width;
        memcpy(row + x1, scene->shadow.pixels + (size_t)y * (size_t)scene->shadow.width + x1, (size_t)(x2 - x1) * 4);
        int line = y - demo.y;
        if (head != 0 || !demo.soft_cursor || line < 0 || line >= KMS_CURSOR_SIZE) {
            continue;
        }
        for (int x = x1 > demo.x ? x1 : demo.x; x < x2 && x < demo.x + KMS_CURSOR_SIZE; x++) {
            uint32_t pixel = demo.cursor[line * KMS_CURSOR_SIZE + x - demo.x];
            canvas_blend(&front, x, y, pixel & 0xffffff, (int)(pixel >> 24));
        }
    }
    kms_flush(&demo.kms, head, x1, y1, x2 - x1, y2 - y1);
}

// --- the parts ----------------------------------------------------------------------------------------------------------

static void draw_landscape(struct canvas *canvas)
{
    static const uint32_t sky[4] = {0x170f3d, 0x46287a, 0xb2477f, 0xff9a62};
    static const uint32_t hill[4] = {0x5c2a6d, 0x40205c, 0x2a174a, 0x190f33};
    int width = canvas->width, height = canvas->height, horizon = height * 7 / 10;
    for (int y = 0; y < height; y++) {
        int at = (y < horizon ? y : horizon - 1) * 3;
        uint32_t colour = canvas_mix(sky[at / horizon], sky[at / horizon + 1], at % horizon, horizon);
        for (int x = 0; x < width; x++) {
            canvas->pixels[y * width + x] = colour;
        }
    }
    for (int i = 0; i < width * height / 9000; i++) {
        uint32_t noise = picture_noise((uint32_t)i, 7, 11), place = picture_noise((uint32_t)i, 9, 12);
        canvas_blend(canvas, (int)(noise % (uint32_t)width), (int)(place % (uint32_t)(horizon / 2)), WHITE,
                     60 + (int)(noise >> 16) % 150);
    }
    float sun = (float)height * 0.11f;
    for (int glow = 5; glow > 0; glow--) {
        canvas_disc(canvas, (float)width * 0.72f, (float)horizon * 0.93f, sun * (1 + (float)glow * 0.28f), 0xffd9a0, 14);
    }
    canvas_disc(canvas, (float)width * 0.72f, (float)horizon * 0.93f, sun, 0xffe3b0, 255);
    for (int layer = 0; layer < 4; layer++) {
        float base = (float)height * (0.66f + 0.085f * (float)layer), size = (float)height * 0.045f;
        for (int x = 0; x < width; x++) {
            float u = (float)x / (float)width * 6.2831853f;
            float top = base + size * (sinf(u * (1.3f + (float)layer * 0.7f) + (float)layer * 1.9f) +
                                       0.45f * sinf(u * (3.1f + (float)layer) + (float)layer));
            for (int y = top < 0 ? 0 : (int)top; y < height; y++) {
                canvas->pixels[y * width + x] = hill[layer];
            }
        }
    }
}

static void draw_card(struct scene *scene, struct rect rect, const char *title)
{
    canvas_round_rect(&scene->still, rect, px(scene, 14), CARD, 190);
    canvas_text(&scene->still, FONT_BOLD, px(scene, 20), rect.x + px(scene, 22), rect.y + px(scene, 34), GOLD, title);
}

static void draw_clock(int head)
{
    struct scene *scene = &demo.scenes[head];
    time_t now = time(NULL);
    struct tm parts;
    char text[64];
    gmtime_r(&now, &parts);
    canvas_copy(&scene->shadow, &scene->still, scene->clock);
    strftime(text, sizeof text, "%H:%M:%S", &parts);
    int right = scene->clock.x + scene->clock.width;
    canvas_text(&scene->shadow, FONT_BOLD, px(scene, 60), right - canvas_text_width(FONT_BOLD, px(scene, 60), text),
                scene->clock.y + px(scene, 52), WHITE, text);
    strftime(text, sizeof text, "%A, %d %B %Y  UTC", &parts);
    canvas_text(&scene->shadow, FONT_PLAIN, px(scene, 20), right - canvas_text_width(FONT_PLAIN, px(scene, 20), text),
                scene->clock.y + px(scene, 84), PALE, text);
    show(head, scene->clock);
}

static void draw_keyboard(void)
{
    static const char *const names[3] = {"Scroll", "Num", "Caps"};
    struct scene *scene = &demo.scenes[0];
    struct rect card = scene->keyboard;
    struct canvas *to = &scene->shadow;
    int step = px(scene, 27), left = card.x + px(scene, 22), top = card.y + px(scene, 72);
    int bottom = card.y + card.height - px(scene, 22);
    int lines = (bottom - top - px(scene, 20)) / step;
    lines = lines < 1 ? 1 : lines > TEXT_LINES ? TEXT_LINES : lines;
    canvas_copy(to, &scene->still, card);
    int first = demo.line >= lines ? demo.line - lines + 1 : 0;
    int columns = (card.width - px(scene, 60)) / (canvas_text_width(FONT_MONO, px(scene, 22), "m") + 1);
    for (int i = first; i <= demo.line; i++) {
        int length = (int)strlen(demo.text[i]), hidden = length > columns ? length - columns : 0;
        int y = top + (i - first) * step;
        int width = canvas_text(to, FONT_MONO, px(scene, 22), left, y, WHITE, demo.text[i] + hidden);
        if (i == demo.line) {
            struct rect caret = {left + width + 2, y - px(scene, 17), px(scene, 3), px(scene, 22)};
            canvas_round_rect(to, caret, 0, GOLD, 255);
        }
    }
    for (int led = 0; led < 3; led++) {
        int x = left + px(scene, 104) * (2 - led);
        bool lit = demo.leds >> led & 1;
        canvas_disc(to, (float)(x + px(scene, 7)), (float)(bottom - px(scene, 6)), (float)px(scene, 7),
                    lit ? 0x7dff9a : 0x3a3357, 255);
        canvas_text(to, FONT_PLAIN, px(scene, 18), x + px(scene, 22), bottom, lit ? WHITE : PALE, names[led]);
    }
    if (demo.last_key > 0) {
        char text[32];
        snprintf(text, sizeof text, "key %d", demo.last_key);
        canvas_text(to, FONT_PLAIN, px(scene, 18),
                    card.x + card.width - px(scene, 22) - canvas_text_width(FONT_PLAIN, px(scene, 18), text), bottom,
                    PALE, text);
    }
    show(0, card);
}

static void draw_pointer_card(void)
{
    struct scene *scene = &demo.scenes[0];
    struct rect card = scene->pointer;
    struct canvas *to = &scene->shadow;
    int left = card.x + px(scene, 22);
    char text[80];
    canvas_copy(to, &scene->still, card);
    snprintf(text, sizeof text, "%d, %d", demo.x, demo.y);
    canvas_text(to, FONT_MONO, px(scene, 34), left, card.y + px(scene, 82), WHITE, text);
    for (int i = 0; i < 3; i++) {
        struct rect button = {left + i * px(scene, 50), card.y + px(scene, 100), px(scene, 44), px(scene, 26)};
        canvas_round_rect(to, button, px(scene, 6), demo.buttons >> i & 1 ? GOLD : 0x3a3357, 255);
    }
    snprintf(text, sizeof text, "wheel %d   %s", demo.wheel, demo.relative ? "relative" : "absolute");
    canvas_text(to, FONT_PLAIN, px(scene, 18), left + px(scene, 166), card.y + px(scene, 119), PALE, text);
    // the whole screen as a small map with a cross at the pointer
    int map_width = px(scene, 96), map_height = map_width * scene->shadow.height / scene->shadow.width;
    struct rect map = {card.x + card.width - px(scene, 22) - map_width, card.y + px(scene, 22), map_width, map_height};
    canvas_round_rect(to, map, 2, 0x2a2350, 255);
    int x = map.x + demo.x * map.width / scene->shadow.width, y = map.y + demo.y * map.height / scene->shadow.height;
    canvas_round_rect(to, (struct rect){map.x, y, map.width, 1}, 0, GOLD, 200);
    canvas_round_rect(to, (struct rect){x, map.y, 1, map.height}, 0, GOLD, 200);
    snprintf(text, sizeof text, "%ld bytes from the client's agent channel", demo.agent_bytes);
    if (demo.agent_bytes > 0) {
        canvas_text(to, FONT_PLAIN, px(scene, 15), left, card.y + px(scene, 152), PALE, text);
    }
    show(0, card);
}

static void draw_motion(void)
{
    static const uint32_t colours[4] = {0xff6b8b, 0xffc66d, 0x66e0c2, 0x7aa8ff};
    struct scene *scene = &demo.scenes[0];
    struct rect card = scene->motion;
    struct rect area = {card.x + px(scene, 12), card.y + px(scene, 44), card.width - px(scene, 24),
                        card.height - px(scene, 56)};
    canvas_copy(&scene->shadow, &scene->still, area);
    for (int i = 3; i >= 0; i--) {
        for (int tail = 4; tail >= 0; tail--) {
            float t = (float)demo.frame * 0.045f - (float)i * 0.55f - (float)tail * 0.06f;
            float x = (float)area.x + (float)area.width * (0.5f + 0.43f * sinf(t * 1.5f));
            float y = (float)area.y + (float)area.height * (0.5f + 0.36f * sinf(t * 2.0f + 0.8f));
            canvas_disc(&scene->shadow, x, y, (float)px(scene, 11) - (float)tail, colours[i], 255 - tail * 55);
        }
    }
    show(0, area);
}

// --- scenes ---------------------------------------------------------------------------------------------------------------

static void place_cards(struct scene *scene)
{
    int width = scene->still.width, height = scene->still.height, margin = px(scene, 48), gap = px(scene, 24);
    int top = px(scene, 196), bottom = height - px(scene, 72);
    int left_width = (width - 2 * margin - gap) * 57 / 100, right_x = margin + left_width + gap;
    int right_width = width - margin - right_x, pointer_height = px(scene, 172);
    scene->keyboard = (struct rect){margin, top, left_width, bottom - top};
    scene->pointer = (struct rect){right_x, top, right_width, pointer_height};
    scene->motion = (struct rect){right_x, top + pointer_height + gap, right_width, bottom - top - pointer_height - gap};
    draw_card(scene, scene->keyboard, "Type");
    draw_card(scene, scene->pointer, "Point");
    draw_card(scene, scene->motion, "Watch");
    canvas_text(&scene->still, FONT_PLAIN, px(scene, 17), margin, height - px(scene, 30), PALE,
                "Esc  shell      F2  stop and go      F3  clear      left button  draw      right button  wipe");
}

static void build_scene(int head)
{
    struct scene *scene = &demo.scenes[head];
    int width = demo.kms.heads[head].width, height = demo.kms.heads[head].height;
    struct utsname name;
    char text[160];
    free(scene->still.pixels);
    free(scene->shadow.pixels);
    scene->still = (struct canvas){malloc((size_t)width * (size_t)height * 4), width, height};
    scene->shadow = (struct canvas){malloc((size_t)width * (size_t)height * 4), width, height};
    if (scene->still.pixels == NULL || scene->shadow.pixels == NULL) {
        fprintf(stderr, "demo: no memory for %dx%d\n", width, height);
        exit(1);
    }
    int by_width = width * 16 / 1280, by_height = height * 16 / 800;
    scene->unit = by_width < by_height ? by_width : by_height;
    scene->unit = scene->unit < 7 ? 7 : scene->unit;
    draw_landscape(&scene->still);
    int left = px(scene, 48);
    canvas_text(&scene->still, FONT_BOLD, px(scene, 64), left, px(scene, 100), WHITE, "spice-sidecar");
    uname(&name);
    if (head == 0) {
        snprintf(text, sizeof text, "demo guest   Linux %s   %s   %d×%d", name.release, demo.kms.driver, width, height);
    } else {
        snprintf(text, sizeof text, "demo guest   screen %d   %d×%d", head + 1, width, height);
    }
    canvas_text(&scene->still, FONT_PLAIN, px(scene, 20), left + 2, px(scene, 136), PALE, text);
    scene->clock = (struct rect){width - px(scene, 48 + 400), px(scene, 48), px(scene, 400), px(scene, 96)};
    if (head == 0) {
        place_cards(scene);
    }
    canvas_copy(&scene->shadow, &scene->still, (struct rect){0, 0, width, height});
    scene->built = true;
    show(head, (struct rect){0, 0, width, height});
    draw_clock(head);
    if (head == 0) {
        draw_keyboard();
        draw_pointer_card();
        draw_motion();
    }
}

static void set_pointer(void)
{
    int hot_x, hot_y;
    cursor_draw(0, demo.cursor, &hot_x, &hot_y);
    demo.soft_cursor = kms_cursor_set(&demo.kms, 0, demo.cursor, hot_x, hot_y) < 0;
    if (!demo.soft_cursor) {
        kms_cursor_move(&demo.kms, 0, demo.x, demo.y);
    }
}

static void follow_display(void)
{
    if (kms_probe(&demo.kms) < 0) {
        return;
    }
    for (int i = 0; i < demo.kms.head_count; i++) {
        struct kms_head *head = &demo.kms.heads[i];
        if (!head->connected) {
            kms_switch_off(&demo.kms, i);
            demo.scenes[i].built = false;
        } else if (!demo.scenes[i].built || head->width != head->preferred.hdisplay ||
                   head->height != head->preferred.vdisplay) {
            if (kms_set_mode(&demo.kms, i, &head->preferred) == 0) {
                build_scene(i);
                if (i == 0) {
                    set_pointer();
                }
            }
        }
    }
}

// --- input ------------------------------------------------------------------------------------------------------------------

static char letter_of(int code)
{
    static const char plain[] = "\0\0001234567890-=\b\tqwertyuiop[]\n\0asdfghjkl;'`\0\\zxcvbnm,./\0*\0 ";
    static const char upper[] = "\0\000!@#$%^&*()_+\b\tQWERTYUIOP{}\n\0ASDFGHJKL:\"~\0|ZXCVBNM<>?\0*\0 ";
    static const char pad[] = "789-456+1230.";
    if (code >= KEY_KP7 && code <= KEY_KPDOT) {
        return pad[code - KEY_KP7];
    }
    if (code < 0 || code >= (int)sizeof plain - 1) {
        return code == KEY_KPENTER ? '\n' : code == KEY_KPSLASH ? '/' : 0;
    }
    bool letter = plain[code] >= 'a' && plain[code] <= 'z';
    bool shift = (demo.shift[0] || demo.shift[1]) != (letter && (demo.leds & 4) != 0);
    return shift ? upper[code] : plain[code];
}

static void type(char letter)
{
    char *line = demo.text[demo.line];
    size_t length = strlen(line);
    if (letter == '\b') {
        if (length > 0) {
            line[length - 1] = 0;
        } else if (demo.line > 0) {
            demo.line--;
        }
        return;
    }
    if (letter == '\n' || length + 1 > TEXT_COLUMNS) {
        if (demo.line + 1 == TEXT_LINES) {
            memmove(demo.text[0], demo.text[1], sizeof demo.text - sizeof demo.text[0]);
        } else {
            demo.line++;
        }
        memset(demo.text[demo.line], 0, sizeof demo.text[0]);
        line = demo.text[demo.line];
        length = 0;
    }
    if (letter != '\n') {
        line[length] = letter == '\t' ? ' ' : letter;
        line[length + 1] = 0;
    }
}

static void on_key(int code, int value)
{
    if (code == KEY_LEFTSHIFT || code == KEY_RIGHTSHIFT) {
        demo.shift[code == KEY_RIGHTSHIFT] = value != 0;
    }
    if (value == 0) {
        return;
    }
    demo.last_key = code;
    demo.keyboard_stale = true;
    int lock = code == KEY_CAPSLOCK ? 4 : code == KEY_NUMLOCK ? 2 : code == KEY_SCROLLLOCK ? 1 : 0;
    if (lock != 0 && value == 1) {
        demo.leds ^= lock;
        input_set_leds(&demo.input, demo.leds);
    } else if (code == KEY_ESC) {
        demo.leave = true;
    } else if (code == KEY_F2 && value == 1) {
        demo.moving = !demo.moving;
    } else if (code == KEY_F3) {
        memset(demo.text, 0, sizeof demo.text);
        demo.line = 0;
    } else if (letter_of(code) != 0) {
        type(letter_of(code));
    }
}

static void draw_stroke(int from_x, int from_y)
{
    struct scene *scene = &demo.scenes[0];
    int dx = demo.x - from_x, dy = demo.y - from_y;
    int steps = (abs(dx) > abs(dy) ? abs(dx) : abs(dy)) / 2 + 1, reach = px(scene, 5) + 2;
    for (int i = 0; i <= steps; i++) {
        float x = (float)from_x + (float)(dx * i) / (float)steps, y = (float)from_y + (float)(dy * i) / (float)steps;
        canvas_disc(&scene->still, x, y, (float)px(scene, 4), 0x66e0c2, 255);
        canvas_disc(&scene->shadow, x, y, (float)px(scene, 4), 0x66e0c2, 255);
    }
    show(0, (struct rect){(dx < 0 ? demo.x : from_x) - reach, (dy < 0 ? demo.y : from_y) - reach, abs(dx) + 2 * reach,
                          abs(dy) + 2 * reach});
}

static void move_pointer(int x, int y)
{
    struct kms_head *head = &demo.kms.heads[0];
    int from_x = demo.x, from_y = demo.y;
    demo.x = x < 0 ? 0 : x >= head->width ? head->width - 1 : x;
    demo.y = y < 0 ? 0 : y >= head->height ? head->height - 1 : y;
    demo.pointer_stale = true;
    if (demo.soft_cursor) {
        show(0, (struct rect){from_x, from_y, KMS_CURSOR_SIZE, KMS_CURSOR_SIZE});
        show(0, (struct rect){demo.x, demo.y, KMS_CURSOR_SIZE, KMS_CURSOR_SIZE});
    } else {
        kms_cursor_move(&demo.kms, 0, demo.x, demo.y);
    }
    if (demo.buttons & 1) {
        draw_stroke(from_x, from_y);
    }
}

static void on_report(void *context, const struct input_report *report)
{
    (void)context;
    struct kms_head *head = &demo.kms.heads[0];
    int button = report->code - BTN_LEFT;
    switch (report->kind) {
    case INPUT_KEY:
        on_key(report->code, report->value);
        break;
    case INPUT_BUTTON:
        if (button >= 0 && button < 3) {
            static const int order[3] = {0, 2, 1}; // left, right, middle
            demo.buttons = report->value ? demo.buttons | 1 << order[button] : demo.buttons & ~(1 << order[button]);
            demo.pointer_stale = true;
            if (button == 1 && report->value) {
                build_scene(0);
            } else if (button == 0 && report->value) {
                draw_stroke(demo.x, demo.y);
            }
        }
        break;
    case INPUT_WHEEL:
        demo.wheel += report->value;
        demo.pointer_stale = true;
        break;
    case INPUT_RELATIVE:
        demo.relative = true;
        move_pointer(demo.x + report->x, demo.y + report->y);
        break;
    case INPUT_ABSOLUTE:
        demo.relative = false;
        move_pointer(report->x * head->width / 32768, report->y * head->height / 32768);
        break;
    default:
        break;
    }
}

// --- the loop ---------------------------------------------------------------------------------------------------------------

// an open port is what makes clients send the wanted screen size; what arrives is only counted
static void drain_agent(void)
{
    char data[4096];
    ssize_t length;
    if (demo.agent < 0) {
        demo.agent = open(AGENT_PORT, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    }
    while (demo.agent >= 0 && (length = read(demo.agent, data, sizeof data)) > 0) {
        demo.agent_bytes += length;
        demo.pointer_stale = true;
    }
}

static void wait_for_events(int timeout)
{
    struct pollfd fds[1 + INPUT_DEVICES_MAX];
    int devices = demo.input.count;
    bool input = false, display = false;
    fds[0] = (struct pollfd){.fd = demo.uevents, .events = POLLIN};
    for (int i = 0; i < devices; i++) {
        fds[1 + i] = (struct pollfd){.fd = demo.input.devices[i].fd, .events = POLLIN};
    }
    poll(fds, (nfds_t)(1 + devices), timeout);
    for (int i = devices - 1; i >= 0; i--) {
        struct input_device *device = &demo.input.devices[i];
        if (fds[1 + i].revents != 0 && !input_read(device, on_report, NULL)) {
            close(device->fd);
            *device = demo.input.devices[--demo.input.count];
        }
    }
    if (fds[0].revents != 0) {
        uevent_read(demo.uevents, &input, &display);
    }
    if (input) {
        input_scan(&demo.input);
        input_set_leds(&demo.input, demo.leds);
    }
    if (display) {
        follow_display();
    }
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int main(void)
{
    demo.uevents = uevent_open();
    input_scan(&demo.input);
    int status = kms_open(&demo.kms);
    if (status < 0 || !canvas_load_fonts("/share/fonts")) {
        fprintf(stderr, "demo: no graphical screen or no fonts: %s\n", strerror(-status));
        return 1;
    }
    demo.tty = open("/dev/tty1", O_RDWR | O_NOCTTY | O_CLOEXEC);
    ioctl(demo.tty, KDSETMODE, KD_GRAPHICS);
    ioctl(demo.tty, KDSKBMODE, K_OFF); // this program handles the keys and the lock LEDs itself
    demo.moving = true;
    strcpy(demo.text[0], "Type something.");
    demo.line = 1;
    demo.x = demo.kms.heads[0].preferred.hdisplay / 2;
    demo.y = demo.kms.heads[0].preferred.vdisplay / 2;
    follow_display();
    input_set_leds(&demo.input, 0);
    printf("demo: the screen is up\n");
    fflush(stdout);

    int64_t frame_due = now_ms();
    time_t second = time(NULL);
    while (!demo.leave) {
        int64_t left = frame_due - now_ms();
        wait_for_events(left < 0 ? 0 : (int)left);
        if (demo.keyboard_stale) {
            demo.keyboard_stale = false;
            draw_keyboard();
        }
        if (now_ms() < frame_due) {
            continue;
        }
        frame_due = now_ms() + FRAME_MS;
        drain_agent();
        if (demo.moving) {
            demo.frame++;
            draw_motion();
        }
        if (demo.pointer_stale) {
            demo.pointer_stale = false;
            draw_pointer_card();
        }
        if (time(NULL) != second) {
            second = time(NULL);
            for (int i = 0; i < demo.kms.head_count; i++) {
                if (demo.scenes[i].built) {
                    draw_clock(i);
                }
            }
        }
    }
    kms_close(&demo.kms);
    ioctl(demo.tty, KDSKBMODE, K_UNICODE);
    ioctl(demo.tty, KDSETMODE, KD_TEXT);
    return 0;
}
