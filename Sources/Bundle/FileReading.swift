internal import Files
internal import Glibc

/// A file of an image while it is read. Its length is looked at: one that changes would make an image of nonsense.
struct FileReading: ~Copyable {
    private let path: String
    private let descriptor: Int32

    init(_ file: ImageFile) throws {
        guard let path = file.path else { preconditionFailure("bytes are no file") }
        let opened = try File.open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW, action: "read")
        var info = stat()
        guard fstat(opened, &info) == 0, info.st_mode & S_IFMT == S_IFREG, Int64(info.st_size) == file.size else {
            close(opened)
            throw BundleFailure.changed(path)
        }
        (self.path, descriptor) = (path, opened)
    }

    deinit { close(descriptor) }

    func read(at offset: Int64, into room: UnsafeMutableRawBufferPointer) throws {
        guard try File.readAll(room, at: offset, from: descriptor, path: path) == room.count else {
            throw BundleFailure.changed(path)
        }
    }
}
