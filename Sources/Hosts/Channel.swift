/// Bytes to and from a program on a host: all that the host protocol needs. Used by one thread.
protocol Channel: AnyObject {
    /// - Returns: what came; empty when the other side has ended; nil when nothing is there and `waiting` is false, or
    ///   when someone woke the waiter.
    func read(waiting: Bool) throws(HostFailure) -> [UInt8]?

    /// Sends all of it.
    /// - Throws: `.cut` when the other side takes no more.
    func write(_ bytes: [UInt8]) throws(HostFailure)

    /// Whether it takes ranges of files without anybody copying them.
    var takesFiles: Bool { get }

    /// Sends a range of an open file.
    /// - Returns: how many bytes of it were sent: fewer where the file ends before, and where it takes no files.
    func write(_ count: Int, of file: Int32, at offset: Int64) throws(HostFailure) -> Int

    /// Tells the other side that nothing more comes.
    func finishWriting() throws(HostFailure)

    /// Ends it, and waits a moment for the program's end.
    /// - Returns: the program's exit status; 128 and more for a signal; nil when it is not known.
    func close() -> Int32?

    /// Lets go of it without waiting for anything.
    func leave()

    /// The end of what the program wrote to its standard error.
    var errors: Tail { get }
}

extension Channel {
    var takesFiles: Bool { false }
    func write(_ count: Int, of file: Int32, at offset: Int64) throws(HostFailure) -> Int { 0 }
}

/// The last bytes of something that may be long.
struct Tail: Sendable {
    private(set) var bytes: [UInt8] = []
    static let limit = 4096

    mutating func append(_ more: some Sequence<UInt8>) {
        bytes.append(contentsOf: more)
        if bytes.count > 2 * Self.limit { bytes.removeFirst(bytes.count - Self.limit) }
    }

    /// The last lines, safe to show; nil when there is nothing.
    var text: String? { HostText.lastLines(bytes) }
}
