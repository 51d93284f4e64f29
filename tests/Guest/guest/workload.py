#!/usr/bin/python3
"""Scripted sessions of the test guest, all content from the seed of the disk: workload.py light|heavy|editor N."""
import hashlib
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import time
import zipfile

SEED = int(open('/etc/vmpod-seed', encoding='ascii').read())
KIND, N = sys.argv[1], int(sys.argv[2])
R = random.Random('%d/%s/%d' % (SEED, KIND, N))
HOME = '/home/user'
DOCUMENTS = HOME + '/Documents'
WORDS = [w for w in open('/usr/share/dict/american-english', encoding='utf-8').read().split() if w.isalpha() and w.isascii()]
QUIET = dict(stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
STARTED = time.time()


def say(text):
    print('%6.1fs %s' % (time.time() - STARTED, text), flush=True)


def prose(n):
    return ' '.join(w + ('.\n' if not i % 17 else '') for i, w in enumerate(R.choices(WORDS, k=n)))


def save_document(path, text, pictures):
    """An office document: a zip of XML text and pictures, written anew and renamed over, as office programs do."""
    with zipfile.ZipFile(path + '.tmp', 'w') as z:
        def entry(name):
            return zipfile.ZipInfo(name, (2026, 1, 1 + N % 28, 9, 0, 0))
        z.writestr(entry('content.xml'), '<office>' + text + '</office>', zipfile.ZIP_DEFLATED)
        for i, p in enumerate(pictures):
            z.writestr(entry('Pictures/%d.jpg' % i), p, zipfile.ZIP_STORED)
    os.replace(path + '.tmp', path)


def load_document(path):
    with zipfile.ZipFile(path) as z:
        return z.read('content.xml').decode(), [z.read(n) for n in z.namelist() if n.startswith('Pic')]


def editor():
    """Stays open between sessions with all documents in memory, and saves a journal every 5 s."""
    documents = {f: load_document(DOCUMENTS + '/' + f) for f in sorted(os.listdir(DOCUMENTS)) if f.endswith('.odt')}
    undo = []
    while True:
        time.sleep(5)
        name = R.choice(sorted(documents))
        text, pictures = documents[name]
        k = R.randrange(len(text))
        documents[name] = (text[:k] + prose(20) + text[k:], pictures)
        undo.append((name, text))
        del undo[:-50]
        with open(HOME + '/.autosave', 'w', encoding='utf-8') as f:
            f.write(documents[name][0])


def mail():
    db = sqlite3.connect(HOME + '/mail.sqlite')
    db.execute('create table if not exists m(id integer primary key, frm text, subj text, body text)')
    db.execute('create index if not exists i on m(frm)')
    rows = [(R.choice(WORDS), prose(6), prose(R.randrange(40, 600))) for _ in range(400)]
    db.executemany('insert into m(frm, subj, body) values(?, ?, ?)', rows)
    db.commit()
    db.execute('update m set subj = subj || "*" where id % 17 = ?', (N % 17,))
    db.commit()
    db.close()


def browser_cache():
    """Small files that do not compress come, and the oldest go."""
    folder = HOME + '/.cache/browser'
    os.makedirs(folder, exist_ok=True)
    for _ in range(90):
        body = R.randbytes(int(R.paretovariate(1.1) * 4096) % 300000)
        with open('%s/%s' % (folder, hashlib.sha1(body).hexdigest()), 'wb') as f:
            f.write(body)
    for name in sorted(os.listdir(folder))[:20 if N > 1 else 0]:
        os.unlink(folder + '/' + name)


def light():
    os.makedirs(DOCUMENTS, exist_ok=True)
    old = sorted(f for f in os.listdir(DOCUMENTS) if f.endswith('.odt'))
    for i in range(3 if old else 12):
        save_document('%s/report-%d-%02d.odt' % (DOCUMENTS, N, i), prose(6000), [R.randbytes(R.randrange(40, 220) << 10) for _ in range(2)])
    for name in R.sample(old, min(6, len(old))):
        text, pictures = load_document(DOCUMENTS + '/' + name)
        k = R.randrange(len(text))
        save_document(DOCUMENTS + '/' + name, text[:k] + prose(200) + text[k:], pictures)
    with open(HOME + '/notes.txt', 'a', encoding='utf-8') as f:
        f.write(prose(3000))
    mail()
    browser_cache()
    subprocess.run(['grep', '-rlI', R.choice(WORDS), '/usr/share/doc', '/etc', '/usr/lib/python3.11'], check=False, **QUIET)
    if N == 1:
        subprocess.Popen([sys.executable, __file__, 'editor', '1'], start_new_session=True, **QUIET)
    say('light session done')


def write_program(folder):
    """Ten modules of generated C, enough work for make and gcc."""
    function = ('int f%d_%d(int a,const char*s){static int t[64];int r=%d;for(int i=0;i<(a&63);i++){t[i]^=r*%d+i;r=r*31+t[(i*7)&63];'
                'if(s[i%%3]==%d)r-=strlen(s);else r^=a<<(i&7);}printf("%s %%d\\n",r);return r;}\n')
    names = [(i, j) for i in range(10) for j in range(14)]
    for i in range(10):
        with open('%s/m%02d.c' % (folder, i), 'w', encoding='ascii') as f:
            f.write('#include <stdio.h>\n#include <string.h>\n#include <stdlib.h>\n')
            for j in range(14):
                f.write(function % (i, j, R.randrange(1 << 30), R.randrange(1 << 20) | 1, R.randrange(32, 120), R.choice(WORDS)))
    with open(folder + '/main.c', 'w', encoding='ascii') as f:
        f.write(''.join('int f%d_%d(int,const char*);\n' % n for n in names))
        f.write('int main(){int r=0;' + ''.join('r^=f%d_%d(r,"abc");' % n for n in names) + 'return r&0;}\n')
    with open(folder + '/Makefile', 'w', encoding='ascii') as f:
        f.write('O=$(patsubst %.c,%.o,$(wildcard m*.c))\nprog: $(O)\n\tgcc -o $@ $^\n%.o: %.c\n\tgcc -g -O1 -c -o $@ $<\n')


def heavy():
    build = HOME + '/build'
    os.makedirs(build, exist_ok=True)
    for name in sorted(os.listdir('/opt/debs')):
        subprocess.run(['dpkg', '--unpack', '--force-all', '--force-unsafe-io', '/opt/debs/' + name], check=True, **QUIET)
        say('dpkg --unpack ' + name)
    subprocess.run(['tar', '-C', build, '-xf', '/opt/src.tar.zst'], check=True)
    say('source tree unpacked')
    write_program(build)
    subprocess.run('make -s -C %s -j%d prog && %s/prog >%s/out.txt' % (build, os.cpu_count(), build, build), shell=True, check=True)
    say('program built and run')
    text = prose(2000).encode() * 64
    with open(build + '/data.bin', 'wb') as f:
        for i in range(48):                                 # 48 MiB, half of it does not compress
            f.write(R.randbytes(1 << 19))
            f.write(text[i * 131:i * 131 + (1 << 19)])
    shutil.rmtree(build + '/src/usr/include/boost/mpl', ignore_errors=True)
    say('artefact written')


dict(light=light, heavy=heavy, editor=editor)[KIND]()
os.sync()
say('synced')
