import Files
import Foundation
import TestSupport
import Testing

/// A run on one host, whose process is there: looked after from other terminals, also when nobody follows it any more.
@Suite(.serialized, .enabled(if: SSHServer.missing == nil, "sshd and its tools are needed")) struct ElsewhereTests {
    private func bench(_ command: String, _ body: (_ folder: String, _ las: LasCommand) throws -> Void) throws {
        try withScratch { folder in
            let host = try BareHost(in: folder)
            let las = host.las(in: folder, lash: try makeLash(in: folder))
            try Folder.make(folder + "/m")
            try File.write(
                """
                metro: far
                lines:
                  one:
                    - station: a
                      command: \(command)
                      out: a.txt

                """, to: folder + "/m/metro.yml")
            let added = try host.add(las)
            try #require(added.status == 0, "\(added.errors)")
            try body(folder, las)
        }
    }

    private func started(_ las: LasCommand, _ arguments: String...) throws -> Process {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: BuiltPrograms.las)
        process.arguments = arguments
        process.environment = ["PATH": "/usr/bin:/bin:/usr/sbin", "HOME": las.folder, "LASH": las.lash].merging(
            las.variables
        ) { $1 }
        process.currentDirectoryURL = URL(fileURLWithPath: las.folder)
        process.standardError = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        return process
    }

    private func waits(_ what: () throws -> Bool) rethrows -> Bool {
        for _ in 0..<1200 {
            if try what() { return true }
            usleep(100_000)
        }
        return false
    }

    @Test func itIsSeenAndCancelledFromAnotherTerminal() throws {
        // It never ends by itself.
        try bench("echo said-so >&2; while :; do sleep 1; done; echo x > {out}") { folder, las in
            let deploying = try started(las, "deploy", "m", "--host", "lab")
            defer { if deploying.isRunning { kill(deploying.processIdentifier, SIGKILL) } }
            #expect(try waits { try las("ps").output.contains("running on lab") })
            let line = try #require(try las("ps").lines.first { $0.contains("running on lab") })
            let run = String(line.split(separator: " ")[0])
            #expect(try waits { try las("status", run).output.contains("running  a") })
            #expect(try waits { try las("logs", run).output.contains("said-so") })
            #expect(try las("report", run).output.contains("running"))

            // Nobody follows it any more: its host is asked.
            kill(deploying.processIdentifier, SIGKILL)
            deploying.waitUntilExit()
            #expect(try las("ps").output.contains("running on lab"))
            #expect(try las("ps", "--json").output.contains("\"host\": \"lab\""))
            #expect(try las("fetch", run).errors.contains("still goes on"))
            #expect(try las("pause").status == 0)
            #expect(try waits { try las("status", run).output.contains("paused") })
            #expect(try las("continue").status == 0)
            let cancelled = try las("cancel", run)
            #expect(cancelled.status == 0, "\(cancelled.errors)")
            #expect(try waits { try las("status", run).output.contains("cancelled") })
            #expect(try !las("ps").output.contains(run))
            #expect(try las("cancel", run).errors.contains("has ended"))
            let cleaned = try las("clean", run)
            #expect(cleaned.status == 0, "\(cleaned.errors)")
            #expect(try !las("ps", "--all").output.contains(run))
            #expect(try Folder.names(in: folder + "/host-lash/runs").isEmpty)
        }
    }

    @Test func itsResultsAreBroughtWhenWhoFollowedItIsGone() throws {
        try bench("echo said-so >&2; sleep 2; echo x > {out}") { folder, las in
            let deploying = try started(las, "deploy", "m", "--host", "lab", "--results", "out")
            defer { if deploying.isRunning { kill(deploying.processIdentifier, SIGKILL) } }
            // From the moment when it is known here it needs nobody.
            #expect(try waits { try las("ps", "--all").output.contains("on lab") })
            kill(deploying.processIdentifier, SIGKILL)
            deploying.waitUntilExit()
            let run = try #require(try Folder.names(in: las.lash + "/runs").first)
            // Where it was quicker than that, its results are here already.
            if File.exists(folder + "/out/a/a.txt") { return }
            let attached = try las("attach", run)
            #expect(attached.status == 0 && attached.errors.contains("las fetch \(run)"), "\(attached.errors)")
            #expect(try las("status", run).output.contains("done, 1 of 1 done"))
            #expect(try las("logs", run, "--follow").output.contains("said-so"))
            let fetched = try las("fetch", run)
            #expect(fetched.status == 0, "\(fetched.errors)")
            #expect(try String(contentsOfFile: folder + "/out/a/a.txt", encoding: .utf8) == "x\n")
            #expect(try las("fetch", run).errors.contains("were brought already"))
            // What tells of it stays, here and there.
            #expect(try las("report", run).output.contains("done"))
        }
    }

    @Test func aHostThatCanNotBeAskedIsSaid() throws {
        try bench("while :; do sleep 1; done; echo x > {out}") { folder, las in
            let deploying = try started(las, "deploy", "m", "--host", "lab")
            defer { if deploying.isRunning { kill(deploying.processIdentifier, SIGKILL) } }
            #expect(try waits { try las("ps").output.contains("running on lab") })
            kill(deploying.processIdentifier, SIGKILL)
            deploying.waitUntilExit()
            let run = try #require(try Folder.names(in: las.lash + "/runs").first)
            var away = las
            try File.write("Host *\n  ProxyCommand false\n", to: folder + "/nowhere")
            away.variables["LAS_SSH_CONFIG"] = folder + "/nowhere"
            #expect(try away("ps").output.contains("out of reach on lab"))
            #expect(try away("status", run).output.contains("out of reach"))
            #expect(try away("cancel", run).status == 4)
            // It comes back, and is resumed after a cancel without its host being named.
            #expect(try las("cancel", run).status == 0)
            #expect(try waits { try las("status", run).output.contains("cancelled") })
            let resuming = try started(las, "resume", run)
            defer { if resuming.isRunning { kill(resuming.processIdentifier, SIGKILL) } }
            #expect(try waits { try las("ps").output.contains("running on lab") })
            #expect(try las("cancel", run).status == 0)
            #expect(try waits { try las("status", run).output.contains("cancelled") })
            // Who followed it is told as well.
            #expect(waits { !resuming.isRunning })
        }
    }
}
