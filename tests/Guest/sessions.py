#!/usr/bin/env python3
"""sessions.py WORK GENERATIONS RAM_MIB SEED: boots WORK/disk.raw, works in it, suspends and resumes it; writes WORK/out/genN."""
import array
import hashlib
import json
import os
import socket
import subprocess
import sys
import time

WORK, GENERATIONS, RAM_MIB, SEED = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
OUT = WORK + '/out'
BOOT_S_MAX = 300
WORKLOADS = [('light', 1), ('heavy', 1), ('light', 2), ('light', 3), ('light', 4), ('heavy', 2)]
ARGUMENTS = [
    '-nodefaults', '-no-user-config', '-display', 'none', '-nic', 'none', '-accel', 'tcg,thread=multi', '-cpu', 'qemu64', '-smp', '2',
    '-machine', 'pc-i440fx-7.2,memory-backend=ram0', '-m', '%dM' % RAM_MIB,
    '-object', 'memory-backend-file,id=ram0,size=%dM,mem-path={RAM},share=on' % RAM_MIB,
    '-rtc', 'base=2027-01-04T09:00:00,clock=vm', '-seed', SEED,
    '-blockdev', 'driver=file,node-name=f0,filename={DISK},discard=unmap,detect-zeroes=unmap', '-device', 'virtio-blk-pci,drive=f0,id=vd0',
    '-chardev', 'socket,id=ser,path={RUN}/s.sock,server=on,wait=off', '-serial', 'chardev:ser',
    '-device', 'virtio-serial-pci,id=vs0',
    '-chardev', 'socket,id=ag,path={RUN}/a.sock,server=on,wait=off', '-device', 'virtserialport,chardev=ag,name=org.vmpod.agent.0',
    '-qmp', 'unix:{RUN}/q.sock,server=on,wait=off']
STARTED = time.time()


def say(text):
    print('[%3ds] %s' % (time.time() - STARTED, text), file=sys.stderr, flush=True)


def connect(path, timeout=20):
    end = time.time() + timeout
    while True:
        s = socket.socket(socket.AF_UNIX)
        try:
            s.connect(path)
            return s
        except OSError:
            s.close()
            if time.time() > end:
                raise RuntimeError('QEMU did not start: ' + open(WORK + '/qemu.log', encoding='utf-8').read()[-800:]) from None
            time.sleep(0.005)


