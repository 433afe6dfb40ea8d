package import Digests
internal import Failures
internal import Files
internal import JSON

/// A folder in the layout of OCI's image specification, with one image, or one for each environment of a metro.
package struct OCILayout: Sendable {
    package struct Blob: Hashable, Sendable {
        package let digest: Digest
        package let size: Int64
        package let mediaType: String
    }

    package struct Image: Hashable, Sendable {
        /// nil where the metro has one only.
        package let environment: String?
        package let manifest: Blob
    }

    package let folder: String
    /// At least one.
    package let images: [Image]
    /// Of several images what names all of them, an index; nil for one.
    package let index: [UInt8]?
    /// The configurations and the layers, each once.
    package let blobs: [Blob]

    package var manifest: Blob { images[0].manifest }
    /// What names all of it for good.
    package var digest: Digest { index.map { Digest(of: $0) } ?? manifest.digest }

    private static let environmentKey = "las.environment"

    package static let manifestTypes = [
        "application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json",
    ]
    package static let indexTypes = [
        "application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json",
    ]
    /// No manifest is larger: registries take four mebibytes.
    static let largestManifest = 4 << 20

    /// - Throws: where it is no such folder, or holds more than one image.
    package init(_ folder: String) throws(RegistryFailure) {
        func refuse(_ why: String) -> RegistryFailure {
            RegistryFailure("this is no image in OCI's layout: \(why)", place: folder, .usage)
        }
        guard File.exists(folder + "/oci-layout") else { throw refuse("the file oci-layout is missing") }
        guard let text = try? File.read(folder + "/index.json", atMost: Self.largestManifest),
            let index = try? JSONText.parse(text), let entries = index["manifests"]?.array
        else { throw refuse("index.json can't be read") }
        guard let images = Self.images(entries) else {
            throw refuse("it has \(entries.count) images, and las sends one, or one for each environment of a metro")
        }
        var blobs: [Blob] = []
        for image in images {
            let place = Self.path(of: image.manifest.digest, in: folder)
            guard let bytes = try? File.read(place, atMost: Self.largestManifest),
                Digest(of: bytes) == image.manifest.digest
            else { throw refuse("its manifest is missing or damaged") }
            blobs += try Self.blobs(of: bytes, place: folder)
        }
        self.init(folder, images, index: images.count > 1 ? text : nil, blobs)
    }

    init(_ folder: String, _ images: [Image], index: [UInt8]?, _ blobs: [Blob]) {
        (self.folder, self.images, self.index) = (folder, images, index)
        var seen: Set<Digest> = []
        self.blobs = blobs.filter { seen.insert($0.digest).inserted }
    }

    /// The images that an index lists: one, or one for each environment.
    static func images(_ entries: [JSONValue]) -> [Image]? {
        var images: [Image] = []
        for entry in entries {
            let name = entry["annotations"]?[environmentKey]?.string
            guard let manifest = blob(entry), entries.count == 1 || name != nil,
                !images.contains(where: { $0.environment == name })
            else { return nil }
            images.append(Image(environment: name, manifest: manifest))
        }
        return images.isEmpty ? nil : images
    }

    /// What a manifest speaks of.
    static func blobs(of manifest: [UInt8], place: String) throws(RegistryFailure) -> [Blob] {
        guard let value = try? JSONText.parse(manifest), let config = value["config"].flatMap(blob),
            let layers = value["layers"]?.array
        else { throw RegistryFailure("the image's manifest can't be read", place: place, .integrity) }
        var blobs = [config]
        for layer in layers {
            guard let blob = blob(layer) else {
                throw RegistryFailure("the image's manifest has a layer that can't be read", place: place, .integrity)
            }
            if !blobs.contains(where: { $0.digest == blob.digest }) { blobs.append(blob) }
        }
        return blobs
    }

    static func blob(_ value: JSONValue) -> Blob? {
        guard let text = value["digest"]?.string, text.hasPrefix("sha256:"),
            let digest = Digest(hex: text.dropFirst(7)),
            let size = value["size"]?.integer, size >= 0, size < 1 << 50
        else { return nil }
        return Blob(digest: digest, size: size, mediaType: value["mediaType"]?.string ?? "")
    }

    static func path(of digest: Digest, in folder: String) -> String { "\(folder)/blobs/sha256/\(digest.hex)" }
    package func path(of blob: Blob) -> String { Self.path(of: blob.digest, in: folder) }

    /// Writes what makes a folder of blobs a layout.
    func describe() throws(FileFailure) {
        let one: JSONValue = [
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": [
                [
                    "mediaType": .string(manifest.mediaType), "digest": .string("sha256:" + manifest.digest.hex),
                    "size": .integer(manifest.size), "annotations": ["org.opencontainers.image.ref.name": "latest"],
                ]
            ],
        ]
        try File.create(folder + "/index.json", index ?? JSONText.bytes(of: one))
        try File.create(folder + "/oci-layout", #"{"imageLayoutVersion":"1.0.0"}"#)
    }
}
