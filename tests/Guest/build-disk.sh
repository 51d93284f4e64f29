#!/usr/bin/env bash
# build-disk.sh WORK FLAVOUR DISK_SIZE PACKAGES SEED: makes WORK/out/disk.raw and guest.json. Run by build-guest.sh in a mount namespace.
set -euo pipefail
HERE=$(cd "$(dirname "$(readlink -f "$0")")" && pwd)
. "$HERE/cache.sh"
W=$1 FLAVOUR=$2 DISK_SIZE=$3 PACKAGES=$4 SEED=$5
PATH=$PATH:/usr/sbin:/sbin
export SOURCE_DATE_EPOCH=1767700800 LC_ALL=C     # one date in every file that asks for one
R=$W/root D=$W/out/disk.raw
UUID=11111111-2222-3333-4444-555555555555
mkdir "$R" "$W/out" "$W/dl"

# ---- the file system. Without 64bit and metadata_csum: extlinux 6.04 cannot read them.
truncate -s "$DISK_SIZE" "$D"
mkfs.ext4 -q -F -O ^64bit,^metadata_csum -E "lazy_itable_init=1,lazy_journal_init=1,hash_seed=$UUID" -L vmpod -U $UUID "$D"
mount -o loop,noatime "$D" "$R"
rmdir "$R/lost+found"

# ---- packages. The kernel is unpacked and not installed: its hooks would build an initramfs that nobody boots.
sources=${VMPOD_DEBIAN_SOURCES:-}
for file in /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list; do
  if [ -z "$sources" ] && [ -s "$file" ]; then sources=$file; fi
