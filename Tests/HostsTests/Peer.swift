import Digests
import Files
import HostProtocol

@testable import Hosts

/// A host that says what a test has written down, whatever it is asked: honest or not.
struct Peer {
    static let hello = Frame(
        .hello, json: Hello(version: Frame.version, program: "las-runtime test", host: nil))

    /// - Parameter bytes: all that it says, sent at once; then it listens until las goes.
    static func saying(_ bytes: [UInt8], in folder: String) async throws -> HostSession {
        try File.write(bytes, to: folder + "/says")
        let session = try HostSession(.local)
        try await session.open(listening(folder, session.waiter), as: "las test")
        return session
    }

    static func saying(_ frames: [Frame], in folder: String) async throws -> HostSession {
        try await saying(([hello] + frames).flatMap(\.bytes), in: folder)
    }

    private static func listening(_ folder: String, _ waiter: Waiter) throws -> sending ProcessChannel {
        try ProcessChannel(
            "/bin/sh", ["-c", "cat \"$1/says\"; exec cat > \"$1/heard\"", "sh", folder],
            environment: ["PATH": "/usr/bin:/bin"], waiter: waiter)
    }

    static func file(
        _ path: String, _ text: String, size: Int64? = nil, digest: Digest? = nil, kind: FileHeader.Kind = .file,
        executable: Bool = false
    ) -> [Frame] {
        let bytes = Array(text.utf8)
        let header = FileHeader(path: path, kind: kind, size: size ?? Int64(bytes.count), executable: executable)
        let data = bytes.isEmpty ? [] : [Frame(kind: .data, payload: bytes)]
        let end = FileEnd(digest: kind == .folder ? nil : digest ?? Digest(of: bytes))
        return [Frame(.file, json: header)] + data + [Frame(.fileEnd, json: end)]
    }

    static func folder(_ path: String) -> [Frame] { file(path, "", kind: .folder) }
    static let done = Frame(.done, json: Done())
}
