import Digests
import Files
import Glibc
import TestSupport
import Testing

@testable import Parts

/// Parts that have their names before the disk has their bytes.
@Suite struct SettlingTests {
    private static let size = 5 << 20

    /// Receives a part that may be synced later.
    private func received(_ folder: String) throws -> (store: PartStore, part: Part, note: String) {
        let store = PartStore(LASH(root: folder + "/lash"))
        let bytes = [UInt8](repeating: 7, count: Self.size)
        let half = Extent(length: Int64(Self.size / 2), digest: Digest(of: bytes[..<(Self.size / 2)]))
        let extents = try ExtentList([half, half])
        let part = Part(kind: .environment, name: "a", size: extents.size, digest: extents.digest)
        let incoming = try store.receive(part, extents: extents)
        // What has come twice is in the part once: only that is wanted.
        try incoming.append(Array(bytes.prefix(Int(incoming.wanted.size(in: extents)))))
        try incoming.commit(mayBeSyncedLater: true)
        return (store, part, store.path(of: part.digest) + ".unsynced")
    }

    /// A note as it is after the machine was started anew.
    private func age(_ note: String) throws {
        let name = MachineStart.mark.prefix { $0 != UInt8(ascii: " ") }
        try File.put(name + Array(" another start\n".utf8), at: note)
    }

    @Test func aPartIsThereBeforeTheDiskHasItAndThatIsNoted() throws {
        try withScratch("settling") { folder in
            let (store, part, note) = try received(folder)
            #expect(store.has(part.digest))
            // A file system where no room can be set aside is synced at once.
            guard store.isUnsynced(part.digest) else { return }
            #expect(try File.read(note) == MachineStart.mark)
            store.settle()
            #expect(!File.exists(note))
            #expect(store.has(part.digest))
        }
    }

    @Test func aSmallPartIsSyncedAtOnce() throws {
        try withScratch("settling") { folder in
            let store = PartStore(LASH(root: folder + "/lash"))
            let bytes = [UInt8](repeating: 7, count: 5000)
            let extents = try ExtentList([Extent(length: 5000, digest: Digest(of: bytes))])
            let part = Part(kind: .metro, name: "a", size: 5000, digest: extents.digest)
            let incoming = try store.receive(part, extents: extents)
            try incoming.append(bytes)
            try incoming.commit(mayBeSyncedLater: true)
            #expect(!store.isUnsynced(part.digest))
        }
    }

    @Test(arguments: [true, false])
    func afterTheMachineWentDownAllOfItIsLookedAt(isNoteWhole: Bool) throws {
        try withScratch("settling") { folder in
            let (store, part, note) = try received(folder)
            try age(note)
            if !isNoteWhole { try File.put([], at: note) }
            #expect(store.has(part.digest))
            #expect(!File.exists(note))

            try age(note)
            let path = store.path(of: part.digest)
            chmod(path, 0o600)
            let descriptor = open(path, O_WRONLY | O_CLOEXEC)
            #expect(pwrite(descriptor, [UInt8](repeating: 0, count: 4096), 4096, 4096) == 4096)
            close(descriptor)
            if !isNoteWhole { try File.put([], at: note) }
            #expect(!store.has(part.digest))
            let left = try Folder.names(in: store.lash.parts)
            #expect(left == [])
        }
    }

    /// Machines that share a LASH look after what they wrote themselves.
    @Test func whatAnotherMachineWroteIsTaken() throws {
        try withScratch("settling") { folder in
            let (store, part, note) = try received(folder)
            try File.put(Array("another-machine 0000\n".utf8), at: note)
            #expect(store.has(part.digest))
            #expect(File.exists(note))
        }
    }
}
