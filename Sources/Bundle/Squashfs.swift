internal import CSquashfs
internal import CZstd

/// Compresses files' blocks by zstd, for one thread.
struct Compressor: ~Copyable {
    private let context: OpaquePointer

    init(_ options: ImageOptions) throws(BundleFailure) {
        guard let created = ZSTD_createCCtx() else { throw .squashfs("begin the compression", 0) }
        context = created
        ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, Int32(options.level))
        if let tables = options.tables {
            ZSTD_CCtx_setParameter(context, ZSTD_c_hashLog, tables.hash)
            ZSTD_CCtx_setParameter(context, ZSTD_c_chainLog, tables.chain)
        }
    }

    deinit { ZSTD_freeCCtx(context) }

    /// - Parameter room: holds at least as much as `Compressor.room` says.
    /// - Returns: the compressed length; 0 where the bytes are better stored as they are.
    func compress(_ bytes: UnsafeRawBufferPointer, into room: UnsafeMutableRawBufferPointer) throws(BundleFailure)
        -> Int
    {
        let count = ZSTD_compress2(context, room.baseAddress, room.count, bytes.baseAddress, bytes.count)
        guard ZSTD_isError(count) == 0 else { throw .squashfs("compress a block", 0) }
        return count < bytes.count ? count : 0
    }

    /// What zstd needs at worst.
    static func room(for count: Int) -> Int { ZSTD_compressBound(count) }

    static var zstdVersion: String { String(cString: ZSTD_versionString()) }
}

/// libsquashfs's own compressor, for the tables that it writes.
struct TableCompressor: ~Copyable {
    let handle: UnsafeMutablePointer<sqfs_compressor_t>

    init(_ options: ImageOptions) throws(BundleFailure) {
        var created: UnsafeMutablePointer<sqfs_compressor_t>?
        let code = las_sqfs_zstd(UInt32(options.blockSize), UInt32(options.level), &created)
        guard code == 0, let created else { throw .squashfs("begin the compression of the tables", code) }
        handle = created
    }

    deinit { las_sqfs_destroy(handle) }
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
