internal import CSquashfs
internal import CZstd

/// libsquashfs's compressor, for one thread.
struct Compressor: ~Copyable {
    let handle: UnsafeMutablePointer<sqfs_compressor_t>

    init(_ options: ImageOptions) throws(BundleFailure) {
        var created: UnsafeMutablePointer<sqfs_compressor_t>?
        let code = las_sqfs_zstd(UInt32(options.blockSize), UInt32(options.level), &created)
        guard code == 0, let created else { throw .squashfs("begin the compression", code) }
        handle = created
    }

    deinit { las_sqfs_destroy(handle) }

    /// - Parameter room: holds at least as much as `Compressor.room` says.
    /// - Returns: the compressed length; 0 where the bytes are better stored as they are.
    func compress(_ bytes: UnsafeRawBufferPointer, into room: UnsafeMutableRawBufferPointer) throws(BundleFailure)
        -> Int
    {
        let count = las_sqfs_compress(
            handle, bytes.baseAddress, UInt32(bytes.count), room.baseAddress, UInt32(room.count))
        guard count >= 0 else { throw .squashfs("compress a block", count) }
        return Int(count) < bytes.count ? Int(count) : 0
    }

    /// What zstd needs at worst.
    static func room(for count: Int) -> Int { ZSTD_compressBound(count) }

    static var zstdVersion: String { String(cString: ZSTD_versionString()) }
}

/// An object of libsquashfs that only the library looks into, destroyed with this value.
struct LibraryObject: ~Copyable {
    let handle: OpaquePointer

    init(_ handle: OpaquePointer?, _ action: String) throws(BundleFailure) {
        guard let handle else { throw .squashfs(action, 0) }
        self.handle = handle
    }

    deinit { las_sqfs_destroy(UnsafeMutableRawPointer(handle)) }
}
