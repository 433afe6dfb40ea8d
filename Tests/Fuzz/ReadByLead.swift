import Digests
import Files
import HostProtocol
import Plan

@testable import Execution

/// las's side where it leases tasks: what a hostile host tells of them.
enum ReadByLead {
    private static var task: PlannedTask {
        PlannedTask(
            id: TaskID("a"), station: StationID("a"), environment: .main, command: .direct(["true"]),
            outputs: [.init(path: "x", isFolder: false)], savesPrinted: nil, reads: [], made: "a",
            uses: Resources(cpus: 1))
    }

    private static func board(in scratch: String) -> LeaseBoard {
        let folder = RunFolder(path: scratch + "/run")
        for place in [folder.made, folder.tasks, folder.logs] { try? Folder.make(place) }
        let board = LeaseBoard([.init(name: "h", labels: [], room: nil)], run: folder, silence: 30)
        board.lease(task, number: 1, attempt: 1) { _, _, _, _ in }
        return board
    }

    private static let facts = HostFacts(
        name: "h", architecture: "x86_64", kernel: "6", cpus: 2, memory: 1 << 30, freeDisk: 1 << 30, isRoot: false,
        engine: "fuse", reason: "", notes: [])

    static var seeds: [[Frame]] {
        guard let id = board(in: "/tmp/las-fuzz-seeds").state.change({ $0.unplaced.first?.id }) else { return [] }
        let file = RunEvent.File(path: "x", size: 3, digest: Digest(of: "abc"))
        let log = RunEvent.File(path: "a.err", size: 3, digest: Digest(of: "abc"))
        let bytes = Frame(kind: .data, payload: Array("abc".utf8))
        return [
            [
                Frame(.leaseBegan, json: LeaseBegan(id: id)),
                PrintedPiece(id: id, isErrors: true, offset: 0, bytes: Array("ab".utf8)).frame,
                Frame(.made, json: MadeHeader(kind: .made, path: "a", files: [file], isLast: true)), bytes,
                Frame(.made, json: MadeHeader(kind: .logs, path: "", files: [log], isLast: true)), bytes,
                Frame(.leaseEnded, json: LeaseEnded(id: id, outcome: .done)), Frame(.alive, json: Done()),
            ],
            [
                Frame(.leaseBegan, json: LeaseBegan(id: id)),
                Frame(.leaseEnded, json: LeaseEnded(id: id, outcome: .failed)),
                Frame(.refusal, json: Refusal(summary: "no", exitCode: .integrity)),
            ],
        ]
    }

    static func read(_ bytes: [UInt8], in scratch: String) {
        let board = board(in: scratch)
        let line = LeaseLine(board, host: 0, facts, cpus: nil, number: 1) {}
        defer { line.abandon() }
        var reader = FrameReader()
        let standing = Standing(open: [], ended: [], held: [], isLast: true)
        reader.feed(Frame(.standing, json: standing).bytes + bytes)
        do {
            while let frame = try reader.take() {
                try line.take(frame)
                while try line.outgoing() != nil {}
            }
        } catch {}
    }
}
