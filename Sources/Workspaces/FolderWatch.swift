internal import CLinux
package import Files
internal import Glibc

/// The folders of a workspace as the kernel watches them (inotify), and which of their files something happened to.
///
/// Used by one thread at a time; that it is readable any thread may wait for.
package struct FolderWatch {
    let descriptor: Int32
    /// By the kernel's numbers; nil for the workspace itself.
    private var folders: [Int32: RelativePath?] = [:]
    /// Whether each folder could be watched: else what happens can't be told from this.
    private var isWhole = true

    package init(_ descriptor: Int32) { self.descriptor = descriptor }

    /// - Parameters:
    ///   - place: a path by which the folder is reached now.
    ///   - folder: where it lies; nil for the workspace itself. One that has moved is added again.
    package mutating func add(_ place: String, as folder: RelativePath?) {
        let number = las_watcher_add(descriptor, place)
        if number >= 0 { folders[number] = .some(folder) } else { isWhole = false }
    }

    /// What something has happened to since this was asked last: a folder stands for all that it holds.
    ///
    /// - Returns: nil where everything has to be looked at.
    package mutating func take() -> Set<RelativePath>? {
        var paths: Set<RelativePath> = []
        var isLost = false
        withUnsafeTemporaryAllocation(byteCount: 1 << 16, alignment: 8) { buffer in
            while true {
                let count = read(descriptor, buffer.baseAddress!, buffer.count)
                if count < 0, errno == EINTR { continue }
                if count <= 0 { return }
                var start = 0
                while start + MemoryLayout<inotify_event>.size <= count {
                    let event = buffer.loadUnaligned(fromByteOffset: start, as: inotify_event.self)
                    start += MemoryLayout<inotify_event>.size
                    let name = buffer[start..<start + Int(event.len)].prefix { $0 != 0 }
                    start += Int(event.len)
                    if event.mask & UInt32(IN_Q_OVERFLOW) != 0 { isLost = true }
                    if event.mask & UInt32(IN_IGNORED) != 0 {
                        folders[event.wd] = nil
                    } else if let folder = folders[event.wd], !name.isEmpty,
                        let name = String(validating: name, as: UTF8.self),
                        let path = RelativePath(name, in: folder)
                    {
                        paths.insert(path)
                    }
                }
            }
        }
        return isLost || !isWhole ? nil : paths
    }
}
