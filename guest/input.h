// Every keyboard, mouse and tablet the kernel shows through evdev, and the kernel's own event socket.
#ifndef GUEST_INPUT_H
#define GUEST_INPUT_H

#include <stdbool.h>
#include <stdint.h>

#include <linux/input.h>

#define INPUT_DEVICES_MAX 16

struct input_device {
    int fd;
    int node; // N of /dev/input/eventN
    bool has_leds;
    int abs_min[2], abs_max[2];
    // what has come since the last SYN
    int rel[2], abs[2];
    bool rel_seen, abs_seen;
};

struct input {
    struct input_device devices[INPUT_DEVICES_MAX];
    int count;
};

enum input_kind { INPUT_KEY, INPUT_BUTTON, INPUT_RELATIVE, INPUT_ABSOLUTE, INPUT_WHEEL, INPUT_LED };

struct input_report {
    enum input_kind kind;
    int code, value; // key, button, wheel, LED
    int x, y;        // relative: counts; absolute: 0..32767
};

typedef void input_handler(void *context, const struct input_report *report);

// opens what is new and closes what is gone
void input_scan(struct input *input);
// reads one device until it is empty; false when the device is gone
bool input_read(struct input_device *device, input_handler *handler, void *context);
// LED bits as in the kernel's KDSETLED: 0 scroll, 1 num, 2 caps
void input_set_leds(struct input *input, int bits);

// a descriptor on which the kernel announces devices and display changes
int uevent_open(void);
// empties it; true in *input when an input device came or went, in *display when a connector changed
void uevent_read(int fd, bool *input, bool *display);

#endif
