package import Digests
internal import Failures
package import Files
internal import JSON
internal import Threads

/// What a push did.
package struct Pushed: Hashable, Sendable {
    /// Of the manifest, or of what lists them: what names this image for good.
    package let digest: Digest
    /// Of a metro with several environments more than one.
    package let images: [OCILayout.Image]
    /// Bytes of layers that were sent.
    package let sent: Int64
    /// Bytes of layers that the registry had, or took over from another name.
    package let there: Int64

    /// With what was sent before it, of the same push.
    package func adding(sent more: Int64, there before: Int64) -> Pushed {
        Pushed(digest: digest, images: images, sent: sent + more, there: there + before)
    }
}

/// Sends an image to a registry (the OCI distribution specification, 1.1): blobs that are missing, then the manifest, so that
/// the image is there whole or not at all.
package struct RegistryPush: Sendable {
    package let reference: ImageReference
    private let layout: OCILayout
    private let session: RegistrySession
    private let known: PushedBefore

    /// Uploads at a time.
    private static let width = 3
    /// What goes into one request: a connection that breaks costs no more.
    private let chunk: Int64
    /// How often a layer is sent from its beginning.
    private static let tries = 4

    /// - Parameters:
    ///   - isPlain: speak http to a registry that is not on this machine.
    ///   - chunk: bytes of one request.
    package init(
        _ layout: OCILayout, to reference: ImageReference, _ credentials: Credentials, _ lash: LASH, isPlain: Bool,
        chunk: Int64 = 32 << 20
    ) throws(RegistryFailure) {
        (self.layout, self.reference, self.chunk) = (layout, reference, chunk)
        session = try RegistrySession(reference, credentials, actions: "pull,push", isPlain: isPlain)
        known = PushedBefore(lash, registry: reference.registry)
    }

    private enum Outcome: Sendable { case sent(Int64), there(Int64) }

    /// - Parameter progress: told how many bytes are there, of all; one call at a time.
    package func run(progress: @escaping @Sendable (_ done: Int64, _ total: Int64) -> Void) throws -> Pushed {
        let total = layout.blobs.reduce(0) { $0 + $1.size }
        let done = Monitor(Int64(0))
        let outcomes = try Workers.each(layout.blobs, on: Self.width) { blob in
            try send(blob, over: WebConnection()) { count in
                done.change { done in
                    done += count
                    progress(min(done, total), total)
                }
            }
        }
        let connection = try WebConnection()
        for image in layout.images {
            let bytes = try File.read(layout.path(of: image.manifest), atMost: OCILayout.largestManifest)
            let name = layout.index == nil ? reference.tag : "sha256:" + image.manifest.digest.hex
            try send(bytes, image.manifest.mediaType, as: name, over: connection)
        }
        // What lists them comes last.
        if let index = layout.index { try send(index, OCILayout.indexTypes[0], as: reference.tag, over: connection) }
        known.remember(layout.blobs.map(\.digest), in: reference.name)
        var (sent, there): (Int64, Int64) = (0, 0)
        for outcome in outcomes {
            switch outcome {
            case .sent(let count): sent += count
            case .there(let count): there += count
            }
        }
        return Pushed(digest: layout.digest, images: layout.images, sent: sent, there: there)
    }

    private func send(_ blob: OCILayout.Blob, over connection: WebConnection, progress: (Int64) -> Void) throws
        -> Outcome
    {
        let name = "sha256:" + blob.digest.hex
        let head = try session.send(
            WebRequest(method: "HEAD", address: session.address("blobs/\(name)")), over: connection)
        // Led on to where its bytes lie, it is there as well; nobody has to look.
        if head.status == 200 || [301, 302, 303, 307, 308].contains(head.status) {
            progress(blob.size)
            return .there(blob.size)
        }
        guard head.status == 404 else { throw session.refusal(head, "to look for a layer") }
        if let other = known.name(with: blob.digest), other != reference.name {
            let mount = "blobs/uploads/?mount=\(RegistrySession.escaped(name))&from=\(RegistrySession.escaped(other))"
            let answer = try session.send(WebRequest(method: "POST", address: session.address(mount)), over: connection)
            if answer.status == 201 {
                progress(blob.size)
                return .there(blob.size)
            }
        }
        var counted: Int64 = 0
        for number in 1... {
            do {
                try upload(blob, name, over: connection) { count in
                    // What is sent again after a broken connection is not counted again.
                    counted += count
                    progress(count)
                }
                progress(blob.size - counted)
                return .sent(blob.size)
            } catch let failure as RegistryFailure where failure.mayPass && number < Self.tries {
                progress(-counted)
                counted = 0
                session.pause(number, nil)
            }
        }
        preconditionFailure("a loop without an end")
    }

    /// One upload, from its beginning. Where a request breaks off, the registry is asked how much of it came.
    private func upload(
        _ blob: OCILayout.Blob, _ name: String, over connection: WebConnection, progress: (Int64) -> Void
    ) throws {
        let begun = try session.send(
            WebRequest(method: "POST", address: session.address("blobs/uploads/")), over: connection)
        guard begun.status == 202, let location = begun.headers["location"] else {
            throw session.refusal(begun, "to begin an upload")
        }
        var place = try session.resolve(location)
        let chunk = max(self.chunk, begun.headers["oci-chunk-min-length"].flatMap { Int64($0) } ?? 0)
        var offset: Int64 = 0
        var failures = 0
        // The last piece goes with the request that ends the upload.
        while blob.size - offset > chunk {
            let request = WebRequest(
                method: "PATCH", address: place,
                headers: [
                    ("Content-Type", "application/octet-stream"), ("Content-Range", "\(offset)-\(offset + chunk - 1)"),
                ], body: .file(path: layout.path(of: blob), offset: offset, count: chunk))
            do {
                let answer = try withoutActuallyEscaping(progress) {
                    try session.send(request, over: connection, tries: 1, progress: $0)
                }
                guard answer.status == 202 || answer.status == 204 else {
                    throw session.refusal(answer, "a piece of a layer", mayPass: true)
                }
                if let next = answer.headers["location"] { place = try session.resolve(next) }
                (offset, failures) = (offset + chunk, 0)
            } catch let failure as RegistryFailure where failure.mayPass && failures < RegistrySession.tries {
                failures += 1
                session.pause(failures, nil)
                let there = try session.send(WebRequest(method: "GET", address: place), over: connection)
                // “Range: 0-1023”: so much came. Another answer means that it knows nothing of this upload any more.
                guard there.status == 204,
                    let last = there.headers["range"]?.split(separator: "-").last.flatMap({ Int64($0) }),
                    last < blob.size
                else { throw failure }
                if let next = there.headers["location"] { place = try session.resolve(next) }
                offset = last == 0 ? 0 : last + 1
            }
        }
        let end = WebRequest(
            method: "PUT",
            address: place + (place.contains("?") ? "&" : "?") + "digest=" + RegistrySession.escaped(name),
            headers: [("Content-Type", "application/octet-stream")],
            body: .file(path: layout.path(of: blob), offset: offset, count: blob.size - offset))
        let answer = try withoutActuallyEscaping(progress) {
            try session.send(end, over: connection, tries: 1, progress: $0)
        }
        guard answer.status == 201 || answer.status == 204 else {
            throw session.refusal(answer, "a layer", mayPass: true)
        }
    }

    private func send(_ bytes: [UInt8], _ type: String, as name: String, over connection: WebConnection) throws {
        let request = WebRequest(
            method: "PUT", address: session.address("manifests/\(name)"), headers: [("Content-Type", type)],
            body: .bytes(bytes))
        let answer = try session.send(request, over: connection)
        guard answer.status == 201 || answer.status == 200 else {
            throw session.refusal(answer, "the image’s manifest")
        }
        if let told = answer.headers["docker-content-digest"], told != "sha256:" + Digest(of: bytes).hex {
            throw RegistryFailure(
                "the registry says that it has another image than the one that was sent", place: reference.description,
                cause: told, .integrity)
        }
    }
}

/// Which names of a registry were sent which blobs before: what lies under one name, a registry takes over to another.
struct PushedBefore: Sendable {
    private let lash: LASH
    private let registry: String
    private static let most = 5000

    init(_ lash: LASH, registry: String) { (self.lash, self.registry) = (lash, registry) }

    private var file: String {
        let safe = registry.map { $0 == ":" || $0 == "[" || $0 == "]" ? "_" : $0 }
        return "\(lash.pushed)/\(String(safe)).json"
    }

    private func read() -> [String: JSONValue] {
        (try? File.read(file, atMost: 4 << 20)).flatMap { try? JSONText.parse($0) }?.object ?? [:]
    }

    func name(with digest: Digest) -> String? { read()[digest.hex]?.string }

    /// That it can't be kept is no reason to fail.
    func remember(_ digests: [Digest], in name: String) {
        var all = read()
        if all.count > Self.most { all = [:] }
        for digest in digests { all[digest.hex] = .string(name) }
        try? Folder.make(File.parent(of: file))
        try? File.write(JSONText.bytes(of: .object(all)), to: file)
    }
}
