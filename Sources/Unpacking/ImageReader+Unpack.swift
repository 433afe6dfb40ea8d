internal import Files
internal import Glibc
internal import Threads

extension ImageReader {
    /// Unpacks the whole tree into a folder that is there, empty, and nobody else's to write.
    ///
    /// Owners are those of who unpacks. Nothing is synced: who gives the folder its final name does that.
    ///
    /// - Parameter progress: told how many files and folders are done, of all; from any thread, one at a time.
    package func unpack(
        into folder: String, threads: Int? = nil,
        progress: @escaping @Sendable (_ done: Int64, _ total: Int64) -> Void = { _, _ in }
    ) throws(UnpackFailure) {
        let target = try TargetFolder(folder)
        let metadata = try MetadataReader(image)
        let tree = try UnpackedTree(metadata, into: target)
        let fragments = try image.fragments(metadata)
        let jobs = tree.jobs(fragments)
        let (image, files, total) = (image, tree.files, image.inodeCount)
        struct State {
            var next = 0
            var done: Int64
            var failure: UnpackFailure?
        }
        let state = Monitor(State(done: Int64(tree.folders.count)))
        Workers.run(min(threads ?? Workers.processors, max(1, jobs.count))) { _ in
            do throws(UnpackFailure) {
                let worker = FileUnpacker(try FileReader(image, fragments: fragments), target)
                while true {
                    let number: Int? = state.change { state in
                        guard state.failure == nil, state.next < jobs.count else { return nil }
                        defer { state.next += 1 }
                        return state.next
                    }
                    guard let number else { return }
                    for file in jobs[number] { try worker.write(files[file]) }
                    state.change { state in
                        state.done += Int64(jobs[number].count)
                        progress(state.done, total)
                    }
                }
            } catch {
                state.change { if $0.failure == nil { $0.failure = error } }
            }
        }
        if let failure = state.change({ $0.failure }) { throw failure }
        try tree.link(in: target)
        try tree.finishFolders(in: target)
    }
}

/// The folder that is unpacked into; all paths are relative to it.
final class TargetFolder: Sendable {
    let path: String
    let descriptor: Int32

    init(_ path: String) throws(UnpackFailure) {
        self.path = path
        do throws(FileFailure) {
            descriptor = try File.open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, action: "open")
        } catch { throw UnpackFailure(error) }
    }

    deinit { close(descriptor) }

    /// The system's last error.
    func failure(_ action: String, _ name: TargetPath) -> UnpackFailure {
        UnpackFailure(FileFailure(action, "\(path)/\(name)"))
    }
}

/// A path below the target folder, its bytes as the image has them.
struct TargetPath: CustomStringConvertible {
    /// Ends with 0.
    private let bytes: [CChar]

    static let root = TargetPath(bytes: [])

    private init(bytes: [CChar]) { self.bytes = bytes }

    /// - Returns: nil where the path would be too long for the system.
    func appending(_ name: [UInt8]) -> TargetPath? {
        let above = bytes.isEmpty ? [] : bytes.dropLast() + [CChar(bitPattern: UInt8(ascii: "/"))]
        let path = above + name.map { CChar(bitPattern: $0) } + [0]
        return path.count < 4096 ? TargetPath(bytes: path) : nil
    }

    /// As the system takes it; "." for the folder itself.
    func with<Result>(_ body: (UnsafePointer<CChar>) -> Result) -> Result {
        bytes.isEmpty ? ".".withCString(body) : bytes.withUnsafeBufferPointer { body($0.baseAddress!) }
    }

    var description: String { String(decoding: bytes.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self) }
}
