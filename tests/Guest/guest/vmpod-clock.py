#!/usr/bin/python3
"""Guest tool: takes the wall clock from the host after a resume, on the virtio-serial port org.vmpod.clock.0.

A record is 16 bytes: u64be Unix time in nanoseconds, u64be sequence number.  The clock is set when the sequence number advances, so a
record that is delivered twice, or an old one, does nothing.  The port carries nothing else, and nothing from the guest to the host.
"""
import os
import struct
import time

PORT_NAME = 'org.vmpod.clock.0'
POLL_S = 0.1


def find_port():
    base = '/sys/class/virtio-ports'
    while True:
        for entry in os.listdir(base) if os.path.isdir(base) else ():
            try:
                with open('%s/%s/name' % (base, entry), encoding='ascii') as f:
                    if f.read().strip() == PORT_NAME and os.path.exists('/dev/' + entry):
                        return '/dev/' + entry
            except OSError:
                pass
        time.sleep(2)                                       # a machine without the port: look again now and then


def main():
    fd, last, buf = os.open(find_port(), os.O_RDONLY), 0, b''
    while True:
        data = os.read(fd, 16 - len(buf))
        if not data:                                        # nobody at the host's side: a new one starts with a whole record
            buf = b''
            time.sleep(POLL_S)
            continue
        buf += data
        if len(buf) == 16:
            ns, sequence = struct.unpack('>QQ', buf)
            buf = b''
            if sequence != last:
                last = sequence
                time.clock_settime_ns(time.CLOCK_REALTIME, ns)


main()
