internal import Digests
internal import Files
internal import Glibc

/// A part on its way into the store: written under LASH's `tmp`, each extent verified as it arrives.
///
/// One thread at a time. What is neither committed nor abandoned goes away with this value.
package final class IncomingPart {
    package let part: Part
    private let extents: ExtentList
    private let store: PartStore
    private let path: String
    private var descriptor: Int32
    private var hasher = SHA256()
    /// The extent that is arriving, and how much of it is there.
    private var number = 0
    private var filled: Int64 = 0
    /// How many bytes of the part have come.
    package private(set) var received: Int64 = 0

    init(_ part: Part, extents: ExtentList, in store: PartStore) throws(PartFailure) {
        (self.part, self.extents, self.store) = (part, extents, store)
        path =
            "\(store.lash.temporary)/part-\(part.digest.short)-\(getpid())-\(String(UInt64.random(in: 0 ... .max), radix: 36))"
        do throws(FileFailure) {
            try Folder.make(store.lash.temporary)
            descriptor = try File.open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode: 0o444, action: "write")
        } catch { throw PartFailure(error) }
    }

    /// Has room for it set aside: a full disk is told now rather than after an hour's sending.
    func reserve() throws(PartFailure) {
        do throws(FileFailure) {
            try File.reserve(part.size, in: descriptor, named: store.path(of: part.digest))
        } catch { throw PartFailure(error) }
    }

    deinit { abandon() }

    /// The next bytes of the part, in order, in pieces of any length.
    /// - Throws: where an extent is not what the list says; nothing more can be appended then.
    package func append(_ bytes: [UInt8]) throws(PartFailure) {
        guard descriptor >= 0 else { throw .damaged("\(part.words) was given up already", in: path) }
        guard received + Int64(bytes.count) <= part.size else {
            throw .damaged("more bytes came than \(part.words) has", in: "the sent part \(part.digest.short)")
        }
        do throws(FileFailure) { try File.writeAll(bytes, to: descriptor, path: store.path(of: part.digest)) } catch {
            throw PartFailure(error)
        }
        var failure: PartFailure?
        bytes.withUnsafeBytes { buffer in
            var rest = buffer[...]
            while !rest.isEmpty, failure == nil {
                let extent = extents.extents[number]
                let count = Int(min(Int64(rest.count), extent.length - filled))
                hasher.update(UnsafeRawBufferPointer(rebasing: rest.prefix(count)))
                rest = rest.dropFirst(count)
                filled += Int64(count)
                received += Int64(count)
                if filled == extent.length { failure = finishExtent(extent) }
            }
        }
        if let failure {
            abandon()
            throw failure
        }
    }

    private func finishExtent(_ extent: Extent) -> PartFailure? {
        let digest = hasher.digest()
        (hasher, filled, number) = (SHA256(), 0, number + 1)
        if digest == extent.digest { return nil }
        return .damaged(
            "extent \(number) of \(extents.extents.count) of \(part.words) arrived changed, bytes \(received - extent.length) to \(received - 1)",
            in: "the sent part \(part.digest.short)")
    }

    /// All of it at once, from a file on this machine, verified on the way.
    func copy(from reader: PartReader, progress: (Int64) -> Void = { _ in }) throws(PartFailure) {
        try reader.copyVerified(
            extents, named: part.words, to: descriptor, at: 0, path: store.path(of: part.digest), progress: progress)
        received = part.size
    }

    /// Gives the part its name: once it is whole, verified and synced.
    package func commit() throws(PartFailure) {
        guard descriptor >= 0 else { throw .damaged("\(part.words) was given up already", in: path) }
        if received != part.size {
            throw .damaged(
                "\(part.words) is cut short: \(received) of its \(part.size) bytes came",
                in: "the sent part \(part.digest.short)")
        }
        if fsync(descriptor) != 0 { throw PartFailure(FileFailure("write", store.path(of: part.digest))) }
        try store.adopt(part, extents: extents, fileAt: path)
        close(descriptor)
        descriptor = -1
    }

    /// Removes what has come.
    package func abandon() {
        guard descriptor >= 0 else { return }
        close(descriptor)
        unlink(path)
        descriptor = -1
    }
}
