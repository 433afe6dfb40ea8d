import Sandbox
import Testing

@Suite struct FilterTests {
    func buildPlan(_ script: String) -> SandboxPlan {
        var plan = taskPlan(script)
        plan.filter = .build
        plan.dropsCapabilities = false
        return plan
    }

    @Test(arguments: Caller.here) func ownersAreChangedInNameOnlyWhenBuilding(_ caller: Caller) throws {
        let ran = try run(
            buildPlan(
                "echo x > f; chown 12:34 f; chown -h daemon f; chgrp 7 f; install -o man -m 640 f g; stat -c %u:%g f; stat -c %a g"
            ),
            as: caller)
        #expect(ran.output == "0:0\n640\n")
        #expect(ran.end == .exited(0))
    }

    @Test(arguments: Caller.here) func usersAreChangedInNameOnlyWhenBuilding(_ caller: Caller) throws {
        let ran = try run(buildPlan("setpriv --reuid 5 --regid 6 --groups 7,8 id -u"), as: caller)
        #expect(ran.output == "0\n")
    }

    @Test(arguments: Caller.here) func onlyDevicesAreNotMadeWhenBuilding(_ caller: Caller) throws {
        let ran = try run(buildPlan("mknod c c 1 3; mknod b b 7 0; mknod p p; mkfifo q; ls"), as: caller)
        #expect(ran.output == "p\nq\n")
        #expect(ran.end == .exited(0))
    }

    /// `cp -p` sets modes through setxattr where it finds access lists: that must not be answered without doing it.
    @Test(arguments: Caller.here) func modesAreKeptWhenBuilding(_ caller: Caller) throws {
        let ran = try run(buildPlan("echo x > f; chmod 4751 f; cp -p f g; stat -c %a g"), as: caller)
        #expect(ran.output == "4751\n")
    }

    @Test(arguments: Caller.here) func tasksCanNotMountOrMakeNamespaces(_ caller: Caller) throws {
        for command in [
            "unshare -U true", "unshare -m true", "unshare -n true", "mount -t tmpfs x /tmp/work", "umount /tmp",
            "chroot / true",
            "mknod c c 1 3", "hostname other", "umount -l /proc", "dmesg",
            "nsenter -t 1 -m true",
        ] {
            #expect(try !run(taskPlan("exec " + command), as: caller).end.isSuccess, "\(command)")
        }
        let ran = try run(taskPlan("unshare -U true || true; unshare -m true || true"), as: caller)
        #expect(ran.lines.allSatisfy { $0.hasSuffix("Operation not permitted") } && ran.lines.count == 2)
    }

    @Test(arguments: Caller.here) func tasksDoWhatProgramsDo(_ caller: Caller) throws {
        // Threads, pipes, processes, sockets of their own: what is filtered is not missed.
        let ran = try run(
            taskPlan(
                "seq 20000 | sort -R --parallel=4 -S 1M | sort -n | tail -1; (sleep 0.01; echo a) & wait; mkfifo p; ls -l p | cut -c1"
            ),
            as: caller)
        #expect(ran.output == "20000\na\np\n")
        #expect(ran.end == .exited(0))
    }
}
