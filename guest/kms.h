// Kernel mode setting without libdrm: one dumb buffer per connected head, damage flushes, a cursor plane.
#ifndef GUEST_KMS_H
#define GUEST_KMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <drm.h>
#include <drm_mode.h>

#define KMS_HEADS_MAX 8
#define KMS_CURSOR_SIZE 64

struct kms_buffer {
    uint32_t handle;
    uint32_t fb;
    uint32_t stride; // in pixels
    size_t bytes;
    uint32_t *pixels;
};

struct kms_head {
    uint32_t connector;
    uint32_t crtc; // 0 while the head is not lit
    uint32_t possible_crtcs;
    bool connected;
    struct drm_mode_modeinfo preferred;
    int width, height;
    struct kms_buffer front;
    struct kms_buffer cursor;
};

struct kms {
    int fd; // -1 while closed
    char driver[32];
    uint32_t crtcs[KMS_HEADS_MAX];
    int crtc_count;
    struct kms_head heads[KMS_HEADS_MAX];
    int head_count;
};

// 0, or a negative errno when there is no usable device yet
int kms_open(struct kms *kms);
// gives the screen back: closing the last descriptor makes the kernel show its text console again
void kms_close(struct kms *kms);
// asks every connector for its state and preferred mode
int kms_probe(struct kms *kms);
// lights a head with a mode; the new buffer starts black. An old picture is gone.
int kms_set_mode(struct kms *kms, int head, const struct drm_mode_modeinfo *mode);
// a mode of any size at 60 Hz (virtual devices take any)
void kms_make_mode(struct drm_mode_modeinfo *mode, int width, int height);
void kms_switch_off(struct kms *kms, int head);
int kms_flush(struct kms *kms, int head, int x, int y, int width, int height);

int kms_create_buffer(struct kms *kms, int width, int height, bool framebuffer, struct kms_buffer *buffer);
void kms_destroy_buffer(struct kms *kms, struct kms_buffer *buffer);
// shows another buffer of the head's size at the next vertical blank and waits until that has happened
int kms_flip(struct kms *kms, int head, const struct kms_buffer *buffer);

// image: 64x64 ARGB, premultiplied; NULL hides the pointer
int kms_cursor_set(struct kms *kms, int head, const uint32_t *image, int hot_x, int hot_y);
int kms_cursor_move(struct kms *kms, int head, int x, int y);

#endif
