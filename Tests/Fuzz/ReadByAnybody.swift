import HostProtocol
import Parts

/// Frames taken apart, in pieces of every size, and each of them decoded as what its kind says.
enum ReadByAnybody {
    static func read(_ bytes: [UInt8]) {
        guard let step = bytes.first.map({ Int($0) + 1 }) else { return }
        let rest = bytes.dropFirst()
        let whole = frames(rest, inPiecesOf: rest.count + 1)
        precondition(frames(rest, inPiecesOf: step) == whole, "the same bytes are the same frames, however they come")
        precondition(
            data(rest, inPiecesOf: step) == data(rest, inPiecesOf: rest.count + 1),
            "the same bytes are the same data, however they come")
        for frame in whole { decode(frame) }
    }

    /// What of the bytes is handed on as it comes.
    private static func data(_ bytes: ArraySlice<UInt8>, inPiecesOf size: Int) -> [UInt8] {
        var reader = FrameReader()
        var data: [UInt8] = []
        var at = bytes.startIndex
        while at < bytes.endIndex {
            let end = min(at + size, bytes.endIndex)
            reader.feed(bytes[at..<end])
            at = end
            do { while try reader.take({ data += $0 }) != nil {} } catch { return data }
        }
        return data
    }

    private static func frames(_ bytes: ArraySlice<UInt8>, inPiecesOf size: Int) -> [Frame] {
        var reader = FrameReader()
        var frames: [Frame] = []
        var at = bytes.startIndex
        while at < bytes.endIndex {
            let end = min(at + size, bytes.endIndex)
            reader.feed(bytes[at..<end])
            at = end
            do { while let frame = try reader.take() { frames.append(frame) } } catch { return frames }
        }
        return frames
    }

    private static func decode(_ frame: Frame) {
        switch frame.kind {
        case .hello: _ = try? frame.decode(Hello.self)
        case .offer: _ = try? frame.decode(Offer.self)
        case .have: _ = try? frame.decode(Have.self)
        case .part, .commit: _ = try? frame.decode(PartHeader.self)
        case .committed: _ = try? frame.decode(Committed.self)
        case .start: _ = try? frame.decode(Start.self)
        case .started: _ = try? frame.decode(Started.self)
        case .follow: _ = try? frame.decode(Follow.self)
        case .event: _ = try? frame.decode(RunEvent.self)
        case .refusal: _ = try? frame.decode(Refusal.self)
        case .file: _ = try? frame.decode(FileHeader.self)
        case .work: _ = try? frame.decode(Start.self)
        case .standing: _ = try? frame.decode(Standing.self)
        case .lease: _ = try? frame.decode(Lease.self)
        case .made: _ = try? frame.decode(MadeHeader.self)
        case .leaseBegan: _ = try? frame.decode(LeaseBegan.self)
        case .leaseEnded: _ = try? frame.decode(LeaseEnded.self)
        case .taken, .revoke, .reclaim, .returned: _ = try? frame.decode(LeaseNote.self)
        case .lines: _ = try? frame.decode(Lines.self)
        case .clear: _ = try? frame.decode(Clear.self)
        case .cleared: _ = try? frame.decode(Cleared.self)
        case .resume: _ = try? frame.decode(Resume.self)
        case .printed: _ = try? PrintedPiece(frame)
        case .extents, .want: _ = try? ExtentList(bytes: frame.payload)
        default: break
        }
    }
}
