import Digests
import Files
import Glibc
import Parts
import Plan
import TestSupport
import Testing

enum OtherKernel {
    static let folder = Program("true").environment["LAS_TEST_KERNEL"]
}

/// The same bundle on another kernel, that of a Debian package, in qemu: with control groups of version 2 only. It takes half a minute, so in
/// the soak only: `LAS_SOAK=1 LAS_TEST_KERNEL=FOLDER LAS_BIN=.build/release`, a folder that a `linux-image-…-cloud-amd64` was unpacked into (`dpkg-deb -x`).
@Suite(
    .serialized,
    .enabled(
        if: KillTests.isSoak && OtherKernel.folder != nil && BuiltPrograms.areThere
            && ["qemu-system-x86_64", "busybox"].allSatisfy { Program.find($0) != nil },
        "the soak, LAS_TEST_KERNEL, static programs (LAS_BIN), qemu-system-x86 and busybox-static are needed"))
struct OtherKernelTests {
    private let metro = plan([
        station("hello", "cat {word} > {out}", takes: [Taken(.input("word"))]),
        station("script", "embrace \"$(cat {hello})\" > {out}", takes: [from("hello")]),
        station("parts", "for i in 1 2 3; do echo $i > {out}/$i.txt; done", out: ["f/"]),
        station("each", "cat {each} {each} > {out}", out: ["{name}.copy"], forEach: [from("parts", "f/*.txt")]),
        station(
            "greedy", "x=1; while true; do x=$x$x; done; : > {out}",
            uses: Resources(memory: 64 << 20)),
    ])

    /// Becomes process 1: a root that may be changed, then a run by each engine, and what came of it.
    private static let start = """
        #!/bin/busybox sh
        b=/bin/busybox
        $b mount -t proc none /proc; $b mount -t devtmpfs none /dev
        for m in loop squashfs fuse overlay; do $b insmod /modules/$m.ko; done
        $b mkdir /new; $b mount -t tmpfs none /new; $b cp -a /bin /lash /test.las /next /new
        $b mkdir /new/proc /new/sys /new/dev /new/tmp
        exec $b switch_root /new /next

        """
    private static let next = """
        #!/bin/busybox sh
        b=/bin/busybox
        $b mount -t proc none /proc; $b mount -t sysfs none /sys; $b mount -t devtmpfs none /dev
        $b mount -t cgroup2 none /sys/fs/cgroup; echo '+memory +pids' > /sys/fs/cgroup/cgroup.subtree_control
        echo "KERNEL $($b uname -r)"
        for e in '' fuse extraction; do
            /test.las run --fresh ${e:+--engine $e} --results /out/e$e --lash /lash 2>&1 | $b sed 's/^/SAID /'
            cd /out/e$e && $b find . -type f | $b sort | $b xargs $b sha256sum | $b sed 's/^/FILE /'
        done
        echo "LEFT $($b grep -c las /proc/mounts) $($b ls /sys/fs/cgroup | $b grep -c las-)"
        $b poweroff -f

        """

    @Test func aBundleRunsByEachEngine() throws {
        let kernel = try #require(OtherKernel.folder)
        let name = try #require(try Folder.names(in: kernel + "/boot").first { $0.hasPrefix("vmlinuz-") })
        let modules = "\(kernel)/lib/modules/\(name.dropFirst("vmlinuz-".utf8.count))/kernel"
        try withScratch { scratch in
            let bundle = try BundleRunTests().bundle(metro, runtime: BuiltPrograms.runtime, in: scratch)
            let root = scratch + "/root"
            for folder in ["bin", "proc", "dev", "modules", "lash"] { try Folder.make("\(root)/\(folder)") }
            try PackedHere(LASH(root: root + "/lash")).remember(try BundleFile.open(bundle).metro.part.digest)
            for (from, to) in [
                (Program.find("busybox") ?? "", "bin/busybox"), (bundle, "test.las"),
                (modules + "/drivers/block/loop.ko", "modules"), (modules + "/fs/squashfs/squashfs.ko", "modules"),
                (modules + "/fs/fuse/fuse.ko", "modules"), (modules + "/fs/overlayfs/overlay.ko", "modules"),
            ] { try Program("cp").run(from, "\(root)/\(to)") }
            try File.write(Self.start, to: root + "/init", mode: 0o755)
            try File.write(Self.next, to: root + "/next", mode: 0o755)
            try Program("sh", folder: root).run("-c", "find . | busybox cpio -o -H newc > ../initrd")
            let ended = try Program("timeout", folder: scratch).run(
                "300", "qemu-system-x86_64", "-accel", "tcg,thread=multi", "-smp", "2", "-m", "1500", "-nographic",
                "-no-reboot", "-kernel", "\(kernel)/boot/\(name)", "-initrd", "initrd", "-append",
                "console=ttyS0 quiet cgroup_no_v1=all")
            let lines = ended.output.split(whereSeparator: \.isNewline).map(String.init)
            let said = lines.filter { $0.contains("SAID ") }
            #expect(lines.contains { $0.contains("KERNEL \(name.dropFirst("vmlinuz-".utf8.count))") }, "\(lines)")
            for engine in ["kernel, because this user is root", "fuse, because", "extraction, because"] {
                #expect(said.contains { $0.contains("engine: \(engine)") }, "\(said)")
            }
            // Held by the control group, and told.
            #expect(said.count { $0.contains("used more than the") } == 3, "\(said)")
            let files = lines.filter { $0.contains("FILE ") }
            #expect(files.count == 3 * 8 && Set(files).count == 8, "\(files)")
            #expect(files.contains { $0.hasSuffix("\(Digest(of: "<hello>\n").hex)  ./script/out.txt") }, "\(files)")
            #expect(lines.contains { $0.contains("LEFT 0 0") }, "\(lines)")
        }
    }
}
