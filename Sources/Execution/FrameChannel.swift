internal import Files
internal import Glibc
internal import HostProtocol

/// The two descriptors that las is at the other end of.
final class FrameChannel {
    let input: Int32
    let output: Int32
    private var reader = FrameReader()
    private var hasEnded = false

    init(input: Int32, output: Int32) { (self.input, self.output) = (input, output) }

    /// The next frame; waits for it.
    /// - Returns: nil at the end.
    func read() throws -> Frame? {
        while true {
            if let frame = try reader.take() { return frame }
            if try isAtItsEnd() { return nil }
            fill()
        }
    }

    /// The next frame; but of a `data` frame its bytes as they come.
    /// - Returns: nil at the end, and `.piece` at the end of a `data` frame.
    func read(_ body: (UnsafeRawBufferPointer) throws -> Void) throws -> FrameReader.Taken? {
        while true {
            switch try reader.take(body) {
            case .piece(isLast: false): continue
            case let taken?: return taken
            case nil:
                if try isAtItsEnd() { return nil }
                fill()
            }
        }
    }

    private func isAtItsEnd() throws -> Bool {
        if hasEnded, !reader.isEmpty { throw ProtocolFailure.ended(awaited: "the rest of a frame") }
        return hasEnded
    }

    /// A frame that is there already, or came with what `input` holds; call it when `input` is readable.
    /// - Parameter filling: whether to read from `input`, once.
    func readAvailable(filling: Bool) throws -> Frame? {
        if let frame = try reader.take() { return frame }
        if filling, !hasEnded { fill() }
        return try reader.take()
    }

    var isAtEnd: Bool { hasEnded }

    private func fill() {
        var wasInterrupted = false
        let count = reader.fill { room in
            let count = Glibc.read(input, room.baseAddress, room.count)
            wasInterrupted = count < 0 && errno == EINTR
            return count
        }
        // A connection that breaks is one that ends.
        if count <= 0, !wasInterrupted { hasEnded = true }
    }

    /// Lets who writes into `input` be ahead by more than usual, where that is a pipe: both have fewer turns then.
    func widen() { _ = fcntl(input, Self.setPipeSize, Int32(1 << 20)) }

    /// F_SETPIPE_SZ, which Swift's C library does not have. A user may ask for so much without leave; where it is refused, all is as usual.
    private static let setPipeSize: Int32 = 1031

    func send(_ frame: Frame) throws { try File.writeAll(frame.bytes, to: output, path: "the connection") }
}
