//! The guest's first files: busybox, the modules that reach this machine's root folder, the script, and the program `init`.

use std::{
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use super::{Job, kernel::Unpacked};

/// What reaches this machine's files; these need others, which `modules.dep` names.
const MODULES: [&str; 4] = ["virtio_pci", "9pnet_virtio", "9p", "overlay"];

/// Mounts this machine's root folder below a layer in memory and runs the script there. Its exit status goes to the port that
/// QEMU listens at. The kernel finds `modprobe` and the modules here, for what a program in the guest asks for.
const INIT: &str = r#"#!/bin/busybox sh
export PATH=/bin
/bin/busybox --install -s /bin
end() { printf "\\$(printf %o "$1")" | dd of=/dev/port bs=1 seek=244 2>/dev/null; poweroff -f; }
stop() { echo "init: $1"; end 125; }
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
ip link set lo up
for module in /first/*; do insmod $module || stop "cannot load $module"; done
mount -t 9p -o trans=virtio,version=9p2000.L,ro,cache=loose,msize=1048576 root /host || stop "cannot mount the root folder"
mount -t tmpfs memory /layer
mkdir /layer/upper /layer/work
mount -t overlay -o lowerdir=/host,upperdir=/layer/upper,workdir=/layer/work overlay /root || stop "cannot mount the layer"
for folder in proc sys dev; do mount -o rbind /$folder /root/$folder; done
mount -t bpf bpf /root/sys/fs/bpf || stop "cannot mount a BPF file system"
for folder in tmp run; do mount -t tmpfs memory /root/$folder; done
if [ -e /with-outbox ]; then
    mkdir /root/run/outbox
    mount -t 9p -o trans=virtio,version=9p2000.L,msize=1048576 outbox /root/run/outbox || stop "cannot mount the outbox"
fi
while read module; do modprobe $module || stop "cannot load $module"; done < /modules
echo "Linux $(uname -r), $(nproc) processor(s), software emulation"
cp /script /root/run/script
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb
/bin/chroot /root /bin/sh /run/script
status=$?
export PATH=/bin
end $status
"#;

/// A file that the guest boots from. Removed when dropped.
pub(super) struct Initramfs(PathBuf);

impl Initramfs {
    pub(super) fn write(folder: &Path, kernel: &Unpacked, job: &Job<'_>) -> Result<Self> {
        let mut archive = Archive::default();
        for name in [
            "bin", "proc", "sys", "dev", "host", "layer", "root", "sbin", "lib", "first",
        ] {
            archive.add(name, Kind::Folder, &[]);
        }
        let busybox = read(&kernel.busybox)?;
        archive.add("bin/busybox", Kind::Program, &busybox);
        archive.add("sbin/modprobe", Kind::Link, b"/bin/busybox");
        let modules = kernel
            .modules
            .parent()
            .context("modules without a folder")?;
        let seen_from_inside = format!("/host{}", modules.display());
        archive.add("lib/modules", Kind::Link, seen_from_inside.as_bytes());
        for (index, module) in in_order(&kernel.modules)?.iter().enumerate() {
            let name = module.file_name().context("a module without a name")?;
            let content = read(module)?;
            archive.add(
                &format!("first/{index:02}-{}", name.display()),
                Kind::File,
                &content,
            );
        }
        if job.outbox.is_some() {
            archive.add("with-outbox", Kind::File, &[]);
        }
        let modules: String = job.modules.iter().map(|line| format!("{line}\n")).collect();
        archive.add("modules", Kind::File, modules.as_bytes());
        archive.add("script", Kind::File, job.script.as_bytes());
        archive.add("init", Kind::Program, INIT.as_bytes());
        let path = folder.join(format!("initramfs-{}", std::process::id()));
        fs::write(&path, archive.finish())
            .with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Self(path))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Initramfs {
    fn drop(&mut self) {
        // It costs a few megabytes if it stays.
        let _removed = fs::remove_file(&self.0);
    }
}

fn read(file: &Path) -> Result<Vec<u8>> {
    fs::read(file).with_context(|| format!("cannot read {}", file.display()))
}

/// [`MODULES`] and what they need, each after what it needs.
fn in_order(folder: &Path) -> Result<Vec<PathBuf>> {
    let index = String::from_utf8(read(&folder.join("modules.dep"))?)?;
    let mut known = HashSet::new();
    let mut ordered = Vec::new();
    for module in MODULES {
        let end = format!("/{module}.ko");
        let line = index.lines().find_map(|line| {
            let (path, needed) = line.split_once(':')?;
            path.ends_with(&end).then_some((path, needed))
        });
        let (path, needed) = line.with_context(|| {
            format!("this kernel has no module `{module}` ({}), so the guest cannot reach this machine's files", folder.display())
        })?;
        // A line names what is needed first last.
        let needed = needed.split_whitespace().rev().chain([path]);
        ordered.extend(
            needed
                .filter(|path| known.insert(*path))
                .map(|path| folder.join(path)),
        );
    }
    Ok(ordered)
}

#[derive(Clone, Copy)]
enum Kind {
    Folder,
    File,
    Program,
    Link,
}

impl Kind {
    /// Type and permissions, as `st_mode` has them.
    fn mode(self) -> u32 {
        match self {
            Self::Folder => 0o040_755,
            Self::File => 0o100_644,
            Self::Program => 0o100_755,
            Self::Link => 0o120_777,
        }
    }
}

/// A cpio archive of the format "newc", which the kernel unpacks.
#[derive(Default)]
struct Archive {
    bytes: Vec<u8>,
    entries: usize,
}

impl Archive {
    fn add(&mut self, name: &str, kind: Kind, content: &[u8]) {
        self.entry(name, kind.mode(), content);
    }

    fn entry(&mut self, name: &str, mode: u32, content: &[u8]) {
        self.entries += 1;
        // Inode, mode, user, group, links, time, size, four numbers of devices, length of the name, checksum (unused).
        let fields = [
            self.entries,
            mode as usize,
            0,
            0,
            1,
            0,
            content.len(),
            0,
            0,
            0,
            0,
            name.len() + 1,
            0,
        ];
        self.bytes.extend(b"070701");
        for field in fields {
            self.bytes.extend(format!("{field:08x}").bytes());
        }
        self.bytes.extend(name.bytes().chain([0]));
        self.pad();
        self.bytes.extend(content);
        self.pad();
    }

    fn pad(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }

    fn finish(mut self) -> Vec<u8> {
        self.entry("TRAILER!!!", 0, &[]);
        self.bytes
    }
}
