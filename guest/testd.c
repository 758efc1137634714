// The test guest's command server: lines in, one reply line each, event lines in between. See README.md.
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kd.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/reboot.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "input.h"
#include "kms.h"
#include "pictures.h"

#define LINE_MAX_BYTES 65536
#define JOBS_MAX 4
#define PORTS_MAX 4
#define SQUARE 64
#define DRAG_X 7
#define DRAG_Y 3
#define WINDOW_PICTURE 6
#define PORT_POLL_MS 50

enum job_kind { JOB_NONE, JOB_ANIMATE, JOB_TERM, JOB_DRAG };

struct job {
    enum job_kind kind;
    int head, x, y, width, height;
    int done, count, rate;
    uint64_t started, next;
};

struct port {
    char name[64];
    int fd;   // -1 when free
    bool off; // nobody is connected on the host: waiting on it would return at once
};

static struct {
    int channel;
    int tty;
    int uevents;
    struct kms kms;
    bool graphics;
    int picture[KMS_HEADS_MAX]; // to be drawn again after a resize
    int head;
    struct input input;
    bool events;
    bool follow, follow_lit;
    int led_bits;
    bool cursor_follows;
    struct job jobs[JOBS_MAX];
    struct port ports[PORTS_MAX];
} guest = {.channel = -1, .tty = -1, .kms.fd = -1};

static uint64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void write_all(int fd, const char *data, size_t length)
{
    while (length > 0) {
        ssize_t written = write(fd, data, length);
        if (written < 0) {
            if (errno == EINTR) {
                continue;
            }
            if (errno != EAGAIN) {
                return;
            }
            struct pollfd wait = {.fd = fd, .events = POLLOUT};
            poll(&wait, 1, -1);
            continue;
        }
        data += written;
        length -= (size_t)written;
    }
}

__attribute__((format(printf, 1, 2))) static void say(const char *format, ...)
{
    char line[512];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line, sizeof line - 1, format, arguments);
    va_end(arguments);
    if (length > (int)sizeof line - 2) {
        length = sizeof line - 2;
    }
    line[length] = '\n';
    write_all(guest.channel, line, (size_t)length + 1);
}

static void put_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd >= 0) {
        write_all(fd, text, strlen(text));
        close(fd);
    }
}

// --- screen ---------------------------------------------------------------------------------------------------------

static struct kms_head *head_at(int index)
{
    return &guest.kms.heads[index];
}

static void draw_picture(int index)
{
    struct kms_head *head = head_at(index);
    picture_draw(guest.picture[index], head->front.pixels, head->front.stride, head->width, head->height);
    kms_flush(&guest.kms, index, 0, 0, head->width, head->height);
}

static int light(int index, const struct drm_mode_modeinfo *mode)
{
    int status = kms_set_mode(&guest.kms, index, mode);
    if (status == 0) {
        draw_picture(index);
    }
    return status;
}

static int enter_graphics(void)
{
    if (guest.graphics) {
        return 0;
    }
    int status = kms_open(&guest.kms);
    if (status < 0) {
        return status;
    }
    ioctl(guest.tty, KDSETMODE, KD_GRAPHICS);
    guest.graphics = true;
    for (int i = 0; i < guest.kms.head_count && status == 0; i++) {
        if (guest.kms.heads[i].connected) {
            status = light(i, &guest.kms.heads[i].preferred);
        }
    }
    return status;
}

static void enter_text(void)
{
    memset(guest.jobs, 0, sizeof guest.jobs);
    guest.follow = false;
    if (guest.graphics) {
        kms_close(&guest.kms);
        guest.graphics = false;
    }
    ioctl(guest.tty, KDSETMODE, KD_TEXT);
    put_file("/sys/class/graphics/fbcon/cursor_blink", "0");
    static const char clear[] = "\033c\033[?25l\033[2J\033[H";
    write_all(guest.tty, clear, sizeof clear - 1);
}

static void report_mode(int index)
{
    struct kms_head *head = head_at(index);
    if (index == 0) {
        say("mode %dx%d", head->width, head->height);
    } else {
        say("mode %dx%d %d", head->width, head->height, index);
    }
}

