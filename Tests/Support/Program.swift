internal import CTestSupport
internal import Foundation

/// A program of the machine, or one that we built, as a user runs it.
package struct Program: Sendable {
    package struct Ended: Sendable {
        package let status: Int32
        /// The signal that ended it, else 0.
        package let signal: Int32
        package let output: String
        package let errors: String

        package var lines: [String] { output.split(separator: "\n").map(String.init) }
    }

    package let path: String
    package var environment: [String: String]
    package var folder: String

    /// - Parameter path: absolute, or a name that is looked up on the PATH and in the system's sbin folders.
    package init(_ path: String, environment: [String: String]? = nil, folder: String = "/") {
        self.path = path.hasPrefix("/") ? path : Self.find(path) ?? path
        self.environment = environment ?? ProcessInfo.processInfo.environment
        self.folder = folder
    }

    package static func find(_ name: String) -> String? {
        let path = (ProcessInfo.processInfo.environment["PATH"] ?? "") + ":/usr/sbin:/sbin:/usr/bin:/bin"
        return path.split(separator: ":").map { "\($0)/\(name)" }.first { access($0, X_OK) == 0 }
    }

    /// Waits for its end, and not for that of daemons that it leaves behind.
    @discardableResult
    package func run(_ arguments: String..., input: String = "") throws -> Ended { try run(arguments, input: input) }

    @discardableResult
    package func run(_ arguments: [String], input: String = "") throws -> Ended {
        let scratch = FileManager.default.temporaryDirectory.appendingPathComponent("las-run-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: scratch, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: scratch) }
        // Files rather than pipes: a daemon that keeps a pipe open can't hold the test up.
        func file(_ name: String) -> String { scratch.appendingPathComponent(name).path }
        for (name, text) in [("in", input), ("out", ""), ("err", "")] {
            try Data(text.utf8).write(to: URL(fileURLWithPath: file(name)))
        }
        let status = try wait(
            for: try spawn(arguments, standard: [file("in"), file("out"), file("err")]))
        func text(_ name: String) throws -> String {
            String(decoding: try Data(contentsOf: URL(fileURLWithPath: file(name))), as: UTF8.self)
        }
        let signal = status & 0x7F
        return Ended(
            status: signal == 0 ? status >> 8 & 0xFF : -1, signal: signal, output: try text("out"),
            errors: try text("err"))
    }

    /// By posix_spawn: Foundation's `Process` hands on the signals that its thread has blocked, and waits for daemons.
    private func spawn(_ arguments: [String], standard files: [String]) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        var attributes = posix_spawnattr_t()
        posix_spawn_file_actions_init(&actions)
        posix_spawnattr_init(&attributes)
        defer {
            posix_spawn_file_actions_destroy(&actions)
            posix_spawnattr_destroy(&attributes)
        }
        for (descriptor, file) in files.enumerated() {
            posix_spawn_file_actions_addopen(
                &actions, Int32(descriptor), file, descriptor == 0 ? O_RDONLY : O_WRONLY | O_APPEND, 0)
        }
        las_test_spawn_in(&actions, folder)
        var (none, all) = (sigset_t(), sigset_t())
        sigemptyset(&none)
        sigfillset(&all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
        let words = ([path] + arguments).map { strdup($0) } + [nil]
        let variables = environment.sorted { $0.key < $1.key }.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for text in words + variables { free(text) } }
        var pid: pid_t = 0
        var code = posix_spawn(&pid, path, &actions, &attributes, words, variables)
        // A program that this process has just written: a child that another test starts at the same moment holds it open for
        // writing until its exec.
        for _ in 0..<6000 where code == ETXTBSY {
            usleep(20_000)
            code = posix_spawn(&pid, path, &actions, &attributes, words, variables)
        }
        if code != 0 { throw TestSupportError("can't start \(path): \(String(cString: strerror(code)))") }
        return pid
    }

    private func wait(for pid: pid_t) throws -> Int32 {
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0 {
            if errno != EINTR { throw TestSupportError("can't wait for \(path)") }
        }
        return status
    }
}
