import Files
import Glibc
import Sandbox
import TestSupport
import Testing

/// A sandbox that stays for one program after another: each finds it as the first one did, or it is for no other one.
@Suite struct CellTests {
    /// Runs scripts in one sandbox, one after another, until it may not be used again.
    ///
    /// - Returns: what they wrote, and whether the sandbox may be used for another one.
    private func run(_ scripts: [String], as caller: Caller) throws -> (outputs: [Ran], isUsable: Bool) {
        try withScratch { folder in
            try Folder.make(folder + "/output")
            for number in scripts.indices {
                try File.write("", to: "\(folder)/output/\(number)")
                chmod("\(folder)/output/\(number)", 0o666)
            }
            chmod(folder, 0o755)
            let (ends, isUsable) = try caller.perform {
                let cell = try SandboxCell(taskPlan("-"))
                var ends: [SandboxEnd] = []
                for (number, script) in scripts.enumerated() where cell.isUsable {
                    let file = open("\(folder)/output/\(number)", O_RDWR | O_CLOEXEC)
                    defer { close(file) }
                    var plan = taskPlan(script)
                    (plan.standardOutput, plan.standardError) = (file, file)
                    var process = try cell.launch(plan)
                    ends.append(try process.wait())
                }
                return (ends, cell.isUsable)
            }
            let outputs = try ends.enumerated().map {
                Ran(
                    end: $1, output: String(decoding: try File.read("\(folder)/output/\($0)"), as: UTF8.self))
            }
            return (outputs, isUsable)
        }
    }

    @Test(arguments: Caller.here) func oneProgramAfterAnotherEndsAsItDoes(_ caller: Caller) throws {
        let (ran, isUsable) = try run(
            [
                "echo one; readlink /proc/self/ns/pid", "exit 7", "kill -SEGV $$",
                "echo four; readlink /proc/self/ns/pid",
            ],
            as: caller)
        #expect(ran.map(\.end) == [.exited(0), .exited(7), .signaled(SIGSEGV), .exited(0)])
        #expect(ran[0].lines.first == "one" && ran[3].lines.first == "four")
        #expect(ran[0].lines.last == ran[3].lines.last)
        #expect(isUsable)
    }

    @Test(arguments: Caller.here) func itIsAsCloseAsOneForEach(_ caller: Caller) throws {
        let attempt = """
            for path in /x /etc/x /dev/x /usr/x; do (echo x > $path) 2> /dev/null && echo wrote $path; done
            [ "$(grep CapEff: /proc/self/status | cut -f 2)" = 0000000000000000 ] || echo rights
            [ "$(grep CapBnd: /proc/self/status | cut -f 2)" = 0000000000000000 ] || echo bounding
            [ "$(grep NoNewPrivs: /proc/self/status | cut -f 2)" = 1 ] || echo privileges
            [ "$(grep Seccomp: /proc/self/status | cut -f 2)" = 2 ] || echo filter
            mount -t tmpfs none /tmp 2> /dev/null && echo mounted
            unshare -U true 2> /dev/null && echo unshared
            cat /proc/1/environ 2> /dev/null && echo read; for f in /proc/1/fd/*; do readlink $f && echo saw; done
            kill -9 \(getpid()) 2> /dev/null && echo killed
            [ "$(echo /proc/self/fd/*)" = "/proc/self/fd/0 /proc/self/fd/1 /proc/self/fd/2 /proc/self/fd/255 /proc/self/fd/3" ] || ls -l /proc/self/fd
            echo end
            """
        let (ran, _) = try run(["true", attempt], as: caller)
        #expect(ran.last?.lines.last == "end")
        #expect(
            ran.last?.lines.filter { !$0.contains("->") && !$0.hasPrefix("total") } == ["end"],
            "\(ran.last?.output ?? "")")
    }

    @Test(arguments: Caller.here) func allThatAProgramStartsEndsWithIt(_ caller: Caller) throws {
        let (ran, isUsable) = try run(
            [
                "(setsid sleep 1000 > /dev/null 2>&1 &); (setsid setsid bash -c 'trap \"\" TERM; sleep 1000' > /dev/null 2>&1 &); sleep 0.1",
                "cd /proc; for p in [0-9]*; do echo $p; done",
            ], as: caller)
        // Process 1, and the shell.
        #expect(ran[1].lines.count == 2, "\(ran[1].output)")
        #expect(isUsable)
    }

    /// What a program could leave for the next one.
    static let left = [
        "echo x > /dev/shm/x", "chmod 700 /dev/shm", "ipcmk -M 10", "ipcmk -S 1",
        "ipcmk -Q && python3 -c 'import ctypes; l = ctypes.CDLL(None, use_errno=True); q = l.msgget(7, 0o1600); exit(l.msgsnd(q, ctypes.create_string_buffer(64), 8, 0))'",
        "python3 -c 'import ctypes; exit(ctypes.CDLL(\"librt.so.1\").mq_open(b\"/q\", 0o102, 0o600, None) < 0)'",
        "echo 500 > /proc/1/oom_score_adj", "prlimit --pid 1 --nofile=64:64", "renice -n 5 -p 1", "ionice -c 3 -p 1",
        "taskset -p 1 1; [ $(nproc --all) -gt 1 ]",
        """
        python3 -c '
        import socket
        server = socket.create_server(("127.0.0.1", 7777))
        client = socket.create_connection(("127.0.0.1", 7777))
        served, _ = server.accept()
        served.close(); client.close(); server.close()'
        """,
    ]

    @Test(arguments: Caller.here, left) func nothingIsLeftForTheNext(_ caller: Caller, script: String) throws {
        let words = script.split(separator: " ")
        if Program.find(String(words[0])) == nil, !["echo"].contains(words[0]) { return }
        let (ran, isUsable) = try run(["true", script, "echo again"], as: caller)
        // What a program may not do leaves nothing.
        if ran[1].end != .exited(0) { return }
        #expect(ran.count == 2 && !isUsable, "\(script)")
    }

    @Test func oneThatWasAskedToEndIsForNoOther() throws {
        let cell = try SandboxCell(taskPlan("-"))
        var plan = taskPlan("trap 'exit 3' TERM; sleep 100 & echo; wait")
        var ends: [Int32] = [-1, -1]
        #expect(pipe(&ends) == 0)
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        defer { close(ends[0]) }
        (plan.standardOutput, plan.standardError) = (ends[1], ends[1])
        var process = try cell.launch(plan)
        close(ends[1])
        // It is ready for the signal when it says so.
        var byte: UInt8 = 0
        #expect(read(ends[0], &byte, 1) == 1)
        process.kill(SIGTERM)
        #expect(try process.wait() == .exited(3))
        #expect(!cell.isUsable)
    }

    @Test func aProgramThatIsNotThereIsTold() throws {
        let cell = try SandboxCell(taskPlan("-"))
        let null = open("/dev/null", O_RDWR | O_CLOEXEC)
        defer { close(null) }
        var plan = taskPlan("-")
        plan.arguments = ["no-such-program"]
        (plan.standardOutput, plan.standardError) = (null, null)
        do {
            _ = try cell.launch(plan)
            Issue.record("it was started")
        } catch {
            #expect(error.stage == .program && error.code == ENOENT)
        }
    }

    @Test func whatEndsFromOutsideIsTold() throws {
        let cell = try SandboxCell(taskPlan("-"))
        #expect(cell.isAlive)
        kill(cell.pid, SIGKILL)
        for _ in 0..<60_000 where cell.isAlive { usleep(1000) }
        #expect(!cell.isAlive)
    }
}