static void display_changed(void)
{
    if (!guest.graphics || kms_probe(&guest.kms) < 0) {
        return;
    }
    for (int i = 0; i < guest.kms.head_count; i++) {
        struct kms_head *head = head_at(i);
        bool lit = head->crtc != 0;
        if (!head->connected && lit) {
            kms_switch_off(&guest.kms, i);
            report_mode(i);
        } else if (head->connected &&
                   (!lit || head->width != head->preferred.hdisplay || head->height != head->preferred.vdisplay)) {
            int status = light(i, &head->preferred);
            if (status < 0) {
                say("failed mode-set %d", -status);
            } else {
                report_mode(i);
            }
        }
    }
}

static bool fill(int index, int x, int y, int width, int height, uint32_t colour)
{
    struct kms_head *head = head_at(index);
    if (x < 0 || y < 0 || width <= 0 || height <= 0 || width > head->width - x || height > head->height - y) {
        return false;
    }
    for (int row = y; row < y + height; row++) {
        for (int column = x; column < x + width; column++) {
            head->front.pixels[(uint32_t)row * head->front.stride + (uint32_t)column] = colour;
        }
    }
    kms_flush(&guest.kms, index, x, y, width, height);
    return true;
}

static void move_pixels(struct kms_head *head, int x, int y, int width, int height, int to_x, int to_y)
{
    for (int i = 0; i < height; i++) {
        int row = to_y > y ? height - 1 - i : i;
        memmove(head->front.pixels + (uint32_t)(to_y + row) * head->front.stride + (uint32_t)to_x,
                head->front.pixels + (uint32_t)(y + row) * head->front.stride + (uint32_t)x, (size_t)width * 4);
    }
}

static void toggle_square(void)
{
    guest.follow_lit = !guest.follow_lit;
    fill(guest.head, SQUARE, SQUARE, SQUARE, SQUARE, guest.follow_lit ? 0xffffff : 0x000000);
}

// --- jobs: what goes on while other commands are answered --------------------------------------------------------------

static void animate_frame(struct job *job)
{
    // a noise ball's view wandering over a gradient: every pixel changes with every frame
    struct kms_head *head = head_at(job->head);
    uint32_t frame = (uint32_t)job->done;
    for (int y = 0; y < job->height; y++) {
        uint32_t *row = head->front.pixels + (uint32_t)(job->y + y) * head->front.stride + (uint32_t)job->x;
        for (int x = 0; x < job->width; x++) {
            uint32_t u = (uint32_t)x + frame * 3, v = (uint32_t)y + frame * 2;
            row[x] = (((u * 2) & 255) << 16 | ((v * 2) & 255) << 8 | ((u + v) & 255)) ^
                     (picture_noise(u / 4, v / 4, 3) & 0x1f1f1f);
        }
    }
    kms_flush(&guest.kms, job->head, job->x, job->y, job->width, job->height);
}

static void term_line(struct job *job)
{
    struct kms_head *head = head_at(job->head);
    uint32_t stride = head->front.stride;
    uint32_t *origin = head->front.pixels + (uint32_t)job->y * stride + (uint32_t)job->x;
    for (int y = 0; y < job->height; y++) {
        uint32_t *row = origin + (uint32_t)y * stride;
        if (y + 16 < job->height) {
            memcpy(row, row + 16 * stride, (size_t)job->width * 4);
            continue;
        }
        int glyph_row = y + 16 - job->height;
        for (int x = 0; x < job->width; x++) {
            uint32_t noise = picture_noise((uint32_t)x / 8, (uint32_t)job->done, 4);
            uint32_t letter = noise % 6 == 0 ? 0 : noise % 27;
            row[x] = picture_glyph(letter, x % 8, glyph_row) ? 0xd0d0d0 : 0x101820;
        }
    }
    kms_flush(&guest.kms, job->head, job->x, job->y, job->width, job->height);
}

