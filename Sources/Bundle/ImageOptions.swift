internal import Threads

/// How images are made. All but the number of threads changes the bytes.
package struct ImageOptions: Hashable, Sendable {
    /// Of zstd.
    package var level = 3
    /// For an image that is fetched more often than it is packed.
    package static let releaseLevel = 15
    package var blockSize = 128 << 10
    package var threads: Int

    /// All that changes the bytes of an image, besides what it is made of.
    package var words: String {
        "writer \(ImageWriter.version), zstd \(Compressor.zstdVersion), level \(level), blocks of \(blockSize)"
    }

    package init(level: Int = 3, threads: Int? = nil) {
        self.level = level
        self.threads = max(1, threads ?? Workers.processors)
    }
}
