import Digests
import Files
import HostProtocol
import Parts

/// Conversations as they should be, for a fuzzer to begin with.
enum Seeds {
    static let greeting = Frame(.hello, json: Hello(version: Frame.version, program: "las 0.1.0", host: nil)).bytes
    static let answer = Frame(.hello, json: Hello(version: Frame.version, program: "las-runtime 0.1.0", host: nil))
        .bytes

    static func write(to folder: String) {
        try? Folder.make(folder)
        for (number, seed) in all.enumerated() { try? File.write(seed, to: "\(folder)/seed-\(number)") }
    }

    private static var all: [[UInt8]] {
        guard let run = RunID("20261126-101010-x-12345") else { return [] }
        let data = Array("what a part is made of".utf8)
        let extents = try? ExtentList([Extent(length: Int64(data.count), digest: Digest(of: data))])
        guard let extents else { return [] }
        let part = Part(kind: .environment, name: "main", size: Int64(data.count), digest: extents.digest)
        let shipped: [Frame] = [
            Frame(.offer, json: Offer(parts: [part])), Frame(.part, json: PartHeader(part: part)),
            Frame(kind: .extents, payload: extents.bytes), Frame(kind: .extents, payload: []),
            Frame(kind: .data, payload: data), Frame(.commit, json: PartHeader(part: part)),
        ]
        let like: [Frame] = [
            Frame(.part, json: PartHeader(part: part, like: part.digest)),
            Frame(kind: .extents, payload: ExtentDifference(extents, from: extents).bytes),
            Frame(kind: .extents, payload: []), Frame(.commit, json: PartHeader(part: part)),
        ]
        let tables: [Frame] = [
            Frame(.part, json: PartHeader(part: part, like: part.digest, tables: part.digest)),
            Frame(kind: .extents, payload: ExtentDifference(extents, from: extents).bytes),
            Frame(kind: .extents, payload: []),
            Frame(kind: .tables, payload: Array("LASTABLE".utf8) + [0, 0, 0, 1, 0, 0, 0, 3]),
            Frame(kind: .tables, payload: []), Frame(.commit, json: PartHeader(part: part)),
        ]
        let asked: [Frame] = [
            Frame(.start, json: Start(run: run, parts: [part], cpus: 1, tethered: true, engine: "fuse")),
            Frame(.resume, json: Resume(run: run, tethered: true)), Frame(.follow, json: Follow(run: run, from: 1)),
            Frame(.cancel, json: Cancel(run: run)), Frame(.fetch, json: Fetch(run: run)),
            Frame(.clean, json: Clean(run: run)),
        ]
        var event = RunEvent(sequence: 1, time: 1, kind: .runEnded)
        event.succeeded = true
        event.files = [.init(path: "a/b.txt", size: 3, digest: Digest(of: "abc"))]
        let results: [Frame] = [
            Frame(.file, json: FileHeader(path: "a", kind: .folder, size: 0, executable: false)),
            Frame(.fileEnd, json: FileEnd(digest: nil)),
            Frame(.file, json: FileHeader(path: "a/b.txt", kind: .file, size: 3, executable: true)),
            Frame(kind: .data, payload: Array("abc".utf8)), Frame(.fileEnd, json: FileEnd(digest: Digest(of: "abc"))),
            Frame(.done, json: Done()),
        ]
        func bytes(_ frames: [Frame]) -> [UInt8] { frames.flatMap(\.bytes) }
        return [
            [0, 9] + bytes(shipped + like), [0, 1] + bytes(asked), [0, 200] + bytes(results),
            [1] + bytes(shipped), [1] + bytes(like), [1] + bytes(shipped + tables), [1] + bytes(shipped + asked),
            [1] + bytes(asked),
            [1]
                + bytes([
                    Frame(.lines, json: Lines(word: String(repeating: "a", count: 16), count: 0)),
                    Frame(.clear, json: Clear(days: 0)),
                    Frame(.work, json: Start(run: run, parts: [part], cpus: 1, tethered: false, engine: nil)),
                ]),
            [2] + bytes(results), [2] + bytes([Frame(.event, json: event)] + results),
        ] + ReadByLead.seeds.map { [3] + bytes($0) } + ReadByLead.seeds.map { [0, 9] + bytes($0) }
            + ReadByShare.seeds.map { [4] + $0 }
    }
}