// how far something has come that goes back and forth between 0 and room
static int bounce(int distance, int room)
{
    if (room <= 0) {
        return 0;
    }
    int at = distance % (2 * room);
    return at > room ? 2 * room - at : at;
}

static void draw_window(struct kms_head *head, int left, int top, int width, int height)
{
    for (int y = 0; y < height; y++) {
        uint32_t *row = head->front.pixels + (uint32_t)(top + y) * head->front.stride + (uint32_t)left;
        for (int x = 0; x < width; x++) {
            row[x] = picture_pixel(WINDOW_PICTURE, x, y, width, height);
        }
    }
}

static void drag_step(struct job *job)
{
    struct kms_head *head = head_at(job->head);
    int room_x = head->width - job->width - job->x, room_y = head->height - job->height - job->y;
    int x = job->x + bounce(job->done * DRAG_X, room_x), y = job->y + bounce(job->done * DRAG_Y, room_y);
    if (job->done == 0) {
        draw_window(head, x, y, job->width, job->height);
        kms_flush(&guest.kms, job->head, x, y, job->width, job->height);
        return;
    }
    int old_x = job->x + bounce((job->done - 1) * DRAG_X, room_x);
    int old_y = job->y + bounce((job->done - 1) * DRAG_Y, room_y);
    move_pixels(head, old_x, old_y, job->width, job->height, x, y);
    for (int row = old_y; row < old_y + job->height; row++) {
        for (int column = old_x; column < old_x + job->width; column++) {
            if (row < y || row >= y + job->height || column < x || column >= x + job->width) {
                head->front.pixels[(uint32_t)row * head->front.stride + (uint32_t)column] =
                    picture_pixel(guest.picture[job->head], column, row, head->width, head->height);
            }
        }
    }
    int left = x < old_x ? x : old_x, top = y < old_y ? y : old_y;
    int right = x + old_x - left + job->width, bottom = y + old_y - top + job->height;
    kms_flush(&guest.kms, job->head, left, top, right - left, bottom - top);
}

static void run_jobs(void)
{
    for (int i = 0; i < JOBS_MAX; i++) {
        struct job *job = &guest.jobs[i];
        if (job->kind == JOB_NONE || now_us() < job->next) {
            continue;
        }
        struct kms_head *head = head_at(job->head);
        bool fits = guest.graphics && job->x + job->width <= head->width && job->y + job->height <= head->height;
        if (fits && job->kind == JOB_ANIMATE) {
            animate_frame(job);
        } else if (fits && job->kind == JOB_DRAG) {
            drag_step(job);
        } else if (fits) {
            term_line(job);
        }
        job->done++;
        if (job->rate > 0) {
            job->next = job->started + (uint64_t)job->done * 1000000 / (uint64_t)job->rate;
        }
        if (job->done == job->count || !fits) {
            say("finished %d %llu", i, (unsigned long long)(now_us() - job->started) / 1000);
            job->kind = JOB_NONE;
        }
    }
}

static int job_timeout_ms(void)
{
    uint64_t now = now_us(), next = UINT64_MAX;
    for (int i = 0; i < JOBS_MAX; i++) {
        if (guest.jobs[i].kind != JOB_NONE && guest.jobs[i].next < next) {
            next = guest.jobs[i].next;
        }
    }
    return next == UINT64_MAX ? -1 : next <= now ? 0 : (int)((next - now + 999) / 1000);
}

// --- input ------------------------------------------------------------------------------------------------------------

