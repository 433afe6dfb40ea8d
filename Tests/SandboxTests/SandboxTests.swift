import Files
import Glibc
import Sandbox
import TestSupport
import Testing

/// Who launches: root, and a user without any right.
enum Caller: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case root, ordinaryUser

    static let here: [Caller] = OrdinaryUser.isRootHere ? [.root, .ordinaryUser] : [.ordinaryUser]
    var testDescription: String { rawValue }

    func perform<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) throws -> Result {
        switch self {
        case .root: try body()
        case .ordinaryUser: try OrdinaryUser.run(body)
        }
    }
}

struct Ran: Sendable {
    var end: SandboxEnd
    var output: String
    var lines: [Substring] { output.split(separator: "\n") }
}

/// A task's sandbox around this machine's own root.
func taskPlan(_ script: String) -> SandboxPlan {
    var plan = SandboxPlan(
        namespaces: Set(SandboxPlan.Namespace.allCases), root: "/", arguments: ["/bin/bash", "-euc", script])
    plan.steps = [
        .proc(target: "/proc"), .devices(target: "/dev"), .tmpfs(target: "/tmp", mode: 0o1777),
        .folder(target: "/tmp/work", mode: 0o755),
    ]
    plan.filter = .task
    plan.environment = ["PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/tmp/work"]
    plan.workFolder = "/tmp/work"
    return plan
}

/// Runs it and gives what it wrote to both outputs.
func run(_ plan: SandboxPlan, as caller: Caller) throws -> Ran {
    try withScratch { folder in
        let path = folder + "/output"
        let file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o666)
        defer { close(file) }
        var given = plan
        (given.standardOutput, given.standardError) = (file, file)
        let plan = given
        let end = try caller.perform { try plan.run() }
        return Ran(end: end, output: String(decoding: try File.read(path), as: UTF8.self))
    }
}

@Suite struct SandboxTests {
    @Test(arguments: Caller.here) func aProgramRunsInItsOwnWorld(_ caller: Caller) throws {
        let ran = try run(
            taskPlan("pwd; id -u; echo $$; env | grep -v ^_ | sort; ls /tmp; hostname -f || true"), as: caller)
        #expect(ran.end == .exited(0))
        #expect(ran.lines.prefix(2) == ["/tmp/work", "0"])
        #expect(ran.lines[2] == "2")
        #expect(ran.output.contains("HOME=/tmp/work\n"))
    }

    @Test(arguments: Caller.here) func itEndsAsItsProgramDoes(_ caller: Caller) throws {
        #expect(try run(taskPlan("exit 7"), as: caller).end == .exited(7))
        #expect(try run(taskPlan("kill -SEGV $$"), as: caller).end == .signaled(SIGSEGV))
        #expect(try run(taskPlan("kill -KILL $$"), as: caller).end == .signaled(SIGKILL))
    }

    @Test(arguments: Caller.here) func theRootIsReadOnly(_ caller: Caller) throws {
        for path in ["/x", "/etc/x", "/usr/x", "/var/tmp/x"] {
            let ran = try run(taskPlan("echo x > \(path)"), as: caller)
            #expect(ran.end == .exited(1))
            #expect(ran.output.contains("Read-only file system"))
            #expect(!File.exists(path))
        }
        // Neither can it be made writable.
        let ran = try run(taskPlan("mount -o remount,rw / || mount -o remount,rw,bind / || echo no"), as: caller)
        #expect(ran.lines.last == "no")
    }

    @Test(arguments: Caller.here) func processesOfTheMachineAreNotSeen(_ caller: Caller) throws {
        let ran = try run(
            taskPlan("cd /proc; for p in [0-9]*; do echo $p; done; kill -9 \(getpid()) || echo no"), as: caller)
        #expect(ran.lines.prefix(2) == ["1", "2"])
        #expect(ran.lines.last == "no")
        // Process 1 is the sandbox's own, and holds a copy of the launcher's memory: closed.
        #expect(try run(taskPlan("cat /proc/1/environ"), as: caller).end == .exited(1))
    }