class Monitor:
    def __init__(self):
        self.socket = connect(WORK + '/q.sock')
        self.lines = self.socket.makefile('r')
        self.lines.readline()
        self.command('qmp_capabilities')

    def command(self, name, fds=(), **arguments):
        message = [(json.dumps({'execute': name, 'arguments': arguments}) + '\n').encode()]
        self.socket.sendmsg(message, [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', fds))] if fds else [])
        while True:
            answer = json.loads(self.lines.readline())
            if 'error' in answer:
                raise RuntimeError(answer['error']['desc'])
            if 'return' in answer:
                return answer['return']

    def migrate(self, path, incoming):
        self.command('migrate-set-capabilities', capabilities=[{'capability': 'x-ignore-shared', 'state': True}])
        fd = os.open(path, os.O_RDONLY if incoming else os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        self.command('getfd', fds=[fd], fdname='m')
        os.close(fd)
        self.command('migrate-incoming' if incoming else 'migrate', uri='fd:m')
        while True:
            status = self.command('query-migrate')
            if status.get('status') == 'completed':
                return
            if status.get('status') == 'failed':
                raise RuntimeError(status)
            time.sleep(0.002)


class Agent:
    def __init__(self):
        self.socket, self.buffer, self.id = connect(WORK + '/a.sock'), b'', 0

    def call(self, timeout=1200, **request):
        self.id += 1
        request['id'] = self.id
        self.socket.settimeout(timeout)
        self.socket.sendall((json.dumps(request) + '\n').encode())
        while True:
            while b'\n' in self.buffer:
                line, self.buffer = self.buffer.split(b'\n', 1)
                answer = json.loads(line)
                if answer.get('id') == self.id:
                    return answer
            data = self.socket.recv(65536)
            if not data:
                raise EOFError('the agent is gone')
            self.buffer += data


class Machine:
    def __init__(self, incoming):
        for n in 'qas':
            if os.path.exists('%s/%s.sock' % (WORK, n)):
                os.unlink('%s/%s.sock' % (WORK, n))
        command = ['qemu-system-x86_64'] + [a.format(RAM=WORK + '/ram', DISK=WORK + '/disk.raw', RUN=WORK) for a in ARGUMENTS]
        with open(WORK + '/qemu.log', 'ab') as log:
            self.process = subprocess.Popen(command + (['-incoming', 'defer'] if incoming else []), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.monitor = Monitor()

    def suspend(self, folder):
        self.monitor.command('stop')
        self.monitor.migrate(folder + '/state.bin', False)
        self.monitor.command('quit')
        self.process.wait(20)


def chain_holds(ping):
    h = hashlib.sha256(b'vmpod').digest()
    for _ in range(ping['n']):
        h = hashlib.sha256(h).digest()
    return h.hex() == ping['h']


def save(machine, agent, generation, extra):
    folder = '%s/gen%d' % (OUT, generation)
    os.makedirs(folder)
    witness, heap = agent.call(op='ping'), agent.call(op='heap')
    started = time.time()
    machine.suspend(folder)
    suspend_s = time.time() - started
    for source, target in (('ram', 'mem.raw'), ('disk.raw', 'disk.raw')):
        subprocess.run(['cp', '--sparse=always', WORK + '/' + source, folder + '/' + target], check=True)
    version = subprocess.run(['qemu-system-x86_64', '--version'], stdout=subprocess.PIPE, text=True, check=True).stdout.split('\n')[0]
    meta = dict(generation=generation, seed=int(SEED), ram_mb=RAM_MIB, witness=witness, heap=heap['h'], suspend_s=round(suspend_s, 4),
                state_bytes=os.path.getsize(folder + '/state.bin'), qemu=version, qemu_args=ARGUMENTS, **extra)
    with open(folder + '/meta.json', 'w', encoding='utf-8') as f:
        json.dump(meta, f, indent=1)
    allocated = [os.stat(folder + '/' + n).st_blocks >> 11 for n in ('mem.raw', 'disk.raw')]
    say('gen%d: suspended in %d ms, memory %d MiB, disk %d MiB allocated' % (generation, 1000 * suspend_s, *allocated))
    return witness, heap['h']


def main():
    started = time.time()
    machine = Machine(incoming=False)
    try:
        agent = Agent()
        while True:
            try:
                agent.call(timeout=1, op='ping')
                break
            except TimeoutError:
                if time.time() - started > BOOT_S_MAX:
                    raise RuntimeError('the guest did not boot in %d s' % BOOT_S_MAX) from None
        boot_s = time.time() - started
        agent.call(op='sh', cmd='systemctl is-system-running --wait; sync')
        time.sleep(2)
        say('guest answered after %.1f s' % boot_s)
        old, heap = save(machine, agent, 0, dict(boot_s=round(boot_s, 2)))
        for generation, (kind, n) in enumerate(WORKLOADS[:GENERATIONS], 1):
            started = time.time()
            machine = Machine(incoming=True)
            machine.monitor.migrate('%s/gen%d/state.bin' % (OUT, generation - 1), True)
            machine.monitor.command('cont')
            agent = Agent()
            now = agent.call(timeout=60, op='ping')
            resume_s = time.time() - started
            sum_now = agent.call(op='heap')
            if not (chain_holds(now) and now['n'] >= old['n'] and now['pid'] == old['pid'] and sum_now['ok'] and sum_now['h'] == heap
                    and 0 <= now['mono'] - old['mono'] < resume_s + 5):
                raise RuntimeError('the witness is broken after a resume: %s, then %s' % (old, now))
            done = agent.call(op='sh', cmd='python3 /usr/local/bin/workload.py %s %d' % (kind, n))
            if done.get('rc') != 0:
                raise RuntimeError(done)
            say('resumed in %.0f ms; %s %d took %.1f s in the guest' % (resume_s * 1000, kind, n, done['dt']))
            time.sleep(1)
            old, heap = save(machine, agent, generation, dict(resume_s=round(resume_s, 4), workload='%s %d' % (kind, n), workload_s=done['dt']))
    finally:
        if machine.process.poll() is None:
            machine.process.kill()
            machine.process.wait()


main()
