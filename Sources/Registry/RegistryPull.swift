internal import Digests
internal import Failures
internal import Files
internal import Glibc
internal import JSON
internal import Threads

/// Fetches an image from a registry into a folder in OCI's layout, each blob held to its digest.
package struct RegistryPull: Sendable {
    package let reference: ImageReference
    private let session: RegistrySession
    static let width = 3

    package init(_ reference: ImageReference, _ credentials: Credentials, isPlain: Bool) throws(RegistryFailure) {
        self.reference = reference
        session = try RegistrySession(reference, credentials, actions: "pull", isPlain: isPlain)
    }

    /// - Parameters:
    ///   - folder: empty, and on this file system's way to its place.
    ///   - architecture: OCI's word for the processor, where the name stands for an image for each.
    ///   - progress: told how many bytes are there, of all; one call at a time.
    package func run(
        into folder: String, architecture: String, progress: @escaping @Sendable (_ done: Int64, _ total: Int64) -> Void
    ) throws -> OCILayout {
        try Folder.make(folder + "/blobs/sha256")
        let (found, index) = try manifests(architecture, over: WebConnection())
        var all: [OCILayout.Blob] = []
        for (image, bytes) in found {
            all += try OCILayout.blobs(of: bytes, place: reference.description)
            try File.create(OCILayout.path(of: image.manifest.digest, in: folder), bytes)
        }
        let layout = OCILayout(folder, found.map(\.0), index: index, all)
        let blobs = layout.blobs
        let total = blobs.reduce(0) { $0 + $1.size }
        let done = Monitor(Int64(0))
        _ = try Workers.each(blobs, on: Self.width) { blob in
            try fetch(blob, to: OCILayout.path(of: blob.digest, in: folder), over: WebConnection()) { count in
                done.change { done in
                    done += count
                    progress(min(done, total), total)
                }
            }
        }
        try layout.describe()
        return layout
    }

    /// One image, or those of all environments of a metro, with what lists them.
    func manifests(
        _ architecture: String, over connection: WebConnection
    ) throws -> ([(OCILayout.Image, [UInt8])], index: [UInt8]?) {
        let types = OCILayout.manifestTypes + OCILayout.indexTypes
        let answer = try session.send(
            WebRequest(
                method: "GET", address: session.address("manifests/\(reference.manifest)"),
                headers: [("Accept", types.joined(separator: ", "))]), over: connection)
        let entries = (try? JSONText.parse(answer.body))?["manifests"]?.array ?? []
        let isWanted = reference.digest.map { $0 == Digest(of: answer.body) } ?? true
        if answer.status == 200, isWanted, entries.count > 1, let images = OCILayout.images(entries) {
            let found = try images.map { image in
                let digest = image.manifest.digest
                let (blob, bytes) = try manifest("sha256:" + digest.hex, digest, architecture, over: connection)
                return (OCILayout.Image(environment: image.environment, manifest: blob), bytes)
            }
            return (found, answer.body)
        }
        let (blob, bytes) = try manifest(reference.manifest, reference.digest, architecture, over: connection)
        return ([(OCILayout.Image(environment: nil, manifest: blob), bytes)], nil)
    }

    func manifest(
        _ name: String, _ digest: Digest?, _ architecture: String, over connection: WebConnection
    ) throws -> (OCILayout.Blob, [UInt8]) {
        let types = OCILayout.manifestTypes + (digest == nil || digest == reference.digest ? OCILayout.indexTypes : [])
        let answer = try session.send(
            WebRequest(
                method: "GET", address: session.address("manifests/\(name)"),
                headers: [("Accept", types.joined(separator: ", "))]), over: connection)
        guard answer.status == 200 else { throw session.refusal(answer, "such an image") }
        let found = Digest(of: answer.body)
        if let digest, digest != found {
            throw RegistryFailure(
                "the registry sends another image than the one that was asked for", place: reference.description,
                cause: "its digest is sha256:\(found.hex)", .integrity)
        }
        let type = answer.headers["content-type"]?.split(separator: ";").first.map(String.init) ?? ""
        let told = (try? JSONText.parse(answer.body)) ?? .null
        let isIndex = OCILayout.indexTypes.contains(type) || told["manifests"] != nil
        guard isIndex, types.count > OCILayout.manifestTypes.count else {
            let blob = OCILayout.Blob(
                digest: found, size: Int64(answer.body.count), mediaType: told["mediaType"]?.string ?? type)
            return (blob, answer.body)
        }
        let entries = (told["manifests"]?.array ?? []).filter {
            $0["platform"]?["architecture"]?.string == architecture && $0["platform"]?["os"]?.string == "linux"
        }
        guard let entry = entries.first.flatMap(OCILayout.blob) else {
            throw RegistryFailure(
                "there is no image for Linux on \(architecture) under that name", place: reference.description, .usage)
        }
        // An index in an index is none that las reads: only manifests are asked for now.
        return try manifest("sha256:" + entry.digest.hex, entry.digest, architecture, over: connection)
    }

    func fetch(
        _ blob: OCILayout.Blob, to path: String, over connection: WebConnection, progress: (Int64) -> Void
    ) throws {
        let descriptor = try File.open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, action: "write")
        defer { close(descriptor) }
        var hasher = SHA256()
        var have: Int64 = 0
        var isFirst = true
        func take(_ status: Int, _ bytes: UnsafeRawBufferPointer) throws {
            if isFirst, status == 200 {
                // A server that knows no ranges sends all of it again.
                progress(-have)
                (have, hasher) = (0, SHA256())
            }
            isFirst = false
            guard have + Int64(bytes.count) <= blob.size else { throw damaged(blob) }
            hasher.update(bytes)
            try File.writeAll(bytes, at: have, to: descriptor, path: path)
            have += Int64(bytes.count)
            progress(Int64(bytes.count))
        }
        for number in 1... {
            do {
                var request = WebRequest(method: "GET", address: session.address("blobs/sha256:\(blob.digest.hex)"))
                isFirst = true
                if have > 0 { request.headers.append(("Range", "bytes=\(have)-")) }
                var answer = try withoutActuallyEscaping(take) {
                    try session.send(request, over: connection, tries: 1, sink: $0)
                }
                // Where the bytes lie is another server, often; it sees nothing of the person.
                for _ in 1...5 {
                    guard [301, 302, 303, 307, 308].contains(answer.status), let location = answer.headers["location"]
                    else { break }
                    request.address = try session.resolve(location)
                    answer = try withoutActuallyEscaping(take) {
                        try session.send(request, over: connection, tries: 1, sink: $0)
                    }
                }
                guard answer.status == 200 || answer.status == 206 else {
                    throw session.refusal(answer, "a layer", mayPass: true)
                }
                guard have == blob.size, hasher.digest() == blob.digest else { throw damaged(blob) }
                return
            } catch let failure as RegistryFailure where failure.mayPass && number < RegistrySession.tries {
                session.pause(number, nil)
            }
        }
    }

    private func damaged(_ blob: OCILayout.Blob) -> RegistryFailure {
        RegistryFailure(
            "the registry sends a layer that is not what its manifest says", place: reference.description,
            cause: "sha256:\(blob.digest.hex)", .integrity)
    }
}