static void on_report(void *context, const struct input_report *report)
{
    (void)context;
    if (guest.follow && report->kind == INPUT_KEY && report->code == KEY_A && report->value == 1) {
        toggle_square();
    }
    if (report->kind == INPUT_LED && report->code <= LED_SCROLLL) {
        static const int bit[3] = {[LED_NUML] = 2, [LED_CAPSL] = 4, [LED_SCROLLL] = 1};
        guest.led_bits = report->value ? guest.led_bits | bit[report->code] : guest.led_bits & ~bit[report->code];
    }
    if (guest.cursor_follows && guest.graphics && report->kind == INPUT_ABSOLUTE) {
        struct kms_head *head = head_at(guest.head);
        kms_cursor_move(&guest.kms, guest.head, report->x * head->width / 32768, report->y * head->height / 32768);
    }
    if (!guest.events) {
        return;
    }
    switch (report->kind) {
    case INPUT_KEY:
        say("key %d %d", report->code, report->value);
        break;
    case INPUT_BUTTON:
        say("btn %d %d", report->code, report->value);
        break;
    case INPUT_RELATIVE:
        say("rel %d %d", report->x, report->y);
        break;
    case INPUT_ABSOLUTE:
        say("abs %d %d", report->x, report->y);
        break;
    case INPUT_WHEEL:
        say("%s %d", report->code == REL_WHEEL ? "wheel" : "hwheel", report->value);
        break;
    default:
        say("led %d %d", report->code, report->value);
        break;
    }
}

// --- virtio-serial ports ------------------------------------------------------------------------------------------------

static struct port *find_port(const char *name)
{
    for (int i = 0; i < PORTS_MAX; i++) {
        if (guest.ports[i].fd >= 0 && strcmp(guest.ports[i].name, name) == 0) {
            return &guest.ports[i];
        }
    }
    return NULL;
}

static int open_port(const char *name)
{
    char path[128];
    if (strchr(name, '/') != NULL || strlen(name) >= sizeof guest.ports[0].name) {
        return -EINVAL;
    }
    if (find_port(name) != NULL) {
        return 0;
    }
    for (int i = 0; i < PORTS_MAX; i++) {
        if (guest.ports[i].fd < 0) {
            snprintf(path, sizeof path, "/dev/virtio-ports/%s", name);
            guest.ports[i].fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
            guest.ports[i].off = true;
            snprintf(guest.ports[i].name, sizeof guest.ports[i].name, "%s", name);
            return guest.ports[i].fd < 0 ? -errno : 0;
        }
    }
    return -EMFILE;
}

static void read_port(struct port *port)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char data[4096];
    char line[sizeof port->name + 16 + 2 * sizeof data];
    ssize_t length = read(port->fd, data, sizeof data);
    if (length <= 0) {
        return; // nobody is connected on the host
    }
    int at = snprintf(line, sizeof line, "data %s ", port->name);
    for (ssize_t i = 0; i < length; i++) {
        line[at++] = digits[data[i] >> 4];
        line[at++] = digits[data[i] & 15];
    }
    line[at++] = '\n';
    write_all(guest.channel, line, (size_t)at);
}

static void check_port(struct port *port)
{
    struct pollfd state = {.fd = port->fd, .events = POLLIN};
    if (port->fd < 0 || poll(&state, 1, 0) < 0) {
        return;
    }
    bool off = (state.revents & POLLHUP) != 0;
    if (off != port->off) {
        port->off = off;
        say("port %s %s", port->name, off ? "down" : "up");
    }
    if (state.revents & POLLIN) {
        read_port(port);
    }
}

static int write_port(const char *name, char *hex)
{
    struct port *port = find_port(name);
    size_t length = strlen(hex) / 2;
    if (port == NULL || length * 2 != strlen(hex)) {
        return -EINVAL;
    }
    for (size_t i = 0; i < length; i++) {
        unsigned int byte;
        if (sscanf(hex + 2 * i, "%2x", &byte) != 1) {
            return -EINVAL;
        }
        hex[i] = (char)byte;
    }
    write_all(port->fd, hex, length);
    return 0;
}

// --- commands -------------------------------------------------------------------------------------------------------------

static void scroll(int lines, int rate)
{
    struct winsize size = {0};
    ioctl(guest.tty, TIOCGWINSZ, &size);
    int columns = size.ws_col > 16 && size.ws_col < 500 ? size.ws_col : 80;
    uint64_t started = now_us();
    for (int i = 0; i < lines; i++) {
        char text[512];
        int at = snprintf(text, sizeof text, "\nline %06d ", i);
        while (at < columns - 4) {
            uint32_t noise = picture_noise((uint32_t)at, (uint32_t)i, 6);
            text[at++] = noise % 6 == 0 ? ' ' : (char)('a' + noise % 26);
        }
        write_all(guest.tty, text, (size_t)at);
        uint64_t due = started + (rate > 0 ? (uint64_t)(i + 1) * 1000000 / (uint64_t)rate : 0);
        uint64_t now = now_us();
        if (now < due) {
            usleep((useconds_t)(due - now));
        }
    }
    say("done %llu", (unsigned long long)(now_us() - started) / 1000);
}