    @Test(arguments: Caller.here) func thereIsNoNetwork(_ caller: Caller) throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        defer { close(listener) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                _ = bind(listener, $0, length)
                listen(listener, 1)
                getsockname(listener, $0, &length)
            }
        }
        let port = UInt16(bigEndian: address.sin_port)
        #expect(port != 0)
        let ran = try run(
            taskPlan("tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' '; exec 3<>/dev/tcp/127.0.0.1/\(port)"),
            as: caller)
        #expect(ran.lines.first == "lo")
        #expect(ran.end == .exited(1))
        #expect(ran.output.contains("Connection refused"))
    }

    @Test(arguments: Caller.here) func daemonsEndWithTheirTask(_ caller: Caller) throws {
        let seconds = "98765.\(Int.random(in: 100000...999999))"
        let ran = try run(
            taskPlan("setsid setsid sleep \(seconds) </dev/null >/dev/null 2>&1 & sleep 0.05; echo started"),
            as: caller)
        #expect(ran.output == "started\n")
        #expect(!isRunning(seconds))
    }

    @Test(arguments: Caller.here) func allEndsWhenItIsKilledOrForgotten(_ caller: Caller) throws {
        let seconds = "98764.\(Int.random(in: 100000...999999))"
        let plan = taskPlan("trap 'exit 3' TERM; sleep \(seconds) & wait")
        let end = try caller.perform {
            var process = try plan.launch()
            while !isRunning(seconds) { usleep(1000) }
            process.kill(SIGTERM)
            return try process.wait()
        }
        #expect(end == .exited(3))
        #expect(!isRunning(seconds))
        try caller.perform {
            let process = try plan.launch()
            while !isRunning(seconds) { usleep(1000) }
            _ = process.pid
        }
        #expect(!isRunning(seconds))
    }

    @Test(arguments: Caller.here) func itsEndCanBeWaitedForInAnEventLoop(_ caller: Caller) throws {
        let plan = taskPlan("exit 4")
        let end = try caller.perform {
            var process = try plan.launch()
            var waits = pollfd(fd: process.ending, events: Int16(POLLIN), revents: 0)
            #expect(poll(&waits, 1, 120_000) == 1)
            return try process.wait()
        }
        #expect(end == .exited(4))
    }

    @Test(arguments: Caller.here) func nothingElseIsOpen(_ caller: Caller) throws {
        // 3 is the folder that ls itself reads.
        #expect(try run(taskPlan("exec ls /proc/self/fd"), as: caller).output == "0\n1\n2\n3\n")
    }

    @Test(arguments: Caller.here) func itHasNoRights(_ caller: Caller) throws {
        let ran = try run(taskPlan("grep -E '^(Cap|NoNewPrivs|Seccomp:)' /proc/self/status"), as: caller)
        for line in ran.lines {
            let value = line.split(separator: "\t").last
            switch line.prefix(while: { $0 != ":" }) {
            case "NoNewPrivs": #expect(value == "1")
            case "Seccomp": #expect(value == "2")
            default: #expect(value == "0000000000000000", "\(line)")
            }
        }
        #expect(ran.lines.count == 7)
    }

    @Test(arguments: Caller.here) func theMachinesSettingsAreOutOfReach(_ caller: Caller) throws {
        for path in ["/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger", "/proc/sys/vm/drop_caches"] {
            let ran = try run(taskPlan("echo x > \(path)"), as: caller)
            #expect(ran.end == .exited(1), "\(path)")
        }
        #expect(try run(taskPlan("head -c 1 /proc/kcore 2>/dev/null | wc -c || true"), as: caller).output == "0\n")
    }

    @Test(arguments: Caller.here) func devicesAreFew(_ caller: Caller) throws {
        let ran = try run(
            taskPlan("cd /dev; ls; echo x > null; head -c 3 zero | wc -c; echo y > shm/y; cat shm/y"), as: caller)
        #expect(
            ran.output.split(separator: "\n").filter { $0 != "tty" } == [
                "fd", "full", "null", "ptmx", "pts", "random", "shm", "stderr", "stdin", "stdout", "urandom", "zero",
                "3",
                "y",
            ])
    }

    @Test(arguments: Caller.here) func foldersAreBound(_ caller: Caller) throws {
        try withScratch { folder in
            for name in ["in", "out"] {
                try Folder.make(folder + "/" + name)
                if caller == .ordinaryUser { OrdinaryUser.give(folder + "/" + name) }
            }
            chmod(folder, 0o755)
            try File.write("given", to: folder + "/in/file")
            var plan = taskPlan(
                "cat /tmp/made/a/in/file; cp /tmp/made/a/in/file /tmp/out/copy; echo x > /tmp/made/a/in/file")
            plan.steps += [
                .bind(source: folder + "/in", target: "/tmp/made/a/in", readOnly: true),
                .bind(source: folder + "/out", target: "/tmp/out", readOnly: false),
            ]
            let ran = try run(plan, as: caller)
            #expect(ran.output.hasPrefix("given"))
            #expect(ran.output.contains("Read-only file system"))
            #expect(try File.read(folder + "/out/copy") == Array("given".utf8))
        }
    }

    @Test(arguments: Caller.here) func linksInTheImageDoNotLeadMountsOutOfIt(_ caller: Caller) throws {
        try withScratch { folder in
            try Folder.make(folder + "/root")
            try Folder.make(folder + "/outside")
            chmod(folder, 0o755)
            symlink(folder + "/outside", folder + "/root/place")
            symlink("../../../../.." + folder + "/outside", folder + "/root/other")
            for name in ["place", "other"] {
                var plan = SandboxPlan(namespaces: [.user, .mount, .pid], root: folder + "/root", arguments: ["/x"])
                plan.steps = [.tmpfs(target: "/" + name, mode: 0o755)]
                let fixed = plan
                let failure = #expect(throws: SandboxFailure.self) { try caller.perform { try fixed.run() } }
                #expect(
                    failure?.description == "can't mount a tmpfs at /\(name) in the sandbox: No such file or directory")
            }
        }
    }

    @Test(arguments: Caller.here) func whatCanNotBeDoneIsTold(_ caller: Caller) throws {
        func failure(_ change: (inout SandboxPlan) -> Void) throws -> String? {
            var plan = taskPlan("true")
            change(&plan)
            let fixed = plan
            return #expect(throws: SandboxFailure.self) { try caller.perform { try fixed.run() } }?.description
        }
        #expect(
            try failure { $0.arguments = ["/nonexistent/x"] } == "can't start /nonexistent/x: No such file or directory"
        )
        #expect(try failure { $0.arguments = ["nonesuch"] } == "can't start nonesuch: No such file or directory")
        #expect(try failure { $0.arguments = ["/etc"] } == "can't start /etc: Permission denied")
        #expect(
            try failure { $0.workFolder = "/nonexistent" }
                == "can't go to /nonexistent in the sandbox: No such file or directory")
        #expect(
            try failure { $0.root = "/nonexistent" }
                == "can't make /nonexistent the root of the sandbox: No such file or directory")
        #expect(
            try failure { $0.steps.append(.bind(source: "/nonexistent", target: "/tmp/x", readOnly: true)) }
                == "can't show /nonexistent at /tmp/x in the sandbox: No such file or directory")
        #expect(
            try failure { $0.steps.append(.bind(source: "/usr", target: "/nonexistent", readOnly: true)) }
                == "can't show /usr at /nonexistent in the sandbox: No such file or directory")
        #expect(try failure { $0.arguments = [] } == "a sandbox needs a program to start")
        #expect(try failure { $0.arguments = ["/bin/echo", "a\0b"] } == "a text of the sandbox holds a NUL byte")
    }

    @Test func manyStartAtOnceFromAllThreads() async throws {
        let ends = try await withThrowingTaskGroup(of: SandboxEnd.self) { group in
            for number in 0..<24 { group.addTask { try taskPlan("exit \(number)").run() } }
            return try await group.reduce(into: [SandboxEnd]()) { $0.append($1) }
        }
        #expect(Set(ends) == Set((0..<24).map { SandboxEnd.exited($0) }))
    }
}

/// Whether any process of the machine has this argument.
func isRunning(_ argument: String) -> Bool {
    let processes = (try? Folder.names(in: "/proc")) ?? []
    return processes.contains { name in
        guard Int(name) != nil, let line = try? File.read("/proc/\(name)/cmdline") else { return false }
        return line.split(separator: 0).contains { $0.elementsEqual(argument.utf8) }
    }
}
