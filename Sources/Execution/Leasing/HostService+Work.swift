internal import CLinux
internal import Digests
internal import Failures
internal import Files
internal import Glibc
internal import HostProtocol

extension HostService {
    /// Hands the connection over to the process that has this host's share of the run, which is started where there is none, and waits
    /// until that lets it go.
    func work(_ start: Start) throws {
        guard start.run.isLeased else { throw ExecutionFailure("this is no host's share of a run", exitCode: .usage) }
        let folder = RunFolder(start.run, in: lash)
        let socket = Journal.isHeld(folder.journal) ? try connect(folder) : try begin(start, folder)
        defer { close(socket) }
        guard las_hand_over(socket, channel.input, channel.output) == 0 else {
            throw ExecutionFailure.system("the run's process does not take the connection")
        }
        var byte: UInt8 = 0
        while true {
            let count = read(socket, &byte, 1)
            if count < 0, errno == EINTR { continue }
            if count <= 0 { return }
        }
    }

    /// Its path may be longer than a socket's may be.
    private func inside<Value>(_ folder: RunFolder, _ body: (String) throws -> Value) throws -> Value {
        let descriptor = try File.open(folder.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, action: "read")
        defer { close(descriptor) }
        return try body("/proc/self/fd/\(descriptor)/socket")
    }

    private func connect(_ folder: RunFolder) throws -> Int32 {
        try inside(folder) { path in
            let socket = las_local_connect(path)
            if socket < 0 { throw ExecutionFailure.system("the run's process on this host does not answer") }
            return socket
        }
    }

    /// Of runs that nobody came back to before the machine went down.
    private func removeOldShares() {
        let yesterday = Int64(time(nil)) - 86_400
        for name in (try? Folder.names(in: lash.runs)) ?? [] {
            guard let run = RunID(name), run.isLeased else { continue }
            let folder = RunFolder(run, in: lash)
            guard !Journal.isHeld(folder.journal), let status = File.status(folder.start), status.modified < yesterday
            else { continue }
            try? Folder.remove(folder.path)
        }
    }

    private func begin(_ work: Start, _ folder: RunFolder) throws -> Int32 {
        // What a process left that was killed counts for nothing.
        if folder.exists { try Folder.remove(folder.path) }
        removeOldShares()
        let start = try self.runStart(work)
        try folder.make(for: start)
        do {
            let listening = try inside(folder) { path in
                let socket = las_local_listen(path)
                if socket < 0 { throw ExecutionFailure.system("can't make a socket in \(folder.path)") }
                return socket
            }
            defer { close(listening) }
            try launch(work.run, folder, tethered: false, secrets: work.secrets ?? [:], leasedBy: listening)
            forgetHold()
            return try connect(folder)
        } catch {
            try? Folder.remove(folder.path)
            throw error
        }
    }
}