static void answer(int status)
{
    if (status < 0) {
        say("error %s", strerror(-status));
    } else {
        say("done");
    }
}

static void start_job(enum job_kind kind, const int *n)
{
    struct kms_head *head = head_at(guest.head);
    if (n[0] < 0 || n[1] < 0 || n[2] <= 0 || n[3] < 16 || n[2] > head->width - n[0] || n[3] > head->height - n[1]) {
        say("error outside the screen");
        return;
    }
    for (int i = 0; i < JOBS_MAX; i++) {
        if (guest.jobs[i].kind == JOB_NONE) {
            uint64_t now = now_us();
            guest.jobs[i] = (struct job){kind, guest.head, n[0], n[1], n[2], n[3], 0, n[5], n[4], now, now};
            say("started %d", i);
            return;
        }
    }
    say("error too many jobs");
}

static int flips(int count, int rate)
{
    struct kms_head *head = head_at(guest.head);
    struct kms_buffer other;
    int status = kms_create_buffer(&guest.kms, head->width, head->height, true, &other);
    if (status < 0) {
        return status;
    }
    picture_draw(guest.picture[guest.head] + PICTURE_KINDS, other.pixels, other.stride, head->width, head->height);
    uint64_t started = now_us();
    for (int i = 0; i < count * 2 && status == 0; i++) {
        status = kms_flip(&guest.kms, guest.head, i & 1 ? &head->front : &other);
        uint64_t now = now_us(), due = rate > 0 ? started + (uint64_t)(i + 1) * 1000000 / (uint64_t)rate : 0;
        if (now < due) {
            usleep((useconds_t)(due - now));
        }
    }
    kms_destroy_buffer(&guest.kms, &other);
    if (status == 0) {
        say("done %llu", (unsigned long long)(now_us() - started) / 1000);
    }
    return status;
}

static void copy_area(const int *n)
{
    struct kms_head *head = head_at(guest.head);
    int x = n[0], y = n[1], width = n[2], height = n[3], to_x = n[4], to_y = n[5];
    if (x < 0 || y < 0 || to_x < 0 || to_y < 0 || width <= 0 || height <= 0 || width > head->width - x ||
        height > head->height - y || width > head->width - to_x || height > head->height - to_y) {
        say("error outside the screen");
        return;
    }
    move_pixels(head, x, y, width, height, to_x, to_y);
    kms_flush(&guest.kms, guest.head, to_x, to_y, width, height);
    say("done");
}

static void set_cursor(int number)
{
    uint32_t image[KMS_CURSOR_SIZE * KMS_CURSOR_SIZE];
    int hot_x, hot_y;
    cursor_draw(number, image, &hot_x, &hot_y);
    answer(kms_cursor_set(&guest.kms, guest.head, image, hot_x, hot_y));
}

