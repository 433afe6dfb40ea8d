import Digests
import Files
import HostProtocol
import Plan
import TestSupport
import Testing

@testable import Execution

/// Which host has which task, and how one gets from a host to another.
@Suite struct LeaseBoardTests {
    private func board(in folder: String, tasks: Int) throws -> LeaseBoard {
        let run = RunFolder(path: folder + "/run")
        for place in [run.made, run.tasks, run.logs] { try Folder.make(place) }
        let board = LeaseBoard(
            ["vega", "deneb"].map { .init(name: $0, labels: [], room: nil) }, run: run, silence: 30)
        arrive(0, on: board)
        for number in 1...tasks {
            let name = "a\(number)"
            let task = PlannedTask(
                id: TaskID(name), station: StationID("a"), environment: .main, command: .direct(["true"]),
                outputs: [.init(path: "x", isFolder: false)], savesPrinted: nil, reads: [], made: name,
                uses: Resources(cpus: 1))
            board.lease(task, number: UInt64(number), attempt: 1) { _, _, _, _ in }
        }
        return board
    }

    private func arrive(_ host: Int, open: Set<Digest> = [], on board: LeaseBoard) {
        board.arrived(
            host, Capacity(cpus: 1, memory: 1 << 30, gpus: 0), open: open, ended: [], holds: [:], wake: {})
    }

    /// What goes to a host, as its line would send it.
    private func sent(to host: Int, by board: LeaseBoard) -> [String] {
        var said: [String] = []
        while let errand = board.nextErrand(of: host) {
            switch errand {
            case .lease(let id):
                if let order = board.order(id, on: host) { said.append("lease \(order.task.id)") }
            case .reclaim(let id):
                if let order = board.order(id, on: host) { said.append("reclaim \(order.task.id)") }
            case .revoke: said.append("revoke")
            case .taken: said.append("taken")
            case .dismiss: said.append("dismiss")
            }
        }
        return said
    }

    private func id(of task: String, on host: Int, of board: LeaseBoard) throws -> Digest {
        try #require(board.state.change { $0.hosts[host].leases.values.first { "\($0.task.id)" == task }?.id })
    }

    /// Two hosts say at the end of their tasks that they wrote one file of a folder that all machines see.
    @Test func twoHostsThatWroteOneSharedFileAreTold() throws {
        try withScratch { folder in
            let run = RunFolder(path: folder + "/run")
            for place in [run.made, run.tasks, run.logs] { try Folder.make(place) }
            let board = LeaseBoard(
                ["vega", "deneb"].map { .init(name: $0, labels: [], room: nil) }, run: run, silence: 30)
            for host in [0, 1] { arrive(host, on: board) }
            for number in 1...2 {
                var task = PlannedTask(
                    id: TaskID("a\(number)"), station: StationID("a"), environment: .main, command: .direct(["true"]),
                    outputs: [.init(path: "x", isFolder: false)], savesPrinted: nil, reads: [], made: "a\(number)",
                    uses: Resources(cpus: 1))
                task.workspaces = [
                    WorkspaceMount("panel", word: "panel", isShared: true),
                    WorkspaceMount("read", word: "read", isReadOnly: true, isShared: true),
                ]
                board.lease(task, number: UInt64(number), attempt: 1) { _, _, _, _ in }
            }
            for host in [0, 1] {
                let order = try #require(board.state.change { $0.hosts[host].leases.values.first })
                board.began(order.id, on: host)
                let path = try #require(RelativePath("both.txt"))
                let wrote = ["panel", "read", "none"].map {
                    WrittenFiles(workspace: $0, fileSystem: "fs\(host)", paths: [path])
                }
                board.wrote(wrote, by: order, on: host, seconds: 60)
            }
            let notes = board.take().notes
            #expect(notes.compactMap(\.collision?.workspace) == ["panel"])
            #expect(notes.first?.text.contains("vega and deneb both wrote both.txt of the workspace “panel”") ?? false)
        }
    }

    @Test func whatWaitsGoesToAnIdleHostWhenItIsGivenBack() throws {
        try withScratch { folder in
            let board = try board(in: folder, tasks: 2)
            #expect(sent(to: 0, by: board) == ["lease a1", "lease a2"])
            arrive(1, on: board)
            board.balance()
            board.balance()
            #expect(sent(to: 0, by: board) == ["reclaim a2"])
            #expect(sent(to: 1, by: board).isEmpty)
            let waiting = try id(of: "a2", on: 0, of: board)
            // One that nobody asked for stays.
            board.returned(try id(of: "a1", on: 0, of: board), by: 0)
            board.returned(waiting, by: 0)
            #expect(sent(to: 1, by: board) == ["lease a2"])
            #expect(board.order(waiting, on: 0) == nil)
        }
    }

    /// It had begun when it was asked for: nobody else gets it, since what it does in workspaces would be done twice.
    @Test func whatHasBegunStays() throws {
        try withScratch { folder in
            let board = try board(in: folder, tasks: 2)
            _ = sent(to: 0, by: board)
            arrive(1, on: board)
            board.balance()
            #expect(sent(to: 0, by: board) == ["reclaim a2"])
            board.began(try id(of: "a2", on: 0, of: board), on: 0)
            board.balance()
            #expect(sent(to: 0, by: board) == ["reclaim a1"])
            #expect(sent(to: 1, by: board).isEmpty)
        }
    }

    @Test func whatWasNotEvenSentGoesAtOnce() throws {
        try withScratch { folder in
            let board = try board(in: folder, tasks: 2)
            arrive(1, on: board)
            board.balance()
            #expect(sent(to: 0, by: board) == ["lease a1"])
            #expect(sent(to: 1, by: board) == ["lease a2"])
        }
    }

    @Test func aDrainedHostGivesBackWhatWaits() throws {
        try withScratch { folder in
            let board = try board(in: folder, tasks: 2)
            _ = sent(to: 0, by: board)
            board.began(try id(of: "a1", on: 0, of: board), on: 0)
            board.drain(0, true)
            #expect(sent(to: 0, by: board) == ["reclaim a2"])
            // It was away before it could answer: what it has still is asked for again, what it has not is not sent again.
            let running = try id(of: "a1", on: 0, of: board)
            board.parted(0)
            arrive(0, open: [running], on: board)
            #expect(sent(to: 0, by: board).isEmpty)
            arrive(1, on: board)
            #expect(sent(to: 1, by: board) == ["lease a2"])
        }
    }
}
