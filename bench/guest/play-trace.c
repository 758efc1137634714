// Plays traces in a guest: prepared pixels go to the screen at the times that the trace says, and nothing is computed, so
// that the guest's work is the same whoever serves its screen. The file format is that of bench/traces/trace-file.ts, raw
// pixels; traces follow each other on a disk.
//
// Commands come line by line, each gets one reply; see guest/README.md for the channel.
//   ready | ping    ready
//   leds            leds 0, for those who tell replies apart by it
//   load N          done NAME WIDTHxHEIGHT FRAMES: reads the N-th trace (from 0), sets the mode and shows its first frame
//   play            started; then the event "finished FRAMES MS MEDIAN MAX": the time from the first to the last frame in
//                   ms, and how late frames were on the screen, in us. No frame is ever left out.
//   poweroff        done
#define _GNU_SOURCE
#include "kms.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/reboot.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define MAGIC 0x52545353u
#define VERSION 1
#define CODING_RAW 0
#define BLOCK 512
#define SIDE_MAX 8192
#define TRACE_BYTES_MAX (1u << 30)
#define CLIPS_MAX 256 // what DIRTYFB takes

struct header {
    uint32_t magic, version, bytes, coding;
    uint32_t width, height;
    uint32_t images, frames, puts, damage;
    char name[24];
};

struct image {
    uint32_t width, height, offset, bytes;
};

struct frame {
    uint32_t at_ms, puts, damage;
};

struct put {
    uint32_t image, from_x, from_y, x, y, width, height;
};

struct area {
    uint32_t x, y, width, height;
};

static struct {
    int channel;
    int disk;
    struct kms kms;
    uint8_t *file; // the loaded trace
    size_t size;
    const struct header *header;
    const struct image *images;
    const struct frame *frames;
    const struct put *puts;
    const struct area *damage;
} player;

__attribute__((format(printf, 1, 2))) static void say(const char *format, ...)
{
    char line[256];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line, sizeof line - 1, format, arguments);
    va_end(arguments);
    line[length++] = '\n';
    for (int sent = 0; sent < length;) {
        ssize_t written = write(player.channel, line + sent, (size_t)(length - sent));
        if (written > 0) {
            sent += (int)written;
        } else if (written < 0 && errno != EAGAIN && errno != EINTR) {
            return;
        } else {
            nanosleep(&(struct timespec){0, 1000000}, NULL);
        }
    }
}

static uint64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void wait_until_us(uint64_t at)
{
    struct timespec until = {(time_t)(at / 1000000), (long)(at % 1000000) * 1000};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR) {
    }
}

static bool read_all(off_t offset, void *into, size_t size)
{
    for (size_t have = 0; have < size;) {
        ssize_t got = pread(player.disk, (uint8_t *)into + have, size - have, offset + (off_t)have);
        if (got <= 0) {
            return false;
        }
        have += (size_t)got;
    }
    return true;
}

static bool is_sound(const struct header *header)
{
    return header->magic == MAGIC && header->version == VERSION && header->coding == CODING_RAW &&
           header->bytes >= BLOCK && header->bytes % BLOCK == 0 && header->bytes <= TRACE_BYTES_MAX &&
           header->width >= 16 && header->height >= 16 && header->width <= SIDE_MAX && header->height <= SIDE_MAX;
}

// The tables once, so that playing checks nothing; sums in 64 bits, as every number may be anything.
static bool tables_are_sound(void)
{
    const struct header *header = player.header;
    uint64_t tables = sizeof *header + (uint64_t)header->images * sizeof(struct image) +
                      (uint64_t)header->frames * sizeof(struct frame) + (uint64_t)header->puts * sizeof(struct put) +
                      (uint64_t)header->damage * sizeof(struct area);
    if (tables > player.size || header->frames == 0) {
        return false;
    }
    player.images = (const void *)(player.file + sizeof *header);
    player.frames = (const void *)(player.images + header->images);
    player.puts = (const void *)(player.frames + header->frames);
    player.damage = (const void *)(player.puts + header->puts);
    for (uint32_t i = 0; i < header->images; i++) {
        const struct image *image = &player.images[i];
        uint64_t pixels = (uint64_t)image->width * image->height * 4;
        if (image->bytes != pixels || image->offset % 4 != 0 || (uint64_t)image->offset + pixels > player.size) {
            return false;
        }
    }
    uint64_t puts = 0, damage = 0;
    for (uint32_t i = 0; i < header->frames; i++) {
        puts += player.frames[i].puts;
        damage += player.frames[i].damage;
        if (player.frames[i].damage > CLIPS_MAX) {
            return false;
        }
    }
    for (uint32_t i = 0; i < header->puts; i++) {
        const struct put *put = &player.puts[i];
        if (put->image >= header->images ||
            (uint64_t)put->from_x + put->width > player.images[put->image].width ||
            (uint64_t)put->from_y + put->height > player.images[put->image].height ||
            (uint64_t)put->x + put->width > header->width || (uint64_t)put->y + put->height > header->height) {
            return false;
        }
    }
    for (uint32_t i = 0; i < header->damage; i++) {
        const struct area *area = &player.damage[i];
        if ((uint64_t)area->x + area->width > header->width || (uint64_t)area->y + area->height > header->height) {
            return false;
        }
    }
    return puts == header->puts && damage == header->damage;
}