static void graphics_command(const char *name, const int *n, int count)
{
    int status = enter_graphics();
    if (status < 0 || head_at(guest.head)->crtc == 0) {
        say("error no display %d", guest.head);
    } else if (strcmp(name, "pattern") == 0 && count == 1 && n[0] >= 0) {
        guest.picture[guest.head] = n[0];
        draw_picture(guest.head);
        say("done");
    } else if (strcmp(name, "rect") == 0 && count == 5) {
        say(fill(guest.head, n[0], n[1], n[2], n[3], (uint32_t)n[4]) ? "done" : "error outside the screen");
    } else if (strcmp(name, "copy") == 0 && count == 6) {
        copy_area(n);
    } else if (strcmp(name, "animate") == 0 && count == 6) {
        start_job(JOB_ANIMATE, n);
    } else if (strcmp(name, "term") == 0 && count == 6) {
        start_job(JOB_TERM, n);
    } else if (strcmp(name, "drag") == 0 && count == 6) {
        start_job(JOB_DRAG, n);
    } else if (strcmp(name, "flips") == 0 && count == 2) {
        status = flips(n[0], n[1]);
        if (status < 0) {
            answer(status);
        }
    } else if (strcmp(name, "cursor") == 0 && count == 1 && n[0] >= 0) {
        set_cursor(n[0]);
    } else if (strcmp(name, "movecursor") == 0 && count == 2) {
        answer(kms_cursor_move(&guest.kms, guest.head, n[0], n[1]));
    } else if (strcmp(name, "hidecursor") == 0) {
        answer(kms_cursor_set(&guest.kms, guest.head, NULL, 0, 0));
    } else {
        say("error unknown command or wrong arguments");
    }
}

static void mode_command(const char *argument)
{
    int width, height;
    struct drm_mode_modeinfo mode;
    int status = enter_graphics();
    if (status < 0 || sscanf(argument, "%dx%d", &width, &height) != 2 || width < 16 || height < 16 || width > 8192 ||
        height > 8192) {
        say("error mode WIDTHxHEIGHT");
        return;
    }
    kms_make_mode(&mode, width, height);
    answer(light(guest.head, &mode));
}

static void info(void)
{
    if (enter_graphics() < 0) {
        say("error no display");
        return;
    }
    char line[400];
    int at = snprintf(line, sizeof line, "info %s", guest.kms.driver);
    for (int i = 0; i < guest.kms.head_count; i++) {
        struct kms_head *head = head_at(i);
        at += snprintf(line + at, sizeof line - (size_t)at, " %dx%d", head->width, head->height);
    }
    say("%s", line);
}

static bool is(const char *word, const char *wanted)
{
    return word != NULL && strcmp(word, wanted) == 0;
}

static void command(char *line)
{
    char *words[10] = {0};
    int count = 0;
    for (char *word = strtok(line, " \t\r"); word != NULL && count < 10; word = strtok(NULL, " \t\r")) {
        words[count++] = word;
    }
    if (count == 0) {
        return;
    }
    int numbers[10] = {0};
    for (int i = 1; i < count; i++) {
        numbers[i - 1] = (int)strtoul(words[i], NULL, 0);
    }
    const char *name = words[0];
    if (is(name, "ready") || is(name, "ping")) {
        say("ready");
    } else if (is(name, "info")) {
        info();
    } else if (is(name, "head") && count == 2 && numbers[0] >= 0 && numbers[0] < KMS_HEADS_MAX) {
        guest.head = numbers[0];
        say("done");
    } else if (is(name, "mode") && count == 2) {
        mode_command(words[1]);
    } else if (is(name, "text")) {
        enter_text();
        say("done");
    } else if (is(name, "scroll") && count == 3) {
        enter_text();
        scroll(numbers[0], numbers[1]);
    } else if (is(name, "stop")) {
        memset(guest.jobs, 0, sizeof guest.jobs);
        say("done");
    } else if (is(name, "events")) {
        guest.events = is(words[1], "on");
        say("done");
    } else if (is(name, "follow")) {
        guest.follow = !is(words[1], "off") && enter_graphics() == 0;
        guest.follow_lit = true;
        toggle_square();
        say("done");
    } else if (is(name, "followcursor")) {
        guest.cursor_follows = !is(words[1], "off");
        say("done");
    } else if (is(name, "leds")) {
        if (count == 2) {
            input_set_leds(&guest.input, numbers[0]);
            say("done");
        } else {
            say("leds %d", guest.led_bits);
        }
    } else if (is(name, "open") && count == 2) {
        answer(open_port(words[1]));
    } else if (is(name, "write") && count == 3) {
        answer(write_port(words[1], words[2]));
    } else if (is(name, "close") && count == 2) {
        struct port *port = find_port(words[1]);
        if (port != NULL) {
            close(port->fd);
            port->fd = -1;
        }
        answer(port == NULL ? -ENOENT : 0);
    } else if (is(name, "poweroff")) {
        say("done");
        sync();
        reboot(RB_POWER_OFF);
    } else {
        graphics_command(name, numbers, count - 1);
    }
}

