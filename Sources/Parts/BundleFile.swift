package import Digests
internal import Files
internal import Glibc

/// An opened `NAME.las`: `runtime | environments… | metro | index | signatures | footer`.
///
/// Opening checks the footer and the index; `verify` the parts' bytes; what the signatures are worth is asked of `Trust`.
package struct BundleFile: Sendable {
    package let path: String
    package let index: BundleIndex
    /// None where nobody has signed it.
    package let signatures: [BundleSignature]
    let file: OpenFile

    package var parts: [PlacedPart] { index.parts }
    package var identity: Digest { index.identity }
    package var size: Int64 { file.size }
    /// Of the parts alone.
    package var partsSize: Int64 { parts.reduce(0) { $0 + $1.part.size } }

    /// The runtime's own file is `/proc/self/exe`.
    package static func open(_ path: String) throws(PartFailure) -> BundleFile { try BundleFile(path) }

    private init(_ path: String) throws(PartFailure) {
        let file = try OpenFile(path)
        let footer = try BundleFooter(endOf: file)
        let bytes = try file.read(at: footer.indexOffset, count: footer.indexSize)
        guard BundleFooter.digest(ofIndex: bytes) == footer.indexDigest else {
            throw .damaged(
                "the index of the bundle was changed: bytes \(footer.indexOffset) to \(footer.indexOffset + Int64(bytes.count) - 1) have another digest than the footer says",
                in: path)
        }
        let index = try BundleIndex(bytes: bytes, from: path)
        guard index.offset == footer.indexOffset else {
            throw .damaged(
                "the parts of the bundle end at byte \(index.offset), its index begins at \(footer.indexOffset)",
                in: path)
        }
        let signed = try file.read(at: footer.indexOffset + Int64(footer.indexSize), count: footer.signatureSize)
        signatures = try BundleSignature.read(signed, from: path)
        (self.path, self.file, self.index) = (path, file, index)
    }

    package var runtime: PlacedPart { parts[0] }
    package var metro: PlacedPart { parts[parts.count - 1] }

    package func placed(_ digest: Digest) -> PlacedPart? { parts.first { $0.part.digest == digest } }

    /// The bytes of one of its parts.
    package func reader(of placed: PlacedPart) -> PartReader {
        PartReader(file, offset: placed.offset, size: placed.part.size)
    }

    /// Hashes every extent, and sees that there is nothing between the parts.
    /// - Throws: naming the first part that is damaged, and which bytes of the file.
    package func verify(progress: (_ done: Int64, _ total: Int64) -> Void = { _, _ in }) throws(PartFailure) {
        let total = partsSize
        var done: Int64 = 0
        for placed in parts {
            try reader(of: placed).verify(placed.extents, named: placed.part.words) { count in
                done += count
                progress(done, total)
            }
            let gap = BundleIndex.aligned(placed.end) - placed.end
            if let found = try file.firstNonZero(at: placed.end, count: gap) {
                throw .damaged("the filling after \(placed.part.words) was changed: byte \(found) is not 0", in: path)
            }
        }
    }
}

/// The last bytes of a bundle: where the index is, and its digest.
struct BundleFooter {
    static let magic = "LASBUNDL"
    static let version: UInt32 = 1
    static let size = 96

    let indexOffset: Int64
    let indexSize: Int
    let indexDigest: Digest
    /// Of what lies between the index and the footer.
    let signatureSize: Int

    private static let largestSignatures = 4096

    init(indexOffset: Int64, index: [UInt8], signatureSize: Int) {
        (self.indexOffset, self.signatureSize) = (indexOffset, signatureSize)
        (indexSize, indexDigest) = (index.count, Self.digest(ofIndex: index))
    }

    init(endOf file: OpenFile) throws(PartFailure) {
        guard file.size >= Self.size else {
            throw .damaged("this is no bundle: it has only \(file.size) bytes", in: file.path)
        }
        let bytes = try file.read(at: file.size - Int64(Self.size), count: Self.size)
        var reader = ByteReader(bytes)
        guard let magic = reader.take(8), magic.elementsEqual(Self.magic.utf8) else {
            throw .damaged(
                "this is no bundle, or it is cut short: it does not end with a bundle's footer", in: file.path)
        }
        guard let version = reader.number(UInt32.self), let signatures = reader.number(UInt32.self),
            let offset = reader.size(), let size = reader.size(),
            let index = reader.take(Digest.byteCount).flatMap({ Digest(bytes: $0) }),
            let own = reader.take(Digest.byteCount).flatMap({ Digest(bytes: $0) }),
            own == Self.digest(ofFooter: bytes.dropLast(Digest.byteCount))
        else { throw .damaged("the footer of the bundle was changed", in: file.path) }
        if version > Self.version { throw .newer("the bundle", version: version, in: file.path) }
        guard version == Self.version, signatures <= Self.largestSignatures, size <= BundleIndex.largest,
            offset % BundleIndex.alignment == 0, offset + size + Int64(signatures) + Int64(Self.size) == file.size
        else { throw .damaged("the footer of the bundle does not fit its length of \(file.size) bytes", in: file.path) }
        (indexOffset, indexSize, indexDigest, signatureSize) = (offset, Int(size), index, Int(signatures))
    }

    var bytes: [UInt8] {
        var writer = ByteWriter()
        writer.append(Self.magic)
        writer.append(Self.version)
        writer.append(UInt32(signatureSize))
        writer.append(UInt64(indexOffset))
        writer.append(UInt64(indexSize))
        writer.append(indexDigest.bytes)
        writer.append(Self.digest(ofFooter: writer.bytes[...]).bytes)
        return writer.bytes
    }

    static func digest(ofIndex bytes: [UInt8]) -> Digest {
        var hasher = SHA256()
        hasher.update("las bundle index\0")
        hasher.update(bytes)
        return hasher.digest()
    }

    static func digest(ofFooter bytes: ArraySlice<UInt8>) -> Digest {
        var hasher = SHA256()
        hasher.update("las bundle footer\0")
        hasher.update(bytes)
        return hasher.digest()
    }
}

extension BundleIndex {
    /// What follows the parts in the file.
    package func tail(_ signatures: [BundleSignature] = []) -> [UInt8] {
        let (index, signed) = (bytes, BundleSignature.block(signatures))
        return index + signed
            + BundleFooter(indexOffset: offset, index: index, signatureSize: signed.count).bytes
    }
}

extension BundleFile {
    /// Writes the same bundle with these signatures in place of those that it has; it appears only when it is whole.
    package func write(_ signatures: [BundleSignature], to target: String) throws(PartFailure) {
        let beside = "\(target).new-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        do throws(FileFailure) {
            try File.copy(path, to: beside, mode: 0o755)
            let descriptor = try File.open(beside, O_WRONLY | O_CLOEXEC, action: "write")
            defer { close(descriptor) }
            guard ftruncate(descriptor, off_t(index.offset)) == 0, lseek(descriptor, 0, SEEK_END) >= 0 else {
                throw FileFailure("write", target)
            }
            try File.writeAll(index.tail(signatures), to: descriptor, path: target)
            if fsync(descriptor) != 0 { throw FileFailure("write", target) }
            try File.rename(beside, to: target)
        } catch {
            File.remove(beside)
            throw PartFailure(error)
        }
    }
}
