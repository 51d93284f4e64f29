#!/usr/bin/python3
"""The test guest's agent and witness, on the virtio-serial port org.vmpod.agent.0.

One JSON request a line, one JSON answer a line, answers carry the request's id.  Part of the test guest only: hostguard opens this
port under --test-agent.  The witness shows that a resumed guest is the suspended one:
  chain   h(0) = SHA-256("vmpod"), h(n+1) = SHA-256(h(n)), one step each 20 ms: the host recomputes h(n)
  heap    48 MiB of content known from the seed, every 4 KiB page beginning "vmpod-heapNNNNNN"; any altered page changes its sum
  gap     the longest time between two steps on the guest's own clock (a stop of the vCPUs also stops that clock: see GuestAgent.cs)
  canary  32-byte values = SHA-256("vmpod canary" || seed): only seeds travel on the port, so the host's side never holds the bytes
"""
import hashlib
import json
import mmap
import os
import threading
import time

PORT_NAME = 'org.vmpod.agent.0'
PAGE = 4096
RANDOM_PAGES, TEXT_PAGES, CANARY_PAGES = 4096, 8192, 256
STEP_S = 0.02
SEED = int(open('/etc/vmpod-seed', encoding='ascii').read())


class Witness:
    def __init__(self):
        self.n, self.h, self.gap = 0, hashlib.sha256(b'vmpod').digest(), 0.0
        self.lock = threading.Lock()
        self.canaries = 0
        self.heap = mmap.mmap(-1, (RANDOM_PAGES + TEXT_PAGES + CANARY_PAGES) * PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        self.sum, self.ready = None, threading.Event()

    def fill(self):
        """Half of a usual heap does not compress, half is text.  Takes about a second of emulated CPU, so it has its own thread."""
        import random                                       # here, so that the first answer does not wait for it
        rng = random.Random(SEED)
        text = ' '.join('w%d' % rng.randrange(9999) for _ in range(20000)).encode()
        for i in range(RANDOM_PAGES + TEXT_PAGES):
            body = rng.randbytes(PAGE - 16) if i < RANDOM_PAGES else text[i * 7 % 90000:i * 7 % 90000 + PAGE - 16]
            self.heap[i * PAGE:(i + 1) * PAGE] = b'vmpod-heap%06d' % i + body
        self.sum = self.digest()
        self.ready.set()

    def digest(self):
        return hashlib.blake2b(self.heap, digest_size=32).hexdigest()   # lets the chain run: hashlib frees the interpreter

    def run(self):
        last = time.monotonic()
        while True:
            time.sleep(STEP_S)
            with self.lock:
                self.n += 1
                self.h = hashlib.sha256(self.h).digest()
                now = time.monotonic()
                self.gap = max(self.gap, now - last)
                last = now

    def plant(self, seeds, path):
        self.ready.wait()
        if self.canaries + len(seeds) > CANARY_PAGES:
            raise ValueError('room for %d canaries' % CANARY_PAGES)
        with open(path, 'ab') as f:
            for seed in seeds:
                canary = hashlib.sha256(b'vmpod canary' + bytes.fromhex(seed)).digest()
                at = (RANDOM_PAGES + TEXT_PAGES + self.canaries) * PAGE
                self.heap[at:at + 96] = b'vmpod-canary%04d' % self.canaries + bytes(48) + canary
                f.write(canary.rjust(PAGE, b'.'))
                self.canaries += 1
            f.flush()
            os.fsync(f.fileno())
        self.sum = self.digest()


WITNESS = Witness()


def handle(q):
    op = q.get('op', 'ping')
    if op == 'ping':
        with WITNESS.lock:
            return dict(n=WITNESS.n, h=WITNESS.h.hex(), mono=time.monotonic(), wall=time.time(), gap=WITNESS.gap, pid=os.getpid())
    if op == 'gap':
        with WITNESS.lock:
            gap, WITNESS.gap = WITNESS.gap, 0.0
            return dict(gap=gap, n=WITNESS.n)
    if op == 'heap':
        WITNESS.ready.wait()
        return dict(ok=WITNESS.digest() == WITNESS.sum, h=WITNESS.sum)
    if op == 'canary':
        WITNESS.plant(q['seeds'], q.get('path', '/root/canaries'))
        return dict(planted=len(q['seeds']), h=WITNESS.sum)
    if op == 'sh':
        import subprocess
        started = time.monotonic()
        p = subprocess.run(['/bin/sh', '-c', q['cmd']], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                           timeout=q.get('timeout', 900), check=False)
        return dict(rc=p.returncode, out=p.stdout.decode(errors='replace')[-q.get('max', 4000):], dt=round(time.monotonic() - started, 3))
    return dict(error='unknown op')


def find_port():
    """The device by its name in sysfs: needs no udev, so the agent answers while the rest still boots."""
    base = '/sys/class/virtio-ports'
    while True:
        for entry in os.listdir(base) if os.path.isdir(base) else ():
            try:
                with open('%s/%s/name' % (base, entry), encoding='ascii') as f:
                    if f.read().strip() == PORT_NAME and os.path.exists('/dev/' + entry):
                        return '/dev/' + entry
            except OSError:
                pass
        time.sleep(0.1)


def main():
    threading.Thread(target=WITNESS.run, daemon=True).start()
    fd = os.open(find_port(), os.O_RDWR)
    threading.Thread(target=WITNESS.fill, daemon=True).start()
    out_lock = threading.Lock()

    def answer(q):
        try:
            a = handle(q)
        except Exception as e:                              # an answer in every case: the host must not wait for its time limit
            a = dict(error=repr(e)[:500])
        a['id'] = q.get('id')
        out = (json.dumps(a) + '\n').encode()
        with out_lock:
            while out:
                out = out[os.write(fd, out):]

    buf = b''
    while True:
        data = os.read(fd, 65536)
        if not data:                                        # nobody at the host's side: drop half a line of the last one
            buf = b''
            time.sleep(STEP_S)
            continue
        buf += data
        while b'\n' in buf:
            line, buf = buf.split(b'\n', 1)
            try:
                q = json.loads(line)
            except ValueError:
                continue
            if isinstance(q, dict):                         # a thread each: pings are answered while a workload runs
                threading.Thread(target=answer, args=(q,), daemon=True).start()


main()
