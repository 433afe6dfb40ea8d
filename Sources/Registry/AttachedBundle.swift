package import Digests
internal import Files
internal import Glibc
internal import JSON

/// A bundle that lies in a registry beside the image that was made of the same metro. It is a manifest of its own, whose layers laid end to
/// end are the file: its runtime, its environments, its metro, its index. What did not change has the same digest, and is not sent again.
/// The image names it by its digest, so that who has the image's digest has the bundle's, too.
package struct AttachedBundle: Hashable, Sendable {
    static let type = "application/vnd.las.bundle.v1"
    private static let pieceType = "application/vnd.las.bundle.piece.v1"
    private static let emptyType = "application/vnd.oci.empty.v1+json"
    /// In the annotations of an image, or of what lists the images of a metro.
    static let key = "las.bundle"

    /// Of its manifest.
    package let digest: Digest
    /// In the order of the file.
    let pieces: [OCILayout.Blob]

    package var size: Int64 { pieces.reduce(0) { $0 + $1.size } }
    /// What keeps it from being collected as nobody's.
    package var tag: String { "bundle-" + digest.hex }

    /// The one that an image, or a list of images, speaks of.
    static func named(in manifest: [UInt8]) -> Digest? {
        let word = (try? JSONText.parse(manifest))?["annotations"]?[key]?.string
        return word.flatMap { $0.hasPrefix("sha256:") ? Digest(hex: $0.dropFirst(7)) : nil }
    }

    /// - Throws: where the manifest is another one's.
    init(_ manifest: [UInt8], place: String) throws(RegistryFailure) {
        let told = (try? JSONText.parse(manifest)) ?? .null
        let layers = told["layers"]?.array ?? []
        let pieces = layers.compactMap(OCILayout.blob)
        guard told["artifactType"]?.string == Self.type, !pieces.isEmpty, pieces.count == layers.count,
            pieces.allSatisfy({ $0.mediaType == Self.pieceType })
        else {
            throw RegistryFailure(
                "what lies beside the image is no bundle of las", place: place,
                cause: "sha256:" + Digest(of: manifest).hex, .integrity)
        }
        (digest, self.pieces) = (Digest(of: manifest), pieces)
    }

    /// Cuts a bundle into what is sent of it.
    ///
    /// - Parameters:
    ///   - borders: where its pieces begin, the first at 0; sorted.
    ///   - folder: empty.
    /// - Returns: to be sent under its `tag`.
    package static func layout(
        of path: String, cutAt borders: [Int64], in folder: String
    ) throws -> (layout: OCILayout, bundle: AttachedBundle) {
        try Folder.make(folder + "/blobs/sha256")
        let source = try File.open(path, O_RDONLY | O_CLOEXEC, action: "read")
        defer { close(source) }
        let size = File.status(path, follow: true)?.size ?? 0
        var layers: [JSONValue] = []
        for (start, end) in zip(borders, borders.dropFirst() + [size]) where end > start {
            let beside = folder + "/blobs/piece"
            let target = try File.open(beside, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, action: "write")
            defer { close(target) }
            try File.copyRange(end - start, from: source, at: start, named: path, to: target, at: 0, named: beside)
            let digest = try Self.digest(target, count: end - start, path: beside)
            try File.rename(beside, to: OCILayout.path(of: digest, in: folder))
            layers.append([
                "mediaType": .string(pieceType), "digest": .string("sha256:" + digest.hex),
                "size": .integer(end - start),
            ])
        }
        let empty = Array("{}".utf8)
        try File.create(OCILayout.path(of: Digest(of: empty), in: folder), empty)
        let type = OCILayout.manifestTypes[0]
        let manifest = JSONText.bytes(of: [
            "schemaVersion": 2, "mediaType": .string(type), "artifactType": .string(Self.type),
            "config": [
                "mediaType": .string(emptyType), "digest": .string("sha256:" + Digest(of: empty).hex),
                "size": .integer(Int64(empty.count)),
            ],
            "layers": .array(layers),
        ])
        let bundle = try AttachedBundle(manifest, place: path)
        let blob = OCILayout.Blob(digest: bundle.digest, size: Int64(manifest.count), mediaType: type)
        try File.create(OCILayout.path(of: bundle.digest, in: folder), manifest)
        let layout = OCILayout(
            folder, [.init(environment: nil, manifest: blob)], index: nil,
            try OCILayout.blobs(of: manifest, place: path))
        return (layout, bundle)
    }

    private static func digest(_ descriptor: Int32, count: Int64, path: String) throws -> Digest {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
        defer { buffer.deallocate() }
        var hasher = SHA256()
        var done: Int64 = 0
        while done < count {
            let got = pread(descriptor, buffer.baseAddress!, Int(min(Int64(buffer.count), count - done)), off_t(done))
            if got < 0, errno == EINTR { continue }
            guard got > 0 else { throw FileFailure("read", path, code: got == 0 ? ENODATA : errno) }
            hasher.update(UnsafeRawBufferPointer(rebasing: buffer[..<got]))
            done += Int64(got)
        }
        return hasher.digest()
    }
}

extension OCILayout {
    /// The same image, or images, which name a bundle that lies beside.
    package func naming(_ bundle: AttachedBundle) throws -> OCILayout {
        func named(_ bytes: [UInt8]) throws -> [UInt8] {
            guard case .object(var told) = try JSONText.parse(bytes) else { return bytes }
            var annotations = told["annotations"]?.object ?? [:]
            annotations[AttachedBundle.key] = .string("sha256:" + bundle.digest.hex)
            told["annotations"] = .object(annotations)
            return JSONText.bytes(of: .object(told))
        }
        // Those of several environments stay as they are; what lists them is the image.
        if let index { return OCILayout(folder, images, index: try named(index), blobs) }
        let bytes = try named(try File.read(path(of: manifest), atMost: Self.largestManifest))
        let blob = Blob(digest: Digest(of: bytes), size: Int64(bytes.count), mediaType: manifest.mediaType)
        if !File.exists(path(of: blob)) { try File.create(path(of: blob), bytes) }
        return OCILayout(folder, [.init(environment: images[0].environment, manifest: blob)], index: nil, blobs)
    }
}