static void show(const struct frame *frame, const struct put *puts, const struct area *damage)
{
    const struct kms_head *head = &player.kms.heads[0];
    const struct kms_buffer *front = &head->front;
    for (uint32_t i = 0; i < frame->puts; i++) {
        const struct put *put = &puts[i];
        const struct image *image = &player.images[put->image];
        const uint32_t *from = (const uint32_t *)(const void *)(player.file + image->offset) +
                               (size_t)put->from_y * image->width + put->from_x;
        uint32_t *to = front->pixels + (size_t)put->y * front->stride + put->x;
        for (uint32_t y = 0; y < put->height; y++, from += image->width, to += front->stride) {
            memcpy(to, from, (size_t)put->width * 4);
        }
    }
    struct drm_clip_rect clips[CLIPS_MAX];
    for (uint32_t i = 0; i < frame->damage; i++) {
        clips[i] = (struct drm_clip_rect){
            (uint16_t)damage[i].x,
            (uint16_t)damage[i].y,
            (uint16_t)(damage[i].x + damage[i].width),
            (uint16_t)(damage[i].y + damage[i].height),
        };
    }
    struct drm_mode_fb_dirty_cmd dirty = {
        .fb_id = front->fb,
        .num_clips = frame->damage,
        .clips_ptr = (uintptr_t)clips,
    };
    while (ioctl(player.kms.fd, DRM_IOCTL_MODE_DIRTYFB, &dirty) < 0 && (errno == EINTR || errno == EAGAIN)) {
    }
}

static bool light(void)
{
    struct kms_head *head = &player.kms.heads[0];
    int width = (int)player.header->width, height = (int)player.header->height;
    if (player.kms.fd < 0 && kms_open(&player.kms) < 0) {
        return false;
    }
    if (head->crtc != 0 && head->width == width && head->height == height) {
        return true;
    }
    struct drm_mode_modeinfo mode;
    kms_make_mode(&mode, width, height);
    return kms_set_mode(&player.kms, 0, &mode) == 0;
}

static void load(int number)
{
    static _Alignas(4096) uint8_t first[4096];
    off_t offset = 0;
    struct header header;
    if (player.file != NULL) {
        munmap(player.file, player.size);
        player.file = NULL;
    }
    for (int i = 0;; i++) {
        if (!read_all(offset, first, BLOCK)) {
            say("error no trace %d on the disk", number);
            return;
        }
        memcpy(&header, first, sizeof header);
        if (!is_sound(&header)) {
            say("error trace %d is none that can be played", i);
            return;
        }
        if (i == number) {
            break;
        }
        offset += (off_t)header.bytes;
    }
    player.size = header.bytes;
    player.file = mmap(NULL, player.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (player.file == MAP_FAILED || !read_all(offset, player.file, player.size)) {
        say("error no memory for trace %d, or it is cut off", number);
        player.file = player.file == MAP_FAILED ? NULL : player.file;
        return;
    }
    player.header = (const void *)player.file;
    if (!tables_are_sound()) {
        munmap(player.file, player.size);
        player.file = NULL;
        say("error trace %d is damaged", number);
        return;
    }
    if (!light()) {
        say("error no display");
        return;
    }
    show(player.frames, player.puts, player.damage);
    say("done %.23s %ux%u %u", header.name, header.width, header.height, header.frames);
}

static int by_size(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    return left < right ? -1 : left > right;
}

static void play(void)
{
    const struct put *puts = player.puts;
    const struct area *damage = player.damage;
    uint32_t count = player.header->frames;
    uint32_t *late = calloc(count, sizeof *late);
    if (late == NULL) {
        say("error no memory");
        return;
    }
    say("started");
    uint64_t start = now_us(), end = start;
    for (uint32_t i = 0; i < count; i++) {
        const struct frame *frame = &player.frames[i];
        if (i > 0) {
            uint64_t due = start + (uint64_t)(frame->at_ms - player.frames[0].at_ms) * 1000;
            wait_until_us(due);
            show(frame, puts, damage);
            end = now_us();
            late[i] = (uint32_t)(end - due);
        }
        puts += frame->puts;
        damage += frame->damage;
    }
    qsort(late, count, sizeof *late, by_size);
    say("finished %u %u %u %u", count, (unsigned)((end - start) / 1000), late[count / 2], late[count - 1]);
    free(late);
}

static void command(char *line)
{
    const char *name = strtok(line, " \t\r");
    const char *argument = strtok(NULL, " \t\r");
    if (name == NULL) {
        return;
    }
    if (strcmp(name, "ready") == 0 || strcmp(name, "ping") == 0) {
        say("ready");
    } else if (strcmp(name, "leds") == 0) {
        say("leds 0");
    } else if (strcmp(name, "load") == 0 && argument != NULL) {
        load(atoi(argument));
    } else if (strcmp(name, "play") == 0 && player.file != NULL && player.kms.fd >= 0) {
        play();
    } else if (strcmp(name, "poweroff") == 0) {
        say("done");
        reboot(RB_POWER_OFF);
    } else {
        say("error unknown command, or nothing is loaded");
    }
}

int main(int argc, char **argv)
{
    char line[256];
    size_t used = 0;
    struct termios settings;
    player.kms.fd = -1;
    player.channel = open(argc > 1 ? argv[1] : "/dev/ttyS0", O_RDWR | O_NOCTTY | O_CLOEXEC);
    player.disk = open(argc > 2 ? argv[2] : "/dev/vda", O_RDONLY | O_DIRECT | O_CLOEXEC);
    if (player.channel < 0 || player.disk < 0) {
        perror("play-trace");
        return 1;
    }
    if (tcgetattr(player.channel, &settings) == 0) {
        cfmakeraw(&settings);
        tcsetattr(player.channel, TCSANOW, &settings);
    }
    say("ready");
    for (;;) {
        ssize_t length = read(player.channel, line + used, 1);
        if (length <= 0) {
            nanosleep(&(struct timespec){0, 20000000}, NULL); // the host's end is not there
        } else if (line[used] == '\n' || used == sizeof line - 1) {
            line[used] = 0;
            used = 0;
            command(line);
        } else {
            used++;
        }
    }
}
