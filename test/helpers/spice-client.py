"""A SPICE client that is driven by lines of JSON: the stock client library without its window.

In:  {"id": 7, "do": "key-press", "scancode": 30}
Out: {"id": 7, "ok": {...}} or {"id": 7, "error": "..."}, and {"event": "...", ...} whenever something happens.
Needs python3-gi and the introspection data of spice-client-glib.
"""

import base64
import ctypes
import json
import os
import sys
import time
import zlib

import gi

gi.require_version("SpiceClientGLib", "2.0")
from gi.repository import GLib, GObject, SpiceClientGLib as Spice  # noqa: E402

on = GObject.Object.connect  # SpiceSession and SpiceChannel have a `connect` of their own

CHANNEL_NAMES = {
    1: "main", 2: "display", 3: "inputs", 4: "cursor", 5: "playback", 6: "record",
    7: "tunnel", 8: "smartcard", 9: "usbredir", 10: "port", 11: "webdav",
}


def say(message):
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


class MonitorArray(ctypes.Structure):
    """A GArray of SpiceDisplayMonitorConfig, six words each."""

    _fields_ = [("data", ctypes.POINTER(ctypes.c_int32)), ("count", ctypes.c_uint)]

    def fields(self):
        return self.data, self.count


class Display:
    """One display channel: its primary surface and what was drawn on it."""

    def __init__(self, client, channel):
        self.client = client
        self.channel = channel
        self.number = channel.get_property("channel-id")
        self.surface = None
        self.invalidations = 0
        self.frames = 0
        self.probe = None
        self.last_hash = None
        self.idle = 0
        self.latency = None
        on(channel, "display-primary-create", self.primary_create)
        on(channel, "display-primary-destroy", self.primary_destroy)
        on(channel, "display-invalidate", self.invalidate)
        on(channel, "display-mark", lambda _c, mark: self.event("mark", mark=mark))
        on(channel, "notify::monitors", self.monitors)

    def event(self, name, **fields):
        say({"event": name, "display": self.number, **fields})

    def primary_create(self, _channel, form, width, height, stride, _shmid, data):
        self.surface = {"format": form, "width": width, "height": height, "stride": stride, "data": data}
        self.event("primary", format=form, width=width, height=height, stride=stride)

    def primary_destroy(self, _channel):
        self.surface = None
        self.event("primary-destroy")

    def invalidate(self, _channel, _x, _y, _width, _height):
        self.invalidations += 1
        if self.latency is not None:
            self.latency.look()
        if self.idle == 0:
            self.idle = GLib.idle_add(self.drawn, priority=GLib.PRIORITY_LOW)

    def drawn(self):
        """Runs when the loop has nothing better to do: what a window would paint now is one frame."""
        self.idle = 0
        digest = self.digest()
        if digest is None or digest != self.last_hash:
            self.frames += 1
        self.last_hash = digest
        self.event("drawn", invalidations=self.invalidations, frames=self.frames)
        return False

    def digest(self):
        if self.probe is None or self.surface is None:
            return None
        value = 0
        surface = self.surface
        bytes_per_pixel = 2 if surface["format"] == 16 else 4
        left = self.probe["x"] * bytes_per_pixel
        for y in range(self.probe["y"], min(self.probe["y"] + self.probe["height"], surface["height"])):
            row = surface["data"] + y * surface["stride"] + left
            value = zlib.crc32(ctypes.string_at(row, self.probe["width"] * bytes_per_pixel), value)
        return value

    def pixel(self, x, y):
        surface = self.surface
        return ctypes.string_at(surface["data"] + y * surface["stride"] + x * 4, 3)

    def monitors(self, channel, _spec):
        """The property is an array of C structures, which the bindings do not see."""
        array = ctypes.c_void_p()
        name = ctypes.c_char_p(b"monitors")
        ctypes.CDLL("libgobject-2.0.so.0").g_object_get(
            ctypes.c_void_p(hash(channel)), name, ctypes.byref(array), ctypes.c_void_p(None)
        )
        if array.value is None:
            return
        data, count = ctypes.cast(array, ctypes.POINTER(MonitorArray)).contents.fields()
        heads = [dict(zip(("id", "surface", "x", "y", "width", "height"), data[6 * i : 6 * i + 6])) for i in range(count)]
        self.event("monitors", monitors=heads, most=channel.get_property("monitors-max"))


