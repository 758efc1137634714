#include "kms.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

static int call(int fd, unsigned long request, void *argument)
{
    int result;
    do {
        result = ioctl(fd, request, argument);
    } while (result < 0 && (errno == EINTR || errno == EAGAIN));
    return result < 0 ? -errno : 0;
}

static int open_card(struct kms *kms, const char *path)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0) {
        return -errno;
    }
    uint64_t dumb[2] = {DRM_CAP_DUMB_BUFFER, 0};
    struct drm_mode_card_res res = {0};
    int status = call(fd, DRM_IOCTL_GET_CAP, dumb);
    if (status == 0 && dumb[1] == 0) {
        status = -ENODEV;
    }
    if (status == 0) {
        status = call(fd, DRM_IOCTL_MODE_GETRESOURCES, &res);
    }
    if (status == 0 && (res.count_connectors == 0 || res.count_crtcs == 0)) {
        status = -ENODEV;
    }
    if (status < 0) {
        close(fd);
        return status;
    }
    struct drm_version version = {.name = kms->driver, .name_len = sizeof kms->driver - 1};
    memset(kms->driver, 0, sizeof kms->driver);
    call(fd, DRM_IOCTL_VERSION, &version);
    kms->fd = fd;
    return 0;
}

int kms_open(struct kms *kms)
{
    memset(kms, 0, sizeof *kms);
    kms->fd = -1;
    for (int i = 0; i < 4; i++) {
        char path[32];
        snprintf(path, sizeof path, "/dev/dri/card%d", i);
        if (open_card(kms, path) == 0) {
            call(kms->fd, DRM_IOCTL_SET_MASTER, NULL);
            return kms_probe(kms);
        }
    }
    return -ENODEV;
}

void kms_close(struct kms *kms)
{
    if (kms->fd < 0) {
        return;
    }
    for (int i = 0; i < kms->head_count; i++) {
        kms_cursor_set(kms, i, NULL, 0, 0);
        kms_destroy_buffer(kms, &kms->heads[i].cursor);
        kms_destroy_buffer(kms, &kms->heads[i].front);
    }
    call(kms->fd, DRM_IOCTL_DROP_MASTER, NULL);
    close(kms->fd);
    kms->fd = -1;
}

static int probe_connector(struct kms *kms, struct kms_head *head)
{
    struct drm_mode_get_connector info = {.connector_id = head->connector};
    int status = call(kms->fd, DRM_IOCTL_MODE_GETCONNECTOR, &info);
    if (status < 0) {
        return status;
    }
    uint32_t count = info.count_modes;
    struct drm_mode_modeinfo *modes = calloc(count + 1, sizeof *modes);
    uint32_t *encoders = calloc(info.count_encoders + 1, sizeof *encoders);
    struct drm_mode_get_connector again = {
        .connector_id = head->connector,
        // a count of 0 would probe again; one spare entry keeps the second call cheap
        .count_modes = count + 1,
        .modes_ptr = (uintptr_t)modes,
        .count_encoders = info.count_encoders,
        .encoders_ptr = (uintptr_t)encoders,
    };
    status = call(kms->fd, DRM_IOCTL_MODE_GETCONNECTOR, &again);
    if (status == 0) {
        uint32_t usable = again.count_modes <= count ? again.count_modes : count;
        head->connected = again.connection == 1 && usable > 0;
        for (uint32_t i = 0; i < usable; i++) {
            if (i == 0 || (modes[i].type & DRM_MODE_TYPE_PREFERRED)) {
                head->preferred = modes[i];
                if (modes[i].type & DRM_MODE_TYPE_PREFERRED) {
                    break;
                }
            }
        }
        head->possible_crtcs = 0;
        for (uint32_t i = 0; i < again.count_encoders && i < info.count_encoders; i++) {
            struct drm_mode_get_encoder encoder = {.encoder_id = encoders[i]};
            if (call(kms->fd, DRM_IOCTL_MODE_GETENCODER, &encoder) == 0) {
                head->possible_crtcs |= encoder.possible_crtcs;
            }
        }
    }
    free(modes);
    free(encoders);
    return status;
}

