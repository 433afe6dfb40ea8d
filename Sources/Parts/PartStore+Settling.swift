package import Digests
internal import Files
internal import Glibc

/// Parts that have their names before the disk has their bytes: the person need not wait for a slow disk, and the kernel gives
/// everybody what was written, synced or not. `parts/DIGEST.unsynced` says so, and since which start of the machine.
///
/// The note is in its place before the part is, in the same folder, and a journal keeps that order. When the machine went down
/// before the disk had all, every byte of such a part is looked at again before it counts.
extension PartStore {
    private func notePath(of digest: Digest) -> String { path(of: digest) + Self.noteEnding }
    private static let noteEnding = ".unsynced"

    func noteUnsynced(_ digest: Digest) throws(PartFailure) {
        do throws(FileFailure) {
            try Folder.make(lash.parts)
            try File.put(MachineStart.mark, at: notePath(of: digest))
        } catch { throw PartFailure(error) }
    }

    func forgetNote(of digest: Digest) {
        let note = notePath(of: digest)
        if File.exists(note) { File.remove(note) }
    }

    /// Whether the disk may not have all of it yet.
    package func isUnsynced(_ digest: Digest) -> Bool { File.exists(notePath(of: digest)) }

    /// Waits until the disk has what came since the machine was started. What it refuses leaves the store.
    package func settle() {
        var settled: [Digest] = []
        for name in (try? Folder.names(in: lash.parts)) ?? [] where name.hasSuffix(Self.noteEnding) {
            guard let digest = Digest(hex: name.dropLast(Self.noteEnding.utf8.count)), isOfThisStart(digest) else {
                continue
            }
            switch Self.synced([path(of: digest), extentsPath(of: digest)]) {
            // One that is about to get its name is settled by who gives it.
            case nil: continue
            case true?: settled.append(digest)
            case false?: remove(digest)
            }
        }
        if settled.isEmpty { return }
        // Their names were not waited for either.
        Folder.sync(lash.parts)
        settled.forEach(forgetNote)
    }

    /// - Returns: whether the disk has all of these files; nil where one of them is not there.
    private static func synced(_ paths: [String]) -> Bool? {
        for path in paths {
            let descriptor = open(path, O_RDONLY | O_CLOEXEC)
            guard descriptor >= 0 else { return nil }
            defer { close(descriptor) }
            if fsync(descriptor) != 0 { return false }
        }
        return true
    }

    private func isOfThisStart(_ digest: Digest) -> Bool {
        // A note that the disk did not get whole says nothing.
        guard let mark = try? File.read(notePath(of: digest), atMost: 4096) else { return false }
        return mark.contains(UInt8(ascii: " ")) && !mark.contains(0) && MachineStart.isThis(mark)
    }

    /// Looks at all of a part whose bytes the disk may never have got. One that is damaged leaves the store.
    func recheck(_ digest: Digest) {
        guard isUnsynced(digest), !isOfThisStart(digest) else { return }
        do throws(FileFailure) {
            let lock = try FileLock.take("\(lash.locks)/part-\(digest.hex)")
            defer { withExtendedLifetime(lock) {} }
            if isUnsynced(digest), !isOfThisStart(digest) { lookAtAll(of: digest) }
        } catch {
            // Without a lock it is looked at all the same: what is right stays.
            lookAtAll(of: digest)
        }
    }

    private func lookAtAll(of digest: Digest) {
        do throws(PartFailure) {
            let (file, extents) = (try OpenFile(path(of: digest)), try extents(of: digest))
            try PartReader(file, offset: 0, size: file.size).verify(extents, named: "the part")
            if fsync(file.descriptor) == 0 { forgetNote(of: digest) }
        } catch {
            // Who has just brought it anew has noted that.
            if !isOfThisStart(digest) { remove(digest) }
        }
    }
}
