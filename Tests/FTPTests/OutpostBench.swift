import Dispatch
import FTP
import Files
import Glibc
import Metro
import TestSupport
import Testing
import Threads
import Workspaces

/// A run in small: the machine that leads it, a host, and an FTP server, each with the files of one workspace.
final class OutpostBench: @unchecked Sendable {
    let folder: String
    let server: FTPServer
    let head: Share
    let host: Share
    private(set) var outpost: Outpost?
    private let notes = Monitor([String]())
    private let bell = DispatchSemaphore(value: 0)
    private let hasEnded = Monitor(false)
    private var thread: OwnThread?

    /// - Parameters:
    ///   - first: what lies in the workspace at first, on every machine.
    ///   - served: what lies on the server.
    init(
        in folder: String, first: [String: String] = [:], served: [String: String] = [:],
        rule: CollisionRule = .keepBoth, _ manner: FTPServer.Manner = .init()
    ) throws {
        self.folder = folder
        for name in ["server", "served/panel", "head/files", "host/files"] { try Folder.make("\(folder)/\(name)") }
        for (place, files) in [("head/files", first), ("host/files", first), ("served/panel", served)] {
            for (name, text) in files {
                try Folder.make(File.parent(of: "\(folder)/\(place)/\(name)"))
                try File.write(text, to: "\(folder)/\(place)/\(name)")
            }
        }
        server = try FTPServer(in: folder + "/server", serving: folder + "/served", manner)
        head = try Share(folder + "/head", host: "head", rule: rule, first: true, placesLater: true)
        host = try Share(folder + "/host", host: "vega", rule: rule, first: true, watches: true)
        let ends = (head.join("vega") { [bell] in bell.signal() }, host.join { [bell] in bell.signal() })
        bell.signal()
        thread = try OwnThread { [self] in
            while true {
                bell.wait()
                if hasEnded.change({ $0 }) { return }
                do {
                    var isMore = true
                    while isMore {
                        isMore = false
                        if let message = try head.next(ends.0) {
                            isMore = true
                            try host.hear(ends.1, message)
                        }
                        if let message = try host.next(ends.1) {
                            isMore = true
                            try head.hear(ends.0, message)
                        }
                    }
                } catch { Issue.record("\(error)") }
            }
        }
    }

    var told: [String] { notes.change { $0 } }
    var served: String { folder + "/served/panel" }

    func reach(password: String? = nil) throws -> FTPFolder {
        try FTPFolder(
            FileServer("ftp://\(server.user)@127.0.0.1:\(server.port)/panel"), password: password ?? server.password)
    }

    func begin(writes: Bool = true, password: String? = nil) throws {
        outpost?.end()
        let outpost = try Outpost(
            head, try reach(password: password), in: folder + "/head", run: "run-1", writes: writes, interval: 0.3,
            .init(
                note: { [notes] note in notes.change { $0.append(note) } }, entered: {}, isCancelled: { false }))
        self.outpost = outpost
        try outpost.begin()
    }

    func end() {
        outpost?.end()
        hasEnded.change { $0 = true }
        bell.signal()
        thread?.join()
        head.end()
        host.end()
    }

    /// Whole files that appear at once, as a program makes them.
    func write(_ text: String, _ path: String) throws {
        try Folder.make(File.parent(of: "\(folder)/\(path)"))
        try File.write(text, to: "\(folder)/\(path)", syncing: false)
    }

    func text(_ path: String) -> String? {
        (try? File.read("\(folder)/\(path)")).map { String(decoding: $0, as: UTF8.self) }
    }

    /// All files below a folder, without what las itself makes there.
    func files(_ place: String) -> [String: String] {
        var found: [String: String] = [:]
        func look(_ inside: String) {
            for name in (try? Folder.names(in: "\(folder)/\(place)\(inside)")) ?? [] where !name.hasPrefix(".las-") {
                let path = "\(inside)/\(name)"
                if File.status("\(folder)/\(place)\(path)")?.kind == .folder {
                    look(path)
                } else {
                    found[String(path.dropFirst())] = text(place + path)
                }
            }
        }
        look("")
        return found
    }

    /// Waits until it is so, for minutes where it has to.
    func waits(_ what: String, _ body: () throws -> Bool) throws {
        for _ in 0..<9000 {
            if try body() { return }
            usleep(20_000)
        }
        Issue.record(
            "\(what): head \(files("head/files")), host \(files("host/files")), server \(files("served/panel")), \(told)"
        )
        throw TestSupportError(what)
    }

    /// Waits until these files, and no others, lie on all three.
    func waits(for files: [String: String]) throws {
        try waits("all have \(files)") {
            ["head/files", "host/files", "served/panel"].allSatisfy { self.files($0) == files }
        }
    }
}
