package import Layers
internal import Threads

/// Compresses layers while something else is done that leaves processors idle, so that an image finds their blocks.
///
/// Only layers that this process has just made: the others are looked at first, which may take them out of the store.
package final class BlocksAhead: Sendable {
    private struct State {
        var hasStopped = false
        var thread: OwnThread?
    }

    private let writer: ImageWriter
    private let state = Monitor(State())

    package init(_ writer: ImageWriter) {
        var options = writer.options
        options.threads = max(1, Workers.processors - 1)
        self.writer = ImageWriter(writer.lash, options: options)
    }

    /// Begins, once; what goes wrong shows when the image is written.
    package func begin(_ layers: [Layer]) {
        let batches = Self.batches(of: layers.filter(\.isFresh))
        state.change { state in
            guard state.thread == nil, !state.hasStopped, !batches.isEmpty else { return }
            state.thread = try? OwnThread { [self] in
                for batch in batches {
                    if self.hasStopped { return }
                    _ = try? writer.blocks(of: batch, batch.map(ImageTree.files), progress: { _, _ in })
                }
            }
        }
    }

    private var hasStopped: Bool { state.change { $0.hasStopped } }

    /// Waits for the layers that are just being compressed, and leaves the others to who writes the image.
    package func stop() {
        let thread = state.change { state in
            state.hasStopped = true
            defer { state.thread = nil }
            return state.thread
        }
        thread?.join()
    }

    /// Of about as much as is compressed in a quarter of a second.
    private static func batches(of layers: [Layer]) -> [[Layer]] {
        var batches: [[Layer]] = []
        var size: Int64 = 0
        for layer in layers {
            if batches.isEmpty || size >= 64 << 20 {
                batches.append([])
                size = 0
            }
            batches[batches.count - 1].append(layer)
            for entry in layer.entries { if case .file(let bytes) = entry.kind { size += bytes } }
        }
        return batches
    }
}
