import Files
import Plan
import TestSupport
import Testing

@testable import Execution

/// What tasks may use of the machine, and what is said of those that want more.
@Suite struct LimitsTests {

    @Test(arguments: Way.here) func aTaskIsHeldToItsMemory(_ way: Way) throws {
        try withScratch { scratch in
            let given = plan([
                station("small", "echo fine", uses: Resources(memory: 50_000_000)),
                station("large", "printf -v x '%120000000s' x; echo ${#x}", uses: Resources(memory: 50_000_000)),
                station("enough", "printf -v x '%120000000s' x; echo ${#x}", uses: Resources(memory: 900_000_000)),
                station("free", "printf -v x '%120000000s' x; echo ${#x}"),
            ])
            let run = try TestRun.perform(given, in: scratch, engine: way.engine, asOrdinaryUser: way.isOrdinaryUser)
            #expect(run.tasks(.taskDone) == ["enough", "free", "small"], "\(run.events)")
            let told = run.events.contains { $0.kind == .note && $0.text?.hasPrefix("each process of a task") == true }
            let reason = run.first(.taskFailed, "large")?.text ?? ""
            if told {
                #expect(reason.hasSuffix(": it seems to need more than the 50 MB that it may use"), "\(reason)")
            } else {
                #expect(reason == "it used more than the 50 MB that it may")
            }
            #expect(told == ((try? ControlGroups()) == nil || way.isOrdinaryUser))
        }
    }

    /// What a task starts is a part of it, also where the task itself takes no notice.
    @Test func allProcessesOfATaskCountTogether() throws {
        guard (try? ControlGroups()) != nil else { return }
        try withScratch { scratch in
            // Each holds what it has until one of them is ended, however late another one begins.
            let part = "(printf -v x '%40000000s' x; sleep 60; echo ${#x})"
            let run = try TestRun.perform(
                plan([
                    station(
                        "many", "for i in 1 2 3; do \(part) & done; wait -n; echo > {out}",
                        uses: Resources(memory: 90_000_000))
                ]), in: scratch)
            #expect(run.first(.taskFailed, "many")?.text == "it used more than the 90 MB that it may", "\(run.events)")
        }
    }

    @Test func nothingIsLeftOfGroups() throws {
        guard let groups = try? ControlGroups() else { return }
        let folders = groups.folders
        func count() -> Int { folders.count { File.exists($0) || File.exists($0 + "/1") } }
        do {
            let group = try #require(groups.group(1, memory: 10_000_000))
            #expect(count() == folders.count)
            #expect(!group.ranOutOfMemory && !group.ranOutOfProcesses)
        }
        #expect(folders.allSatisfy { !File.exists($0 + "/1") })
        withExtendedLifetime(groups) {}
    }

    @Test func groupsAreFoundByWhatTheKernelSays() {
        // Version 1, as in a container that sees its own part only.
        let one = GroupPlaces(
            groups: "8:pids:/\n4:memory:/docker/abc\n2:cpuacct,cpu:/\n0::/\n",
            mounts: """
                31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755
                35 31 0:32 /docker/abc /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
                39 31 0:36 / /sys/fs/cgroup/pids rw,relatime - cgroup cgroup rw,pids
                41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
                """)
        #expect(one.memory == "/sys/fs/cgroup/memory" && one.processes == "/sys/fs/cgroup/pids")
        // Version 2: from the process's own group upwards.
        let two = GroupPlaces(
            groups: "0::/user.slice/user-1000.slice/user@1000.service/app.slice/x.scope\n",
            mounts: "30 23 0:27 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n")
        #expect(two.memory == nil)
        #expect(
            two.unified.prefix(2) == [
                "/sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service/app.slice/x.scope",
                "/sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service/app.slice",
            ])
        #expect(two.unified.last == "/sys/fs/cgroup")
        #expect(GroupPlaces(groups: "", mounts: "") == GroupPlaces(groups: "nonsense", mounts: "- - -"))
    }

    @Test func programsSayThatTheyLackMemory() {
        for text in [
            "bash: xrealloc: cannot allocate 120000001 bytes", "MemoryError", "terminate called after … std::bad_alloc",
            "java.lang.OutOfMemoryError: Java heap space", "Error: cannot allocate vector of size 2.0 Gb",
        ] { #expect(MemoryWords.isLack(text), "\(text)") }
        #expect(!MemoryWords.isLack("no such file"))
    }
}
