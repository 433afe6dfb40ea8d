internal import Failures
internal import HostProtocol
internal import Parts

/// Further channels for the bytes of parts: one carries at most 2 MiB a way to the host and back.
extension HostSession {
    /// What is worth them, in bytes.
    private static let worthwhile: Int64 = 8 << 20

    /// How many help where a way to the host and back takes so long: none where one channel carries as much as there is.
    static func lines(for bytes: Int64, _ roundTrip: Double) -> Int {
        if bytes < worthwhile || roundTrip < 0.01 { return 0 }
        return min(Lines.most, max(2, Int((roundTrip / 0.01).rounded(.up))))
    }

    /// From how many bytes on another login costs less than it saves.
    private static let worthALogin: Int64 = 48 << 20

    /// Has the bytes go over a connection of the user's own `ssh`, which has ciphers that take less work than libssh2's. What can't be
    /// had is done without.
    func openCarrier(for bytes: Int64) throws {
        guard bytes >= Self.worthALogin, limit == nil, lines.isEmpty, var bootstrap, let carrier else { return }
        // Once in a session: what was refused would be refused again.
        self.carrier = nil
        let word = Self.word()
        do throws(HostFailure) {
            bootstrap.transport = try carrier()
            lines = [try bootstrap.carrier(word)]
        } catch {
            if error.kind == .abandoned { throw error }
            return
        }
        try requestLines(Lines(word: word, count: 1))
    }

    private static func word() -> String {
        (0..<4).map { _ in String(UInt64.random(in: 0 ... .max), radix: 36) }.joined()
    }

    /// Opens them. A host that allows few channels gets few, or none: all goes over the one that there is then.
    func openLines(_ count: Int) throws {
        guard let bootstrap, lines.isEmpty, count > 1 else { return }
        let word = Self.word()
        var opened: [any Channel] = []
        for number in 0..<count {
            do throws(HostFailure) {
                // Its shell may read on as far as there is something: nothing follows before the host has it.
                opened.append(try bootstrap.line(word, number: number))
            } catch {
                // Where the connection itself is gone, that shows at the next step.
                if error.kind == .abandoned { throw error }
                break
            }
        }
        if opened.count < 2 { opened = [] }
        try requestLines(Lines(word: word, count: opened.count))
        lines = opened
    }

    /// Lets them go when all parts are there.
    func closeLines() throws {
        guard !lines.isEmpty else { return }
        try requestLines(Lines(word: String(repeating: "0", count: 16), count: 0))
        dropLines()
    }

    private func requestLines(_ lines: Lines) throws {
        let _: Done = try ask(
            Frame(.lines, json: lines), .done, Done.self, awaited: "that the host takes bytes over further channels")
    }

    func dropLines() {
        for line in lines { line.leave() }
        (lines, turn) = ([], 0)
    }

    /// Sends bytes of a part.
    /// - Parameter buffer: used again and again.
    /// - Returns: what the host says meanwhile: that it takes no more of it.
    func sendData(
        at offset: Int64, count: Int, of reader: PartReader, by buffer: inout [UInt8]
    ) throws -> Frame? {
        if lines.isEmpty {
            let channel = try openChannel()
            try sending { try Self.send(at: offset, count: count, of: reader, over: channel, by: &buffer) }
        } else {
            do { try Self.send(at: offset, count: count, of: reader, over: lines[turn], by: &buffer) } catch let error
                as HostFailure
            {
                guard error.kind == .cut else { throw error }
                return try waiter.within(60, error.summary) { try next("why the host takes no more of a part") }
            }
            turn = (turn + 1) % lines.count
        }
        return try nextWithoutWaiting()
    }

    private static func send(
        at offset: Int64, count: Int, of reader: PartReader, over channel: any Channel, by buffer: inout [UInt8]
    ) throws {
        let header = Frame.header(of: .data, count: count)
        if channel.takesFiles {
            try channel.write(header)
            try reader.inFiles(at: offset, count: count) { file, offset, count in
                let done = try channel.write(count, of: file.descriptor, at: offset)
                if done < count { try channel.write(try file.read(at: offset + Int64(done), count: count - done)) }
            }
            return
        }
        if buffer.count != header.count + count { buffer = [UInt8](repeating: 0, count: header.count + count) }
        buffer.replaceSubrange(..<header.count, with: header)
        var failure: PartFailure?
        buffer.withUnsafeMutableBytes { buffer in
            do throws(PartFailure) {
                try reader.fill(UnsafeMutableRawBufferPointer(rebasing: buffer[header.count...]), at: offset)
            } catch { failure = error }
        }
        if let failure { throw failure }
        try channel.write(buffer)
    }
}