int kms_probe(struct kms *kms)
{
    uint32_t connectors[KMS_HEADS_MAX] = {0};
    uint32_t crtcs[KMS_HEADS_MAX] = {0};
    struct drm_mode_card_res res = {0};
    int status = call(kms->fd, DRM_IOCTL_MODE_GETRESOURCES, &res);
    if (status < 0) {
        return status;
    }
    if (res.count_connectors > KMS_HEADS_MAX || res.count_crtcs > KMS_HEADS_MAX) {
        return -E2BIG;
    }
    struct drm_mode_card_res again = {
        .count_connectors = res.count_connectors,
        .connector_id_ptr = (uintptr_t)connectors,
        .count_crtcs = res.count_crtcs,
        .crtc_id_ptr = (uintptr_t)crtcs,
    };
    status = call(kms->fd, DRM_IOCTL_MODE_GETRESOURCES, &again);
    if (status < 0) {
        return status;
    }
    kms->crtc_count = (int)again.count_crtcs;
    memcpy(kms->crtcs, crtcs, sizeof crtcs);
    kms->head_count = (int)again.count_connectors;
    for (int i = 0; i < kms->head_count; i++) {
        kms->heads[i].connector = connectors[i];
        status = probe_connector(kms, &kms->heads[i]);
        if (status < 0) {
            return status;
        }
    }
    return 0;
}

static uint32_t choose_crtc(struct kms *kms, int head)
{
    if (kms->heads[head].crtc != 0) {
        return kms->heads[head].crtc;
    }
    for (int i = 0; i < kms->crtc_count; i++) {
        bool taken = false;
        for (int other = 0; other < kms->head_count; other++) {
            taken |= kms->heads[other].crtc == kms->crtcs[i];
        }
        if (!taken && (kms->heads[head].possible_crtcs & (1u << i))) {
            return kms->crtcs[i];
        }
    }
    return 0;
}

int kms_create_buffer(struct kms *kms, int width, int height, bool framebuffer, struct kms_buffer *buffer)
{
    struct drm_mode_create_dumb create = {.width = (uint32_t)width, .height = (uint32_t)height, .bpp = 32};
    int status = call(kms->fd, DRM_IOCTL_MODE_CREATE_DUMB, &create);
    if (status < 0) {
        return status;
    }
    memset(buffer, 0, sizeof *buffer);
    buffer->handle = create.handle;
    buffer->bytes = create.size;
    buffer->stride = create.pitch / 4;
    struct drm_mode_map_dumb map = {.handle = create.handle};
    status = call(kms->fd, DRM_IOCTL_MODE_MAP_DUMB, &map);
    if (status == 0) {
        void *address = mmap(NULL, create.size, PROT_READ | PROT_WRITE, MAP_SHARED, kms->fd, (off_t)map.offset);
        if (address == MAP_FAILED) {
            status = -errno;
        } else {
            buffer->pixels = address;
            memset(address, 0, create.size);
        }
    }
    if (status == 0 && framebuffer) {
        struct drm_mode_fb_cmd add = {
            .width = (uint32_t)width,
            .height = (uint32_t)height,
            .pitch = create.pitch,
            .bpp = 32,
            .depth = 24,
            .handle = create.handle,
        };
        status = call(kms->fd, DRM_IOCTL_MODE_ADDFB, &add);
        buffer->fb = add.fb_id;
    }
    if (status < 0) {
        kms_destroy_buffer(kms, buffer);
    }
    return status;
}

void kms_destroy_buffer(struct kms *kms, struct kms_buffer *buffer)
{
    if (buffer->pixels != NULL) {
        munmap(buffer->pixels, buffer->bytes);
    }
    if (buffer->fb != 0) {
        call(kms->fd, DRM_IOCTL_MODE_RMFB, &buffer->fb);
    }
    if (buffer->handle != 0) {
        struct drm_mode_destroy_dumb destroy = {.handle = buffer->handle};
        call(kms->fd, DRM_IOCTL_MODE_DESTROY_DUMB, &destroy);
    }
    memset(buffer, 0, sizeof *buffer);
}

void kms_make_mode(struct drm_mode_modeinfo *mode, int width, int height)
{
    memset(mode, 0, sizeof *mode);
    mode->hdisplay = (uint16_t)width;
    mode->hsync_start = (uint16_t)(width + 16);
    mode->hsync_end = (uint16_t)(width + 48);
    mode->htotal = (uint16_t)(width + 96);
    mode->vdisplay = (uint16_t)height;
    mode->vsync_start = (uint16_t)(height + 3);
    mode->vsync_end = (uint16_t)(height + 6);
    mode->vtotal = (uint16_t)(height + 20);
    mode->clock = (uint32_t)mode->htotal * mode->vtotal * 60 / 1000;
    mode->vrefresh = 60;
    mode->type = DRM_MODE_TYPE_USERDEF;
    snprintf(mode->name, sizeof mode->name, "%dx%d", width, height);
}

