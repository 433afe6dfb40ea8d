internal import Files
internal import Glibc
internal import HostProtocol

/// The two descriptors that las is at the other end of.
final class FrameChannel {
    let input: Int32
    let output: Int32
    private var reader = FrameReader()
    private var hasEnded = false
    private var buffer = [UInt8](repeating: 0, count: 1 << 16)

    init(input: Int32, output: Int32) { (self.input, self.output) = (input, output) }

    /// The next frame; waits for it.
    /// - Returns: nil at the end.
    func read() throws -> Frame? {
        while true {
            if let frame = try reader.take() { return frame }
            if hasEnded {
                if reader.isEmpty { return nil }
                throw ProtocolFailure.ended(awaited: "the rest of a frame")
            }
            try fill()
        }
    }

    /// A frame that is there already, or came with what `input` holds; call it when `input` is readable.
    /// - Parameter filling: whether to read from `input`, once.
    func readAvailable(filling: Bool) throws -> Frame? {
        if let frame = try reader.take() { return frame }
        if filling, !hasEnded { try fill() }
        return try reader.take()
    }

    var isAtEnd: Bool { hasEnded }

    private func fill() throws {
        let count = Glibc.read(input, &buffer, buffer.count)
        if count < 0, errno == EINTR { return }
        // A connection that breaks is one that ends.
        if count <= 0 { hasEnded = true } else { reader.feed(buffer[..<count]) }
    }

    func send(_ frame: Frame) throws { try File.writeAll(frame.bytes, to: output, path: "the connection") }
}