static bool read_channel(void)
{
    static char buffer[LINE_MAX_BYTES];
    static size_t used;
    ssize_t length = read(guest.channel, buffer + used, sizeof buffer - used);
    if (length <= 0) {
        return length < 0 && (errno == EAGAIN || errno == EINTR);
    }
    used += (size_t)length;
    char *start = buffer, *end;
    while ((end = memchr(start, '\n', used - (size_t)(start - buffer))) != NULL) {
        *end = 0;
        command(start);
        start = end + 1;
    }
    used -= (size_t)(start - buffer);
    memmove(buffer, start, used);
    if (used == sizeof buffer) {
        used = 0; // a line that never ends
    }
    return true;
}

static int open_raw(const char *path)
{
    int fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    struct termios settings;
    if (fd >= 0 && tcgetattr(fd, &settings) == 0) {
        cfmakeraw(&settings);
        settings.c_cflag |= CLOCAL;
        tcsetattr(fd, TCSANOW, &settings);
    }
    return fd;
}

static void open_tty(void)
{
    struct termios settings;
    guest.tty = open("/dev/tty1", O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (guest.tty >= 0 && tcgetattr(guest.tty, &settings) == 0) {
        settings.c_lflag &= ~(tcflag_t)(ECHO | ICANON | ISIG); // typed keys must leave no trace on the screen
        tcsetattr(guest.tty, TCSANOW, &settings);
    }
}

int main(int argc, char **argv)
{
    for (int i = 0; i < PORTS_MAX; i++) {
        guest.ports[i].fd = -1;
    }
    guest.channel = open_raw(argc > 1 ? argv[1] : "/dev/ttyS0");
    if (guest.channel < 0) {
        perror("testd");
        return 1;
    }
    open_tty();
    guest.uevents = uevent_open();
    input_scan(&guest.input);
    enter_text();
    say("ready");
    for (;;) {
        struct pollfd fds[2 + INPUT_DEVICES_MAX + PORTS_MAX];
        nfds_t count = 0;
        fds[count++] = (struct pollfd){.fd = guest.channel, .events = POLLIN};
        fds[count++] = (struct pollfd){.fd = guest.uevents, .events = POLLIN};
        int devices = guest.input.count;
        for (int i = 0; i < devices; i++) {
            fds[count++] = (struct pollfd){.fd = guest.input.devices[i].fd, .events = POLLIN};
        }
        int timeout = job_timeout_ms();
        for (int i = 0; i < PORTS_MAX; i++) {
            struct port *port = &guest.ports[i];
            fds[count++] = (struct pollfd){.fd = port->off ? -1 : port->fd, .events = POLLIN};
            if (port->fd >= 0 && port->off && (timeout < 0 || timeout > PORT_POLL_MS)) {
                timeout = PORT_POLL_MS;
            }
        }
        poll(fds, count, timeout);
        for (int i = devices - 1; i >= 0; i--) {
            struct input_device *device = &guest.input.devices[i];
            if (fds[2 + i].revents != 0 && !input_read(device, on_report, NULL)) {
                close(device->fd);
                *device = guest.input.devices[--guest.input.count];
            }
        }
        bool input = false, display = false;
        if (fds[1].revents != 0) {
            uevent_read(guest.uevents, &input, &display);
        }
        if (input) {
            input_scan(&guest.input);
        }
        if (display) {
            display_changed();
        }
        for (int i = 0; i < PORTS_MAX; i++) {
            check_port(&guest.ports[i]);
        }
        if ((fds[0].revents & POLLIN) && !read_channel()) {
            struct timespec pause = {0, 20000000}; // the host's end is not there
            nanosleep(&pause, NULL);
        } else if (fds[0].revents & (POLLHUP | POLLERR)) {
            struct timespec pause = {0, 20000000};
            nanosleep(&pause, NULL);
        }
        run_jobs();
    }
}