class Latency:
    """Time from a key press until one pixel has another colour."""

    def __init__(self, client, display, command):
        self.client = client
        self.display = display
        self.command = command
        self.before = display.pixel(command["x"], command["y"])
        self.timer = GLib.timeout_add(command.get("timeoutMs", 3000), self.late)
        display.latency = self
        self.start = time.perf_counter()
        Spice.InputsChannel.key_press(client.inputs, command["scancode"])

    def look(self):
        command = self.command
        if self.display.surface is None or self.display.pixel(command["x"], command["y"]) == self.before:
            return
        elapsed = (time.perf_counter() - self.start) * 1000
        GLib.source_remove(self.timer)
        self.finish({"id": command["id"], "ok": {"ms": elapsed}})

    def late(self):
        self.finish({"id": self.command["id"], "error": "the pixel did not change in time"})
        return False

    def finish(self, answer):
        self.display.latency = None
        Spice.InputsChannel.key_release(self.client.inputs, self.command["scancode"])
        say(answer)


class Client:
    def __init__(self):
        self.loop = GLib.MainLoop()
        self.session = None
        self.main = None
        self.inputs = None
        self.cursor = None
        self.displays = {}
        self.channels = []
        self.wanted = None
        self.rest = b""
        os.set_blocking(0, False)
        GLib.io_add_watch(0, GLib.PRIORITY_DEFAULT, GLib.IO_IN | GLib.IO_HUP, self.readable)

    # Commands

    def readable(self, _fd, _condition):
        try:
            data = os.read(0, 65536)
        except BlockingIOError:
            return True
        if data == b"":
            self.loop.quit()
            return False
        *lines, self.rest = (self.rest + data).split(b"\n")
        for line in lines:
            if line.strip():
                self.run(json.loads(line))
        return True

    def run(self, command):
        try:
            answer = getattr(self, "do_" + command["do"].replace("-", "_"))(command)
        except Exception as error:  # the test wants to know, whatever it was
            say({"id": command["id"], "error": f"{type(error).__name__}: {error}"})
            return
        if answer is not NotImplemented:
            say({"id": command["id"], "ok": {} if answer is None else answer})

    def do_connect(self, command):
        session = Spice.Session()
        self.session = session
        self.displays = {}
        self.channels = []
        self.wanted = command.get("channels", ["display", "inputs", "cursor"])
        for name, value in command["properties"].items():
            session.set_property(name, value)
        on(session, "channel-new", self.channel_new)
        on(session, "channel-destroy", self.channel_destroy)
        if not Spice.Session.connect(session):
            raise RuntimeError("the session does not even start")

    def do_disconnect(self, _command):
        Spice.Session.disconnect(self.session)

    def do_close_channel(self, command):
        for channel in self.channels:
            if CHANNEL_NAMES.get(channel.get_property("channel-type")) == command["channel"]:
                Spice.Channel.disconnect(channel, Spice.ChannelEvent.CLOSED)

    def do_key_press(self, command):
        Spice.InputsChannel.key_press(self.inputs, command["scancode"])

    def do_key_release(self, command):
        Spice.InputsChannel.key_release(self.inputs, command["scancode"])

    def do_key(self, command):
        Spice.InputsChannel.key_press_and_release(self.inputs, command["scancode"])

    def do_set_locks(self, command):
        Spice.InputsChannel.set_key_locks(self.inputs, command["locks"])

    def do_motion(self, command):
        Spice.InputsChannel.motion(self.inputs, command["dx"], command["dy"], command.get("buttons", 0))

    def do_position(self, command):
        Spice.InputsChannel.position(
            self.inputs, command["x"], command["y"], command.get("display", 0), command.get("buttons", 0)
        )

    def do_button_press(self, command):
        Spice.InputsChannel.button_press(self.inputs, command["button"], command["buttons"])

    def do_button_release(self, command):
        Spice.InputsChannel.button_release(self.inputs, command["button"], command["buttons"])

    def do_mouse_mode(self, command):
        Spice.MainChannel.request_mouse_mode(self.main, command["mode"])

    def do_resize(self, command):
        """Sends a MonitorsConfig; the library does so only while an agent is connected."""
        later = "heads" not in command  # the library sends one itself after a second
        # The library puts all heads into one row and says no places, unless it is told otherwise.
        self.main.set_property("disable-display-align", not later)
        self.main.set_property("disable-display-position", later)
        for head in command.get("heads", [command]):
            number = head.get("display", 0)
            Spice.MainChannel.update_display(
                self.main, number, head.get("x", 0), head.get("y", 0), head["width"], head["height"], later
            )
            if "widthMm" in head:
                Spice.MainChannel.update_display_mm(self.main, number, head["widthMm"], head["heightMm"], later)
            Spice.MainChannel.update_display_enabled(self.main, number, head.get("enabled", True), later)
        return {"sent": Spice.MainChannel.send_monitor_config(self.main)}

    def do_compression(self, command):
        display = self.displays[command.get("display", 0)]
        Spice.DisplayChannel.display_channel_change_preferred_compression(display.channel, command["type"])

    def do_video_codec(self, command):
        display = self.displays[command.get("display", 0)]
        Spice.DisplayChannel.display_channel_change_preferred_video_codec_type(display.channel, command["type"])

    def do_picture(self, command):
        display = self.displays.get(command.get("display", 0))
        surface = None if display is None else display.surface
        if surface is None:
            return {}  # between two surfaces: the asker looks again
        with open(command["path"], "wb") as file:
            file.write(ctypes.string_at(surface["data"], surface["stride"] * surface["height"]))
        return {name: surface[name] for name in ("format", "width", "height", "stride")}

    def do_probe(self, command):
        display = self.displays[command.get("display", 0)]
        display.probe = command["rect"]
        display.last_hash = display.digest()
        display.frames = 0
        display.invalidations = 0

    def do_counters(self, command):
        display = self.displays.get(command.get("display", 0))
        read = {}
        for channel in self.channels:
            name = CHANNEL_NAMES.get(channel.get_property("channel-type"), "other")
            read[name] = read.get(name, 0) + channel.get_property("total-read-bytes")
        return {
            "invalidations": 0 if display is None else display.invalidations,
            "frames": 0 if display is None else display.frames,
            "bytes": read,
        }

    def do_latency(self, command):
        Latency(self, self.displays[command.get("display", 0)], command)
        return NotImplemented  # it answers itself

    # Events

    def channel_new(self, _session, channel):
        kind = CHANNEL_NAMES.get(channel.get_property("channel-type"), "other")
        number = channel.get_property("channel-id")
        self.channels.append(channel)
        say({"event": "channel-new", "channel": kind, "number": number})
        on(channel, "channel-event", self.channel_event, kind, number)
        if kind == "main":
            self.main = channel
            on(channel, "main-mouse-update", self.mouse_mode)
            on(channel, "notify::mouse-mode", self.mouse_mode)
            on(channel, "main-agent-update", self.agent)
            return
        if kind not in self.wanted:
            return
        if kind == "display":
            self.displays[number] = Display(self, channel)
        elif kind == "inputs":
            self.inputs = channel
            on(channel, "inputs-modifiers", self.modifiers)
        elif kind == "cursor":
            self.cursor = channel
            on(channel, "cursor-set", self.cursor_set, number)
            on(channel, "cursor-move", lambda _c, x, y: self.cursor_event("cursor-move", number, x=x, y=y))
            on(channel, "cursor-hide", lambda _c: self.cursor_event("cursor-hide", number))
            on(channel, "cursor-reset", lambda _c: self.cursor_event("cursor-reset", number))
        Spice.Channel.connect(channel)

    def channel_destroy(self, _session, channel):
        if channel in self.channels:
            self.channels.remove(channel)
        kind = CHANNEL_NAMES.get(channel.get_property("channel-type"), "other")
        say({"event": "channel-destroy", "channel": kind, "number": channel.get_property("channel-id")})

    def channel_event(self, channel, event, kind, number):
        error = Spice.Channel.get_error(channel)
        state = event.value_nick
        say({
            "event": "channel", "channel": kind, "number": number, "state": state,
            "error": None if error is None else error.message,
        })

    def mouse_mode(self, channel, *_rest):
        say({"event": "mouse-mode", "mode": channel.get_property("mouse-mode")})

    def agent(self, channel):
        say({"event": "agent", "connected": channel.get_property("agent-connected")})

    def modifiers(self, channel):
        say({"event": "locks", "locks": channel.get_property("key-modifiers")})

    def cursor_event(self, name, number, **fields):
        say({"event": name, "display": number, **fields})

    def cursor_set(self, _channel, width, height, hot_x, hot_y, rgba, number):
        pixels = b"" if not rgba else ctypes.string_at(rgba, width * height * 4)
        self.cursor_event(
            "cursor-set", number, width=width, height=height, hotX=hot_x, hotY=hot_y,
            rgba=base64.b64encode(pixels).decode(),
        )


if __name__ == "__main__":
    client = Client()
    say({"event": "ready", "version": Spice.util_get_version_string()})
    client.loop.run()
