#define _GNU_SOURCE
#include "input.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define NODES_MAX 32

static bool known(const struct input *input, int node)
{
    for (int i = 0; i < input->count; i++) {
        if (input->devices[i].node == node) {
            return true;
        }
    }
    return false;
}

void input_scan(struct input *input)
{
    for (int node = 0; node < NODES_MAX && input->count < INPUT_DEVICES_MAX; node++) {
        char path[40];
        snprintf(path, sizeof path, "/dev/input/event%d", node);
        if (known(input, node)) {
            continue;
        }
        int fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0) {
            continue;
        }
        struct input_device *device = &input->devices[input->count++];
        memset(device, 0, sizeof *device);
        device->fd = fd;
        device->node = node;
        unsigned long types = 0;
        ioctl(fd, EVIOCGBIT(0, sizeof types), &types);
        device->has_leds = (types & (1ul << EV_LED)) != 0;
        for (int axis = 0; axis < 2; axis++) {
            struct input_absinfo info;
            if ((types & (1ul << EV_ABS)) && ioctl(fd, EVIOCGABS(axis), &info) == 0) {
                device->abs_min[axis] = info.minimum;
                device->abs_max[axis] = info.maximum;
                device->abs[axis] = info.value;
            }
        }
    }
}

static int scaled(const struct input_device *device, int axis)
{
    int span = device->abs_max[axis] - device->abs_min[axis];
    return span <= 0 ? 0 : (int)((int64_t)(device->abs[axis] - device->abs_min[axis]) * 32767 / span);
}

static void handle(struct input_device *device, const struct input_event *event, input_handler *handler, void *context)
{
    struct input_report report = {.code = event->code, .value = event->value};
    switch (event->type) {
    case EV_KEY:
        report.kind = event->code >= BTN_MISC && event->code < KEY_OK ? INPUT_BUTTON : INPUT_KEY;
        handler(context, &report);
        break;
    case EV_LED:
        report.kind = INPUT_LED; // at once: the text console sets LEDs without a SYN
        handler(context, &report);
        break;
    case EV_REL:
        if (event->code == REL_X || event->code == REL_Y) {
            device->rel[event->code] += event->value;
            device->rel_seen = true;
        } else if (event->code == REL_WHEEL || event->code == REL_HWHEEL) {
            report.kind = INPUT_WHEEL;
            handler(context, &report);
        }
        break;
    case EV_ABS:
        if (event->code == ABS_X || event->code == ABS_Y) {
            device->abs[event->code] = event->value;
            device->abs_seen = true;
        }
        break;
    case EV_SYN:
        if (device->rel_seen) {
            report = (struct input_report){.kind = INPUT_RELATIVE, .x = device->rel[0], .y = device->rel[1]};
            handler(context, &report);
        }
        if (device->abs_seen) {
            report = (struct input_report){.kind = INPUT_ABSOLUTE, .x = scaled(device, 0), .y = scaled(device, 1)};
            handler(context, &report);
        }
        device->rel[0] = device->rel[1] = 0;
        device->rel_seen = device->abs_seen = false;
        break;
    default:
        break;
    }
}

bool input_read(struct input_device *device, input_handler *handler, void *context)
{
    struct input_event events[64];
    for (;;) {
        ssize_t length = read(device->fd, events, sizeof events);
        if (length <= 0) {
            return length < 0 && (errno == EAGAIN || errno == EINTR);
        }
        for (size_t i = 0; i < (size_t)length / sizeof *events; i++) {
            handle(device, &events[i], handler, context);
        }
    }
}

void input_set_leds(struct input *input, int bits)
{
    static const int codes[3] = {LED_SCROLLL, LED_NUML, LED_CAPSL};
    for (int i = 0; i < input->count; i++) {
        if (!input->devices[i].has_leds) {
            continue;
        }
        struct input_event events[4] = {0};
        for (int led = 0; led < 3; led++) {
            events[led].type = EV_LED;
            events[led].code = (uint16_t)codes[led];
            events[led].value = (bits >> led) & 1;
        }
        events[3].type = EV_SYN;
        if (write(input->devices[i].fd, events, sizeof events) < 0) {
            continue; // a device that has just gone
        }
    }
}

int uevent_open(void)
{
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT);
    struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = 1};
    if (fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) < 0) {
        close(fd);
        return -1;
    }
    return fd;
}

void uevent_read(int fd, bool *input, bool *display)
{
    char text[8192];
    ssize_t length;
    while ((length = recv(fd, text, sizeof text - 1, 0)) > 0) {
        text[length] = 0;
        for (char *line = text; line < text + length; line += strlen(line) + 1) {
            *input |= strcmp(line, "SUBSYSTEM=input") == 0;
            *display |= strcmp(line, "SUBSYSTEM=drm") == 0;
        }
    }
}
