internal import Files
internal import Glibc

/// Writes files, for one thread.
struct FileUnpacker {
    private let reader: FileReader
    private let target: TargetFolder

    init(_ reader: FileReader, _ target: TargetFolder) { (self.reader, self.target) = (reader, target) }

    func write(_ file: UnpackedTree.FileToWrite) throws(UnpackFailure) {
        // Writable while it is written, whatever its mode; never through a link, never over something.
        let descriptor = file.path.with {
            openat(target.descriptor, $0, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        }
        guard descriptor >= 0 else { throw target.failure("write", file.path) }
        defer { close(descriptor) }
        var written: Int64 = 0
        try reader.read(file.data) { (offset, block) throws(UnpackFailure) in
            try write(block, at: offset, to: descriptor, file.path)
            written = offset + Int64(block.count)
        }
        if written < file.data.size, ftruncate(descriptor, off_t(file.data.size)) != 0 {
            throw target.failure("write", file.path)
        }
        FileAttribute.give(file.attributes, to: descriptor)
        if fchmod(descriptor, file.inode.mode) != 0 { throw target.failure("set the mode of", file.path) }
        let time = timespec(tv_sec: Int(file.inode.modified), tv_nsec: 0)
        _ = withUnsafeTemporaryAllocation(of: timespec.self, capacity: 2) { times in
            times.initialize(repeating: time)
            return futimens(descriptor, times.baseAddress!)
        }
    }

    private func write(
        _ block: UnsafeRawBufferPointer, at offset: Int64, to descriptor: Int32, _ path: TargetPath
    ) throws(UnpackFailure) {
        var done = 0
        while done < block.count {
            let count = pwrite(descriptor, block.baseAddress! + done, block.count - done, off_t(offset) + done)
            if count < 0 {
                if errno == EINTR { continue }
                throw target.failure("write", path)
            }
            done += count
        }
    }
}
