import Files
import Foundation
import JSON
import TestSupport
import Testing

/// Disks that lose bits or get full, and a las that is killed: a clear error or none at all, and the next pack makes the same
/// bundle as if nothing had happened.
@Suite(.serialized) struct StoreTroubleTests {
    /// A metro with its lock, the packages that this names, and the bundle that it becomes.
    private struct Reference {
        let folder: String
        var metro: String { folder + "/m" }
        var packages: String { folder + "/packages" }
        var bundle: String { folder + "/good.las" }
    }

    private static let reference: Result<Reference, any Error> = Result {
        let reference = Reference(folder: "/tmp/las-tests/trouble-\(getpid())")
        try? Folder.remove(reference.folder)
        try Folder.make(reference.packages)
        let las = LasCommand(in: reference.folder, lash: try makeLash(in: reference.folder))
        try las("new", "hello", "m")
        let packed = try las("pack", "m", "--output", "good.las")
        try #require(packed.status == 0, "\(packed.errors)")
        let lock = try JSONText.parse(try File.read(reference.metro + "/metro.lock"))
        for package in try #require(lock["environments"]?["main"]?["packages"]?.array) {
            let name = try #require(package["sha256"]?.string) + ".deb"
            try File.copy("\(las.lash)/packages/\(name)", to: "\(reference.packages)/\(name)", mode: 0o644)
        }
        return reference
    }

    /// A LASH of its own that has nothing but the packages.
    private func las(_ reference: Reference, in folder: String, lash: String? = nil) throws -> LasCommand {
        let lash = lash ?? folder + "/lash"
        try Folder.make(lash)
        let copied = try Program("cp").run("-r", reference.packages, lash + "/packages")
        try #require(copied.status == 0, "\(copied.errors)")
        return LasCommand(in: folder, lash: lash)
    }

    private func pack(_ las: LasCommand, _ reference: Reference) throws -> Program.Ended {
        try las("pack", reference.metro, "--output", "x.las")
    }

    private func isGood(_ las: LasCommand, _ reference: Reference) throws -> Bool {
        try Program("cmp").run(reference.bundle, las.folder + "/x.las").status == 0
    }

    private func flip(_ path: String, at place: Int? = nil) throws {
        let mode = File.status(path)?.mode ?? 0o644
        var bytes = try File.read(path)
        bytes[place ?? bytes.count / 2] ^= 0x10
        try File.write(bytes, to: path, mode: mode)
    }

    private func first(_ names: [String], endingWith ending: String) throws -> String {
        try #require(names.first { $0.hasSuffix(ending) })
    }

    // MARK: Damage

    @Test func whatIsDamagedInTheStoreIsMadeAgain() throws {
        let reference = try Self.reference.get()
        try withScratch("damage") { folder in
            let las = try las(reference, in: folder)
            let lash = LASH(root: las.lash)
            #expect(try pack(las, reference).status == 0)
            func forgetImages() throws { for path in [lash.parts, lash.made] { try Folder.remove(path) } }
            let largest = try Program("bash").run(
                "-c", #"find "$1" -path '*/tree/*' -type f -printf '%s %p\n' | sort -n | tail -1 | cut -d ' ' -f 2-"#,
                "-", lash.layers)
            let file = try #require(largest.lines.first)
            let damages: [(String, () throws -> Void)] = [
                (
                    "a file of a layer, from which blocks are made",
                    {
                        try flip(file)
                        try forgetImages()
                        try Folder.remove(lash.blocks)
                    }
                ),
                (
                    "a layer's list of entries",
                    {
                        try flip(File.parent(of: file.components(separatedBy: "/tree/")[0] + "/x") + "/entries")
                        try forgetImages()
                    }
                ),
                ("compressed blocks", { try flip("\(lash.blocks)/\(try Folder.names(in: lash.blocks)[0])", at: 100) }),
                (
                    "blocks of several layers",
                    {
                        for name in try Folder.names(in: lash.blocks).prefix(3) {
                            try flip("\(lash.blocks)/\(name)", at: 100)
                        }
                    }
                ),
                (
                    "the end of compressed blocks",
                    {
                        let path = "\(lash.blocks)/\(try Folder.names(in: lash.blocks)[1])"
                        try flip(path, at: try File.read(path).count - 10)
                        try forgetImages()
                    }
                ),
                (
                    "tables of an image",
                    { try flip("\(lash.parts)/\(try first(Folder.names(in: lash.parts), endingWith: ".own"))") }
                ),
                (
                    "where an image lies",
                    { try flip("\(lash.parts)/\(try first(Folder.names(in: lash.parts), endingWith: ".pieces"))") }
                ),
                (
                    "the digests of an image",
                    {
                        let pieces = try first(Folder.names(in: lash.parts), endingWith: ".pieces")
                        try flip("\(lash.parts)/\(pieces.prefix(64)).extents")
                    }
                ),
                (
                    "a note of what was made",
                    { for name in try Folder.names(in: lash.made) { try flip("\(lash.made)/\(name)") } }
                ),
            ]
            for (name, damage) in damages {
                try damage()
                let packed = try pack(las, reference)
                #expect(packed.status == 0, "\(name): \(packed.errors)")
                #expect(try isGood(las, reference), "\(name)")
                let checked = try las("store", "check")
                #expect(checked.status == 0, "\(name): \(checked.output)\(checked.errors)")
            }
        }
    }

    @Test func aDamagedPackageIsFetchedAgain() throws {
        let reference = try Self.reference.get()
        try withScratch("damage") { folder in
            let las = try las(reference, in: folder)
            let names = try Folder.names(in: las.lash + "/packages")
            try flip("\(las.lash)/packages/\(names[7])")
            let packed = try pack(las, reference)
            #expect(packed.status == 0, "\(packed.errors)")
            #expect(try isGood(las, reference))
            // Without the archive it is named.
            try flip("\(las.lash)/packages/\(names[7])")
            let checked = try las("store", "check")
            #expect(checked.status == 5)
            #expect(checked.output.contains("damaged: packages/\(names[7].prefix(12))….deb ("), "\(checked.output)")
            #expect(checked.output.contains("1 damaged, which left the store"), "\(checked.output)")
            #expect(!File.exists("\(las.lash)/packages/\(names[7])"))
            let again = try las("store", "check", "--json")
            #expect(again.status == 0 && again.output.contains(#""damaged": []"#), "\(again.output)")
        }
    }

    // MARK: Full disks

    @Test(.enabled(if: geteuid() == 0, "a small tmpfs needs root")) func aFullDiskAtAnyPointOfAPack() throws {
        let reference = try Self.reference.get()
        try withScratch("full") { folder in
            try Folder.make(folder + "/small")
            var size = 40
            func mount(_ options: String) throws {
                let mounted = try Program("mount").run("-t", "tmpfs", "-o", options, "las-test", folder + "/small")
                try #require(mounted.status == 0, "\(mounted.errors)")
            }
            try mount("size=\(size)m")
            defer { _ = try? Program("umount").run("-l", folder + "/small") }
            let las = try las(reference, in: folder, lash: folder + "/small/lash")
            var failures = 0
            while true {
                let packed = try pack(las, reference)
                if packed.status == 0 { break }
                failures += 1
                #expect(packed.status == 6, "at \(size) MB: \(packed.errors)")
                #expect(packed.errors.contains("No space left on device"), "at \(size) MB: \(packed.errors)")
                #expect(!File.exists(folder + "/x.las"))
                size += 12
                try #require(size < 1000)
                try mount("remount,size=\(size)m")
            }
            #expect(failures >= 4, "it was full at several points")
            #expect(try isGood(las, reference))
            let checked = try las("store", "check")
            #expect(checked.status == 0, "\(checked.output)")
            let left = try Folder.names(in: las.lash + "/tmp").filter { !$0.hasSuffix(".log") }
            #expect(left.isEmpty, "nothing half-made stays: \(left)")
        }
    }

    @Test(.enabled(if: geteuid() == 0, "a small tmpfs needs root")) func noRoomForTheBundle() throws {
        let reference = try Self.reference.get()
        try withScratch("full") { folder in
            try Folder.make(folder + "/small")
            let mounted = try Program("mount").run("-t", "tmpfs", "-o", "size=3m", "las-test", folder + "/small")
            try #require(mounted.status == 0)
            defer { _ = try? Program("umount").run("-l", folder + "/small") }
            let las = LasCommand(in: folder, lash: try makeLash(in: folder))
            let full = try las("pack", reference.metro, "--output", "small/x.las")
            #expect(full.status == 6 && full.errors.contains("No space left on device"), "\(full.errors)")
            #expect(try Folder.names(in: folder + "/small").isEmpty)
            #expect(try pack(las, reference).status == 0)
            #expect(try isGood(las, reference))
        }
    }

    // MARK: Kills

    @Test func aPackThatIsKilledAtAnyMoment() throws {
        let reference = try Self.reference.get()
        try withScratch("killed") { folder in
            let las = try las(reference, in: folder)
            let lash = LASH(root: las.lash)
            let program = Program(
                "python3",
                environment: ["PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": folder, "LASH": las.lash],
                folder: folder)
            // With all that it has started, as “timeout” would; but that one does not wait until las is gone.
            let killing = """
                import os, signal, subprocess, sys
                las = subprocess.Popen(sys.argv[2:], start_new_session=True)
                try: sys.exit(las.wait(float(sys.argv[1])))
                except subprocess.TimeoutExpired: os.killpg(las.pid, signal.SIGKILL)
                sys.exit(137 if las.wait() in (0, -9) else 1)
                """
            var kills = 0
            /// - Returns: whether it was killed.
            func packFor(_ seconds: Double) throws -> Bool {
                let ended = try program.run(
                    "-c", killing, String(format: "%.3f", seconds), BuiltPrograms.las, "pack", reference.metro,
                    "--output", "x.las")
                if ended.status == 0 { return false }
                kills += 1
                #expect(ended.status == 137, "after \(seconds) s: \(ended.status) \(ended.errors)")
                return true
            }
            // From nothing: while packages are unpacked and configure themselves. What happens at a moment differs from time to time.
            for moment in [0.1, 0.4, 0.9, 1.6, 2.5, 3.6] { _ = try packFor(moment) }
            // With layers: while blocks are compressed, the image and the bundle are written.
            for moment in stride(from: 0.02, to: 0.6, by: 0.075) {
                for path in [lash.blocks, lash.parts, lash.made] { try Folder.remove(path) }
                _ = try packFor(moment)
            }
            #expect(kills >= 3)
            let left = try Folder.names(in: folder).filter { $0.hasPrefix("x.las.new") }
            for name in left { File.remove("\(folder)/\(name)") }
            let checked = try las("store", "check")
            #expect(checked.status == 0, "\(checked.output)")
            let packed = try pack(las, reference)
            #expect(packed.status == 0, "\(packed.errors)")
            #expect(try isGood(las, reference))
            #expect(try las("store", "check").status == 0)
        }
    }

    // MARK: Another machine

    @Test func aMachineWithoutANetworkPacksWhatAnotherHasExported() throws {
        let reference = try Self.reference.get()
        try withScratch("export") { folder in
            let las = try las(reference, in: folder)
            let exported = try las("store", "export", reference.metro, "--output", "m.tar")
            #expect(exported.status == 0, "\(exported.errors)")
            // Nothing answers there.
            var other = LasCommand(in: folder, lash: folder + "/other")
            for name in ["http_proxy", "https_proxy"] { other.variables[name] = "http://127.0.0.1:1" }
            #expect(try pack(other, reference).status == 4)
            let imported = try other("store", "import", "m.tar")
            #expect(
                imported.status == 0 && imported.output.contains("taken in"), "\(imported.output)\(imported.errors)")
            let packed = try pack(other, reference)
            #expect(packed.status == 0, "\(packed.errors)")
            #expect(try isGood(other, reference))
            // A byte that changed on the way.
            try flip(folder + "/m.tar")
            let damaged = try LasCommand(in: folder, lash: folder + "/third")("store", "import", "m.tar")
            #expect(damaged.status == 5 && damaged.output.contains("damaged: "), "\(damaged.output)\(damaged.errors)")
        }
    }

    // MARK: Clearing up

    @Test func whatIsClearedAwayIsWhatNothingNeeds() throws {
        let reference = try Self.reference.get()
        try withScratch("gc") { folder in
            let las = try las(reference, in: folder)
            try #require(try Program("cp").run("-r", reference.metro, folder + "/m").status == 0)
            #expect(try las("pack", "m", "--output", "x.las").status == 0)
            let shown = try las("store")
            #expect(shown.status == 0 && shown.output.contains("metro   \(folder)/m"), "\(shown.output)")
            #expect(shown.output.contains("bundle  \(folder)/x.las"), "\(shown.output)")
            let kept = try las("store", "gc", "--older-than", "0")
            #expect(kept.status == 0, "\(kept.errors)")
            #expect(try las("pack", "m", "--output", "again.las").errors.isEmpty == false)
            for name in ["m", "x.las", "again.las"] { try Folder.remove("\(folder)/\(name)") }
            let young = try las("store", "gc")
            #expect(young.output == "nothing to clear away\n", "\(young.output)")
            let dry = try las("store", "gc", "--older-than", "0", "--dry-run")
            #expect(dry.output.contains("would be cleared away") && dry.output.contains("layers"), "\(dry.output)")
            #expect(try !Folder.names(in: las.lash + "/layers").isEmpty)
            let gone = try las("store", "gc", "--older-than", "0")
            #expect(gone.status == 0, "\(gone.errors)")
            for kind in ["packages", "layers", "blocks", "parts", "made", "known"] {
                #expect(try Folder.names(in: "\(las.lash)/\(kind)").isEmpty, "\(kind)")
            }
        }
    }
}