int kms_set_mode(struct kms *kms, int index, const struct drm_mode_modeinfo *mode)
{
    struct kms_head *head = &kms->heads[index];
    uint32_t crtc = choose_crtc(kms, index);
    if (crtc == 0) {
        return -EBUSY;
    }
    struct kms_buffer buffer;
    int status = kms_create_buffer(kms, mode->hdisplay, mode->vdisplay, true, &buffer);
    if (status < 0) {
        return status;
    }
    struct drm_mode_crtc set = {
        .crtc_id = crtc,
        .fb_id = buffer.fb,
        .set_connectors_ptr = (uintptr_t)&head->connector,
        .count_connectors = 1,
        .mode_valid = 1,
        .mode = *mode,
    };
    status = call(kms->fd, DRM_IOCTL_MODE_SETCRTC, &set);
    if (status < 0) {
        kms_destroy_buffer(kms, &buffer);
        return status;
    }
    kms_destroy_buffer(kms, &head->front);
    head->front = buffer;
    head->crtc = crtc;
    head->width = mode->hdisplay;
    head->height = mode->vdisplay;
    return 0;
}

void kms_switch_off(struct kms *kms, int index)
{
    struct kms_head *head = &kms->heads[index];
    if (head->crtc == 0) {
        return;
    }
    kms_cursor_set(kms, index, NULL, 0, 0);
    struct drm_mode_crtc set = {.crtc_id = head->crtc};
    call(kms->fd, DRM_IOCTL_MODE_SETCRTC, &set);
    kms_destroy_buffer(kms, &head->front);
    head->crtc = 0;
    head->width = 0;
    head->height = 0;
}

int kms_flush(struct kms *kms, int index, int x, int y, int width, int height)
{
    struct kms_head *head = &kms->heads[index];
    int x2 = x + width < head->width ? x + width : head->width;
    int y2 = y + height < head->height ? y + height : head->height;
    x = x < 0 ? 0 : x;
    y = y < 0 ? 0 : y;
    if (head->crtc == 0 || x >= x2 || y >= y2) {
        return 0;
    }
    struct drm_clip_rect clip = {(uint16_t)x, (uint16_t)y, (uint16_t)x2, (uint16_t)y2};
    struct drm_mode_fb_dirty_cmd dirty = {.fb_id = head->front.fb, .num_clips = 1, .clips_ptr = (uintptr_t)&clip};
    int status = call(kms->fd, DRM_IOCTL_MODE_DIRTYFB, &dirty);
    return status == -ENOSYS ? 0 : status; // a driver without it shows the memory itself
}

int kms_flip(struct kms *kms, int index, const struct kms_buffer *buffer)
{
    struct drm_mode_crtc_page_flip flip = {
        .crtc_id = kms->heads[index].crtc,
        .fb_id = buffer->fb,
        .flags = DRM_MODE_PAGE_FLIP_EVENT,
    };
    int status = call(kms->fd, DRM_IOCTL_MODE_PAGE_FLIP, &flip);
    if (status < 0) {
        return status;
    }
    char event[256];
    return read(kms->fd, event, sizeof event) < 0 ? -errno : 0;
}

int kms_cursor_set(struct kms *kms, int index, const uint32_t *image, int hot_x, int hot_y)
{
    struct kms_head *head = &kms->heads[index];
    struct kms_buffer fresh = {0};
    struct drm_mode_cursor2 cursor = {.flags = DRM_MODE_CURSOR_BO, .crtc_id = head->crtc};
    if (head->crtc == 0) {
        return 0;
    }
    if (image != NULL) {
        // a buffer of its own for each image: the driver may still read the old one
        int status = kms_create_buffer(kms, KMS_CURSOR_SIZE, KMS_CURSOR_SIZE, false, &fresh);
        if (status < 0) {
            return status;
        }
        for (int y = 0; y < KMS_CURSOR_SIZE; y++) {
            memcpy(fresh.pixels + (size_t)y * fresh.stride, image + y * KMS_CURSOR_SIZE, KMS_CURSOR_SIZE * 4);
        }
        cursor.width = KMS_CURSOR_SIZE;
        cursor.height = KMS_CURSOR_SIZE;
        cursor.handle = fresh.handle;
        cursor.hot_x = hot_x;
        cursor.hot_y = hot_y;
    }
    int status = call(kms->fd, DRM_IOCTL_MODE_CURSOR2, &cursor);
    if (status < 0) {
        kms_destroy_buffer(kms, &fresh);
        return status;
    }
    kms_destroy_buffer(kms, &head->cursor);
    head->cursor = fresh;
    return 0;
}

int kms_cursor_move(struct kms *kms, int index, int x, int y)
{
    struct drm_mode_cursor2 cursor = {
        .flags = DRM_MODE_CURSOR_MOVE,
        .crtc_id = kms->heads[index].crtc,
        .x = x,
        .y = y,
    };
    return kms->heads[index].crtc == 0 ? 0 : call(kms->fd, DRM_IOCTL_MODE_CURSOR2, &cursor);
}
