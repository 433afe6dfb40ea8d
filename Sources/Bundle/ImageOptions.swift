internal import Threads

/// How images are made. All but the number of threads changes the bytes.
package struct ImageOptions: Hashable, Sendable {
    /// Of zstd.
    package var level = 3
    /// For an image that is fetched more often than it is packed.
    package static let releaseLevel = 15
    package var blockSize = 128 << 10
    package var threads: Int

    /// How large zstd's tables are, as powers of two, where not as the level has them: 2^16 and 2^15 at level 3. Blocks of
    /// 128 KiB gain little from those: with these it takes a seventh less time, and makes an image 1.2 % larger.
    var tables: (hash: Int32, chain: Int32)? { level == 3 ? (14, 13) : nil }

    /// All that changes the bytes of an image, besides what it is made of.
    package var words: String {
        "writer \(ImageWriter.version), zstd \(Compressor.zstdVersion), level \(level), blocks of \(blockSize)"
    }

    /// - Parameter threads: one more than there are processors where nothing is said. As many that never wait may share one
    ///   processor for long where another is busy with something else: the system moves who wakes up.
    package init(level: Int = 3, threads: Int? = nil) {
        self.level = level
        self.threads = max(1, threads ?? Workers.processors + 1)
    }
}
