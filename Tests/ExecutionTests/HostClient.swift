import Digests
import Execution
import Files
import Foundation
import HostProtocol
import JSON
import Parts
import Plan
import TestSupport

/// `las-runtime serve` in a process of its own, spoken to as las does.
final class HostClient {
    static let runtime: String = {
        var folder = URL(fileURLWithPath: #filePath)
        for _ in 1...3 { folder.deleteLastPathComponent() }
        return folder.path + "/.build/debug/las-runtime"
    }()

    let process = Process()
    private let input = Pipe()
    private let output = Pipe()
    private var reader = FrameReader()

    /// - Parameter isOwn: as `las run` starts it, for this machine's own user.
    init(lash: String, greeting: Bool = true, isOwn: Bool = false) throws {
        process.executableURL = URL(fileURLWithPath: Self.runtime)
        process.arguments = ["serve", "--lash", lash] + (isOwn ? ["--own"] : [])
        process.standardInput = input
        process.standardOutput = output
        process.standardError = FileHandle(forWritingAtPath: "/dev/null")
        try process.run()
        if greeting {
            try send(Frame(.hello, json: Hello(version: Frame.version, program: "test", host: nil)))
            let hello = try answer(.hello, Hello.self)
            guard hello.host != nil else { throw ProtocolFailure.ended(awaited: "the host's facts") }
        }
    }

    func send(_ frame: Frame) throws { try input.fileHandleForWriting.write(contentsOf: Data(frame.bytes)) }
    func send(raw bytes: [UInt8]) throws { try input.fileHandleForWriting.write(contentsOf: Data(bytes)) }

    func next() throws -> Frame? {
        while true {
            if let frame = try reader.take() { return frame }
            let data = output.fileHandleForReading.availableData
            if data.isEmpty { return nil }
            reader.feed(data)
        }
    }

    func answer<T: Decodable>(_ kind: Frame.Kind, _ type: T.Type) throws -> T {
        guard let frame = try next() else { throw ProtocolFailure.ended(awaited: "\(kind)") }
        return try frame.expect(kind, type, awaited: "\(kind)")
    }

    /// Closes our side and waits for its end.
    func close() -> Int32 {
        try? input.fileHandleForWriting.close()
        process.waitUntilExit()
        return process.terminationStatus
    }

    func offer(_ parts: [Part]) throws -> Have {
        try send(Frame(.offer, json: Offer(parts: parts)))
        return try answer(.have, Have.self)
    }

    /// - Parameter bytes: the part's; what the host wants of them is sent, or all of them where they are not as many as they should be.
    func ship(_ part: Part, _ extents: ExtentList, _ bytes: [UInt8]) throws -> Committed {
        let wanted = try begin(part, extents)
        var pieces = wanted.pieces(of: extents, atMost: Frame.dataChunk)
        if bytes.count != Int(extents.size) {
            pieces = stride(from: 0, to: bytes.count, by: Frame.dataChunk).map {
                (Int64($0), min(Frame.dataChunk, bytes.count - $0))
            }
        }
        for piece in pieces {
            let start = Int(piece.offset)
            try send(Frame(kind: .data, payload: Array(bytes[start..<start + piece.count])))
        }
        try send(Frame(.commit, json: PartHeader(part: part)))
        return try answer(.committed, Committed.self)
    }

    /// - Returns: what the host wants of it.
    func begin(
        _ part: Part, _ extents: ExtentList, like: Digest? = nil, list: [UInt8]? = nil,
        tables: (of: Digest, told: [UInt8])? = nil
    ) throws -> WantedExtents {
        try send(Frame(.part, json: PartHeader(part: part, like: like, tables: tables?.of)))
        try send(Frame(kind: .extents, payload: list ?? extents.bytes))
        try send(Frame(kind: .extents, payload: []))
        if let tables {
            if !tables.told.isEmpty { try send(Frame(kind: .tables, payload: tables.told)) }
            try send(Frame(kind: .tables, payload: []))
        }
        var wanted: [UInt8] = []
        while let frame = try next() {
            if frame.kind == .refusal { throw try frame.decode(Refusal.self) }
            guard frame.kind == .want else { throw ProtocolFailure.unexpected(kind: frame.kind, awaited: "want") }
            if frame.payload.isEmpty { break }
            wanted += frame.payload
        }
        guard let wanted = WantedExtents(bytes: wanted, of: extents.extents.count) else {
            throw ProtocolFailure.malformed(kind: .want, reason: "no extents of the part")
        }
        return wanted
    }

    func start(
        _ run: String, _ parts: [Part], cpus: Int? = nil, tethered: Bool = false, engine: String? = nil,
        bundle: SentBundle? = nil, sandbox: String? = nil
    ) throws -> Started {
        var start = Start(
            run: RunID(run)!, parts: parts, cpus: cpus, tethered: tethered, engine: engine, bundle: bundle)
        start.sandbox = sandbox
        try send(Frame(.start, json: start))
        return try answer(.started, Started.self)
    }

    func resume(_ run: String, tethered: Bool = false) throws -> Started {
        try send(Frame(.resume, json: Resume(run: RunID(run)!, tethered: tethered)))
        return try answer(.started, Started.self)
    }

    /// Events up to the end; `seen` is asked after each whether to go on.
    func follow(_ run: String, from: Int = 1, seen: (RunEvent) throws -> Bool = { _ in true }) throws -> [RunEvent] {
        try send(Frame(.follow, json: Follow(run: RunID(run)!, from: from)))
        var events: [RunEvent] = []
        while let frame = try next() {
            if frame.kind == .done { continue }
            let event = try frame.expect(.event, RunEvent.self, awaited: "an event")
            events.append(event)
            if event.kind == .runEnded { break }
            if try !seen(event) { break }
        }
        return events
    }
}

/// The parts of a small metro, on their way to a host.
struct ShippedMetro {
    let parts: [(part: Part, extents: ExtentList, bytes: [UInt8])]

    init(_ plan: Plan, _ files: [String: String] = [:], in scratch: String) throws {
        try TestImages.metro(plan, files, to: scratch + "/metro.squashfs")
        parts = try [(.environment, "main", TestImages.environment), (.metro, "test", scratch + "/metro.squashfs")].map
        {
            let (part, extents) = try TestImages.part($0, $1, $2)
            return (part, extents, try File.read($2))
        }
    }

    var all: [Part] { parts.map(\.part) }

    func ship(over client: HostClient) throws {
        for (part, extents, bytes) in parts { _ = try client.ship(part, extents, bytes) }
    }
}