done
suite=$(. /etc/os-release; [ "${ID:-}" = debian ] && echo "${VERSION_CODENAME:-bookworm}" || echo bookworm)
(
  cd "$W/dl"
  kernel=$(apt-cache depends linux-image-cloud-amd64 | sed -n 's/.*Depends: \(linux-image.*\)/\1/p' | head -1)
  [ -n "$kernel" ] || { apt-get -qq update; kernel=$(apt-cache depends linux-image-cloud-amd64 | sed -n 's/.*Depends: \(linux-image.*\)/\1/p' | head -1); }
  extra=''
  [ "$FLAVOUR" = small ] || extra='golang-1.19-src libboost1.81-dev'
  # shellcheck disable=SC2086
  apt-get -q download $kernel $extra >"$W/dl.log" 2>&1
) &
download=$!
exclude=(--dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-exclude=/usr/share/i18n/*')
[ "$FLAVOUR" = small ] && exclude+=(--dpkgopt='path-exclude=/usr/share/doc/*')
mmdebstrap --quiet --variant=minbase --mode=root --dpkgopt=force-unsafe-io "${exclude[@]}" --include="$PACKAGES" "$suite" "$R" ${sources:+"$sources"}
say "root file system made"
wait $download || { cat "$W/dl.log"; fail "the kernel's package could not be had from apt"; }

# --keep-directory-symlink: /lib is a link to /usr/lib, and must stay one.
dpkg-deb --fsys-tarfile "$W"/dl/linux-image-*.deb | tar -C "$R" --keep-directory-symlink -xf -
V=$(ls "$R/lib/modules")
if [ "$FLAVOUR" = small ]; then
  # Of a cloud kernel's 60 MiB of modules the guest can use these; the rest is drivers of machines that it never sees.
  (cd "$R/lib/modules/$V/kernel" && find . -name '*.ko' ! -path './drivers/virtio/*' ! -path './drivers/block/*' ! -path './drivers/scsi/*' ! -path './drivers/ata/*' \
    ! -path './drivers/char/*' ! -path './drivers/net/virtio_net.ko' ! -path './net/core/*' ! -path './fs/ext4/*' ! -path './fs/jbd2/*' ! -path './fs/mbcache.ko' \
    ! -path './fs/fuse/*' ! -path './drivers/firmware/qemu_fw_cfg.ko' ! -path './lib/*' ! -path './crypto/*' -delete)
fi
chroot "$R" depmod "$V"

# ---- initramfs and boot loader
MODULES="virtio_ring virtio virtio_pci_modern_dev virtio_pci_legacy_dev virtio_pci virtio_blk virtio_console scsi_common scsi_mod sd_mod libata ata_piix crc16 crc32c_generic mbcache jbd2 ext4"
I=$W/initramfs
mkdir -p "$I"/bin "$I"/m "$I"/proc "$I"/sys "$I"/dev "$I"/r
cp /bin/busybox "$I/bin/"
present=''
for m in $MODULES; do
  file=$(find "$R/lib/modules" -name "$m.ko")
  if [ -n "$file" ]; then cp "$file" "$I/m/"; present="$present $m"; fi   # what is not a module is built in
done
sed "s/@MODULES@/${present# }/g" "$HERE/guest/init" > "$I/init"
chmod +x "$I/init"
find "$I" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
(cd "$I" && find . | sort | cpio --reproducible -o -H newc 2>/dev/null | gzip -1n) > "$R/boot/initrd.gz"
mv "$R/boot/vmlinuz-$V" "$R/boot/kernel"
rm -f "$R"/boot/System.map-* "$R"/boot/config-*
mkdir -p "$R/boot/extlinux"
cp "$HERE/guest/extlinux.conf" /usr/lib/syslinux/modules/bios/ldlinux.c32 "$R/boot/extlinux/"
extlinux --install "$R/boot/extlinux" >/dev/null 2>&1

# ---- configuration
printf 'vmpod\n' > "$R/etc/hostname"
printf '/dev/vda / ext4 noatime 0 0\n' > "$R/etc/fstab"
printf '%s\n' "$SEED" > "$R/etc/vmpod-seed"
printf '%032x\n' "$SEED" > "$R/etc/machine-id"
sed -i 's/^root:[^:]*:/root::/' "$R/etc/shadow"
chroot "$R" useradd -m -s /bin/bash user
units=$R/etc/systemd/system
mkdir -p "$units/serial-getty@ttyS0.service.d" "$R/etc/systemd/journald.conf.d"
install -m 644 "$HERE/guest/autologin.conf" "$units/serial-getty@ttyS0.service.d/"
printf '[Journal]\nStorage=volatile\nRuntimeMaxUse=8M\n' > "$R/etc/systemd/journald.conf.d/vmpod.conf"
install -m 755 "$HERE"/guest/vmpod-agent.py "$HERE"/guest/vmpod-clock.py "$R/usr/local/sbin/"
install -m 755 "$HERE"/guest/workload.py "$R/usr/local/bin/"
install -m 644 "$HERE"/guest/vmpod-agent.service "$HERE"/guest/vmpod-clock.service "$units/"
systemctl --root="$R" -q enable vmpod-agent.service vmpod-clock.service
# No timers, and nothing at boot that a machine without network, TPM, screen and second user has no use for: each costs 0.5 to 2 s of emulated CPU.
systemctl --root="$R" -q mask apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer systemd-tmpfiles-clean.timer \
  e2scrub_reap.service systemd-pstore.service getty@tty1.service getty-static.service systemd-update-utmp.service systemd-update-utmp-runlevel.service \
  systemd-journal-flush.service systemd-hwdb-update.service systemd-networkd.service systemd-resolved.service modprobe@configfs.service \
  modprobe@drm.service modprobe@efi_pstore.service modprobe@fuse.service modprobe@dm_mod.service modprobe@loop.service dev-hugepages.mount dev-mqueue.mount \
  sys-kernel-debug.mount sys-kernel-tracing.mount sys-fs-fuse-connections.mount systemd-remount-fs.service systemd-machine-id-commit.service \
  systemd-random-seed.service systemd-sysctl.service systemd-sysusers.service systemd-modules-load.service systemd-user-sessions.service \
  kmod-static-nodes.service systemd-tmpfiles-setup-dev.service systemd-firstboot.service
systemctl --root="$R" -q set-default multi-user.target
mkdir -p "$R/etc/systemd/system-generators"
for generator in cryptsetup debug gpt-auto hibernate-resume integritysetup rc-local run system-update sysv veritysetup; do
  ln -s /dev/null "$R/etc/systemd/system-generators/systemd-$generator-generator"
done
# Coldplug only what the guest's units wait for.
mkdir -p "$units/systemd-udev-trigger.service.d"
printf '[Service]\nExecStart=\nExecStart=-udevadm trigger --type=devices --action=add --subsystem-match=tty --subsystem-match=block --subsystem-match=virtio-ports\n' \
  > "$units/systemd-udev-trigger.service.d/vmpod.conf"

# ---- what a heavy session unpacks: zstd packages, because xz takes 40 s of emulated CPU
if [ "$FLAVOUR" = sessions ]; then
  mkdir -p "$R/opt/debs" "$W/tree/src"
  dpkg-deb -R "$W"/dl/golang*.deb "$W/golang"
  dpkg-deb -Zzstd -z3 -b "$W/golang" "$R/opt/debs/golang-src.deb" >/dev/null
  dpkg-deb -x "$W"/dl/libboost*.deb "$W/tree/src"
  tar -C "$W/tree" --sort=name --mtime="@$SOURCE_DATE_EPOCH" -cf - src | zstd -q -3 -T2 -o "$R/opt/src.tar.zst"
fi
rm -rf "$R"/var/cache/apt/* "$R"/var/lib/apt/lists/* "$R"/var/log/*.log "$R"/var/log/apt
installed=$(chroot "$R" dpkg-query -f '.\n' -W | wc -l)
fstrim "$R" || true                                # frees what the build wrote and deleted; a file system without it is only larger
umount "$R"
e2fsck -fp "$D" >/dev/null || [ $? -le 1 ]
printf '{"flavour":"%s","seed":%s,"disk_bytes":%s,"kernel":"%s","debian":"%s","packages":%s,"build_s":%s}\n' \
  "$FLAVOUR" "$SEED" "$(stat -c %s "$D")" "$V" "$suite" "$installed" "$SECONDS" > "$W/out/guest.json"
