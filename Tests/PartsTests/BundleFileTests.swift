import Digests
import Files
import Glibc
import TestSupport
import Testing

@testable import Parts

/// Bundles of parts whose bytes are made up: what they hold does not matter here.
@Suite struct BundleFileTests {
    /// A part of `count` bytes, cut into three extents.
    private func part(_ kind: Part.Kind, _ name: String, _ count: Int) throws -> (
        part: Part, extents: ExtentList, bytes: [UInt8]
    ) {
        let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 / 7 &+ name.utf8.count) }
        let cuts = [0, count / 3, count / 2, count]
        let extents = try ExtentList(
            zip(cuts, cuts.dropFirst()).map { from, to in
                Extent(length: Int64(to - from), digest: Digest(of: bytes[from..<to]))
            })
        return (Part(kind: kind, name: name, size: extents.size, digest: extents.digest), extents, bytes)
    }

    private func withBundle(_ body: (_ folder: String, _ path: String) throws -> Void) throws {
        try withScratch("bundle") { folder in
            let parts = [
                try part(.metro, "wörds", 20_000), try part(.environment, "b", 8192),
                try part(.environment, "a", 30_001), try part(.runtime, "", 5000),
            ]
            let index = try BundleIndex(laying: parts.map { ($0.part, $0.extents) })
            var bytes: [UInt8] = []
            for placed in index.parts {
                bytes += [UInt8](repeating: 0, count: Int(placed.offset) - bytes.count)
                bytes += try #require(parts.first { $0.part == placed.part }).bytes
            }
            bytes += [UInt8](repeating: 0, count: Int(index.offset) - bytes.count)
            try File.write(bytes + index.tail(), to: folder + "/x.las", mode: 0o755)
            try body(folder, folder + "/x.las")
        }
    }

    @Test func aBundleTellsItsPartsInTheirOrder() throws {
        try withBundle { _, path in
            let bundle = try BundleFile.open(path)
            #expect(bundle.parts.map(\.part.name) == ["", "a", "b", "wörds"])
            #expect(bundle.parts.map(\.offset) == [0, 8192, 40960, 49152])
            try bundle.verify()
        }
    }

    /// Every region of the file in turn: each flip is refused, by opening or by verifying.
    @Test func everyFlippedBitIsRefused() throws {
        try withBundle { folder, path in
            let whole = try File.read(path)
            for at in stride(from: 0, to: whole.count, by: 97) {
                var bytes = whole
                bytes[at] ^= 1 << UInt8(at % 8)
                let damaged = folder + "/damaged.las"
                try File.write(bytes, to: damaged)
                let failure = #expect(throws: PartFailure.self, "byte \(at)") { try BundleFile.open(damaged).verify() }
                #expect(failure?.exitCode == .integrity)
                #expect(failure?.place == damaged)
            }
        }
    }

    @Test func everyFlipInTheIndexAndFooterIsRefusedOnOpening() throws {
        try withBundle { folder, path in
            let whole = try File.read(path)
            let start = Int(try BundleFile.open(path).index.offset)
            for at in start..<whole.count {
                var bytes = whole
                bytes[at] ^= 1 << UInt8(at % 8)
                try File.write(bytes, to: folder + "/damaged.las")
                #expect(throws: PartFailure.self, "byte \(at)") { try BundleFile.open(folder + "/damaged.las") }
            }
        }
    }

    @Test func aBundleThatIsCutShortIsRefused() throws {
        try withBundle { folder, path in
            let whole = try File.read(path)
            for count in stride(from: 0, to: whole.count, by: 501) {
                try File.write(whole.prefix(count), to: folder + "/short.las")
                let failure = #expect(throws: PartFailure.self) { try BundleFile.open(folder + "/short.las") }
                #expect(failure?.summary.hasPrefix("this is no bundle") == true)
            }
        }
    }

    @Test func theDamagedPartIsNamed() throws {
        try withBundle { folder, path in
            var bytes = try File.read(path)
            bytes[8192 + 12_000] ^= 1
            try File.write(bytes, to: path)
            let failure = #expect(throws: PartFailure.self) { try BundleFile.open(path).verify() }
            #expect(
                failure?.summary
                    == "the environment “a” was changed: extent 2 of 3, bytes 18192 to 23191 of the file, has another digest"
            )
        }
    }

    @Test func aBundleOfALaterLasIsRefusedKindly() throws {
        try withBundle { folder, path in
            var bytes = try File.read(path)
            let footer = bytes.count - BundleFooter.size
            bytes[footer + 11] = 9
            let digest = BundleFooter.digest(ofFooter: bytes[footer..<bytes.count - 32])
            bytes.replaceSubrange((bytes.count - 32)..., with: digest.bytes)
            try File.write(bytes, to: path)
            let failure = #expect(throws: PartFailure.self) { try BundleFile.open(path) }
            #expect(failure?.summary == "the bundle has version 9 of its format, which this las does not know yet")
        }
    }

    @Test func aVerifiedBundleIsNotHashedAgainUntilItChanges() throws {
        try withBundle { folder, path in
            let lash = LASH(root: folder + "/lash")
            var (first, wasNew) = (false, false)
            // Where the machine stood still meanwhile, it was no longer new when it had been hashed: once more.
            for _ in 0..<100 where !wasNew {
                #expect(chmod(path, 0o755) == 0)
                first = try BundleFile.open(path).verifyOnce(in: lash)
                var (info, now) = (stat(), timespec())
                let isThere = stat(path, &info) == 0
                #expect(isThere)
                clock_gettime(CLOCK_REALTIME, &now)
                wasNew =
                    (now.tv_sec - info.st_ctim.tv_sec) * 1_000_000_000 + now.tv_nsec - info.st_ctim.tv_nsec
                    < 1_000_000_000
            }
            #expect(wasNew)
            sleep(2)
            let second = try BundleFile.open(path).verifyOnce(in: lash)
            let third = try BundleFile.open(path).verifyOnce(in: lash)
            #expect(first, "the first time it is hashed")
            #expect(second, "it had changed a moment before the first time")
            #expect(!third)
            // Another byte, the same size and modification time.
            let script =
                #"t=$(stat -c %Y "$1"); printf X | dd of="$1" bs=1 seek=20000 conv=notrunc status=none; touch -d "@$t" "$1""#
            let changed = try Program("bash").run("-c", script, "-", path)
            #expect(changed.status == 0)
            #expect(throws: PartFailure.self) { try BundleFile.open(path).verifyOnce(in: lash) }
        }
    }

    @Test func aPartIsTakenOutOfABundleIntoTheStore() throws {
        try withBundle { folder, path in
            let store = PartStore(LASH(root: folder + "/lash"))
            let bundle = try BundleFile.open(path)
            for placed in bundle.parts {
                #expect(!store.has(placed.part.digest))
                try store.add(placed, from: bundle)
                #expect(store.has(placed.part.digest))
                try store.verify(placed.part)
                let same = try store.reader(of: placed.part.digest).read(at: 0, count: 1 << 20)
                #expect(try same == bundle.reader(of: placed).read(at: 0, count: 1 << 20))
            }
        }
    }

    @Test func aDamagedPartIsNotTakenIntoTheStore() throws {
        try withBundle { folder, path in
            var bytes = try File.read(path)
            bytes[8192] ^= 1
            try File.write(bytes, to: path)
            let store = PartStore(LASH(root: folder + "/lash"))
            let bundle = try BundleFile.open(path)
            #expect(throws: PartFailure.self) { try store.add(bundle.parts[1], from: bundle) }
            #expect(!store.has(bundle.parts[1].part.digest))
            let left = try Folder.names(in: store.lash.temporary)
            #expect(left == [])
        }
    }

    @Test func aPartThatArrivesInPiecesIsThereOnlyWhenItIsWhole() throws {
        try withScratch("incoming") { folder in
            let store = PartStore(LASH(root: folder + "/lash"))
            let (part, extents, bytes) = try part(.environment, "a", 30_000)
            let incoming = try store.receive(part, extents: extents)
            for start in stride(from: 0, to: bytes.count, by: 777) {
                try incoming.append(Array(bytes[start...].prefix(777)))
                #expect(!store.has(part.digest))
            }
            try incoming.commit()
            #expect(store.has(part.digest))
            try store.verify(part)
        }
    }

    @Test func aPieceThatArrivesChangedEndsTheSending() throws {
        try withScratch("incoming") { folder in
            let store = PartStore(LASH(root: folder + "/lash"))
            var (part, extents, bytes) = try part(.environment, "a", 30_000)
            bytes[14_000] ^= 1
            let incoming = try store.receive(part, extents: extents)
            let failure = #expect(throws: PartFailure.self) { try incoming.append(bytes) }
            #expect(
                failure?.summary == "extent 2 of 3 of the environment “a” arrived changed, bytes 10000 to 14999")
            #expect(throws: PartFailure.self) { try incoming.commit() }
            let short = try store.receive(part, extents: extents)
            try short.append(Array(bytes.prefix(9000)))
            #expect(throws: PartFailure.self) { try short.commit() }
            short.abandon()
            let left = try Folder.names(in: store.lash.incoming)
            #expect(left == [])
            #expect(!store.has(part.digest))
        }
    }

    @Test(.enabled(if: getuid() == 0, "a small disk needs a mount, and that root"))
    func aFullDiskIsToldBeforeAnythingIsSent() throws {
        try withScratch("incoming") { folder in
            try Folder.make(folder + "/small")
            #expect(try Program("mount").run("-t", "tmpfs", "-o", "size=1m", "none", folder + "/small").status == 0)
            defer { _ = try? Program("umount").run(folder + "/small") }
            let store = PartStore(LASH(root: folder + "/small"))
            let (part, extents, _) = try part(.environment, "a", 2_000_000)
            let failure = #expect(throws: PartFailure.self) { _ = try store.receive(part, extents: extents) }
            #expect(failure?.cause == "No space left on device")
            #expect(failure?.exitCode == .resources)
            let left = try Folder.names(in: store.lash.incoming)
            #expect(left == [])
        }
    }
}
